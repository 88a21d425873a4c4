"""One launch of the backend, as a shell does it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

LONGEST = 90.0  # seconds that nothing here takes unless it hangs
HOLDER = Path(__file__).parents[2] / "checks" / "holder.py"
FLAGS = {"development": ("-I", "-u", "-X", "utf8"), "packaged": ("-I", "-B", "-u", "-X", "utf8")}


@dataclass(frozen=True)
class Place:
    """What is started: one version of the project, in its repository or in a bundle."""

    bundle: Path
    project: Path
    mode: str = "development"
    python: str = sys.executable


class Launch:
    """A running backend; `kill` and `stop` end it."""

    def __init__(
        self,
        place: Place,
        app_data: Path,
        cache: Path,
        *,
        before: Sequence[str] = (),
        held: bool = False,
        port: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`before` is put in front of the command; `held` puts a holder of the lifeline between."""
        self.token, self.port = secrets.token_urlsafe(32), port or str(free_port())
        self.begun = time.monotonic()
        self.events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._ended = False
        cached = ("-X", f"pycache_prefix={cache}") if place.mode == "development" else ()
        command = [
            *before,
            *(place.python, *FLAGS[place.mode], *cached),
            str(place.project / "desktop-app" / "launch.py"),
        ]
        log = app_data.parent / "stderr.log"
        if held:
            command = [sys.executable, str(HOLDER), str(log), *command]
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
        contract = {
            "HOST": "127.0.0.1",
            "PORT": self.port,
            "AUTH_TOKEN": self.token,
            "APP_DATA_DIR": str(app_data),
            "BUNDLE_DIR": str(place.bundle),
            "RUNTIME_MODE": place.mode,
        }
        named = {f"DESKTOP_DJANGO_{name}": value for name, value in contract.items()}
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**kept, **named, **(environment or {})},
                start_new_session=True,
            )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                with self._changed:
                    self.events.append(json.loads(line))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, *names: str, seconds: float = LONGEST) -> dict[str, Any] | None:
        """The first event with one of these names; None when it ended or hangs without one."""

        def found() -> dict[str, Any] | None:
            return next((each for each in self.events if each["event"] in names), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, seconds)
            return found()

    @property
    def backend(self) -> int:
        """The pid of the backend itself, which is another one's child where it is `held`."""
        event = self.wait("listening")
        return event["pid"] if event else self.process.pid

    def workers(self) -> Iterator[psutil.Process]:
        """The worker processes of this backend."""
        yield from psutil.Process(self.backend).children(recursive=True)

    def stop(self) -> int | None:
        """Close the lifeline; returns the exit code, None when it had to be killed."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            return self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def exit_code(self) -> int | None:
        """The exit code of a backend that ends unasked, None when it does not."""
        try:
            return self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """SIGKILL to what was started, and nothing else."""
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
