"""Checks side by side: which of them share a worker of xdist, and what all workers share."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

Made = TypeVar("Made")

MOST = 4
"""More workers wait for each other: the longest chain of starts decides."""
FIRST = ["shell", "pages", "first starts", "inside", "tasks", "restarts"]
"""The longest chains begin first; one of them needs no data of the first run, which takes long."""
SHARED = "shared"
# Starts that checks look at together, and the worker that makes them. The first that a check asks
# for decides; what costs little comes last, and is made by several workers.
STARTS = {
    "place": "shell",
    "opened_application": "application",
    "moved": "bundle",
    "queued": "tasks",
    "probed": "inside",
    "second_install": "first starts",
    "unstarted": "first starts",
    "shell_killed": "inside",
    "restarts": "restarts",
    "migrated": "update",
    "migration_failed": "failed update",
    "chatty": "chatty",
    "load_failure": "load failure",
    "terminated": "terminated",
    "served": "sockets",
    "browser": "pages",
    "live": "pages",
    "opened": "copy",
}


def count() -> int:
    """How many workers this machine can use, one of which waits at any time; 0: none beside the
    one process."""
    cores = os.cpu_count() or 1
    return min(cores + 1, MOST) if cores > 1 else 0


def worker(fixtures: list[str]) -> str:
    """The worker that a check belongs to by its fixtures; "" where any will do."""
    return next((name for start, name in STARTS.items() if start in fixtures), "")


def rank(fixtures: list[str]) -> int:
    """The place of a check by its fixtures: what is lower is begun earlier."""
    name = worker(fixtures)
    return FIRST.index(name) if name in FIRST else len(FIRST)


def name(criteria: list[str], fixtures: list[str]) -> str:
    """A check in its node id: what it judges and, where it matters, the worker it belongs to."""
    judged = ",".join(criteria)
    place = worker(fixtures)
    return f"{judged}@{place}" if place else judged


def judged(nodeid: str) -> list[str]:
    """The criteria of a check by its node id."""
    _, bracket, rest = nodeid.rpartition("[")
    return rest.rstrip("]").partition("@")[0].split(",") if bracket else []


class Scheduling(LoadScopeScheduling):
    """Checks of the same starts go to the same worker, each other one to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        _, at, worker = nodeid.rpartition("@")
        return worker if at else nodeid


def shared_folder(config: pytest.Config, own: Path) -> Path:
    """The folder that all workers share; `own` where there are none."""
    return Path(getattr(config, "workerinput", {}).get(SHARED, own))


def once(folder: Path, name: str, make: Callable[[], Made]) -> Made:
    """What `make` returns. The first worker that asks makes it, the others wait and get a copy."""
    kept = folder / f"{name}.pickle"
    with FileLock(folder / f"{name}.lock"):
        if kept.exists():
            return pickle.loads(kept.read_bytes())
        made = make()
        kept.write_bytes(pickle.dumps(made))
    return made
