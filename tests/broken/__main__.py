"""The full matrix: the whole suite on every broken target.

    python -m tests.broken [--own] [--write] [NAME...]

NAME is part of a target's name. --own judges each by its own criteria and the cheap ones only.
--write writes the table for the docs, when it is whole. Exit code 1 when a target is not caught by
exactly its criteria.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.broken.targets import BROKEN, ROOT, Broken, caught, judge, make

PAGE = ROOT / "docs" / "reference" / "broken-targets.md"
AT_ONCE = 2
HEAD = """# Broken targets

Made by `python -m tests.broken --write`, not by hand: each row is the reference app with one small
change, and the criteria that noticed it when it was judged by {judges}.
The run fails unless exactly the criteria notice that the change should concern.

| change | caught by |
| --- | --- |
"""


def judged(target: Broken, own: bool) -> tuple[str, float]:
    """The criteria that noticed the change, in words, and the seconds it took."""
    with tempfile.TemporaryDirectory(prefix="ddk-broken-") as folder:
        path = make(target, Path(folder) / "target")
        started = time.monotonic()
        try:
            report = Path(folder) / "report.json"
            found = caught(judge(path, report, *target.options(whole=not own))[1])
        except RuntimeError as error:
            return str(error), time.monotonic() - started
        return named(found), time.monotonic() - started


def named(criteria: set[str] | frozenset[str]) -> str:
    """Criteria by family and number."""
    return ", ".join(sorted(criteria, key=lambda i: (i[:3], int(i[4:])))) or "nothing"


def page(rows: list[tuple[str, str]], judges: str) -> str:
    """The page of the docs."""
    table = [f"| {name.replace('|', chr(92) + '|')} | {said} |" for name, said in rows]
    return HEAD.format(judges=judges) + "\n".join(table) + "\n"


def main() -> int:
    """Run the matrix; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.broken")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    chosen = [t for t in BROKEN if not arguments.names or any(n in t.name for n in arguments.names)]
    rows, wrong, started = [], 0, time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = pool.map(lambda target: judged(target, arguments.own), chosen)
        for target, (said, seconds) in zip(chosen, verdicts, strict=True):
            rows.append((target.name, said))
            if said != named(target.caught_by):
                wrong += 1
                said += f" (expected {named(target.caught_by)})"
            print(f"{target.name:<45} {seconds:5.1f} s  {said}", flush=True)
    seconds = time.monotonic() - started
    print(
        f"{len(chosen) - wrong} of {len(chosen)} caught by exactly their criteria, {seconds:.0f} s"
    )
    if arguments.write and not arguments.names:
        judges = "its own criteria and the cheap ones" if arguments.own else "the whole suite"
        PAGE.write_text(page(rows, judges), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
