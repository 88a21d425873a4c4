"""The two shells on the same app and the same machine: start to page, and memory.

    python -m bench.shells [--rounds N]

Launches alternate, so that a busy machine slows both. What is seen is what a person sees: pixels
of the windows on a display of its own. Memory is that of all processes, shared pages by share
(PSS); the shell's leaves out the backend and its workers, which are the same. Linux alone; Electron
is the one of the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from checks.display import display
from checks.processes import backends_below
from checks.x11 import Screen
from tests.broken.targets import copy_reference_app
from tests.electron import check_options
from tests.toga import environment

HANG_SECONDS = 120
SETTLE_SECONDS = 2.0
POLL_SECONDS = 0.01
# The cards of the first page are white; splashes are not.
PAGE = (255, 255, 255)
PAGE_SHARE = 0.2


class Launch(NamedTuple):
    """What one launch took: seconds to the first thing seen and to the page, processor seconds of
    all until it was at rest, and mebibytes."""

    seen: float
    page: float
    busy: float
    whole: float
    shell: float


def launch(command: list[str], folder: Path, screen: Screen, variables: dict[str, str]) -> Launch:
    """Open the app until its page is there, look at its memory, close it."""
    own = {
        "DESKTOP_DJANGO_APP_DATA_DIR": str(folder / "data"),
        "HOME": str(folder),
        "PYTHON": sys.executable,
    }
    with (folder / "output.txt").open("ab") as output:
        began = time.monotonic()
        shell = subprocess.Popen(
            command, env=os.environ | own | variables, stdout=output, stderr=output
        )
        try:
            seen = page = 0.0
            while not page:
                for picture in map(screen.picture, screen.windows()):
                    seen = seen or (0.0 if picture.is_blank else time.monotonic() - began)
                    if picture.share(*PAGE) > PAGE_SHARE:
                        page = time.monotonic() - began
                if shell.poll() is not None or time.monotonic() - began > HANG_SECONDS:
                    raise SystemExit(f"no page came: {folder / 'output.txt'}")
                time.sleep(POLL_SECONDS)
            time.sleep(SETTLE_SECONDS)
            return Launch(seen, page, *used(shell.pid))
        finally:
            for window in screen.windows():
                screen.ask_to_close(window)
            shell.wait(HANG_SECONDS)


def used(pid: int) -> tuple[float, float, float]:
    """By a shell with all its processes: processor seconds, and mebibytes; these also without its
    backend's processes."""
    family = {*_family(psutil.Process(pid))}
    backends = {each for found in backends_below(pid) for each in _family(found)}
    return _seconds(family), _mebibytes(family), _mebibytes(family - backends)


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _seconds(processes: set[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:2])
    return total


def _mebibytes(processes: set[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The shells of this machine, each with what opens it. Raises NotHereError."""
    project = copy_reference_app(folder / "toga")
    words = environment.opens(folder / "python")
    yield "Toga", [word.replace("{project}", str(project)) for word in words]
    if options := check_options():
        project = copy_reference_app(folder / "electron")
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        yield "Electron", [options[1], *flags, str(project / "desktop-app" / "electron")]


def main() -> None:
    """Measure, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="ddk-shells-") as place, display(own=True) as variables:
        folder = Path(place)
        shells = dict(commands(folder))
        found: dict[str, list[Launch]] = {name: [] for name in shells}
        with contextlib.closing(Screen(variables["DISPLAY"])) as screen:
            for number in range(rounds + 1):
                for name, command in shells.items():
                    home = folder / f"home of {name}"
                    home.mkdir(exist_ok=True)
                    took = launch(command, home, screen, variables)
                    if number:  # the first one makes the database
                        found[name].append(took)
    print(f"medians of {rounds}  first seen       page  processor     memory  the shell's")
    for name, launches in found.items():
        seen, page, busy, whole, shell = map(statistics.median, zip(*launches, strict=True))
        print(
            f"{name:12} {seen:8.2f} s {page:8.2f} s {busy:8.2f} s {whole:6.0f} MiB {shell:8.0f} MiB"
        )


if __name__ == "__main__":
    main()
