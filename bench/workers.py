"""What a worker costs, by when it is started.

    python bench/workers.py [--runs N] [--json FILE]

The reference app starts in turn with its worker waiting for something to do, as it is, and with one
that starts with the app; both then get a task. Memory: MiB that all processes of the app have for
themselves and in proportion of what they share (PSS; Linux), as ratios to Django alone. Task:
seconds until the worker takes up the task, as ratios to the worker that was there already.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.launching import HANG_SECONDS, Place, Running, backend, floor
from bench.servers import copy
from bench.showing import show

QUEUE = 'queue = "django.tasks"\n'
FLOOR, WAITING, BUSY, BESIDE = "Django alone", "waiting", "after a task", "from the start"
SETTLED_SECONDS = 4
ENQUEUE = "from tasks_demo.tasks import run_routine; run_routine.enqueue('Bench')"
LAST = """
SELECT (julianday(started_at) - julianday(enqueued_at)) * 86400
FROM django_tasks_database_dbtaskresult ORDER BY enqueued_at DESC LIMIT 1
"""


def mebibytes(running: Running) -> float:
    """PSS of the app's processes."""
    return sum(each.memory_full_info().pss for each in running.family()) / 2**20


def take_up(place: Place, running: Running) -> float:
    """Seconds from a task's arrival in the queue to its beginning."""
    launch = place.project / "desktop-app" / "launch.py"
    command = [*place.command(), str(launch), "manage", "shell", "-v0", "-c", ENQUEUE]
    environment = place.environment(running.port, running.token)
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + HANG_SECONDS
    with contextlib.closing(sqlite3.connect(place.app_data / "db.sqlite3")) as database:
        while time.monotonic() < deadline:
            (seconds,) = database.execute(LAST).fetchone()
            if seconds is not None:
                return seconds
            time.sleep(0.1)
    raise TimeoutError("no worker took the task")


def measure(runs: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """MiB by what runs, and seconds to a task's beginning."""
    memory: dict[str, list[float]] = {name: [] for name in (FLOOR, WAITING, BUSY, BESIDE)}
    seconds: dict[str, list[float]] = {BESIDE: [], WAITING: []}
    with tempfile.TemporaryDirectory() as scratch:
        places = {}
        for name, change in ((WAITING, ("", "")), (BESIDE, (QUEUE, ""))):
            own = Path(scratch, name)
            project = copy(own / "project", *change)
            places[name] = Place(project, Path(sys.executable), own / "data", own / "bytecode")
            with backend(places[name]):  # makes data and bytecode
                pass
        for _ in range(runs):
            with floor(places[WAITING]) as running:
                memory[FLOOR].append(mebibytes(running))
            for name, place in places.items():
                with backend(place) as running:
                    time.sleep(SETTLED_SECONDS)
                    memory[name].append(mebibytes(running))
                    seconds[name].append(take_up(place, running))
                    if name == WAITING:
                        time.sleep(SETTLED_SECONDS)
                        memory[BUSY].append(mebibytes(running))
    return memory, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="starts of each (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    memory, seconds = measure(options.runs)
    show(memory, FLOOR, "MiB", None)
    print()
    show(seconds, BESIDE, "s to a task", None)
    if options.json:
        figures = {"mebibytes": memory, "seconds_to_a_task": seconds}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
