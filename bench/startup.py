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

Ends with exit code 1 when the fastest warm start exceeds `LIMIT` times the fastest floor: what
is slower than the fastest is, on a machine with other work, that other work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.launching import (
    HANG_SECONDS,
    NotReadyError,
    Place,
    Running,
    backend,
    floor,
    launched,
)

PROJECT = Path(__file__).resolve().parent.parent / "reference_app"
LIMIT = 1.2
PATIENCE = 4
WARM_UP_PAGES = 20
BATCHES, BATCH_PAGES = 5, 60


@contextlib.contextmanager
def runserver(place: Place) -> Iterator[Running]:
    """Django's development server under the same overlay, yielded once it accepts."""

    def ready(running: Running) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", running.port)),
            ):
                return
            time.sleep(0.02)
        raise NotReadyError("runserver does not answer")

    launch = str(PROJECT / "desktop-app" / "launch.py")
    arguments = [launch, "manage", "runserver", "--noreload", "{port}"]
    with launched(place, arguments, ready, place.environment) as running:
        try:
            yield running
        finally:
            running.process.terminate()


def start_ratio(place: Place, runs: int) -> dict[str, object]:
    """Alternate floor and app `runs` times, on a busy machine up to `PATIENCE` times as often."""
    start_pair(place)  # writes the bytecode
    floors, apps = [], []
    while len(apps) < runs or (min(apps) > LIMIT * min(floors) and len(apps) < runs * PATIENCE):
        below, above = start_pair(place)
        floors.append(below)
        apps.append(above)
    ratios = [above / below for above, below in zip(apps, floors, strict=True)]
    return {
        "floor_seconds": spread(floors),
        "app_seconds": spread(apps),
        "ratio": spread(ratios),
        "ratio_of_fastest": round(min(apps) / min(floors), 3),
    }


def start_pair(place: Place) -> tuple[float, float]:
    """Seconds of one start of the floor and one of the app."""
    with floor(place) as contestant:
        below = contestant.seconds
    with backend(place) as contestant:
        return below, contestant.seconds


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
            list_page(contestant, connection)
        return {
            "mebibytes": round(contestant.mebibytes(), 1),
            "floor_mebibytes": round(least, 1),
            "ratio": round(contestant.mebibytes() / least, 3),
            "processes": len(contestant.family()),
        }


def list_page(running: Running, connection: HTTPConnection) -> None:
    """Fetch the list of items."""
    if running.get(connection, "/") != 200:
        raise NotReadyError("the list page does not answer 200")


def throughput(place: Place, keep: bool) -> dict[str, object]:
    """Pages a second of the app and of `runserver`, in alternating batches."""
    rates: dict[str, list[float]] = {"app": [], "runserver": []}
    with backend(place) as app, runserver(place) as server:
        contestants = {"app": (app, app.connect()), "runserver": (server, server.connect())}
        for running, connection in contestants.values():
            for _ in range(WARM_UP_PAGES):
                list_page(running, connection)
        for _ in range(BATCHES):
            for name, (running, connection) in contestants.items():
                started = time.perf_counter()
                for _ in range(BATCH_PAGES):
                    list_page(running, connection)
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
        folder = Path(scratch)
        place = Place(PROJECT, Path(sys.executable), folder / "data", folder / "bytecode")
        cold = first_start(place)
        fresh = replace(place, app_data=folder / "fresh")
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
    ratio = figures["warm_start"]["ratio_of_fastest"]
    print(f"fastest warm start: {ratio:.2f} times the fastest floor; limit {LIMIT}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
