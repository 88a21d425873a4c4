"""One bench: start, window, footprint, throughput, commands and growth, each beside its floor.

    python -m bench [--short] [--only GROUP ...] [--project NAME=PATH ...] [--before PATH] [--write]

A full run takes hours on two cores, a brief one (`--short`) minutes. A group that fails is named
as failed and the others go on; then the exit code is 1. `python -m bench.foreign` prepares the
public projects that `--project` names.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import commands, footprint, growth, page, starts, subjects, throughput, windows
from bench.measuring import BEFORE, USUAL, Piece, Report, Row, Section, said, watched
from bench.subjects import ROOT, Subject, made

GROUPS = ("start", "window", "footprint", "throughput", "commands", "growth")


@dataclass(frozen=True)
class Size:
    """How much is measured: rounds of what is fast and of what is slow, sizes of what grows."""

    rounds: int
    slow_rounds: int
    batch: throughput.Batch
    commands: dict[str, tuple[int, ...]]
    growth: dict[str, tuple[int, ...]]
    rows: int  # that are imported


FULL = Size(
    9, 3, throughput.Batch(0.5, 64),
    {"survey": (100, 1000, 10_000, 100_000), "rehearsal": (100, 10_000, 100_000),
     "adapt": (100, 10_000, 100_000), "stage": (100, 10_000, 100_000),
     "check": (100, 10_000, 100_000)},
    {"migrations": (10, 100, 500, 2000), "MB of database": (1, 10, 100, 1000),
     "uploaded files": (100, 1000, 10_000, 100_000)},
    100_000,
)  # fmt: skip
SHORT = Size(
    3, 1, throughput.Batch(0.15, 16),
    {"survey": (100, 1000, 10_000), "rehearsal": (100, 10_000), "adapt": (100,),
     "stage": (100,), "check": (100,)},
    {"migrations": (10, 500), "MB of database": (1, 100), "uploaded files": (100, 10_000)},
    2000,
)  # fmt: skip

Work = Callable[[], Sequence[Row | Piece]]


def plan(asked: argparse.Namespace, every: list[Subject], size: Size
         ) -> Iterator[tuple[str, str, Work]]:  # fmt: skip
    """Group, subject and measurement of each section, in the order of the page."""
    reference = every[0]
    rounds = asked.runs or size.rounds
    slow = min(rounds, size.slow_rounds)
    few = min(rounds, 3)
    own = {each.name: rounds if each.name in (USUAL, BEFORE) else few for each in every}
    for each in every:
        yield "start", each.name, lambda each=each: starts.measure(each, own[each.name])
    yield "start", "other servers and workers", lambda: starts.measure_variants(reference, rounds)
    for each in every:
        yield "window", each.name, lambda each=each: windows.measure(
            each, own[each.name], asked.peer if each is reference else None)  # fmt: skip
    for each in every:
        yield "footprint", each.name, lambda each=each: footprint.measure(each, few)
    yield "footprint", "packed", lambda: footprint.installer(reference)
    for each in every:
        if each.name in (USUAL, BEFORE):
            yield "throughput", each.name, lambda each=each: throughput.measure(
                each, rounds, size.batch)  # fmt: skip
    yield "commands", reference.name, lambda: commands.measure(
        reference, rounds, size.commands, slow)  # fmt: skip
    yield "commands", "bringing data in", lambda: commands.measure_import(
        reference, max(slow, 3), size.rows)  # fmt: skip
    yield "growth", reference.name, lambda: growth.measure(reference, few, size.growth)


def run(asked: argparse.Namespace) -> Report:
    """Measure what was asked for, and tell of each section when it is done."""
    size = SHORT if asked.short else FULL
    report = Report(machine(), asked.short)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        every = [subjects.reference(Path(scratch, "reference"))]
        if asked.before:
            every.append(subjects.before(asked.before, made(Path(scratch, BEFORE))))
            report.machine["before"] = f"commit {commit(asked.before)}"
        for number, (name, path) in enumerate(asked.project):
            folder = made(Path(scratch, f"project-{number}"))
            prepared = Section("start", f"{name}: preparing it")
            with watched(prepared):
                every.append(subjects.given(name, path, folder))
            if prepared.failure:
                report.sections.append(prepared)
        for group, subject, work in plan(asked, every, size):
            if asked.only and group not in asked.only:
                continue
            section = Section(group, subject)
            with watched(section):
                for each in work():
                    (section.rows if isinstance(each, Row) else section.pieces).append(each)
            report.sections.append(section)
            print(
                f"{page.TITLES[group]}: {subject}", *page.table(section), "", sep="\n", flush=True
            )
    return report


def machine() -> dict[str, str]:
    """What it ran on, as the page says it."""
    try:
        program, is_old = windows.electron()
        version = (program.parent / "version").read_text("utf-8").strip().removeprefix("v")
        electron = f"{version} (the old one of the tests)" if is_old else version
    except Exception as error:
        electron = said(error)
    return {
        "cores": str(os.cpu_count()), "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(), "Electron": electron, "commit": commit(ROOT),
    }  # fmt: skip


def commit(folder: Path) -> str:
    """The one that is checked out there, shortened."""
    command = [shutil.which("git") or "git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout.strip()


def named_path(text: str) -> tuple[str, Path]:
    """NAME=PATH, of a project that is adapted."""
    name, _, path = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, adapted(path)


def adapted(text: str) -> Path:
    """The folder of a project that is adapted."""
    if not Path(text, "desktop-app", "desktop.toml").is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder of an adapted project")
    return Path(text).resolve()


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    add = options.add_argument
    add("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    add("--short", action="store_true", help="fewer rounds and sizes: minutes, not hours")
    add(
        "--runs",
        type=int,
        metavar="N",
        help="rounds of what is fast and the kit's own (9, or 3 with --short)",
    )
    add("--project", type=named_path, action="append", default=[], metavar="NAME=PATH",
        help="measure this adapted project too; may be repeated")  # fmt: skip
    add("--peer", type=Path, metavar="PATH", help="folder of another Electron app, or of an "
        "adapted project, whose window is measured in turns with the kit's")  # fmt: skip
    add("--before", type=adapted, metavar="PATH", help="the reference app of an earlier checkout, "
        "staged by it: what it takes is told beside what it takes now")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the figures here")
    add("--write", action="store_true", help="write the page of the docs, its data and picture")
    add("--render", action="store_true", help="write them from the data that are kept; no run")
    return options


def main() -> int:
    """Measure, write; the result is the exit code."""
    options = parser()
    asked = options.parse_args()
    if asked.write and asked.only:
        options.error("--write writes a page of every group; it does not go with --only")
    # The environment of the kit has the Node.js that packaging needs.
    own = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(own), os.environ.get("PATH", "")])
    report = page.read() if asked.render else run(asked)
    if asked.json:
        asked.json.write_text(page.as_json(report), encoding="utf-8")
    for path in page.write(report) if asked.write or asked.render else ():
        print(f"written: {path.relative_to(ROOT).as_posix()}")
    failed = [each for each in report.sections if each.has_failed]
    for each in failed:
        print(f"failed: {each.group}, {each.subject}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
