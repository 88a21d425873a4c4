"""The long form of the fault campaign.

    python -m tests.faults [--share X] [--runtime PATH] [--json FILE] [--markdown FILE]
                           [--before FILE] [--seed N] [NAME...]

NAME is part of a fault's name. --share 0.1 does a tenth of it, but each fault once. --runtime
judges another payload (a folder with launch.py). --markdown puts the table between the marks of a
page, as docs/explanation/data-safety.md has them, or makes a file of it. --before puts the figures
of an earlier --json beside these. Exit code 1 when an outcome was wrong, a row was lost or
something was left over.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from . import report
from .campaign import FAULTS, as_json, from_json, run
from .project import PAYLOAD

BEFORE = Path(__file__).with_name("before.json")


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--runtime", type=Path, default=PAYLOAD)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--before", type=Path, default=BEFORE)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not options.names or any(name in fault.name for name in options.names)
    ]
    if not chosen:
        parser.error(f"no fault has such a name; there are: {', '.join(f.name for f in FAULTS)}")
    begun = time.monotonic()
    rows = run(
        options.runtime.resolve(),
        chosen,
        lambda fault: max(1, round(fault.times * options.share)),
        seed=options.seed,
        say=lambda line: print(f"[{time.monotonic() - begun:5.0f} s] {line}", flush=True),
    )
    print(f"\n{report.text(rows)}")
    if options.json:
        options.json.write_text(json.dumps(as_json(rows), indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        earlier = json.loads(options.before.read_text()) if options.before.exists() else []
        table = report.markdown(rows, from_json(earlier))
        report.write(options.markdown, f"{table}\n{report.summary(rows)}.\n")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
