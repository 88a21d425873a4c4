"""How long the kit's commands take on projects of 100 to 100,000 files.

Each size is the reference app, not yet adapted, with that many files more: modules, templates and
static files in equal parts. What counts is the ratio to the smallest one in the same round. A
rehearsal is compared with a first launch of the same app too, an import with Django's `loaddata`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.launching import Place, backend
from bench.measuring import Row, take_turns
from bench.subjects import REFERENCE, ROOT, Subject, ask_for, copy, made, this_python
from skill_scripts.rehearsal.rehearse import Stage, rehearse
from tests.scripts.local_python import LocalBuild

IN_A_FOLDER = 100
SMALLEST = 100
KINDS = {
    "module.py": "def work(value):\n    return value + 1\n",
    "page.html": "{% load static %}<p>{{ value }}</p>\n",
    "style.css": "p { color: teal }\n",
}
FAILED = "ended with"
LAUNCH = Path("desktop-app", "launch.py")


@dataclass
class Sized:
    """A project of so many files, under git, with an adapted copy beside it."""

    files: int
    plain: Path
    adapted: Path


def measure(subject: Subject, rounds: int, sizes: Mapping[str, tuple[int, ...]],
            slow_rounds: int) -> list[Row]:  # fmt: skip
    """Every command on the sizes that `sizes` names for it."""
    every = sorted({size for wanted in sizes.values() for size in wanted})
    projects = {size: sized(subject.scratch / f"sized-{size}", size, subject.build)
                for size in every}  # fmt: skip
    makers: dict[str, Callable[[Sized], float]] = {
        "survey": lambda each: kit("survey", each.plain, codes=(0, 1)),
        "adapt": adapt,
        "rehearsal": rehearsal,
        "stage": partial(stage, build=subject.build),
        "check": lambda each: kit("check", each.adapted, codes=(0, 1), as_json=False),
    }
    rows = []
    for command, wanted in sizes.items():
        contestants = {f"{size}": partial(timed, makers[command], projects[size])
                       for size in wanted}  # fmt: skip
        if command == "rehearsal":
            launch = partial(first_launch, subject, projects[wanted[0]])
            contestants = {"first launch": launch, **contestants}
        is_slow = command in ("stage", "check", "adapt", "rehearsal")
        turns = take_turns(contestants, slow_rounds if is_slow else rounds,
                           warm_up=0 if is_slow else 1)  # fmt: skip
        for size in wanted:
            row = turns.row(f"{size}", "took", "s", label=f"{command}, {size:,} files")
            if size != wanted[0]:
                row.against[f"{SMALLEST} files"] = turns.values.get((f"{wanted[0]}", "took"), [])
            if command == "rehearsal":
                row.against["first launch"] = turns.values.get(("first launch", "took"), [])
            rows.append(row)
    return rows


def timed(work: Callable[[Sized], float], project: Sized) -> dict[str, float]:
    """The seconds of one run."""
    return {"took": work(project)}


def sized(folder: Path, files: int, build: LocalBuild) -> Sized:
    """A project of that many files, and one that is adapted."""
    plain = copy(folder / "plain")
    shutil.rmtree(plain / "desktop-app")
    for number in range(files):
        kind = [*KINDS][number % len(KINDS)]
        at = made(plain / "library" / f"part_{number // IN_A_FOLDER}")
        (at / f"{number % IN_A_FOLDER}_{kind}").write_text(KINDS[kind], encoding="utf-8")
    (plain / ".gitignore").write_text("/.venv\n", encoding="utf-8")
    adapted = folder / "adapted"
    shutil.copytree(plain, adapted)
    for root in (plain, adapted):
        # Its environment is the kit's, which has all it needs.
        (root / ".venv").symlink_to(sys.prefix)
        git(root, "init", "--quiet")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "start")
    left_out = shutil.ignore_patterns("node_modules", "staged*", "dist*", "__pycache__")
    shutil.copytree(REFERENCE / "desktop-app", adapted / "desktop-app", ignore=left_out)
    ask_for(adapted, build)
    return Sized(files, plain, adapted)


def git(root: Path, *words: str) -> None:
    """Run git as nobody in particular."""
    who = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"]
    subprocess.run(["git", *who, "-C", str(root), *words], check=True, capture_output=True)


def kit(command: str, root: Path, *options: str, codes: tuple[int, ...] = (0,),
        as_json: bool = True) -> float:  # fmt: skip
    """Run a command of the kit; seconds. Raises ValueError if it ends as it must not."""
    words = [command, str(root), *options, *(["--json"] if as_json else [])]
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "skill_scripts", *words], cwd=ROOT,
                          capture_output=True, text=True)  # fmt: skip
    took = time.perf_counter() - begun
    if done.returncode not in codes:
        said = " ".join((done.stdout + done.stderr).split())[-150:]
        raise ValueError(f"{command} {FAILED} {done.returncode}: {said}")
    return took


def adapt(project: Sized) -> float:
    """Adapt, and remove what that added."""
    took = kit("adapt", project.plain)
    kit("remove", project.plain)
    return took


def stage(project: Sized, build: LocalBuild) -> float:
    """Stage with a Python of this machine."""
    where = ["--python-downloads", str(build.downloads), "--python-mirror", build.mirror]
    return kit("stage", project.adapted, *where, "--allow-old-sqlite")


def rehearsal(project: Sized) -> float:
    """A rehearsal of the adapted project. Raises ValueError if it fails."""
    begun = time.perf_counter()
    seen = rehearse(Stage.of(project.adapted))
    if seen.failure:
        raise ValueError(f"the rehearsal failed: {seen.failure.message}")
    return time.perf_counter() - begun


def first_launch(subject: Subject, project: Sized) -> dict[str, float]:
    """A first start of the smallest one."""
    place = Place(project.adapted, this_python(), subject.fresh(), subject.scratch / "bytecode")
    with backend(place) as running:
        return {"took": running.seconds}


# --- bringing data in -----------------------------------------------------------------------------

FILL = """
from items.models import Item
for start in range(0, {rows}, 5000):
    Item.objects.bulk_create(
        Item(title=f"item {{n}}", notes="some words about it " * 5)
        for n in range(start, min(start + 5000, {rows}))
    )
"""


def measure_import(subject: Subject, rounds: int, rows: int) -> list[Row]:
    """Whole processes from start to exit. `loaddata` gets a database that is migrated already and
    proves nothing; the import migrates, writes, reads everything again and compares."""
    root = copy(subject.scratch / "imported")
    (root / ".venv").symlink_to(sys.prefix)
    source = subject.fresh()
    manage(root, source, "migrate", "-v0")
    manage(root, source, "shell", "-c", FILL.format(rows=rows))
    dump = subject.scratch / "dump.json"
    manage(root, source, "dumpdata", "-o", str(dump))

    def loaddata() -> dict[str, float]:
        data = subject.fresh()
        manage(root, data, "migrate", "-v0")
        manage(root, data, "flush", "--no-input", "-v0")
        return manage(root, data, "loaddata", str(dump), "-v0")

    turns = take_turns({
        "loaddata": loaddata,
        "of the dump": lambda: bring(root, subject.fresh(), dump),
        "of SQLite": lambda: bring(root, subject.fresh(), source / "db.sqlite3"),
    }, rounds, warm_up=0)  # fmt: skip
    return [
        turns.row(name, part, unit, "loaddata", label=f"import {name}, {rows:,} rows: {part}")
        for name in ("of the dump", "of SQLite")
        for part, unit in (("time", "s"), ("peak", "MiB"))
    ]


def manage(root: Path, app_data: Path, *arguments: str) -> dict[str, float]:
    """Run a management command on development data; what it took."""
    env = {
        **os.environ,
        "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(root),
        "DESKTOP_DJANGO_RUNTIME_MODE": "development",
    }
    command = [sys.executable, "-I", "-X", "utf8", str(root / LAUNCH), "manage", *arguments]
    begun = time.monotonic()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        raise ValueError(f"{arguments[0]} {FAILED} {status}")
    return {"time": time.monotonic() - begun, "peak": used.ru_maxrss / 2**10}


def bring(root: Path, app_data: Path, source: Path) -> dict[str, float]:
    """Import; what the part that reads and writes rows took."""
    command = [sys.executable, "-m", "skill_scripts", "import", str(root), "--json"]
    env = {**os.environ, "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data)}
    begun = time.monotonic()
    done = subprocess.run([*command, "--from", str(source)], env=env, cwd=ROOT,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise ValueError(f"import {FAILED} {done.returncode}: {done.stdout[-150:]}")
    return {"time": time.monotonic() - begun, "peak": json.loads(done.stdout)["peak_bytes"] / 2**20}
