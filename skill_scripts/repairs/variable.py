"""Gives a value to an environment variable that the settings need."""

from dataclasses import dataclass

from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.repairs import missing, settings_module


@dataclass(frozen=True)
class Value:
    """A variable with a value."""

    name: str
    value: str
    certain: bool  # right for any desktop app
    place: str

    def apply(self, survey: Survey) -> None:
        """Enter it into [django.env]."""
        survey.draft["django"]["env"][self.name] = self.value

    def finding(self, survey: Survey) -> Finding:
        """What was set."""
        what = f"{self.name} is not set; using {self.value!r}"
        if self.certain:
            do = "set in desktop.toml"
            return Finding("variable", HANDLED, what, do, self.place, key=self.name)
        do = f"if that is wrong: --set django.env.{self.name}=VALUE"
        return Finding("variable", DECIDE, what, do, self.place, key=self.name)


def give(survey: Survey, failure: Failure) -> Value | None:
    """A value for the variable whose absence the failure tells of."""
    name = missing.missing_variable(failure)
    if not name and not missing.missing_module(failure):
        name = missing.variable_meant(failure, survey.facts.absent_variables)
    if not name or name in survey.draft["django"]["env"]:
        return None
    proposed = missing.propose_value(name)
    return Value(name, proposed.value, proposed.certain, failure.place)


def give_another_value(survey: Survey, failure: Failure) -> Value | None:
    """Another value for a variable that the failing line reads."""
    if missing.missing_module(failure) or settings_module.is_open(survey, failure):
        return None
    variables = {
        name: value
        for name, value in survey.draft["django"]["env"].items()
        if ("django", "env", name) not in survey.decided
    }
    name = missing.variable_at_fault(failure, variables)
    value = missing.next_value(variables[name]) if name else None
    return Value(name, value, False, failure.place) if name and value is not None else None
