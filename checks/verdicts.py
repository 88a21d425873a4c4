"""From what checks found to one verdict per criterion, and from those to the exit code."""

from __future__ import annotations

import platform
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from checks import criteria
from checks.criteria import Criterion
from checks.target import Target, TargetError

OTHER_HOSTS = "other hosts"  # a property of the check that looks for them: their addresses
# Worst first: a criterion has the first of these that one of its checks has.
ORDER = ("error", "fail", "warn", "pass", "not run here", "not applicable")
PLATFORM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
WHERE = {
    "windows": "needs Windows (packages.yml, job windows)",
    "staged": "needs a staged bundle (desktop-django stage, then --runtime staged)",
    "packaged": "needs a packaged application (--runtime packaged --app PATH)",
    "installed": "needs an installed application (packages.yml)",
    "adapted": "needs the project folder (--runtime development)",
}

Seen = Callable[[object], None]
"""How a check says what it saw: the fixture `seen`."""
Record = Callable[[str, object], None]
"""How a check hands something to the report: pytest's fixture `record_property`."""


class NotApplicable(pytest.skip.Exception):
    """Raised when the target has nothing the criterion is about; the message is the reason."""


class NotTested(NotApplicable):
    """Raised when no way was found to try what is at the heart of most targets: saving a record.

    It may well be there, so the report says it beside the counts, with what to declare.
    """

    do = (
        "name a page with a form that saves: --form PATH; where it needs an account: login.user "
        "in desktop.toml. Until then nobody knows whether the target keeps what is saved"
    )


class OwnFaultError(AssertionError):
    """Raised when the target was without what a MUST asks for before it was adapted: a warning."""


class NotRun(pytest.skip.Exception):
    """Raised when this machine cannot decide the criterion; the message says which can."""


class PrerequisiteError(Exception):
    """Raised when the machine lacks what the suite itself needs: a harness error, never a skip."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    title: str
    criteria: list[str]
    verdict: str
    seen: str
    said: str
    trace: str = ""
    do: str = ""
    """What to declare so that it can be tested."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, so that it travels between processes."""
        return asdict(self)


@dataclass(slots=True)
class Verdict:
    """What the run says about one criterion."""

    criterion: Criterion
    title: str
    verdict: str
    seen: str
    checks: list[Check] = field(default_factory=list)


@dataclass(eq=False)
class Run:
    """One run of the suite on one target; also the plugin that gathers reports."""

    target: Target
    criteria: dict[str, Criterion]
    spec: str
    only: tuple[str, ...]
    strict: bool
    expected: dict[str, str]
    """Criteria that are known to fail, with the reason."""
    started: float = field(default_factory=time.monotonic)
    checks: list[Check] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0
    exit_code: int = 3
    facts: dict[str, str] = field(default_factory=dict)
    """What the backend says of itself: python, django."""
    pictures: dict[str, str] = field(default_factory=dict)
    """Screenshots by path, as base64 of a JPEG."""
    other_hosts: list[str] | None = None
    """Styles, scripts and fonts of other hosts that pages named; None if nobody looked."""

    @classmethod
    def of(cls, target: Target, option: Namespace) -> Run:
        """The run that the options ask for. Raises TargetError when they make no sense."""
        known = criteria.load()
        spec = option.spec or str(target.manifest.get("spec", criteria.VERSIONS[-1]))
        if spec not in criteria.VERSIONS:
            spec = criteria.VERSIONS[-1]
        asked = {
            i: c
            for i, c in known.items()
            if criteria.VERSIONS.index(c.since) <= criteria.VERSIONS.index(spec)
        }
        only = tuple(filter(None, ",".join(option.only or ()).split(",")))
        families = {i.split("-")[0] for i in known}
        if unknown := [i for i in only if i not in known and i not in families]:
            raise TargetError(
                8,
                f"no criterion is called {', '.join(unknown)}",
                "--only takes criteria and families.",
                "see --list.",
            )
        if younger := [i for i in only if i in known and i not in asked]:
            raise TargetError(
                8,
                f"{', '.join(younger)} came after version {spec} of the specification",
                "the target names this version, and it is judged by it.",
                "judge it by the later one: --spec 1.1.",
            )
        expected = _expected(option.expected_failures, known)
        return cls(target, asked, spec, only, option.strict_should, expected)

    def wants(self, ids: list[str]) -> bool:
        """Whether a check of these criteria belongs to the run."""
        return any(self._asked(i) and not self._elsewhere(self.criteria[i]) for i in ids)

    def not_tested(self) -> list[dict[str, Any]]:
        """What could not be tried for want of a way in: which criteria, why, what to declare."""
        found: dict[tuple[str, str], list[str]] = {}
        for verdict in self.verdicts:
            for check in verdict.checks:
                if check.do and verdict.verdict == "not applicable":
                    found.setdefault((check.said, check.do), []).append(verdict.criterion.id)
        return [{"criteria": ids, "reason": key[0], "do": key[1]} for key, ids in found.items()]

    def expect(self, ids: list[str], title: str) -> None:
        """A check for these criteria exists; its title stands for them in the table."""
        for i in ids:
            self.titles.setdefault(i, title)

    def redact(self, text: str) -> str:
        """`text` without the user's folder, so that reports can be shared."""
        return text.replace(str(Path.home()), "~") if str(Path.home()) != "/" else text

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather what a check found, also from xdist's workers."""
        for key, value in report.user_properties:
            kind, _, name = key.partition(":")
            if key == "check":
                self.checks.append(Check(**value))
            elif kind == "fact":
                self.facts[name] = str(value)
            elif kind == "picture":
                self.pictures[name] = value
            elif kind == OTHER_HOSTS:
                self.other_hosts = [*value]

    def finish(self, interrupted: bool) -> None:
        """Make the verdicts and the exit code."""
        self.seconds = time.monotonic() - self.started
        for i, criterion in self.criteria.items():
            if self._asked(i):
                self.verdicts.append(self._judge(criterion))
        found = {v.verdict for v in self.verdicts}
        if interrupted or "harness error" in found or not self.verdicts:
            self.exit_code = 3
        else:
            self.exit_code = 1 if found & {"FAIL", "stale"} else 0

    def _asked(self, i: str) -> bool:
        return i in self.criteria and (
            not self.only or i in self.only or i.split("-")[0] in self.only
        )

    def _elsewhere(self, criterion: Criterion) -> str:
        """Where the criterion is decided, when it is not here."""
        if criterion.platforms != ("all",) and PLATFORM not in criterion.platforms:
            return WHERE.get(criterion.platforms[0], f"needs {criterion.platforms[0]}")
        # Whether a shell can be opened here is found out by its checks.
        stages = [stage.removesuffix(" with a shell") for stage in criterion.stages]
        if self.target.stage not in stages:
            return WHERE[stages[0]]
        return ""

    def _judge(self, criterion: Criterion) -> Verdict:
        found = [c for c in self.checks if criterion.id in c.criteria]
        # With xdist only the workers collect, and their titles come with what they found.
        known = self.titles.get(criterion.id, criterion.text)
        title = found[0].title if found else known
        if elsewhere := self._elsewhere(criterion):
            return Verdict(criterion, title, "not run here", elsewhere)
        if not found:
            known = criterion.id in self.titles
            reason = "left out of this run" if known else "this version has no check for it"
            return Verdict(criterion, title, "not run here", reason)
        worst = min((c.verdict for c in found), key=ORDER.index)
        seen = "; ".join(
            dict.fromkeys(
                c.said or c.seen for c in found if c.verdict == worst and (c.said or c.seen)
            )
        )
        return Verdict(criterion, title, self.final(criterion, worst), seen, found)

    def final(self, criterion: Criterion, worst: str) -> str:
        """What the worst that was found means for a criterion of its level."""
        if worst == "error":
            return "harness error"
        listed = criterion.id in self.expected
        if worst in ("fail", "warn"):
            if listed:
                return "expected"
            fails = worst == "fail" and criterion.level == "MUST"
            return "FAIL" if fails or self.strict else "warn"
        return "stale" if listed and worst == "pass" else worst


def _expected(path: Path | None, known: dict[str, Criterion]) -> dict[str, str]:
    """Criteria of an expected-failures file: `ID reason`, one a line, # for remarks."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(
            9,
            f"{path} cannot be read: {error}",
            "--expected-failures names it.",
            "correct the name.",
        ) from error
    expected = {}
    for line in lines:
        i, _, reason = line.partition("#")[0].strip().partition(" ")
        if i and i not in known:
            raise TargetError(9, f"{path} lists {i}", "no criterion has this name.", "see --list.")
        if i:
            expected[i] = reason.strip()
    return expected


def machine() -> str:
    """The machine in a few words."""
    return f"{platform.system()} {platform.machine()}"
