"""The full matrix: the whole suite on every broken target.

    python -m tests.broken [--own] [--write] [NAME...]

NAME is part of a target's name. --own judges each by its own criteria and the cheap ones only.
--write keeps what was found in matrix.json and makes the table for the docs from it. Exit code 1
when a target is not caught by exactly its criteria.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.broken.applications import APPLICATIONS
from tests.broken.shells import SHELLS
from tests.broken.targets import BROKEN, ROOT, Broken, caught, judge, make

TABLES = {"Backends": BROKEN, "Shells": SHELLS, "Applications": APPLICATIONS}
RESULTS = Path(__file__).with_name("matrix.json")
PAGE = ROOT / "docs" / "reference" / "broken-targets.md"
AT_ONCE = 2
HEAD = """# Broken targets

Made by `python -m tests.broken --write`, not by hand: each row is the reference app with one small
change, and the criteria that noticed it. The run fails unless exactly the criteria notice that the
change should concern.

"""

Row = dict[str, Any]
"""One target as it was judged: `caught_by` a list of criteria, `whole` by every family or not."""


def judged(target: Broken, own: bool) -> tuple[set[str], str, float]:
    """The criteria that noticed the change, what went wrong instead, and the seconds it took."""
    with tempfile.TemporaryDirectory(prefix="ddk-broken-") as folder:
        started = time.monotonic()
        found, problem = set(), ""
        try:
            path = make(target, Path(folder) / "target")
            report = Path(folder) / "report.json"
            found = caught(judge(path, report, *target.options(path, whole=not own))[1])
        except (RuntimeError, ValueError) as error:
            problem = str(error)
        return found, problem, time.monotonic() - started


def named(criteria: set[str] | frozenset[str]) -> list[str]:
    """Criteria by family and number."""
    return sorted(criteria, key=lambda i: (i[:3], int(i[4:])))


def results() -> dict[str, Row]:
    """What earlier runs found, by name."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def page(found: dict[str, Row]) -> str:
    """The page of the docs: every row of the tables that a run has judged."""
    parts = []
    for title, table in TABLES.items():
        rows = [(target.name, found[target.name]) for target in table if target.name in found]
        parts += [f"## {title}", "", _judges(title, [row for _, row in rows]), ""]
        parts += ["| change | caught by |", "| --- | --- |"]
        for name, row in rows:
            parts.append(f"| {name.replace('|', chr(92) + '|')} | {', '.join(row['caught_by'])} |")
        parts.append("")
    return HEAD + "\n".join(parts)


def _judges(title: str, rows: list[Row]) -> str:
    form = {
        "Backends": "all families; the shell was not opened, and what a bundle is made of is "
        "shown by tests/scripts/bundle/test_broken_bundles.py",
        "Shells": "the shell's family in real windows and the cheap criteria of the others, "
        "which do not open it",
        "Applications": "the criteria of packaged applications",
    }[title]
    others = [row for row in rows if not row["whole"]]
    said = f"{len(rows) - len(others)} of {len(rows)} judged by {form}"
    if others:
        said += f"; {len(others)} by their own criteria and the cheap ones"
    return f"{said}."


def main() -> int:
    """Run the matrix; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.broken")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    chosen = [
        target
        for table in TABLES.values()
        for target in table
        if not arguments.names or any(name in target.name for name in arguments.names)
    ]
    wrong, started = 0, time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = pool.map(lambda target: judged(target, arguments.own), chosen)
        for target, (found, problem, seconds) in zip(chosen, verdicts, strict=True):
            said = problem or ", ".join(named(found)) or "nothing"
            if problem or found != target.caught_by:
                wrong += 1
                said += f" (expected {', '.join(named(target.caught_by))})"
            elif arguments.write:
                keep(target, whole=not arguments.own)
            print(f"{target.name:<45} {seconds:5.1f} s  {said}", flush=True)
    seconds = time.monotonic() - started
    print(
        f"{len(chosen) - wrong} of {len(chosen)} caught by exactly their criteria, {seconds:.0f} s"
    )
    return 1 if wrong else 0


def keep(target: Broken, whole: bool) -> None:
    """Note that a target was caught by exactly its criteria, and write the page anew."""
    found = results() | {target.name: {"caught_by": named(target.caught_by), "whole": whole}}
    known = {
        each.name: found[each.name] for t in TABLES.values() for each in t if each.name in found
    }
    lines = ",\n".join(f"  {json.dumps(n)}: {json.dumps(row)}" for n, row in known.items())
    RESULTS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    PAGE.write_text(page(known), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
