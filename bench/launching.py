"""Starts an adapted project, the least that any start of it would have to do, and other servers.

The contract's variables, the interpreter's flags and the lifeline are those of SPEC.md; nothing
here imports the payload.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

HANG_SECONDS = 1800  # Django applies 2,000 migrations in minutes
# Root of a machine writes where nobody may.
WITHOUT_POWER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")
SYSTEM_VARIABLES = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMP", "LOCALAPPDATA")

# Bind, let manage.py choose the settings as it would for any command, `django.setup()`.
FLOOR = """
import os, runpy, socket, sys
port, home, manage, settings, *path = sys.argv[1:]
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(port)))
sock.listen(1024)
os.chdir(home)
sys.path[:0] = [home, *path]
sys.argv = [manage, "desktop"]
import django
if settings:
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
else:
    from django.core import management
    management.execute_from_command_line = lambda *_: None
    runpy.run_path(manage, run_name="__main__")
django.setup()
os.write(1, b"ready\\n")
sys.stdin.read()
"""


@dataclass(frozen=True)
class Place:
    """One adapted project on one app data folder.

    `bytecode` is the cache of a project that is developed; without it the project lies in a bundle,
    which has its own. A `guest` is no administrator, so that a folder without write permission is
    read-only for it.
    """

    project: Path
    python: Path
    app_data: Path
    bytecode: Path | None
    is_guest: bool = False

    @property
    def bundle(self) -> Path:
        """The folder that the contract calls so."""
        return self.project if self.bytecode else self.project.parent

    def command(self) -> list[str]:
        """The interpreter with the flags of SPEC.md."""
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        before = WITHOUT_POWER if self.is_guest and is_root else ()
        flags = ["-I", "-u", "-X", "utf8"]
        flags += ["-X", f"pycache_prefix={self.bytecode}"] if self.bytecode else ["-B"]
        return [*before, str(self.python), *flags]

    def environment(self, port: int, token: str) -> dict[str, str]:
        """What the system needs and the contract says; nothing else of ours."""
        contract = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "AUTH_TOKEN": token,
            "APP_DATA_DIR": str(self.app_data),
            "BUNDLE_DIR": str(self.bundle),
            "RUNTIME_MODE": "development" if self.bytecode else "packaged",
        }
        return system_environment() | {
            f"DESKTOP_DJANGO_{name}": value for name, value in contract.items()
        }


@dataclass(frozen=True)
class Running:
    """A started contestant, and the seconds until it was ready."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    seconds: float = 0

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_SECONDS)

    def get(self, connection: http.client.HTTPConnection, path: str) -> int:
        """Fetch a page whole and return its status."""
        connection.request("GET", path, headers={"X-Desktop-Django-Token": self.token})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def family(self) -> list[psutil.Process]:
        """The process and everything it started."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def mebibytes(self) -> dict[str, float]:
        """Memory of the family: resident, and where pages that several share count once."""
        return memory(self.family())

    def kill(self) -> None:
        """End all of it at once, as a power cut would."""
        for member in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self.process.wait()


def memory(family: list[psutil.Process]) -> dict[str, float]:
    """MiB of processes by kind of count; PSS where the system knows it."""
    counts = {"RSS": sum(member.memory_info().rss for member in family) / 2**20}
    if psutil.LINUX:
        counts["PSS"] = sum(member.memory_full_info().pss for member in family) / 2**20
    return counts


class NotReadyError(Exception):
    """Raised when a contestant ends, or says that it failed, before it is ready."""


@contextlib.contextmanager
def backend(place: Place) -> Iterator[Running]:
    """The adapted app, yielded once it has answered the health request."""
    health = manifest(place).get("health_path", "/health/")

    def ready(running: Running) -> None:
        event = json.loads(running.process.stdout.readline() or "{}")
        if event.get("event") != "listening" or running.get(running.connect(), health) != 200:
            raise NotReadyError(f"the backend did not start: {event}")

    launch = place.project / "desktop-app" / "launch.py"
    with launched(place, [str(launch)], ready, place.environment) as running:
        yield running


@contextlib.contextmanager
def floor(place: Place) -> Iterator[Running]:
    """The least any start of this project takes: bind and `django.setup()`."""
    django = manifest(place)
    named = django.get("manage", "manage.py")
    manage = place.project / named if named else None
    home = manage.parent if manage else place.project
    path = [str(place.project / folder) for folder in django.get("path", [])]
    filled = {
        name: str(value)
        .replace("{app_data}", str(place.app_data))
        .replace("{bundle}", str(place.bundle))
        .replace("generate:secret", "s" * 50)
        for name, value in django.get("env", {}).items()
    }

    def environment(_port: int, _token: str) -> dict[str, str]:
        return system_environment() | filled

    def ready(running: Running) -> None:
        while line := running.process.stdout.readline():
            if line == b"ready\n":
                return
        raise NotReadyError("django.setup() failed without the overlay")

    arguments = [str(home), str(manage or ""), django.get("settings", ""), *path]
    with launched(place, ["-c", FLOOR, "{port}", *arguments], ready, environment) as running:
        yield running


@contextlib.contextmanager
def launched(
    place: Place,
    arguments: list[str],
    ready: Callable[[Running], None],
    environment: Callable[[int, str], dict[str, str]],
) -> Iterator[Running]:
    """Start, wait until `ready` returns, yield with the seconds that took, stop."""
    port, token = free_port(), secrets.token_urlsafe(32)
    with (
        (place.app_data.parent / "bench.log").open("ab") as log,
        subprocess.Popen(
            [*place.command(), *(port_filled(argument, port) for argument in arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(port, token),
        ) as process,
    ):
        started = time.perf_counter()
        try:
            ready(Running(process, port, token))
            yield Running(process, port, token, time.perf_counter() - started)
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for_port(running: Running) -> None:
    """Return once the contestant accepts connections."""
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline and running.process.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", running.port)),
        ):
            return
        time.sleep(0.02)
    raise NotReadyError("the server does not answer")


def port_filled(argument: str, port: int) -> str:
    """The argument with the port in its place; nothing else in it is a template."""
    return argument.replace("{port}", str(port))


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def system_environment() -> dict[str, str]:
    """What a process needs of its system."""
    return {name: os.environ[name] for name in SYSTEM_VARIABLES if name in os.environ}


def manifest(place: Place) -> dict:
    """The [django] table of the project's desktop.toml."""
    text = (place.project / "desktop-app" / "desktop.toml").read_text(encoding="utf-8")
    return tomllib.loads(text).get("django", {})
