"""The tests of the shell, of the reference app and of the kit, in three sizes."""

from __future__ import annotations

import sys

from tools.linters import linters
from tools.places import SHELL_TESTS
from tools.steps import run_all

LONGEST_NODE_FILE = 10 * 60  # seconds
SHOWN = ("--durations=10", "-p", "tests.journal")
IN_PARALLEL = ("--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal")


def test(arguments: list[str]) -> int:
    """Lint, the shell's tests, the app's, the kit's: all of them, then what failed."""
    app = ["--rootdir", "reference_app", "-c", "reference_app/pyproject.toml", "reference_app"]
    return run_all(
        {
            **linters(),
            "shell units": node_tests("units"),
            "shell windows": [*display(), *node_tests("windows")],
            "reference app": ["pytest", "-q", *app],
            "pytest": ["pytest", *IN_PARALLEL, *SHOWN, *arguments],
        }
    )


def node_tests(folder: str) -> list[str]:
    """The command for one folder of the shell's tests, one file at a time."""
    files = sorted((SHELL_TESTS / folder).glob("*.test.js"))
    limit = f"--test-timeout={LONGEST_NODE_FILE * 1000}"
    return ["node", "--test", "--test-concurrency=1", limit, *map(str, files)]


def display() -> list[str]:
    """What to put before a command that opens windows."""
    return ["xvfb-run", "-a"] if sys.platform == "linux" else []
