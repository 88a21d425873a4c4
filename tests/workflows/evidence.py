"""The record of what was executed where: docs/evidence.json."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as Xml
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.workflows import runner

FILE = runner.ROOT / "docs" / "evidence.json"
ORDER = (runner.NOT, runner.STAND_IN, runner.REAL)
# The kit's own programs: what a step is about.
OWN = {"kit.py", "desktop-django", "wheel.py", "uv"}
SYSTEM = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


def read() -> dict[str, Any]:
    """The record as it is."""
    empty: dict[str, Any] = {"steps": {}, "tests": {}, "versions": {}}
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else empty


def write(record: dict[str, Any]) -> None:
    """Write it, in an order of its own."""
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8", newline="\n")


def every_job() -> Iterator[runner.Job]:
    """Every row of every workflow."""
    for file in sorted(runner.WORKFLOWS.glob("*.yml")):
        yield from runner.jobs(file.name)
    # The same rows where the project has the other shell.
    for job in runner.jobs("packages.yml", {"path": "reference_app", "shell": "toga"}):
        if job.row in ("linux", "macos", "windows"):
            job.name = f"{job.name} (toga)"
            yield job


def as_started_by_a_person(job: runner.Job) -> None:
    """The inputs a person types where a workflow is started by hand."""
    if job.workflow == "release.yml":
        job.inputs = {"draft": "draft-1", "version": "v1.2.0"}
    if job.workflow == "check.yml":
        job.inputs = {**job.inputs, "path": "reference_app"}
    if job.name == "publish":
        job.inputs = {**job.inputs, "draft-release": True}


def take_steps(record: dict[str, Any], steps: Iterable[runner.Step]) -> None:
    """Take over a run: the better of what was and what is, while a step's text is the same."""
    known = record["steps"]
    for step in steps:
        before = known.get(step.key)
        now = step.as_dict()
        same = before and before["text"] == now["text"] and not step.code
        if same and _rank(before) > _rank(now):
            continue
        known[step.key] = now
    current = {step.key for step in planned()}
    for gone in known.keys() - current:
        del known[gone]


def _rank(step: dict[str, Any]) -> tuple[int, bool]:
    """How much a step's execution shows: least where the kit itself was stood in for."""
    return ORDER.index(step["level"]), not OWN & set(step["stand_ins"])


def planned() -> Iterator[runner.Step]:
    """Every step there is, as not executed; composite actions are read where they are used."""
    for job in every_job():
        yield from runner.plan(job)


def take_tests(record: dict[str, Any], report: Path) -> None:
    """Take over a run of the tests on this system, by module."""
    counts: dict[str, Counter[str]] = {}
    for case in Xml.parse(report).iter("testcase"):
        module = _module(case)
        outcome = next((each.tag for each in case if each.tag in ("failure", "error", "skipped")),
                       "passed")  # fmt: skip
        counts.setdefault(module, Counter())[outcome] += 1
    known = record["tests"].setdefault(SYSTEM[sys.platform], {})
    known.update({name: dict(each) for name, each in sorted(counts.items())})


def _module(case: Xml.Element) -> str:
    """The module of a test: pytest names it as a class, Node.js as a file."""
    if file := case.get("file", ""):
        return ".".join(Path(file).relative_to(runner.ROOT).parts).removesuffix(".test.js")
    return ".".join(part for part in case.get("classname", "").split(".") if part[:1].islower())


def summary(record: dict[str, Any]) -> str:
    """Workflows, steps, how many of them for real, with stand-ins, not."""
    steps = record["steps"]
    levels = Counter(each["level"] for each in steps.values())
    reasons = Counter(each["reason"] for each in steps.values() if each["level"] == runner.NOT)
    workflows = {key.split("/")[0] for key in steps}
    why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    return (
        f"{len(workflows)} workflows, {len(steps)} steps: {levels[runner.REAL]} for real, "
        f"{levels[runner.STAND_IN]} with stand-ins, {levels[runner.NOT]} not ({why})"
    )
