"""How long a backend takes until it answers the health request.

Floor: the same interpreter binds a socket and calls `django.setup()` on the project's settings. A
bundle has a floor of its own, on its own Python. The contestants of one subject start in turns.
"""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from bench.launching import Place, Running, backend, floor
from bench.measuring import Row, Turns, take_turns
from bench.subjects import Subject, copy, place_of

FLOOR, STAGED_FLOOR = "floor", "floor of the bundle"
SETTLED_SECONDS = 2  # by then workers have loaded the project
CELERY = """
from celery import Celery
app = Celery("bench", broker="redis://127.0.0.1:6379/0")
"""
WORKER = """
[[workers]]
name = "celery"
module = "celery"
args = ["-A", "bench_queue", "worker", "--pool=threads", "--concurrency=4"]

[package]
"""
TASKS = 'command = ["routine_worker"]\n'
# What takes the place of what in desktop.toml.
VARIANTS = {
    "served by ASGI": ("[django]\n", '[django]\nserver = "asgi"\n'),
    "with a worker of Celery": ("[package]\n", WORKER),
    "with a Redis server": (TASKS, f"{TASKS}redis = true\n"),
}

Contest = Callable[[Place], AbstractContextManager[Running]]


def measure(subject: Subject, rounds: int) -> list[Row]:
    """Every kind of start."""
    warm = subject.developed(subject.fresh())
    installed = subject.fresh()
    contestants = {
        FLOOR: lambda: seconds(floor, warm),
        "warm": lambda: seconds(backend, warm),
        "first, all migrations": lambda: seconds(backend, subject.developed(subject.fresh())),
        "after an unclean stop": lambda: after_a_kill(warm),
        STAGED_FLOOR: lambda: seconds(floor, subject.packaged(installed)),
        "staged, warm": lambda: seconds(backend, subject.packaged(installed)),
        "staged, first, prebuilt data": lambda: seconds(backend, subject.packaged(subject.fresh())),
        "staged, first, read-only bundle": lambda: seconds(backend, read_only(subject)),
    }
    turns = take_turns(contestants, rounds)
    most = {"warm": 1.1, "staged, warm": 1.1, "staged, first, prebuilt data": 1.2}
    return [
        turns.row(name, "ready", "s", *base_of(name), most=most.get(name)) for name in contestants
    ]


def base_of(name: str) -> tuple[str, ...]:
    """The floor of a start; a floor has none."""
    if name in (FLOOR, STAGED_FLOOR):
        return ()
    return (STAGED_FLOOR if name.startswith("staged") else FLOOR,)


def seconds(contest: Contest, place: Place) -> dict[str, float]:
    """One start and one stop; how long it took to be ready."""
    with contest(place) as running:
        return {"ready": running.seconds}


def after_a_kill(place: Place) -> dict[str, float]:
    """A start on data that nobody closed."""
    with backend(place) as running:
        running.kill()
    return seconds(backend, place)


def read_only(subject: Subject) -> Place:
    """A bundle in which nobody may write, and new data beside it."""
    bundle = subject.scratch / "read-only"
    if not bundle.exists():
        shutil.copytree(subject.bundle, bundle, symlinks=True)
        for path in [bundle, *bundle.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    place = subject.packaged(subject.fresh(), bundle)
    return Place(place.project, place.python, place.app_data, None, is_guest=True)


def measure_variants(subject: Subject, rounds: int) -> list[Row]:
    """Other servers and workers in the reference app: when it is ready, and what all of it weighs
    once the workers are there."""
    places = {"as it is": subject.developed(subject.fresh())}
    for number, (name, change) in enumerate(VARIANTS.items()):
        own = subject.scratch / f"variant-{number}"
        root = copy(own / "project", {"desktop-app/desktop.toml": change})
        (root / "bench_queue.py").write_text(CELERY, encoding="utf-8")
        places[name] = place_of(root, own)
    contestants = {FLOOR: lambda: seconds(floor, places["as it is"])}
    contestants |= {name: settled(place) for name, place in places.items()}
    turns = take_turns(contestants, rounds)
    ready = [turns.row(name, "ready", "s", *base_of(name)) for name in contestants]
    return ready + [weight(turns, name) for name in places]


def settled(place: Place) -> Callable[[], Mapping[str, float]]:
    """A start, and the memory of all its processes some seconds later."""

    def measure() -> dict[str, float]:
        with backend(place) as running:
            time.sleep(SETTLED_SECONDS)
            return {"ready": running.seconds, **running.mebibytes()}

    return measure


def weight(turns: Turns, name: str) -> Row:
    """The memory of a variant, beside the app as it is."""
    base = () if name == "as it is" else ("as it is",)
    return turns.row(name, "RSS", "MiB", *base, label=f"{name}: memory")
