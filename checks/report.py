"""The verdicts for people, for programs, for a CI summary and for a browser."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Template

from checks.criteria import Criterion
from checks.opening import OwnPage
from checks.target import TargetError
from checks.verdicts import Run, Verdict, machine

TITLE_WIDTH = 52
VERDICT_WIDTH = 15
COUNTED = {
    "pass": "passed",
    "FAIL": "failed",
    "harness error": "harness errors",
    "stale": "stale expected failures",
    "expected": "expected failures",
    "warn": "warnings",
    "not applicable": "not applicable",
    "not run here": "not run here",
}
PNG = "iVBORw0KGgo"  # how each begins in base64
COLOURS = {"pass": 32, "FAIL": 31, "stale": 31, "harness error": 35, "warn": 33, "expected": 33}


def make_folders(*files: Path | None) -> None:
    """Make the folders the reports go to, before anything is judged. Raises TargetError."""
    for file in filter(None, files):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TargetError(
                11,
                f"{file} cannot be written: {error}",
                "a report has nowhere to go, so nothing was judged.",
                "correct the name, or free the place.",
            ) from error


def summary(run: Run) -> str:
    """The counts in one line."""
    counts = Counter(v.verdict for v in run.verdicts)
    said = [
        f"{counts[k]} {word}" for k, word in COUNTED.items() if counts[k] or k in ("pass", "FAIL")
    ]
    if untested := [i for each in run.not_tested() for i in each["criteria"]]:
        said.append(f"NOT TESTED: {', '.join(untested)}")
    return f"{', '.join(said)}   ({run.seconds:.0f} s)"


def warnings(run: Run) -> list[str]:
    """What was not tested although it matters, in sentences."""
    return [
        f"not tested: {', '.join(each['criteria'])}: {each['reason']}; {each['do']}"
        for each in run.not_tested()
    ]


def heading(run: Run) -> str:
    """What was judged, in one line."""
    python, django = run.facts.get("python"), run.facts.get("django")
    versions = f" (python {python}, django {django})" if python else ""
    return f"target   {run.target.root}  spec {run.spec}   backend: {run.target.runtime}{versions}"


def _seen(run: Run) -> Iterator[tuple[Verdict, str]]:
    """Each verdict with what was seen; one failure that meets many criteria is told once."""
    first: dict[str, str] = {}
    for v in run.verdicts:
        is_told = v.verdict in ("FAIL", "warn", "harness error") and v.seen in first
        yield v, f"as {first[v.seen]}" if is_told else v.seen
        if v.verdict in ("FAIL", "warn", "harness error"):
            first.setdefault(v.seen, v.criterion.id)


def table(run: Run, colour: bool) -> Iterator[str]:
    """The table a person sees at the end."""
    yield heading(run)
    for v, seen in _seen(run):
        verdict = v.verdict.ljust(VERDICT_WIDTH)
        if colour and v.verdict in COLOURS:
            verdict = f"\033[{COLOURS[v.verdict]}m{verdict}\033[0m"
        yield f"{v.criterion.id:<7}{_short(v.title):<{TITLE_WIDTH}} {verdict} {seen}".rstrip()
        if v.verdict in ("FAIL", "warn"):
            yield " " * (TITLE_WIDTH + VERDICT_WIDTH + 9) + f"→ {v.criterion.docs}"
        if v.verdict == "stale":
            yield " " * 7 + "is listed as an expected failure and passes: take it off the list"
    for v in run.verdicts:
        for check in v.checks:
            if check.trace:
                yield f"\nharness error in {check.name}:\n{check.trace}"
    for line in warnings(run):
        yield f"\033[{COLOURS['warn']}m{line}\033[0m" if colour else line
    yield summary(run)


def as_json(run: Run) -> str:
    """The report as report.schema.json describes it."""
    document = {
        "spec": run.spec,
        "target": str(run.target.root),
        "runtime": run.target.runtime,
        "stage": run.target.stage,
        "machine": machine(),
        "python": run.facts.get("python"),
        "django": run.facts.get("django"),
        "strict": run.strict,
        "seconds": round(run.seconds, 1),
        "exit": run.exit_code,
        "counts": dict(Counter(v.verdict for v in run.verdicts)),
        "not_tested": run.not_tested(),
        "criteria": [_entry(v) for v in run.verdicts],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_markdown(run: Run) -> str:
    """The report as a table for a CI step summary."""
    lines = [
        f"## {heading(run)}",
        "",
        "| id | criterion | verdict | seen |",
        "| --- | --- | --- | --- |",
    ]
    for v, seen in _seen(run):
        cells = (v.criterion.id, v.title, v.verdict, seen)
        lines.append(
            "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
        )
    noted = [line for each in warnings(run) for line in ("", f"**Warning:** {each}")]
    return "\n".join([*lines, *noted, "", summary(run), ""])


def as_html(run: Run, own: OwnPage) -> str:
    """The report as one page that needs no other file: it begins with the first page as the
    project's authors see it and as the app shows it, side by side."""
    rows = [
        f'<tr><td>{v.criterion.id}<td title="{html.escape(v.criterion.text)}">'
        f"{html.escape(v.title)}<td class={v.verdict.replace(' ', '-')}>{v.verdict}"
        f"<td>{html.escape(seen)}"
        for v, seen in _seen(run)
    ]
    home = run.target.home
    app = run.pictures.get(home, "")
    opening = [
        _figure(f"{home} on the project's own runserver", own.picture, own.why_not),
        _figure(f"{home} in the app", app, "This run has no picture of the app."),
    ]
    others = {path: data for path, data in run.pictures.items() if path != home}
    pictures = [_figure(path, data) for path, data in others.items()]
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(heading(run)),
        summary=html.escape("; ".join([summary(run), *warnings(run)])),
        opening="\n".join(opening),
        rows="\n".join(rows),
        pictures="\n".join(pictures),
    )


def _figure(title: str, data: str, why_not: str = "") -> str:
    """A picture under its title, or the reason why there is none."""
    name = html.escape(title)
    kind = "image/png" if data.startswith(PNG) else "image/jpeg"
    shown = f'<img alt="{name}" src="data:{kind};base64,{data}">' if data else ""
    reason = f"<p>{html.escape(why_not)}</p>" if not data else ""
    return f"<figure><figcaption>{name}</figcaption>{shown}{reason}</figure>"


def listing(criteria: dict[str, Criterion]) -> str:
    """All criteria, one a line."""
    return "\n".join(f"{c.id:<7}{c.level:<7}{c.profile:<10}{c.text}" for c in criteria.values())


def _entry(v: Verdict) -> dict[str, object]:
    c = v.criterion
    return {
        "id": c.id,
        "level": c.level,
        "profile": c.profile,
        "criterion": c.text,
        "verdict": v.verdict,
        "seen": v.seen,
        "checks": [
            {"name": k.name, "verdict": k.verdict, "seen": k.said or k.seen} for k in v.checks
        ],
        "docs": c.docs,
    }


def _short(title: str) -> str:
    return title if len(title) <= TITLE_WIDTH else f"{title[: TITLE_WIDTH - 1]}…"
