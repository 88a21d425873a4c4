"""Takes away what stops a project from loading, one thing at a time."""

from skill_scripts.errors import KitError
from skill_scripts.findings.finding import Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.repairs import (
    import_folder,
    older_packages,
    older_python,
    package,
    settings_module,
    variable,
)
from skill_scripts.repairs.proposal import Repair

# The surest first; packages of an earlier day are the last resort.
REPAIRS: tuple[Repair, ...] = (
    variable.give,
    settings_module.take_another,
    import_folder.add,
    older_python.take,
    package.install,
    settings_module.choose,
    variable.give_another_value,
    older_packages.take,
)


def repair(survey: Survey, failure: Failure) -> Finding | None:
    """Apply the first repair that can be applied, so that the next run comes further."""
    for each in REPAIRS:
        proposal = each(survey, failure)
        if proposal is None:
            continue
        try:
            proposal.apply(survey)
        except KitError:
            continue
        return proposal.finding(survey)
    return None
