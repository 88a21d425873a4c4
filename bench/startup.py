"""How fast the adapted reference app is ready, what it weighs, and how fast it answers.

    python bench/startup.py [--runs N] [--json FILE]

Everything is a ratio within one run, because seconds differ between machines:

- start: from the start of the process to the answer of the health request, against the floor:
  the same interpreter binding a socket and calling `django.setup()` on the same settings. The
  two alternate, so that a busy machine slows both.
- first start: brand-new data, migrated and seeded. Cold: no bytecode either.
- memory: resident MiB of the backend and its children after some pages, against the floor's.
- throughput: the list page, against `runserver` on the same settings and data, in alternating
  batches: over one kept connection, and with a new one for each page. `runserver` sends head and
  body apart, which on a kept connection waits for the delayed acknowledgement (40 ms on Linux);
  the second figure is free of that.

Ends with exit code 1 when the median warm start exceeds `LIMIT` times the floor.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent / "reference_app"
LIMIT = 1.5
HANG_SECONDS = 60
WARM_UP_PAGES = 20
BATCHES, BATCH_PAGES = 5, 60

FLOOR = """
import os, socket, sys
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(sys.argv[1])))
sock.listen(1024)
os.chdir(sys.argv[2])
sys.path.insert(0, sys.argv[2])
os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[3]
import django
django.setup()
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Place:
    """Folders of one benchmark: the app's data and the bytecode cache of both contestants."""

    app_data: Path
    bytecode: Path

    def python(self) -> list[str]:
        """The development command line of SPEC.md."""
        flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={self.bytecode}"]
        return [sys.executable, *flags]

    def environment(self, port: int, token: str) -> dict[str, str]:
        """The contract's variables and what the system needs; nothing else of ours."""
        system = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMP", "LOCALAPPDATA")
        contract = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "AUTH_TOKEN": token,
            "APP_DATA_DIR": str(self.app_data),
            "BUNDLE_DIR": str(PROJECT),
            "RUNTIME_MODE": "development",
        }
        return {name: os.environ[name] for name in system if name in os.environ} | {
            f"DESKTOP_DJANGO_{name}": value for name, value in contract.items()
        }


@dataclass(frozen=True)
class Running:
    """A started contestant."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    seconds: float

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_SECONDS)

    def get(self, connection: http.client.HTTPConnection, path: str) -> int:
        """Fetch a page whole and return its status."""
        connection.request("GET", path, headers={"X-Desktop-Django-Token": self.token})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def mebibytes(self) -> float:
        """Resident memory of the process and everything it started."""
        process = psutil.Process(self.process.pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 2**20

    def processes(self) -> int:
        """How many processes it consists of."""
        return 1 + len(psutil.Process(self.process.pid).children(recursive=True))


@contextlib.contextmanager
def backend(place: Place) -> Iterator[Running]:
    """The adapted app, yielded once it has answered the health request."""
    with launched(place, [str(PROJECT / "desktop-app" / "launch.py")], wait_for_health) as running:
        yield running


@contextlib.contextmanager
def floor(place: Place) -> Iterator[Running]:
    """The least any start of this project takes."""
    arguments = ["-c", FLOOR, "{port}", str(PROJECT), settings_module()]
    with launched(place, arguments, wait_for_line) as running:
        yield running


@contextlib.contextmanager
def runserver(place: Place) -> Iterator[Running]:
    """Django's development server under the same overlay."""
    launch = str(PROJECT / "desktop-app" / "launch.py")
    arguments = [launch, "manage", "runserver", "--noreload", "{port}"]
    with launched(place, arguments, wait_for_port) as running:
        yield running


@contextlib.contextmanager
def launched(
    place: Place, arguments: list[str], wait: Callable[[Running], None]
) -> Iterator[Running]:
    """Start, `wait` until ready, yield with the seconds that took, stop."""
    port, token = free_port(), secrets.token_urlsafe(32)
    with (
        (place.app_data / "bench.log").open("ab") as log,
        subprocess.Popen(
            [*place.python(), *(argument.format(port=port) for argument in arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=place.environment(port, token),
        ) as process,
    ):
        started = time.perf_counter()
        try:
            wait(Running(process, port, token, 0))
            yield Running(process, port, token, time.perf_counter() - started)
        finally:
            process.stdin.close()
            if wait is wait_for_port:
                process.terminate()
            process.wait(HANG_SECONDS)


def wait_for_line(running: Running) -> None:
    """Ready is said on stdout."""
    if not running.process.stdout.readline():
        raise SystemExit("bench: the process ended before it was ready")


def wait_for_health(running: Running) -> None:
    """Ready is a health request answered; one is sent once the socket listens, as a shell does."""
    event = json.loads(running.process.stdout.readline() or "{}")
    if event.get("event") != "listening":
        raise SystemExit(f"bench: the backend did not start: {event}")
    if running.get(running.connect(), "/health/") != 200:
        raise SystemExit("bench: the backend is not healthy")


def wait_for_port(running: Running) -> None:
    """Ready is a connection accepted."""
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", running.port)):
            return
        time.sleep(0.02)
    raise SystemExit("bench: runserver does not answer")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings_module() -> str:
    """The settings the reference app's own manage.py chooses."""
    source = (PROJECT / "manage.py").read_text(encoding="utf-8")
    return source.partition('"DJANGO_SETTINGS_MODULE", "')[2].partition('"')[0]


def start_ratio(place: Place, runs: int) -> dict[str, object]:
    """Alternate floor and app `runs` times after one uncounted start each."""
    floors, apps = [], []
    for counted in [False] + [True] * runs:
        with floor(place) as contestant:
            below = contestant.seconds
        with backend(place) as contestant:
            above = contestant.seconds
        if counted:
            floors.append(below)
            apps.append(above)
    ratios = [above / below for above, below in zip(apps, floors, strict=True)]
    return {
        "floor_seconds": spread(floors),
        "app_seconds": spread(apps),
        "ratio": spread(ratios),
        "ratio_of_medians": round(statistics.median(apps) / statistics.median(floors), 3),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    points = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    return {name: round(value, 3) for name, value in points.items()}


def first_start(place: Place) -> float:
    """Seconds of a start on brand-new data."""
    with backend(place) as contestant:
        return round(contestant.seconds, 3)


def footprint(place: Place) -> dict[str, object]:
    """Memory and processes after some pages, and the floor's memory."""
    with floor(place) as contestant:
        least = contestant.mebibytes()
    with backend(place) as contestant:
        connection = contestant.connect()
        for _ in range(WARM_UP_PAGES):
            contestant.get(connection, "/")
        return {
            "mebibytes": round(contestant.mebibytes(), 1),
            "floor_mebibytes": round(least, 1),
            "ratio": round(contestant.mebibytes() / least, 3),
            "processes": contestant.processes(),
        }


def throughput(place: Place, keep: bool) -> dict[str, object]:
    """Pages a second of the app and of `runserver`, in alternating batches."""
    rates: dict[str, list[float]] = {"app": [], "runserver": []}
    with backend(place) as app, runserver(place) as server:
        contestants = {"app": (app, app.connect()), "runserver": (server, server.connect())}
        for running, connection in contestants.values():
            for _ in range(WARM_UP_PAGES):
                if running.get(connection, "/") != 200:
                    raise SystemExit("bench: the list page does not answer 200")
        for _ in range(BATCHES):
            for name, (running, connection) in contestants.items():
                started = time.perf_counter()
                for _ in range(BATCH_PAGES):
                    running.get(connection, "/")
                    if not keep:
                        connection.close()
                rates[name].append(BATCH_PAGES / (time.perf_counter() - started))
    ratios = [a / b for a, b in zip(rates["app"], rates["runserver"], strict=True)]
    return {
        "app_pages_a_second": spread(rates["app"]),
        "runserver_pages_a_second": spread(rates["runserver"]),
        "ratio": spread(ratios),
    }


def measure(runs: int) -> dict[str, object]:
    """All figures, on fresh folders that are removed afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch) / "data", Path(scratch) / "bytecode")
        place.app_data.mkdir()
        cold = first_start(place)
        fresh = Place(Path(scratch) / "fresh", place.bytecode)
        fresh.app_data.mkdir()
        return {
            "python": sys.version.split()[0],
            "runs": runs,
            "cold_first_start_seconds": cold,
            "first_start_seconds": first_start(fresh),
            "warm_start": start_ratio(place, runs),
            "footprint": footprint(place),
            "kept_connection": throughput(place, keep=True),
            "new_connections": throughput(place, keep=False),
        }


def report(figures: dict) -> str:
    """The figures for a person."""
    start, weight = figures["warm_start"], figures["footprint"]

    def row(name: str, app: str, other: str = "", ratio: object = "") -> str:
        return f"{name:<20}{app:>12}{other:>20}   {ratio}".rstrip()

    def pages(name: str, speed: dict) -> str:
        app, other = speed["app_pages_a_second"], speed["runserver_pages_a_second"]
        return row(
            name,
            f"{app['median']:.0f} /s",
            f"{other['median']:.0f} /s runserver",
            triple(speed["ratio"]),
        )

    lines = [
        row("", "app", "against", "ratio (min median max)"),
        row(
            "warm start",
            f"{start['app_seconds']['median']:.3f} s",
            f"{start['floor_seconds']['median']:.3f} s floor",
            triple(start["ratio"]),
        ),
        row("first start", f"{figures['first_start_seconds']:.3f} s"),
        row("  without bytecode", f"{figures['cold_first_start_seconds']:.3f} s"),
        row(
            f"memory, {weight['processes']} process(es)",
            f"{weight['mebibytes']:.0f} MiB",
            f"{weight['floor_mebibytes']:.0f} MiB floor",
            f"{weight['ratio']:.2f}",
        ),
        pages("kept connection", figures["kept_connection"]),
        pages("new connections", figures["new_connections"]),
    ]
    return "\n".join(lines)


def triple(values: dict[str, float]) -> str:
    """Minimum, median and maximum on one line."""
    return f"{values['min']:.2f}  {values['median']:.2f}  {values['max']:.2f}"


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9, help="warm starts of each (default 9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    figures = measure(options.runs)
    print(report(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    ratio = figures["warm_start"]["ratio"]["median"]
    if ratio > LIMIT:
        print(f"warm start takes {ratio:.2f} times the floor, above {LIMIT}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
