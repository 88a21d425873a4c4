"""The page of the docs and its picture, made of the report that lies in docs/performance.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bench import plot, timeline
from bench.measuring import BEFORE, USUAL, Middle, Report, Row, Section

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "performance.json"
PAGE = DOCS / "reference" / "performance.md"
PICTURE = DOCS / "assets" / "performance.svg"
LAUNCHES = DOCS / "assets" / "launches.svg"
HEAD = """\
---
hide:
  - toc
---

# Performance

How fast and how heavy an adapted app is, beside the least that any would be. Made by
`python -m bench --write` from one run, not by hand; the figures lie in `docs/performance.json`.
Everything is measured beside what it is compared with, in turns, and a
ratio is taken within one round, so that a busy machine slows both. A ratio is a median with the
values between which the middle half lies; where there are fewer than three, there is none.
**Bold** is a ratio that misses what the kit is aiming at;
[Where the time goes](../explanation/speed.md) says why.

![Ratios of this page: a dot is the median, a bar the middle half](../assets/performance.svg)
"""
ABOUT_BEFORE = """\
The reference app of an earlier commit with the shell it had, measured in the same run: medians,
then ratios to what stands first in the tables below."""
TITLES = {
    "start": "Start of the backend",
    "window": "Until a person sees it",
    "footprint": "What it weighs",
    "throughput": "How fast it answers",
    "commands": "Commands, by the size of a project",
    "growth": "A warm start, as an app grows",
}
ABOUT = {
    "start": "Seconds from the start of the process to the answer of the health request. The floor "
    "is the same interpreter that binds a socket and calls `django.setup()` on the same settings.",
    "window": "Seconds from the launch of the shell. The floor is a bare window of the same "
    "Electron. *Page painted* is the first paint of the app's page, by Chromium's own clock.\n\n"
    "![What shell and backend do until the window is shown](../assets/launches.svg)\n\n"
    "The picture is [the timeline](../how-to/window.md#see-where-a-start-spends-its-time) of a "
    "launch of each kind of the reference app, the median of three: each line ends where what it "
    "is named after has come. Pale is the time it took, full the time a processor was busy with "
    "it, the number its milliseconds.",
    "footprint": "Backend and whole app in use, beside Django alone and a bare window. RSS counts "
    "memory that several processes share each time, PSS once. Sizes are of the staged bundle.",
    "throughput": "What all clients together got a second; more is better. `runserver`, waitress "
    "and uvicorn serve the same project without the desktop layer, `runserver` as a developer "
    "does, with `DEBUG`. It waits for the delayed acknowledgement of a kept connection.",
    "commands": "The reference app with so many files more, in a project not yet adapted. `check` "
    "is the whole acceptance suite without a window.",
    "growth": "The reference app with more migrations, more rows or more uploads.",
}


def write(report: Report) -> list[Path]:
    """Keep the report, and make page and picture of it."""
    found = texts(report)
    for path, content in found.items():
        path.write_text(content, encoding="utf-8", newline="\n")
    return [*found]


def texts(report: Report) -> dict[Path, str]:
    """What belongs into each file."""
    return {DATA: as_json(report), PAGE: text(report), PICTURE: plot.draw(report),
            LAUNCHES: timeline.draw(report)}  # fmt: skip


def read() -> Report:
    """The report that is kept."""
    return Report.read(json.loads(DATA.read_text(encoding="utf-8")))


def as_json(report: Report) -> str:
    """The report with a line for each row."""
    kept = asdict(report)
    sections = kept.pop("sections")
    lines = [json.dumps(kept, indent=2, ensure_ascii=False).removesuffix("\n}") + ","]
    lines.append('  "sections": [')
    for number, section in enumerate(sections):
        lists = {
            "rows": [_without_defaults(row) for row in section.pop("rows")],
            "pieces": [[*piece.values()] for piece in section.pop("pieces")],
        }
        text = json.dumps(section, ensure_ascii=False).removesuffix("}")
        for name, found in lists.items():
            if found:
                listed = (json.dumps(each, ensure_ascii=False) for each in found)
                text += f', "{name}": [\n      ' + ",\n      ".join(listed) + "\n    ]"
        end = "," if number + 1 < len(sections) else ""
        lines.append(f"    {text}}}{end}")
    return "\n".join([*lines, "  ]", "}", ""])


def _without_defaults(row: dict) -> dict:
    return {name: value for name, value in row.items() if value not in (None, "", [], {})} | {
        "unit": row["unit"]
    }


def text(report: Report) -> str:
    """The page."""
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    seconds = sum(section.seconds for section in report.sections)
    size = "brief" if report.is_short else "full"
    lines = [HEAD, f"{machine}. A {size} run of {seconds / 60:.0f} minutes.", *compared(report)]
    for group, title in TITLES.items():
        sections = [
            each for each in report.sections if each.group == group and each.subject != BEFORE
        ]
        if sections:
            lines += ["", f"## {title}", "", ABOUT[group]]
        for section in sections:
            lines += ["", f"### {section.subject}", "", *table(section)]
    return "\n".join(lines) + "\n"


def compared(report: Report) -> Iterator[str]:
    """The ratios of an earlier checkout beside those of this one, where both were measured."""
    before = {
        (section.group, row.name): row
        for section in report.sections if section.subject == BEFORE for row in section.rows
    }  # fmt: skip
    now = [
        (section.group, row) for section in report.sections if section.subject == USUAL
        for row in section.rows if (section.group, row.name) in before and row.against
    ]  # fmt: skip
    if not now:
        return
    yield from ("", "## Before and now", "", ABOUT_BEFORE)
    for group, title in TITLES.items():
        rows = [row for each, row in now if each == group]
        if rows:
            yield from ("", f"| {title} | before | now | ratio before | ratio now |",
                        "| --- | ---: | ---: | ---: | ---: |")  # fmt: skip
        for row in rows:
            former, base = before[group, row.name], next(iter(row.against))
            cells = [cell(named(row)), figure(former), figure(row),
                     shown(former, base), shown(row, base)]  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def table(section: Section) -> Iterator[str]:
    """The rows of a section, and how quiet the machine was."""
    if section.failure:
        yield f"**Failed**: {cell(section.failure)}"
        yield ""
    others = [*dict.fromkeys(other for row in section.rows for other in row.against)]
    if section.rows:
        heads = ["", "median", *(f"to {other}" for other in others)]
        yield f"| {' | '.join(heads)} |"
        yield f"| --- |{' ---: |' * (len(others) + 1)}"
    for row in section.rows:
        ratios = [shown(row, other) for other in others]
        yield f"| {' | '.join([cell(named(row)), figure(row), *ratios])} |"
    yield ""
    yield noise(section)


def named(row: Row) -> str:
    """The row's name with what is wanted of its first ratio."""
    if row.most is not None:
        return f"{row.name} (at most {row.most:g})"
    return f"{row.name} (at least {row.least:g})" if row.least is not None else row.name


def figure(row: Row) -> str:
    """The median with its unit, or that there is none."""
    if row.failure and not row.values:
        return f"failed: {cell(row.failure)}"
    if not row.values:
        return "not measured"
    middle = Middle.of(row.values)
    return f"{short(middle.median)} {row.unit}".strip()


def shown(row: Row, other: str) -> str:
    """The ratio to another, bold where it misses what is wanted of it."""
    ratio = row.ratio(other)
    if ratio is None:
        return "one run" if row.against.get(other) and row.values else ""
    said = f"{short(ratio.median)} ({short(ratio.low)} to {short(ratio.high)})"
    return f"**{said}**" if row.is_met is False and other == next(iter(row.against)) else said


def short(value: float) -> str:
    """Three digits of a number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def noise(section: Section) -> str:
    """Load of the machine, and how far what everything is compared with went astray."""
    before, after = section.load
    spreads = {}
    for row in section.rows:
        for other, values in row.against.items():
            if len(values) > 2:
                spreads.setdefault(other, []).append(Middle.of(values).spread)
    runs = max((len(row.values) for row in section.rows), default=0)
    words = [f"{runs} round{'s' if runs != 1 else ''} in {section.seconds:.0f} s",
             f"load {before:g} before and {after:g} after"]  # fmt: skip
    words += [f"middle half of {other}: {max(found):.0%} of its median"
              for other, found in spreads.items()]  # fmt: skip
    return f"*{'; '.join(words)}.*"


def cell(words: str) -> str:
    """Text inside a table."""
    return words.replace("|", "\\|").replace("<", "&lt;")
