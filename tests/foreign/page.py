"""The rows of the table: data in docs/projects.json, shown in docs/reference/projects.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import whole
from .projects import PROJECTS
from .whole import COLUMNS, Told

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "docs" / "projects.json"
PAGE = ROOT / "docs" / "reference" / "projects.md"
WHY_LENGTH = 240
LACKS = {each.name: each.lacks for each in PROJECTS if each.lacks}
LAUNCHES = ("setup_seconds", "first_launch", "warm_launch")
HEAD = """---
hide:
  - toc
---

# Projects it was tried on

Made by `python -m tests.foreign.table --write` from runs, not by hand: one project after another,
on a machine with two cores; the rows lie in `docs/projects.json`. Each project comes from a package
index or from a project's own generator; some are the kit's own, for shapes that no published
project has. Survey, adapt, check and remove ran by command alone, and afterwards every file of the
project was byte for byte what it had been.

## What a person meets

Whole is what a person would keep: the app opens on the page that the project itself opens with
(*first page*: `/` where it answers, else one that the project names or its pages lead to), every
style, script and font of the visited pages is served by the app or declared with its reason
(*styled offline*: WEB-3, WEB-11), the person of a new installation is let in (*gets in*: no wall,
the first account, or the project's own page to sign up, tried in a new installation), a form that
was filled in the browser saved its record (*saving seen*: WEB-6), and no criterion failed that must
hold. An empty cell was not measured: that project has not been run since these columns exist. What
in a project itself is in the way, found by looking, stands **bold** behind what was measured. The
machine reached package registries and no other host, so a file that is in no npm package was not
kept; elsewhere `desktop-django offline` brings it from its address.

"""
FIGURES = """
## What it took

`files` were added, `open decisions` are findings whose default was kept, `set` are `--set` options
that were given. A launch is a ratio to the project's own `django.setup()` with a bound socket on
the same interpreter; the first one includes all migrations. `own tests` is what the project's own
test suite says, the same before and after. `passed` counts criteria, `failed` names those that
must hold. Where a project stops earlier, the reason stands there.

"""
RANDOM = """
## Taken at random

Nothing was known about these projects: public repositories with one of four syllables in their
name, in the order in which a seeded random number picked them, each that has a `manage.py`, not
more than 2,000 files, and could be obtained; files of more than 4 MB were not. No option was given
and nothing was decided. Where the verdict names criteria, only these were asked. The projects are
numbered, not named: of them only these figures are kept.

When they ran for the first time 4 were whole. What that showed was repaired, as kinds and not for
them, and they ran again; so by now they say what was repaired, and others may fare worse.

"""


@dataclass
class Row:
    """What happened to one project.

    The launches are ratios to `setup_seconds`, the project's own `django.setup()` with a bound
    socket; None where that fails without the desktop layers. `told` has a cell for each column of
    `whole`, or none where the checks did not come so far.
    """

    name: str
    shape: str
    seconds: dict[str, float] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    decisions_open: int = 0
    files_added: int = 0
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    failed_with: dict[str, str] = field(default_factory=dict)  # what was seen
    warned: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    own_tests: str = ""
    setup_seconds: float | None = None
    first_launch: float | None = None
    warm_launch: float | None = None
    told: dict[str, Told] = field(default_factory=dict)
    is_looked_at: bool = False  # since `told` exists
    judged_by: str = ""  # families of criteria, "" for all

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Row:
        """A row as the data file has it."""
        told = {name: Told(**each) for name, each in kept.get("told", {}).items()}
        known = {name: kept[name] for name in cls.__dataclass_fields__ if name in kept}
        return cls(**{**known, "told": told})

    @property
    def verdict(self) -> str:
        """One word for what the criteria say."""
        if self.problems:
            return "not here" if "obtain" in self.problems[0] else "FAIL"
        return "FAIL" if self.failed else "pass"

    @property
    def missing(self) -> list[str]:
        """What it lacks to be whole."""
        failed = {each: self.failed_with.get(each, "") for each in self.failed}
        return [*self.problems, *whole.why_not(self.told, failed)]

    @property
    def said(self) -> str:
        """The verdict, and by what it was reached where not by all."""
        return self.verdict + (f" ({self.judged_by} alone)" if self.judged_by else "")

    @property
    def wholeness(self) -> str:
        """Whether it is whole; "" where that was not measured."""
        if not self.is_looked_at or self.verdict == "not here":
            return ""
        return "no" if self.missing else "yes"


def enter(
    rows: Iterable[Row], *, at_random: bool = False, data: Path = DATA, to: Path = PAGE
) -> None:
    """Put the rows in the place of those of before, and make the page anew; launches that were not
    measured this time stay as they were."""
    kept = json.loads(data.read_text(encoding="utf-8")) if data.is_file() else {}
    part = "at_random" if at_random else "projects"
    by_name = {each["name"]: each for each in kept.get(part, [])}
    for row in rows:
        before = by_name.get(row.name, {})
        launches = {name: before.get(name) for name in LAUNCHES if getattr(row, name) is None}
        by_name[row.name] = _as_data(row) | launches
    order = sorted(by_name) if at_random else [each.name for each in PROJECTS]
    kept[part] = [by_name[name] for name in order if name in by_name]
    data.write_text(_text(kept), encoding="utf-8")
    to.write_text(render(kept), encoding="utf-8")


def render(kept: Mapping[str, Any]) -> str:
    """The page."""
    projects, strangers = (
        [Row.read(each) for each in kept.get(part, [])] for part in ("projects", "at_random")
    )
    text = HEAD + counted(projects) + "\n" + whole_table(projects) + FIGURES + figures(projects)
    if strangers:
        text += RANDOM + counted(strangers) + "\n" + whole_table(strangers, numbered=True)
    return text


def as_json(rows: Iterable[Row]) -> str:
    """The rows as data."""
    return _text([_as_data(row) for row in rows])


def counted(rows: Iterable[Row]) -> str:
    """How many there are of what, in a sentence."""
    rows = list(rows)
    tried = [row for row in rows if row.wholeness]
    holding = [
        f"{sum(name in row.told and row.told[name].holds for row in tried)} {name}"
        for name in COLUMNS
    ]
    adapted = sum(row.files_added > 0 for row in tried)
    passing = sum(row.verdict == "pass" for row in tried)
    complete = sum(row.wholeness == "yes" for row in tried)
    said = f"Of {len(tried)} projects {adapted} were adapted, {passing} pass all that must hold, "
    said += f"**{complete} are whole** ({', '.join(holding)})."
    if absent := len(rows) - len(tried):
        said += f" {absent} more have not been run since."
    return said + "\n"


def whole_table(rows: Iterable[Row], *, numbered: bool = False) -> str:
    """What a person meets in each project."""
    lines = [
        f"| project | verdict | {' | '.join(COLUMNS)} | whole | why not |",
        "| --- | --- |" + " --- |" * len(COLUMNS) + " --- | --- |",
    ]
    for number, row in enumerate(rows, 1):
        told = [str(row.told.get(name, "")) for name in COLUMNS]
        why = [each[:WHY_LENGTH] for each in row.missing]
        if why and row.is_looked_at and (own := LACKS.get(row.name)) and not numbered:
            why.append(f"**{own}**")
        name = str(number) if numbered else row.name
        lines.append(_line(name, row.said, *told, row.wholeness, "; ".join(why)))
    return "\n".join(lines) + "\n"


def figures(rows: Iterable[Row]) -> str:
    """What each project took."""
    lines = [
        "| project | shape | survey s | adapt s | check s | files | open decisions | set | first "
        "launch | warm launch | own tests | passed | failed | verdict |",
        "| --- | --- |" + " ---: |" * 8 + " --- | ---: | --- | --- |",
    ]
    for row in rows:
        seconds = [str(row.seconds.get(step, "")) for step in ("survey", "adapt", "check")]
        launches = [f"{x} x" if x else "" for x in (row.first_launch, row.warm_launch)]
        counts = map(str, (row.files_added, row.decisions_open, len(row.decisions)))
        failed = ", ".join(row.failed) or " ".join(row.problems)[:200]
        cells = [row.name, row.shape, *seconds, *counts, *launches, row.own_tests, str(row.passed)]
        lines.append(_line(*cells, failed, row.said))
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _as_data(row: Row) -> dict[str, Any]:
    return asdict(row) | {"verdict": row.verdict, "whole": row.wholeness}


def _text(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
