"""What it costs to put the app's own addresses into a list page.

    python bench/offline.py [--json FILE]

The list page of three copies of the reference app, in alternating batches over kept connections:
nothing is kept from other hosts; files are kept, and the page names none of them; the page names
ten of them. The figures are milliseconds of the backend's processor a page, which other programs of
a busy machine change little, and ratios to the first within one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.launching import Place, Running, backend
from bench.showing import show

PROJECT = Path(__file__).resolve().parent.parent / "reference_app"
LEFT_OUT = shutil.ignore_patterns(".venv", ".packages", "node_modules", "staged*", "electron")
BASE = Path("theme", "templates", "base.html")
ADDRESSES = [f"https://cdn.example/lib{number}@1.0.0/dist/lib.min.js" for number in range(40)]
NAMED = "".join(f'<script defer src="{address}"></script>' for address in ADDRESSES[:10])
BATCHES, PAGES, WARM_UP = 15, 100, 30
NOTHING, UNNAMED, TEN = "nothing kept", "kept, not named", "ten named"


def copy(folder: Path, *, kept: bool, named: bool) -> Path:
    """A copy of the reference app."""
    shutil.copytree(PROJECT, folder, ignore=LEFT_OUT)
    if kept:
        offline = folder / "desktop-app" / "offline"
        offline.mkdir()
        (offline / "lib.js").write_text("lib()", encoding="utf-8")
        files = [{"address": each, "file": "lib.js", "type": "text/javascript"}
                 for each in ADDRESSES]  # fmt: skip
        manifest = {"files": files, "folders": []}
        (offline / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    if named:
        base = folder / BASE
        text = base.read_text(encoding="utf-8")
        base.write_text(text.replace("</head>", f"{NAMED}</head>"), encoding="utf-8")
    return folder


def measure() -> dict[str, list[float]]:
    """Milliseconds of the processor a page, of each batch."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        contestants: dict[str, tuple[Running, object]] = {}
        for number, (name, kept, named) in enumerate(
            [(NOTHING, False, False), (UNNAMED, True, False), (TEN, True, True)]
        ):
            own = Path(scratch, str(number))
            project = copy(own / "project", kept=kept, named=named)
            place = Place(project, Path(sys.executable), own / "data", own / "bytecode")
            running = stack.enter_context(backend(place))
            contestants[name] = (running, running.connect())
        for batch in range(-1, BATCHES):
            for name, (running, connection) in contestants.items():
                count = PAGES if batch >= 0 else WARM_UP
                started = running.processor_seconds()
                for _ in range(count):
                    running.get(connection, "/")
                if batch >= 0:
                    seconds = running.processor_seconds() - started
                    times.setdefault(name, []).append(1000 * seconds / count)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    show(measure(), NOTHING, "ms of the processor a page", options.json)


if __name__ == "__main__":
    main()
