"""The full matrix: the whole suite on every broken target.

    python -m tests.broken [--own] [--write FILE]

--own judges each by its own criteria and the cheap families only. --write FILE writes the table
for the docs. Exit code 1 when a target is not caught by exactly its criteria.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.broken.targets import BROKEN, Broken, caught, judge, make

HEAD = """# Broken targets

Made by `python -m tests.broken --write`, not by hand: each row is the reference app with one small
change, judged by the whole suite. A row holds when exactly the named criteria notice.

| change | caught by | seconds |
| --- | --- | ---: |
"""


def judged(target: Broken, folder: Path, own: bool) -> tuple[set[str], float]:
    """The criteria that noticed the change, and the seconds it took."""
    path = make(target, folder / "target")
    started = time.monotonic()
    _, verdicts = judge(path, folder / "report.json", *target.options(whole=not own))
    return caught(verdicts), time.monotonic() - started


def main() -> int:
    """Run the matrix; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.broken")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    rows, wrong = [], 0
    for target in BROKEN:
        with tempfile.TemporaryDirectory(prefix="ddk-broken-") as folder:
            found, seconds = judged(target, Path(folder), arguments.own)
        said = ", ".join(sorted(found)) or "nothing"
        if found != target.caught_by:
            wrong += 1
            said += f" (expected {', '.join(sorted(target.caught_by))})"
        print(f"{target.name:<45} {said}", flush=True)
        rows.append(f"| {target.name} | {said} | {seconds:.0f} |")
    print(f"{len(BROKEN) - wrong} of {len(BROKEN)} caught by exactly their criteria")
    if arguments.write:
        arguments.write.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
