"""Where the time of a launch goes: reads the timeline of shell and backend, and draws it.

A line a piece, in the order in which they begin; what takes no time to speak of is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from bench.measuring import USUAL, Piece, Report
from bench.plot import FAINT, FONT, GOOD, INK, LINE, TOP, WIDTH, heading, label, sheet

DRAWN = ("shell", "backend")
SHORTEST = 0.003  # seconds
DIGITS = 4
LEFT, RIGHT = 250, 60
COLOURS = {"shell": "#4a6d8c", "backend": GOOD}
STEP_MS = 100


def pieces(file: Path, launch: str, begun: float) -> list[Piece]:
    """What shell and backend wrote into `file` of a launch at `begun`, in seconds since 1970."""
    # A list in Chrome's trace format may lack its end.
    text = file.read_text(encoding="utf-8").rstrip().removesuffix(",")
    events = json.loads(f"{text}]")
    names = {each["pid"]: each["args"]["name"] for each in events if each["ph"] == "M"}
    found = [
        Piece(launch, names[each["pid"]], each["name"], round(each["ts"] / 1e6 - begun, DIGITS),
              round(each["dur"] / 1e6, DIGITS), round(each["tdur"] / 1e6, DIGITS))
        for each in events if each["ph"] == "X"
    ]  # fmt: skip
    return sorted((each for each in found if each.process in DRAWN), key=lambda each: each.begin)


def draw(report: Report) -> str:
    """The picture as SVG: every launch of the reference app that was traced. One of another
    project may take ten times as long."""
    titled = [
        (launch, [each for each in group if each.seconds >= SHORTEST])
        for section in report.sections
        if section.subject == USUAL
        for launch, group in groupby(section.pieces, key=lambda each: each.launch)
    ]
    last = max((each.begin + each.seconds for _, found in titled for each in found), default=1.0)
    body, y = [], TOP
    for title, found in titled:
        y += LINE
        body.append(heading(title, y))
        for each in found:
            y += LINE
            body += line(each, y, last)
        y += LINE // 2
    height = y + LINE
    return sheet(height, [*axis(height, last), *body])


def axis(height: int, last: float) -> Iterator[str]:
    """Milliseconds after the launch."""
    for ms in range(0, int(last * 1000) + 1, STEP_MS):
        x = place(ms / 1000, last)
        yield f"<path d='M{x} {TOP - 8}V{height - LINE}' stroke='{FAINT}'/>"
        words = f"{ms} ms" if ms == 0 else f"{ms}"
        yield (f"<text x='{x}' y='{TOP - 14}' text-anchor='middle' fill='{INK}' {FONT}>"
               f"{words}</text>")  # fmt: skip


def line(each: Piece, y: int, last: float) -> Iterator[str]:
    """One piece: all of its time pale, what a processor was busy with in full colour."""
    x, end = place(each.begin, last), place(each.begin + each.seconds, last)
    busy = place(each.begin + min(each.busy, each.seconds), last)
    colour = COLOURS[each.process]
    yield label(f"{each.process}: {each.name}", LEFT - 10, y)
    for until, opacity in ((end, 0.35), (busy, 1)):
        yield (f"<rect x='{x}' y='{y - 10}' width='{round(max(until - x, 0.5), 1)}' height='11' "
               f"fill='{colour}' fill-opacity='{opacity}'/>")  # fmt: skip
    yield f"<text x='{end + 5}' y='{y}' fill='{INK}' {FONT}>{each.seconds * 1000:.0f}</text>"


def place(seconds: float, last: float) -> float:
    """The horizontal place of a moment."""
    return round(LEFT + max(seconds, 0) / last * (WIDTH - LEFT - RIGHT), 1)
