"""Draws the ratios of a report: a line a row, a dot for the median, a bar for the middle half."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from bench.measuring import BEFORE, USUAL, Middle, Report, Row

WIDTH, LEFT, RIGHT = 900, 350, 30
LINE, TOP = 17, 34
LOWEST, HIGHEST = 0.125, 16.0
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)
INK, FAINT, GOOD, BAD, PAPER = "#22333b", "#d5dbdf", "#1f7a6d", "#c2452d", "#ffffff"
GROUPS = {
    "start": "start of the backend, times its floor: less is better",
    "window": "until a person sees it, times a bare window: less is better",
    "footprint": "memory, times Django alone or a bare window: less is better",
    "throughput": "requests and MiB a second, times runserver: more is better",
    "commands": "commands, times the smallest project or loaddata: less is better",
    "growth": "warm start of a large app, times a small one: less is better",
}
LEGEND = (
    "dot: median; bar: middle half; upright stroke: what is wanted, in green where it is met, "
    "red where it is missed"
)
FONT = "font-family='system-ui, sans-serif' font-size='11'"


def draw(report: Report) -> str:
    """The picture as SVG; every ratio whose spread is known is in it."""
    body, y = [], TOP
    for group, title in GROUPS.items():
        lines = [*ratios(report, group)]
        if not lines:
            continue
        y += LINE
        body.append(heading(title, y))
        for name, ratio, row in lines:
            y += LINE
            body += line(name, ratio, y, row)
        y += LINE // 2
    y += LINE
    body.append(f"<text x='12' y='{y}' fill='{INK}' {FONT}>{LEGEND}</text>")
    height = y + LINE
    return sheet(height, [*axis(height), *body])


def sheet(height: int, parts: list[str]) -> str:
    """A picture of this height, with its paper under the parts."""
    size = f"width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}'"
    paper = f"<rect width='{WIDTH}' height='{height}' fill='{PAPER}'/>"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size}>"
    return "\n".join([head, paper, *parts, "</svg>", ""])


def heading(title: str, y: int) -> str:
    """The title of what stands below it."""
    return f"<text x='12' y='{y}' fill='{INK}' font-weight='700' {FONT}>{escape(title)}</text>"


def label(text: str, x: float, y: int) -> str:
    """What a line is of, to the left of it."""
    return (f"<text x='{x}' y='{y}' text-anchor='end' fill='{INK}' {FONT}>"
            f"{escape(text)}</text>")  # fmt: skip


def ratios(report: Report, group: str) -> Iterator[tuple[str, Middle, Row]]:
    """Every ratio of a group with what it is of, first ones of each row only."""
    for section in report.sections:
        is_drawn = section.group == group and section.subject != BEFORE
        for row in section.rows if is_drawn else ():
            for other in [*row.against][:1]:
                if ratio := row.ratio(other):
                    # Most of it is measured on the reference app.
                    is_usual = section.subject == USUAL
                    name = row.name if is_usual else f"{section.subject}: {row.name}"
                    yield name, ratio, row


def axis(height: int) -> Iterator[str]:
    """Where the ratios are; the one of equals stands out."""
    for tick in TICKS:
        x, colour = place(tick), INK if tick == 1 else FAINT
        yield f"<path d='M{x} {TOP - 8}V{height - 2 * LINE}' stroke='{colour}'/>"
        words = f"{tick:g}x"
        at = f"x='{x}' y='{TOP - 14}' text-anchor='middle'"
        yield f"<text {at} fill='{INK}' {FONT}>{words}</text>"


def line(name: str, ratio: Middle, y: int, row: Row) -> Iterator[str]:
    """One ratio, in the colour of whether it is as wanted."""
    low, median, high = place(ratio.low), place(ratio.median), place(ratio.high)
    middle = y - 4
    colour = {True: GOOD, False: BAD, None: INK}[row.is_met]
    yield label(name, LEFT - 10, y)
    yield (f"<path d='M{low} {middle}H{max(high, low + 1)}' stroke='{colour}' stroke-width='6' "
           "stroke-opacity='0.35'/>")  # fmt: skip
    yield f"<circle cx='{median}' cy='{middle}' r='3.5' fill='{colour}'/>"
    wanted = row.most if row.most is not None else row.least
    if wanted is not None:
        x = place(wanted)
        yield f"<path d='M{x} {middle - 6}v12' stroke='{INK}' stroke-width='2'/>"


def place(ratio: float) -> float:
    """The horizontal place of a ratio; what is beyond the ends stands at them."""
    inside = min(max(ratio, LOWEST), HIGHEST)
    share = math.log2(inside / LOWEST) / math.log2(HIGHEST / LOWEST)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)
