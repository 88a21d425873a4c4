"""Installs what provides a module, into an environment of ours only."""

from dataclasses import dataclass

from skill_scripts.dependencies.packages import PACKAGES
from skill_scripts.findings.finding import HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.repairs.missing import distribution_for, missing_module


@dataclass(frozen=True)
class Package:
    """A requirement that the project does not declare."""

    requirement: str
    place: str = ""

    def apply(self, survey: Survey) -> None:
        """Install it.

        A version that was asked for stays, whatever the new package brings along; its own is the
        one that did not install.
        """
        assert survey.made is not None
        extra = survey.draft["python"]["extra"]
        requirements, constraints = survey.declared.amended([*extra, self.requirement])
        survey.made.add(self.requirement, [*constraints, *requirements, *extra])
        extra.append(self.requirement)

    def finding(self, survey: Survey) -> Finding:
        """What is installed besides."""
        return Finding(
            "undeclared",
            HANDLED,
            f"{self.requirement} is imported, but not among what is installed for the project",
            "added to python.extra",
            self.place,
        )


def install(survey: Survey, failure: Failure) -> Package | None:
    """The package of the missing module."""
    module = missing_module(failure)
    if not module or not survey.made or module.partition(".")[0] in survey.facts.packages:
        return None
    requirement = declared_elsewhere(survey, module)
    return Package(requirement, failure.place) if requirement else None


def declared_elsewhere(survey: Survey, module: str) -> str | None:
    """The requirement that brings a module: declared for another purpose, left out, or known."""
    spare = survey.declared.spare | {
        name: PACKAGES[name].install if name in PACKAGES else name for name in survey.left_out
    }
    requirement = distribution_for(module, spare)
    return None if requirement in survey.draft["python"]["extra"] else requirement
