"""Judges the reference app again and again, in random order; the verdicts must not change.

    python -m tests.checks.again [TIMES]

Its shell is opened where there is an Electron. Exit code 1 when two runs differ.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.broken.targets import copy_reference_app, judge
from tests.electron import check_options

IN_RANDOM_ORDER = ("-p", "tests.checks.in_random_order")


def main(times: int) -> int:
    """Run the suite; the exit code."""
    first: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="ddk-again-") as folder:
        path = copy_reference_app(Path(folder) / "target")
        for number in range(times):
            started = time.monotonic()
            options = (*check_options(), *(IN_RANDOM_ORDER if number else ()))
            code, verdicts = judge(path, Path(folder) / "report.json", *options)
            first = first or verdicts
            changed = {i: verdict for i, verdict in verdicts.items() if verdict != first[i]}
            print(f"exit {code}, {time.monotonic() - started:.0f} s, changed: {changed or 'none'}")
            if changed:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["10"])[0])))
