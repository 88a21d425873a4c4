"""Starts that are killed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.backend import Backend
from checks.limits import KILLED_SHELL_SECONDS
from checks.target import Target


@dataclass(frozen=True)
class Killed:
    """How a backend fares whose shell is killed."""

    secret: str
    left: list[str]
    seconds: float


def kill_shell(copy: Target, app_data: Path) -> Killed:
    """Let another process hold the backend; kill that while a child of the target runs."""
    with Backend(copy, app_data, held=True) as backend:
        backend.ready()
        secret = backend.probe("info")["secret"]
        backend.let_workers_start()
        backend.probe("spawn")
        backend.kill()
        left, seconds = backend.tree.gone_within(KILLED_SHELL_SECONDS)
        return Killed(secret, left, seconds)


def kill_first_start(target: Target, app_data: Path, last: dict[str, Any] | None) -> None:
    """Kill a first start once its database is there, or at the step `last`, or when it serves."""

    def reached(backend: Backend) -> bool:
        if last is None:
            return any(path.stat().st_size for path in app_data.glob("*.sqlite3"))
        return any(event.get("name") == last["name"] for event in backend.events)

    with Backend(target, app_data) as backend:
        while backend.process.poll() is None and not backend.event("ready"):
            if reached(backend) or backend.quiet():
                break
            time.sleep(0.001)
        backend.kill()
