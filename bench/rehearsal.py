"""What a rehearsal costs, against the first launch of the same app.

    python bench/rehearsal.py [PROJECT] [--runs N] [--json FILE]

PROJECT is an adapted one, by default the reference app. First launches and rehearsals alternate,
each on brand-new data: a rehearsal is such a launch, a look at the pages and a picture. The figures
are seconds, and ratios within one run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.launching import Place, backend
from bench.showing import show
from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import Interpreter, find_adapted
from skill_scripts.rehearsal.rehearse import Stage, rehearse

REFERENCE = Path(__file__).resolve().parent.parent / "reference_app"


def stage_of(root: Path, keeps: Path) -> Stage:
    """The stage for an adapted project; one without an environment runs on this interpreter."""
    settings = desktop_toml.read(root / desktop_toml.PLACE)
    project, found = find_adapted(root, settings)
    this = Interpreter(Path(sys.executable), sys.version.split()[0], private=False)
    return Stage(project, settings, found or this, root / "desktop-app", keeps)


def measure(root: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of each first launch and of each rehearsal."""
    times: dict[str, list[float]] = {"first launch": [], "ready": [], "rehearsal": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        stage = stage_of(root, folder / "kept")
        place = Place(root, stage.interpreter.python, folder / "warm", folder / "bytecode")
        for number in range(-1, runs):  # the first pair writes the bytecode
            with backend(replace(place, app_data=folder / f"data-{number}")) as launch:
                seconds = launch.seconds
            begun = time.perf_counter()
            seen = rehearse(stage)
            took = time.perf_counter() - begun
            if seen.failure:
                raise SystemExit(f"the rehearsal failed: {seen.failure.message}")
            if number >= 0:
                for name, value in zip(times, (seconds, seen.start_seconds, took), strict=True):
                    times[name].append(value)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--runs", type=int, default=5, help="of each (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    times = measure(options.project.resolve(), options.runs)
    show(times, "first launch", "s", options.json)


if __name__ == "__main__":
    main()
