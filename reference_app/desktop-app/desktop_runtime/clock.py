"""Starts what is due, in a worker.

A job is due if its time came since it began for the last time, unless that was cut off. So what a
closed app missed, however often, runs once at the next start, and what was cut off begins again.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from .data import read_json, write_private

running: dict[str, threading.Thread] = {}
"""By the names of their jobs."""
skipped: frozenset[str] = frozenset()
"""Names of those that do not make up for what they missed."""


class Job(Protocol):
    """What runs by the clock."""

    name: str
    path: str
    is_for_start: bool

    def is_due(self, since: datetime, now: datetime) -> bool:
        """Whether its time came after `since`."""

    def begin_again(self, skip: bool) -> None:
        """At a start, nothing runs: put right what its package has noted."""

    def run(self) -> None:
        """Do it."""


class Clock:
    """Looks at what is due and gives each job a thread; never one twice at the same time."""

    def __init__(self, jobs: list[Job], file: Path) -> None:
        self._jobs, self._file, self._lock = jobs, file, threading.Lock()
        known, now = read_json(file) or {}, datetime.now(UTC)
        self._since = {job.name: _time(known.get(job.name), now) for job in jobs}
        for job in jobs:
            if job.name in known:
                is_skipped = bool({job.name, job.path, "*"} & skipped)
                job.begin_again(is_skipped)
                if is_skipped:
                    self._since[job.name] = now
        self._write()
        for job in jobs:
            if job.is_for_start:
                self._begin(job, now)

    def look(self) -> None:
        """Begin what is due."""
        now = datetime.now(UTC)
        for job in self._jobs:
            if job.name not in running and job.is_due(self._since[job.name], now):
                self._begin(job, now)

    def _begin(self, job: Job, now: datetime) -> None:
        thread = threading.Thread(target=self._run, args=(job, now), daemon=True)
        running[job.name] = thread
        thread.start()

    def _run(self, job: Job, now: datetime) -> None:
        from django.db import connections

        try:
            job.run()
        except (Exception, SystemExit):
            print(f"{job.name} failed:", file=sys.stderr)
            traceback.print_exc()
        connections.close_all()
        with self._lock:
            self._since[job.name] = now
            self._write()
            del running[job.name]

    def _write(self) -> None:
        since = {name: moment.isoformat() for name, moment in self._since.items()}
        write_private(self._file, json.dumps(since, indent=1))


def _time(text: Any, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return otherwise
