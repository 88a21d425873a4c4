"""The page `What is proven`, from docs/evidence.json and the rows of docs/maturity.toml.

No cell says more than a run showed: a step counts while its text is the one that ran.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
# The kit's own programs: where one was stood in for, the workflow was executed and not the kit.
OWN = ("kit.py", "desktop-django", "wheel.py", "uv")
SYSTEMS = ("Linux", "macOS", "Windows")
RAN, STOOD_IN, READ = "ran on that system", "every step executed, with stand-ins", "read only"


def page(note: str) -> str:
    """The page with what ran where, and every branch on the operating system."""
    record = json.loads((DOCS / "evidence.json").read_text(encoding="utf-8"))
    content = tomllib.loads((DOCS / "maturity.toml").read_text(encoding="utf-8"))
    return content["page"].format(
        note=note,
        ran=RAN,
        stood_in=STOOD_IN,
        read=READ,
        rows="\n".join(_row(each, record) for each in content["row"]),
        summary=_summary(record["steps"]),
        versions="\n".join(_versions(record)),
        **_platforms(),
    )


def _row(row: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    what = row["what"] + (f" ({row['note']})" if "note" in row else "")
    return f"| {what} | " + " | ".join(cell(row, system, record) for system in SYSTEMS) + " |"


def cell(row: Mapping[str, Any], system: str, record: Mapping[str, Any]) -> str:
    """What the record says of a row on one system."""
    if system in row.get("instead", {}):
        return row["instead"][system]
    tests = record["tests"].get(system, {})
    counts = [tests[name] for name in tests if _matches(name, row.get("tests", ()))]
    passed = sum(each.get("passed", 0) for each in counts)
    failed = sum(each.get("failure", 0) + each.get("error", 0) for each in counts)
    if passed and not failed:
        return f"{RAN} ({passed} tests)"
    return _of_steps(row, system, record["steps"])


def _of_steps(row: Mapping[str, Any], system: str, steps: Mapping[str, Any]) -> str:
    found = [
        step
        for name, step in steps.items()
        if step["system"] == system
        and _matches(name, row.get("steps", ()))
        and not step["reason"].startswith("if:")
    ]
    if not found or any(step["level"] == "not" for step in found):
        return READ
    if all(step["level"] == "real" for step in found) and system == "Linux":
        return RAN
    names = sorted({name for step in found for name in step["stand_ins"]})
    if own := [f"`{name}`" for name in names if name in OWN]:
        return f"{READ}; the workflow was executed around a stand-in for {', '.join(own)}"
    return f"{STOOD_IN} for {', '.join(f'`{name}`' for name in names)}" if names else STOOD_IN


def _matches(name: str, patterns: tuple[str, ...] | list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _summary(steps: Mapping[str, Any]) -> str:
    workflows = sorted({name.split("/")[0] for name in steps})
    lines = ["| workflow | steps | for real | with stand-ins | not |", "| --- |" + " --- |" * 4]
    for workflow in workflows:
        own = [step for name, step in steps.items() if name.startswith(f"{workflow}/")]
        counts = [str(len(own)), *(_count(own, level) for level in ("real", "stand-in", "not"))]
        lines.append(f"| `{workflow}` | {' | '.join(counts)} |")
    return "\n".join(lines)


def _count(steps: list[Mapping[str, Any]], level: str) -> str:
    """How many have this level, and why where there is a reason."""
    found = [step for step in steps if step["level"] == level]
    reasons = sorted({f"`{step['reason']}`" for step in found if step["reason"]})
    return " ".join([str(len(found)), *([f"({', '.join(reasons)})"] if reasons else [])])


def _versions(record: Mapping[str, Any]) -> Iterator[str]:
    ran = record.get("versions", {})
    shell = DOCS.parent / "reference_app" / "desktop-app" / "electron" / "package.json"
    package = json.loads(shell.read_text(encoding="utf-8"))
    ships = {**package["dependencies"], **package["devDependencies"]}
    downloads = json.loads(
        (DOCS.parent / "skill_scripts" / "dependencies" / "python_downloads.json").read_text(
            encoding="utf-8"
        )
    )
    pythons = {(each["major"], each["minor"], each["patch"]) for each in downloads.values()}
    ships["Python of the bundle"] = ".".join(map(str, max(pythons)))
    for name in sorted(ships, key=str.lower):
        yield f"| {name} | {ran.get(name, 'not run')} | {ships[name]} |"


def _platforms() -> dict[str, str]:
    """The tables of branches on the operating system, and of what is no branch."""
    listed = tomllib.loads((DOCS / "platforms.toml").read_text(encoding="utf-8"))
    every = [*listed["branch"], *listed["topic"]]
    counts = Counter(each["verdict"] for each in every)
    told = [each for each in listed["branch"] if each["verdict"] != "unknown"]
    return {
        "counted": ", ".join(f"{counts[each]} {each}" for each in ("right", "fixed", "unknown")),
        "unknown": "\n".join(
            f"| {_linked(each)} | {each['note']} |"
            for each in every
            if each["verdict"] == "unknown"
        ),
        "branches": "\n".join(
            f"| `{each['file'].rpartition('/')[2]}` | `{each['place']}` | {_judged(each)} |"
            for each in told
        ),
        "topics": "\n".join(
            f"| {_judged(each)} |" for each in listed["topic"] if each["verdict"] != "unknown"
        ),
    }


def _linked(each: Mapping[str, Any]) -> str:
    return f"[{each['does']}]({each['follows']})"


def _judged(each: Mapping[str, Any]) -> str:
    note = f": {each['note']}" if "note" in each else ""
    return f"{_linked(each)} | {each['verdict']}{note}"
