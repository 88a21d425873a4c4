"""The table of a campaign, beside that of an earlier one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .campaign import Row

MARKS = ("<!-- campaign: begin -->", "<!-- campaign: end -->")
HEAD = ("fault", "right is", "times", "survived", "rows lost", "left over", "worst s")


def cells(row: Row) -> tuple[str, ...]:
    """One row without its fault."""
    if row.not_run:
        return (row.right, "0", "not run here", "", "", "")
    survived = f"{row.survived}" if row.good else f"**{row.survived}**"
    lost = f"**{row.lost}**" if row.lost else "0"
    return (row.right, str(row.times), survived, lost, str(row.left), f"{row.worst:.1f}")


def markdown(rows: Iterable[Row], before: Iterable[Row] = ()) -> str:
    """The table as it stands in the docs; with `before` its figures come first."""
    earlier = {row.fault: row for row in before}
    if not earlier:
        lines = [HEAD, ("---",) * len(HEAD), *((row.fault, *cells(row)) for row in rows)]
    else:
        head = ("fault", "right is", "before: survived", "rows lost", "after: survived")
        head = (*head, "rows lost", "left over", "worst s")
        lines = [head, ("---",) * len(head)]
        lines += [_both(row, earlier.get(row.fault)) for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(file: Path, table: str, marks: tuple[str, str] = MARKS) -> None:
    """Put the table between the marks of a page that has them, else make the file of it."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    head, mark, rest = text.partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    page = f"{head}{mark}\n\n{table}\n{end}{tail}" if end else table
    file.write_text(page, encoding="utf-8")


def _both(row: Row, earlier: Row | None) -> tuple[str, ...]:
    _, times, survived, lost, left, worst = cells(row)
    if not row.not_run:
        survived = f"{survived} of {times}"
    if earlier is None or earlier.not_run:
        old = ("", "")
    else:
        _, old_times, old_survived, old_lost, _, _ = cells(earlier)
        old = (f"{old_survived} of {old_times}", old_lost)
    return (row.fault, row.right, *old, survived, lost, left, worst)


def text(rows: list[Row]) -> str:
    """The table for a terminal, then what was wrong."""
    table = [HEAD, *((row.fault, *cells(row)) for row in rows)]
    table = [tuple(cell.replace("**", "") for cell in line) for line in table]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
    lines += ["", summary(rows), ""]
    for row in rows:
        if not row.good:
            what = ", ".join(f"{name} ({count})" for name, count in row.wrong.items())
            lines += [f"WRONG {row.fault}: {what}", *(f"    {note}" for note in row.notes)]
        if row.not_run:
            lines.append(f"not run here: {row.fault}: {row.not_run}")
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """One line of sums."""
    kills, times = sum(row.kills for row in rows), sum(row.times for row in rows)
    return (
        f"{times} faults, {kills} of them kills at random moments; "
        f"{sum(row.survived for row in rows)} survived, {sum(row.lost for row in rows)} rows lost, "
        f"{sum(row.left for row in rows)} left over"
    )
