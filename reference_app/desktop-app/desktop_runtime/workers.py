"""Background workers: processes of the backend, each on a lifeline of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from . import system
from .contract import Installation
from .environment import another_launch, fill
from .manifest import Worker

BACKOFF_SECONDS = (1, 2, 5, 15, 60)
STEADY_SECONDS = 60
FIRST_PAGE_SECONDS = 0.5  # a worker loads the project a second time: not beside the first page
GRACE_SECONDS = 3  # as long as the server drains, which it does at the same time
PREDECESSOR_SECONDS = 0.1
INSIST_SECONDS = 0.3
LOOK_SECONDS = 0.5

logger = logging.getLogger(__name__)


class Workers:
    """Starts the workers of desktop.toml once there is something to do for them, restarts those
    that end, stops them all."""

    def __init__(self, workers: Mapping[str, Worker], app_data: Path) -> None:
        self._app_data, self._logs = app_data, app_data / "logs"
        self._stopping = threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._supervise, args=each, daemon=True)
            for each in workers.items()
        ]

    def start(self) -> None:
        """Watch over every worker, once the first page has had its time, without waiting for it."""
        for thread in self._threads:
            thread.start()

    def end_lifelines(self) -> None:
        """Ask all to end, and start none any more."""
        with self._lock:
            if not self._stopping.is_set():
                self._asked = time.monotonic()
                self._stopping.set()
            for process in self._processes.values():
                process.stdin.close()

    def stop(self) -> None:
        """End all lifelines, wait, and kill what has not ended after the grace period."""
        self.end_lifelines()
        deadline = self._asked + GRACE_SECONDS + 0.5
        for name, process in self._processes.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                logger.warning("worker %s did not end when it was asked, and was killed", name)
        for thread in self._threads:  # one that waits may have a database open
            if thread.is_alive():
                thread.join(LOOK_SECONDS)

    def _await_work(self, worker: Worker) -> None:
        """Until there is something to do, or never will be."""
        from django.db import connections

        from .waiting import is_needed

        while not (self._stopping.is_set() or is_needed(worker, self._app_data)):
            self._stopping.wait(LOOK_SECONDS)
        connections.close_all()

    def _supervise(self, name: str, worker: Worker) -> None:
        failures = 0
        self._stopping.wait(FIRST_PAGE_SECONDS)
        while not self._stopping.is_set():
            self._await_work(worker)
            started = time.monotonic()
            code: int | str | None
            try:
                process = self._spawn(name)
                code = process and process.wait()
            except OSError as error:
                code = str(error)
            if self._stopping.is_set():
                return
            if time.monotonic() - started > STEADY_SECONDS:
                failures = 0
            seconds = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
            logger.warning("worker %s ended (%s); starts again in %s s", name, code, seconds)
            self._stopping.wait(seconds)
            failures += 1

    def _spawn(self, name: str) -> subprocess.Popen[bytes] | None:
        with self._lock, (self._logs / f"worker-{name}.log").open("ab") as log:
            if self._stopping.is_set():
                return None
            process = self._processes[name] = subprocess.Popen(
                another_launch("worker", name),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            return process


def await_predecessor(name: str, logs: Path) -> IO[bytes] | None:
    """In a worker: wait until the one of an earlier launch, which may still finish a task, is gone.

    The result keeps a next one waiting as long as it is open; None where files cannot be locked.
    """
    try:
        while not (held := system.lock(logs / f"worker-{name}.lock")):
            time.sleep(PREDECESSOR_SECONDS)
        return held
    except OSError:
        return None


def run(worker: Worker, installation: Installation) -> None:
    """Run the program of a worker; the project is loaded."""
    from . import queueworkers

    queueworkers.take_up(worker, installation)
    if worker.module:
        import runpy

        sys.argv = [worker.module, *fill([*worker.args], installation)]
        # Not as sys.modules["__main__"]: that stays launch.py, which brings children the overlay.
        runpy.run_module(worker.module, run_name="__main__")
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *worker.command])


def end_with_lifeline(worker: Worker) -> None:
    """In a worker: its lifeline ended. Ask politely as Ctrl-C does, insist after the grace."""
    from . import queueworkers

    system.interrupt_main()
    time.sleep(GRACE_SECONDS)
    try:
        for each in queueworkers.leave():
            print(f"cut off, begins again at the next start: {each}", file=sys.stderr, flush=True)
        if worker.module == "dramatiq":
            # Asked once more, it ends the process in which it works, on every system.
            system.interrupt_main()
            time.sleep(INSIST_SECONDS)
    finally:
        system.end_descendants()
        os._exit(0)
