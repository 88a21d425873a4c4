"""The tests of the shell, of the reference app and of the kit, in three sizes."""

from __future__ import annotations

import sys

from tools.linters import linters
from tools.places import SHELL_TESTS
from tools.steps import Steps, run_all

LONGEST_NODE_FILE = 10 * 60  # seconds
SHOWN = ("--durations=10", "-p", "tests.journal")
# More than the cores: most tests wait for a program most of the time.
IN_PARALLEL = ("--numprocesses=4", "--dist=worksteal")
FAULTS = 3  # as many settle it
LEFT_OUT = {"--quick": "not slow and not long", "": "not long", "--all": ""}


def test(arguments: list[str]) -> int:
    """Lint, the shell's tests, the app's, the kit's: all of them, then what failed.

    The first argument may be the size, --quick or --all; what follows goes to pytest.
    """
    size, rest = "", arguments
    if arguments and arguments[0] in LEFT_OUT:
        size, *rest = arguments
    app = ["-n2", "--rootdir=reference_app", "-c", "reference_app/pyproject.toml", "reference_app"]
    beside: Steps = {"shell units": node_tests("units"), "reference app": ["pytest", "-q", *app]}
    in_windows = {"shell windows": [*display(), *node_tests("windows")]}
    windows: Steps = {} if size == "--quick" else in_windows
    chosen = ["-m", LEFT_OUT[size]] if LEFT_OUT[size] else []
    tests = ["pytest", *IN_PARALLEL, *SHOWN, *chosen, *rest]
    # Their limits in seconds come from SPEC.md, and count on a machine that is not busy.
    failed = ["--last-failed", f"--maxfail={FAULTS}"]
    options = [each for each in rest if not each.startswith("--junitxml")]
    alone: Steps = {"pytest": ["pytest", *failed, *chosen, *options], **windows}
    return run_all({**linters(), "pytest": tests}, beside | windows, alone)


def node_tests(folder: str) -> list[str]:
    """The command for one folder of the shell's tests, one file at a time."""
    files = sorted((SHELL_TESTS / folder).glob("*.test.js"))
    limit = f"--test-timeout={LONGEST_NODE_FILE * 1000}"
    return ["node", "--test", "--test-concurrency=1", limit, *map(str, files)]


def display() -> list[str]:
    """What to put before a command that opens windows."""
    return ["xvfb-run", "-a"] if sys.platform == "linux" else []
