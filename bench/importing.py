"""What it costs to bring a project's data in, against Django's own `loaddata` in the same run.

    python bench/importing.py [--rows N] [--json FILE]

N items of the reference app (default 100,000), as its SQLite file and as a file of `dumpdata`.
`loaddata` gets a database that is migrated already and proves nothing; the import migrates, writes,
reads everything again and compares. The contestants are whole processes, measured from start to
exit: rows a second, and the most memory of the process that holds the rows. The figures that count
are the ratios to `loaddata`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "reference_app"
LAUNCH = PROJECT / "desktop-app" / "launch.py"
ROWS = 100_000
FILL = """
from items.models import Item
for start in range(0, {rows}, 5000):
    Item.objects.bulk_create(
        Item(title=f"item {{n}}", notes="some words about it " * 5)
        for n in range(start, min(start + 5000, {rows}))
    )
"""


def manage(app_data: Path, *arguments: str) -> tuple[float, int]:
    """Run a management command on development data; seconds and peak bytes."""
    env = {
        **os.environ,
        "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(PROJECT),
        "DESKTOP_DJANGO_RUNTIME_MODE": "development",
    }
    command = [sys.executable, "-I", "-X", "utf8", str(LAUNCH), "manage", *arguments]
    begin = time.monotonic()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments[:1])} ended with status {status}")
    return time.monotonic() - begin, used.ru_maxrss * 1024


def bring(app_data: Path, source: Path) -> tuple[float, int]:
    """Import; seconds and peak bytes of the part that reads and writes rows."""
    env = {**os.environ, "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data)}
    command = [sys.executable, "-m", "skill_scripts", "import", str(PROJECT), "--json"]
    command += ["--from", str(source)]
    begin = time.monotonic()
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return time.monotonic() - begin, json.loads(done.stdout)["peak_bytes"]


@contextlib.contextmanager
def filled(rows: int) -> Iterator[tuple[Path, Path, Path]]:
    """A folder, a database with rows in it, and a dump of it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        manage(folder / "source", "migrate", "-v0")
        manage(folder / "source", "shell", "-c", FILL.format(rows=rows))
        dump = folder / "dump.json"
        manage(folder / "source", "dumpdata", "-o", str(dump))
        yield folder, folder / "source" / "db.sqlite3", dump


def measure(rows: int) -> dict[str, dict[str, float]]:
    """Every contestant once, with its ratios to loaddata."""
    with filled(rows) as (folder, database, dump):
        manage(folder / "loaded", "migrate", "-v0")
        manage(folder / "loaded", "flush", "--no-input", "-v0")
        taken = {
            "loaddata": manage(folder / "loaded", "loaddata", str(dump), "-v0"),
            "import of the dump": bring(folder / "one", dump),
            "import of SQLite": bring(folder / "two", database),
        }
    base_seconds, base_bytes = taken["loaddata"]
    return {
        name: {
            "rows_a_second": round(rows / seconds),
            "speed": round(base_seconds / seconds, 2),
            "peak_mb": round(peak / 1e6),
            "memory": round(peak / base_bytes, 2),
        }
        for name, (seconds, peak) in taken.items()
    }


def main() -> int:
    """Measure and print; the result is the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=ROWS)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    found = measure(asked.rows)
    print(f"{'':20} {'rows/s':>8} {'speed':>6} {'MB':>6} {'memory':>7}")
    for name, each in found.items():
        print(
            f"{name:20} {each['rows_a_second']:8} {each['speed']:6} {each['peak_mb']:6} "
            f"{each['memory']:7}"
        )
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
