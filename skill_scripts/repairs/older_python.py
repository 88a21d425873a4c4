"""Takes an interpreter that still has a module: of the standard library, or of an old six."""

from dataclasses import dataclass

from skill_scripts.dependencies.environment import COMPLETE, make_environment
from skill_scripts.findings.finding import HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.repairs.mismatch import gone_from_python
from skill_scripts.repairs.missing import missing_module


@dataclass(frozen=True)
class OlderPython:
    """A Python that has the module."""

    module: str

    def narrow(self, survey: Survey) -> None:
        """Keep the project to such Pythons."""
        declared = survey.declared
        bounds = [declared.requires_python, f"<{gone_from_python(self.module)}"]
        declared.requires_python = ",".join(filter(None, bounds))

    def apply(self, survey: Survey) -> None:
        """Make the environment again with such a Python."""
        assert survey.made is not None
        wanted = survey.draft["python"]
        self.narrow(survey)
        (survey.made.folder / COMPLETE).unlink()
        survey.made = make_environment(
            survey.made.folder, survey.declared, exclude=wanted["exclude"], extra=wanted["extra"]
        )
        survey.made.gone = self.module
        survey.made.save()
        survey.interpreter = survey.made.interpreter

    def finding(self, survey: Survey) -> Finding:
        """Which Python runs the project now."""
        assert survey.interpreter is not None
        return Finding(
            "older-python",
            HANDLED,
            f"module {self.module} is gone from Python {gone_from_python(self.module)}",
            f"Python {survey.interpreter.version} runs the project",
        )


def take(survey: Survey, failure: Failure) -> OlderPython | None:
    """A Python from before the module went."""
    module = missing_module(failure) or ""
    version = gone_from_python(module)
    if not version or not survey.made or f"<{version}" in survey.declared.requires_python:
        return None
    return OlderPython(module)
