"""What a repair proposes: a change in the draft of desktop.toml or in an environment of ours."""

from collections.abc import Callable
from typing import Protocol

from skill_scripts.findings.finding import Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure


class Proposal(Protocol):
    """What may let the project come further."""

    def apply(self, survey: Survey) -> None:
        """Make the change, never in the project. Raises KitError if it cannot be made."""

    def finding(self, survey: Survey) -> Finding:
        """What was done, once it is."""


Repair = Callable[[Survey, Failure], Proposal | None]
