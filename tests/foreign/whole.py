"""Whether an adapted project is whole: one pure function a column, told from what ran.

Green criteria say that an app keeps its promises; whole says that a person can use it: it opens
where the project itself opens, looks as it should without a network, lets the person of a new
installation in, and keeps what they save.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIRST_PAGE, STYLED, GETS_IN, SAVING = "first page", "styled offline", "gets in", "saving seen"
COLUMNS = (FIRST_PAGE, STYLED, GETS_IN, SAVING)
# Where the rehearsal found no page at /, these reasons name another; "it answers" is only a guess.
GUESSED = "it answers"
# Without a compiler of styles a page is as bare as without its styles.
COMPILER = "compiles styles in the page"


@dataclass(frozen=True)
class Told:
    """One cell: whether it holds, and why not, or how."""

    holds: bool
    why: str = ""

    def __str__(self) -> str:
        return "yes" if self.holds else "no"


@dataclass(frozen=True)
class Entry:
    """What a person met who opened a new installation."""

    place: str  # where the first page led
    way: str = ""  # how they got in, "" where they did not
    why: str = ""  # what stopped them


@dataclass(frozen=True)
class Seen:
    """What ran: the rehearsal, the checks and the visit, with the manifest they ran by."""

    criteria: Mapping[str, tuple[str, str]]  # id → verdict, what was seen
    rehearsal: Mapping[str, Any] | None = None  # as adapt reports it
    manifest: Mapping[str, Any] = field(default_factory=dict)
    entry: Entry | None = None
    home_is_decided: bool = False  # by a person, with --set


def judge(seen: Seen) -> dict[str, Told]:
    """The four cells, by column."""
    functions = (first_page, styled_offline, gets_in, saving_seen)
    return {name: function(seen) for name, function in zip(COLUMNS, functions, strict=True)}


def first_page(seen: Seen) -> Told:
    """The app opens on the page that the project itself opens with."""
    if (shown := _passed(seen, "WEB-1")) and not shown.holds:
        return shown
    done = seen.rehearsal
    if done is None:
        return Told(False, "there was no rehearsal")
    home, root = done["home"], done["root_status"]
    page = next((each for each in done["pages"] if each["path"] == home), None)
    if page is None or not 0 < page["status"] < 400:
        said = page and (page["error"] or f"it answers {page['status'] or 'nothing in time'}")
        return Told(False, f"{home} fails in the rehearsal: {said or 'it was not opened'}")
    if home == "/" or seen.home_is_decided:
        return Told(True, home if home == "/" else f"{home}, as decided")
    where = f"/ answers {root or 'nothing'}; {home}: {done['home_why']}"
    is_one_of_many = done["home_why"] == GUESSED and done["other_pages"]
    return Told(not is_one_of_many, where)


def styled_offline(seen: Seen) -> Told:
    """Every style, script and font of the visited pages is served by the app, or its lack is
    declared or explained."""
    for criterion in ("WEB-11", "WEB-3"):
        if not (told := _passed(seen, criterion)).holds:
            return told
    skipped = seen.manifest.get("offline", {}).get("skip", {})
    for address, why in skipped.items():
        if COMPILER in why:
            return Told(False, f"{address} {COMPILER}")
    parts = [
        each["path"]
        for each in (seen.rehearsal or {}).get("pages", ())
        if each["is_part"] and each["status"] >= 400 and not each["is_own_fault"]
    ]
    if parts:
        return Told(False, f"{len(parts)} parts of pages are missing: {', '.join(parts[:3])}")
    left_out = f"{len(skipped)} left out, declared" if skipped else ""
    return Told(True, left_out)


def gets_in(seen: Seen) -> Told:
    """The person of a new installation is let in: no wall, the first account, or sign-up."""
    asked = seen.criteria.get("ACC-1", ("", ""))
    if asked[0] in ("FAIL", "harness error"):
        return Told(False, f"ACC-1: {asked[1]}")
    if seen.entry is None:
        return Told(False, "nobody tried")
    if seen.entry.way:
        return Told(True, seen.entry.way)
    done = seen.rehearsal or {}
    tried = f"{done['wall']} asks to sign in, and {done['shut']}" if done.get("shut") else ""
    return Told(False, tried or seen.entry.why)


def saving_seen(seen: Seen) -> Told:
    """A form that was filled and sent in the browser saved its record."""
    return _passed(seen, "WEB-6")


def why_not(told: Mapping[str, Told], failed: Mapping[str, str]) -> list[str]:
    """What is missing to be whole, `failed` being criteria and what was seen; empty where nothing
    is."""
    missing = [f"{name}: {each.why}" for name, each in told.items() if not each.holds]
    known = " ".join(missing)
    further = [f"{each} fails: {said}" for each, said in failed.items() if f"{each} f" not in known]
    return [*missing, *further]


def _passed(seen: Seen, criterion: str) -> Told:
    verdict, said = seen.criteria.get(criterion, ("not run here", "left out of this run"))
    if verdict == "pass":
        return Told(True, said)
    return Told(False, f"{criterion} {'fails' if verdict == 'FAIL' else verdict}: {said}")
