"""What would help a project that cannot be repaired from outside."""

import re
from pathlib import PurePosixPath

from skill_scripts.dependencies.mapping import candidates
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.project.files import Project
from skill_scripts.repairs.mismatch import find_mismatch
from skill_scripts.repairs.missing import distribution_for, missing_module, missing_variable


def remedy(survey: Survey, failure: Failure) -> str:
    """What would help a project that cannot be repaired from outside."""
    if mismatch := find_mismatch(failure, survey.facts, survey.project.root):
        where = "" if survey.made else " (its environment is the project's own: install it there)"
        return f"{mismatch.what}; {mismatch.do}{where}"
    if module := missing_module(failure):
        if its_own := file_that_is_not_there(survey.project, module):
            return its_own
        known = distribution_for(module, {})
        names = [known] if known else candidates(module.partition(".")[0])
        either = f" ({' or '.join(names)})" if len(names) > 1 else ""
        return (
            f"install what provides {module} in the project's environment, or, if it is "
            f"undeclared, name its package{either}: "
            f"--set 'python.extra=[\"{names[0] if names else 'NAME'}\"]'"
        )
    if name := missing_variable(failure):
        return f"give the variable a value: --set django.env.{name}=VALUE"
    # Settings that do not load cannot be overridden.
    table = "env" if survey.facts.step in ("manage", "settings") else "set"
    return f"correct it in the project, or give what it needs: --set django.{table}.NAME=VALUE"


def file_that_is_not_there(project: Project, module: str) -> str:
    """What to do where the missing module is a file of the project itself; "" where it is not."""
    package, _, name = module.rpartition(".")
    folder = package.replace(".", "/")
    example = re.compile(rf"{re.escape(name)}[._-].*(example|sample|template|tmpl|dist|default)")
    models = [each for each in project.files if example.match(PurePosixPath(each).name)]
    if not models and not (folder and any(f"/{folder}/" in f"/{each}" for each in project.files)):
        return ""
    shown = f"; {models[0]} shows what it holds" if models else ", as its own documentation says"
    return (
        f"{module} is a file of the project that is not in its repository: make it{shown}. If git "
        "ignores it, --set 'stage.include=[\"FILE\"]' brings it into the bundle"
    )
