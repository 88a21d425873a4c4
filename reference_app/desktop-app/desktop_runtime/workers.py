"""Background workers: processes of the backend, each on a lifeline of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from . import system

BACKOFF_SECONDS = (1, 2, 5, 15, 60)
STEADY_SECONDS = 60
GRACE_SECONDS = 3  # as long as the server drains, which it does at the same time


class Workers:
    """Starts the workers of desktop.toml, restarts those that end, stops them all."""

    def __init__(self, names: Iterable[str], logs: Path) -> None:
        self._logs = logs
        self._stopping = threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._supervise, args=(name,), daemon=True) for name in names
        ]

    def start(self) -> None:
        """Start every worker without waiting for it."""
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
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _supervise(self, name: str) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            process = self._spawn(name)
            if process is None:
                return
            process.wait()
            if time.monotonic() - started > STEADY_SECONDS:
                failures = 0
            self._stopping.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1

    def _spawn(self, name: str) -> subprocess.Popen[bytes] | None:
        launcher = Path(__file__).parent.parent / "launch.py"
        flags = ["-I", "-u", "-X", "utf8"]
        if sys.dont_write_bytecode:
            flags.append("-B")
        if sys.pycache_prefix:
            flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
        with self._lock, (self._logs / f"worker-{name}.log").open("ab") as log:
            if self._stopping.is_set():
                return None
            process = self._processes[name] = subprocess.Popen(
                [sys.executable, *flags, str(launcher), "worker", name],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            return process


def end_with_lifeline() -> None:
    """In a worker: its lifeline ended. Ask politely as Ctrl-C does, insist after the grace."""
    system.interrupt_main()
    time.sleep(GRACE_SECONDS)
    os._exit(0)
