"""What another server, a queue's worker and a Redis server cost at the start.

    python bench/servers.py [--runs N] [--json FILE]

Four copies of the reference app start in turn on data of earlier starts: as it is, served by ASGI,
with a worker of Celery, with a Redis server for its worker. Ready: seconds to the answer of the
health request, as ratios to the floor of startup.py. Memory: MiB of all processes a few seconds
later, as ratios to the app as it is. Both within one run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.launching import Place, backend, floor
from bench.offline import LEFT_OUT, PROJECT
from bench.showing import show

FLOOR, PLAIN = "floor", "as it is"
SETTLED_SECONDS = 5  # by then workers have loaded the project
CELERY = """
from celery import Celery
app = Celery("bench", broker="redis://127.0.0.1:6379/0")
"""
WORKER = """
[[workers]]
name = "celery"
module = "celery"
args = ["-A", "bench_queue", "worker", "--pool=threads", "--concurrency=4"]
"""
TASKS = 'command = ["routine_worker"]\n'
# What takes the place of what in desktop.toml.
CHANGES = {
    PLAIN: ("", ""),
    "ASGI": ("[django]\n", '[django]\nserver = "asgi"\n'),
    "Celery's worker": ("[package]\n", f"{WORKER}\n[package]\n"),
    "Redis server": (TASKS, f"{TASKS}redis = true\n"),
}


def copy(folder: Path, old: str, new: str) -> Path:
    """A copy of the reference app with a change of desktop.toml."""
    shutil.copytree(PROJECT, folder, ignore=LEFT_OUT)
    (folder / "bench_queue.py").write_text(CELERY, encoding="utf-8")
    manifest = folder / "desktop-app" / "desktop.toml"
    text = manifest.read_text(encoding="utf-8")
    if old and old not in text:
        raise ValueError(f"desktop.toml of the reference app has no {old!r}")
    manifest.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def measure(runs: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds to readiness and MiB, of each start."""
    ready: dict[str, list[float]] = {FLOOR: []}
    memory: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        places = {}
        for number, (name, change) in enumerate(CHANGES.items()):
            own = Path(scratch, str(number))
            project = copy(own / "project", *change)
            places[name] = Place(project, Path(sys.executable), own / "data", own / "bytecode")
        for run in range(-1, runs):  # the first one makes data and bytecode
            with floor(places[PLAIN]) as running:
                seconds = {FLOOR: running.seconds}
            for name, place in places.items():
                with backend(place) as running:
                    seconds[name] = running.seconds
                    time.sleep(SETTLED_SECONDS)
                    if run >= 0:
                        memory.setdefault(name, []).append(running.mebibytes())
            if run >= 0:
                for name, each in seconds.items():
                    ready.setdefault(name, []).append(each)
    return ready, memory


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9, help="starts of each (default 9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the seconds here as well")
    options = parser.parse_args()
    ready, memory = measure(options.runs)
    show(ready, FLOOR, "s", options.json)
    print()
    show(memory, PLAIN, "MiB", None)


if __name__ == "__main__":
    main()
