"""What a survey knows about a project, and the one JSON document it prints."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skill_scripts import SPEC_VERSION, __version__, desktop_toml
from skill_scripts.dependencies.declarations import Declarations
from skill_scripts.dependencies.environment import Interpreter, Private
from skill_scripts.findings.finding import SEVERITIES, Finding
from skill_scripts.probe.facts import Facts
from skill_scripts.project.files import Project

# Facts for the survey itself.
NOT_SHOWN = frozenset({"search_path", "packages", "absent_variables", "folders"})

Progress = Callable[[str], None]


@dataclass
class Survey:
    """What is known about a project."""

    project: Project
    draft: desktop_toml.Manifest
    declared: Declarations
    interpreter: Interpreter | None = None
    environment: str = ""  # own, private (in desktop-app) or cache (the user's cache folder)
    decided: frozenset[tuple[str, ...]] = frozenset()  # keys of the draft that are not ours to set
    made: Private | None = None  # the environment, where it is ours
    facts: Facts = field(default_factory=Facts)
    findings: list[Finding] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    rehearsal: dict[str, Any] | None = None  # what one saw, as it is kept
    picture: str = ""  # the file of the first page

    @property
    def left_out(self) -> list[str]:
        """Declared distributions that were not installed."""
        return self.made.left_out if self.made else []

    def having(self, severity: str) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "kit": __version__,
            "spec": SPEC_VERSION,
            "project": {
                "root": str(self.project.root),
                "manage": self.project.manage,
                "files": len(self.project.files),
            },
            "python": {
                "interpreter": str(self.interpreter.python) if self.interpreter else "",
                "version": self.interpreter.version if self.interpreter else "",
                "environment": self.environment,
                "requires": self.declared.requires_python,
            },
            "dependencies": {
                "files": self.declared.files,
                "count": len(self.declared.requirements),
                "left_out": self.left_out,
                "ignored_lines": self.declared.ignored[:50],
            },
            "facts": {k: v for k, v in self.facts.as_dict().items() if k not in NOT_SHOWN},
            "manifest": self.draft,
            "findings": [finding.as_dict() for finding in self.findings],
            "counts": {severity: len(self.having(severity)) for severity in SEVERITIES},
            "rehearsal": self.rehearsal,
            "picture": self.picture,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }
