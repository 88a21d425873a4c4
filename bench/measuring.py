"""Figures and where they come from: contestants take turns, and each is compared within one round.

Seconds differ between machines and between minutes, so what counts is the ratio of two figures of
the same round. Of a list of ratios the median is told, with those between which the middle half
lies; fewer than `PAIRS` ratios tell nothing of their spread, and then there is none.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

USUAL, BEFORE = "reference app", "before"  # names of subjects: the one of an earlier checkout
PAIRS = 3
SAID = 200  # characters of a failure
DIGITS = 4


@dataclass(frozen=True)
class Middle:
    """A median and the two values between which the middle half lies."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of a single value all three are the same."""
        # Two are the least that quantiles takes.
        several = values if len(values) > 1 else [*values, *values]
        low, median, high = statistics.quantiles(several, n=4, method="inclusive")
        return cls(median, low, high)

    @property
    def spread(self) -> float:
        """Width of the middle half as a share of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0


@dataclass
class Row:
    """One thing that was measured, a figure a round, beside what it is compared with.

    With `most` a ratio of at most that is wanted, with `least` one of at least that.
    """

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    against: dict[str, list[float]] = field(default_factory=dict)
    most: float | None = None
    least: float | None = None
    failure: str = ""

    def ratio(self, other: str) -> Middle | None:
        """How many times as much as `other`; None where the spread is not known."""
        ratios = [a / b for a, b in zip(self.values, self.against.get(other, []), strict=False)]
        return Middle.of(ratios) if len(ratios) >= PAIRS else None

    @property
    def is_met(self) -> bool | None:
        """Whether the first ratio is as wanted; None where nothing is wanted or known."""
        ratio = next((found for other in self.against if (found := self.ratio(other))), None)
        if ratio is None or (self.most is None and self.least is None):
            return None
        is_low_enough = self.most is None or ratio.median <= self.most
        return is_low_enough and (self.least is None or ratio.median >= self.least)


@dataclass(frozen=True)
class Piece:
    """A piece of a launch that was traced, named after what came at its end. Seconds."""

    launch: str
    process: str
    name: str
    begin: float  # after the launch
    seconds: float
    busy: float  # of them, a processor was


@dataclass
class Section:
    """What was measured together, in turns; one table of the page."""

    group: str
    subject: str
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    load: tuple[float, float] = (0.0, 0.0)  # waiting for a processor, before and after
    failure: str = ""
    pieces: list[Piece] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Whether anything in it could not be measured."""
        return bool(self.failure) or any(row.failure for row in self.rows)


@dataclass
class Report:
    """All sections of one run, and on what machine."""

    machine: dict[str, str]
    is_short: bool
    sections: list[Section] = field(default_factory=list)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """A report as `asdict` made it and JSON keeps it."""
        sections = [Section(**each) for each in kept["sections"]]
        for section in sections:
            section.load = (section.load[0], section.load[1])
            section.rows = [Row(**row) for row in section.rows]
            section.pieces = [Piece(*piece) for piece in section.pieces]
        return cls(kept["machine"], kept["is_short"], sections)


Measure = Callable[[], Mapping[str, float]]


@dataclass
class Turns:
    """Figures by contestant and part, and why some have too few."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def row(self, name: str, part: str, unit: str, *against: str, label: str = "",
            most: float | None = None, least: float | None = None) -> Row:  # fmt: skip
        """The row of a part of a contestant, beside the same part of others."""
        others = {other: self.values.get((other, part), []) for other in against}
        found = self.values.get((name, part), [])
        failure = self.failures.get(name, "")
        return Row(label or name, unit, found, others, most, least, failure)


def take_turns(contestants: Mapping[str, Measure], rounds: int, *, warm_up: int = 1) -> Turns:
    """Let each measure its parts once a round; what fails takes no part any more.

    The rounds of the warm-up are not counted: they make data and bytecode.
    """
    turns = Turns()
    for number in range(-warm_up, rounds):
        for name, measure in contestants.items():
            if name in turns.failures:
                continue
            try:
                found = measure()
            except Exception as error:  # of a project, a server or a window: the others go on
                turns.failures[name] = said(error)
                continue
            for part, figure in found.items() if number >= 0 else ():
                short = float(f"{figure:.{DIGITS}g}")
                turns.values.setdefault((name, part), []).append(short)
    return turns


def said(error: BaseException) -> str:
    """What went wrong, on one line."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words if len(words) <= SAID else f"{words[:SAID]} …"


@contextlib.contextmanager
def watched(section: Section):
    """Note time and load of a section; what raises in it is its failure."""
    begun, before = time.monotonic(), load()
    try:
        yield section
    except Exception as error:
        section.failure = said(error)
    finally:
        section.seconds = round(time.monotonic() - begun, 1)
        section.load = (before, load())


def load() -> float:
    """How many programs wanted a processor in the last minute; 0 where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0
