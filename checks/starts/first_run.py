"""The start of a new user: no folder yet, every migration pending."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import accounts, database, files, records
from checks.backend import Backend, TargetFailedError
from checks.limits import ANSWER_SECONDS, POLITE_SECONDS, START_SECONDS, STOP_SECONDS
from checks.pages import Visitor
from checks.records import Way
from checks.starts.app_data import copier
from checks.target import Target

EARLY_CONNECTIONS = 20


@dataclass(frozen=True)
class Stop:
    """How a start ended when its lifeline did; `exit` None: it still ran."""

    exit: int | None
    seconds: float
    left: list[str]


@dataclass(frozen=True)
class FirstRun:
    """A start on a folder that did not exist, and a stop; then one of somebody who saves."""

    app_data: Path
    untouched: Path
    """The folder as the first start left it, in which nobody has done anything."""
    place: str
    """Where the first page led, if the target asks for the first account."""
    port: int
    events: list[dict[str, Any]]
    noise: list[bytes]
    early: list[int | None]
    """Statuses of requests sent at `listening`."""
    applied_at_health: set[tuple[str, str]]
    """Migrations in the database when the first early health request got its 200."""
    applied_later: set[tuple[str, str]]
    listening: list[tuple[str, int, int]]
    changed: list[str]
    """Files of the bundle that differ afterwards."""
    stops: list[Stop]
    way: Way | None

    @property
    def exit(self) -> int | None:
        """The first exit code that is not 0; None: one still ran."""
        return next((each.exit for each in self.stops if each.exit != 0), 0)

    @property
    def seconds_to_stop(self) -> float:
        """Of the longer stop."""
        return max(each.seconds for each in self.stops)

    @property
    def left(self) -> list[str]:
        """Processes that were there STOP_SECONDS after a stop."""
        return [name for each in self.stops for name in each.left]

    @property
    def patience(self) -> float:
        """Seconds to wait for the end of a later start: who was deaf once is deaf again."""
        return POLITE_SECONDS if self.exit is None else STOP_SECONDS


def start_first(target: Target, app_data: Path, form: str | None) -> FirstRun:
    """Start, send requests from `listening` on, stop; start again and look for a form that saves
    (`form`: its page)."""
    before = files.digests(target.bundle)
    with Backend(target, app_data) as first:
        first.wait_for("listening")
        early = _Early(first)
        first.ready()
        early.join()
        listening = first.listening()
        later = database.applied(app_data)
        visitor = Visitor(first)
        if target.first_account:
            accounts.is_asked(visitor)
        stops = [_stopped(first)]
    untouched = copier(app_data, app_data.parent)("untouched")
    way = None
    with Backend(target, app_data) as second, contextlib.suppress(TargetFailedError):
        second.ready()
        with contextlib.suppress(TargetFailedError):
            accounts.let_in(second)
            way = records.find(second, form)
        stops.append(_stopped(second))
    return FirstRun(
        app_data=app_data,
        untouched=untouched,
        place=visitor.place,
        port=first.port,
        events=first.events,
        noise=first.noise,
        early=early.statuses,
        applied_at_health=early.applied,
        applied_later=later,
        listening=listening,
        changed=files.changes(before, files.digests(target.bundle)),
        stops=stops,
        way=way,
    )


def _stopped(backend: Backend) -> Stop:
    code, seconds = backend.stop()
    left, _ = backend.tree.gone_within(0 if code is None else STOP_SECONDS)
    return Stop(code, seconds, left)


class _Early:
    """Requests that a shell sends at once, without waiting for readiness."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.statuses: list[int | None] = []
        self.applied: set[tuple[str, str]] = set()
        self._threads = [
            threading.Thread(target=self._ask, args=(n,), daemon=True)
            for n in range(EARLY_CONNECTIONS)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        status = None
        with contextlib.suppress(TargetFailedError):
            status = self.backend.get(self.backend.target.health_path, limit=START_SECONDS).status
        if number == 0 and status == 200:
            self.applied = database.applied(self.backend.app_data)
        self.statuses.append(status)

    def join(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
