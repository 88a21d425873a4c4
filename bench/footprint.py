"""What an app weighs: processes and memory while it runs, bytes and files on the disk.

Memory of a backend is compared with the floor's, that of the whole app with a bare window's. Sizes
do not vary between runs, so they have no ratio.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from bench import windows
from bench.launching import NotReadyError, Place, backend, floor
from bench.measuring import Row, take_turns
from bench.starts import FLOOR
from bench.subjects import ROOT, Subject
from skill_scripts.package import package

DRIVE = ROOT / "tests" / "scripts" / "drive.mjs"
SEVEN = ROOT / "tests" / "shell" / "node_modules" / "7zip-bin" / "linux" / "x64" / "7za"
TARGETS = re.compile(r'target: \["AppImage".*\]')
WARM_UP_PAGES = 20
MEBIBYTE = 2**20


def measure(subject: Subject, rounds: int) -> list[Row]:
    """Running first, then at rest."""
    place = subject.developed(subject.fresh())
    turns = take_turns({FLOOR: lambda: weigh_floor(place), "backend": lambda: weigh(place)}, rounds)
    parts = (("processes", ""), ("RSS", "MiB"), ("PSS", "MiB"))
    rows = [turns.row("backend", part, unit, *([FLOOR] if unit else []), label=f"backend: {part}")
            for part, unit in parts]  # fmt: skip
    return [*rows, *windows.measure_memory(subject, rounds), *at_rest(subject)]


def weigh_floor(place: Place) -> dict[str, float]:
    """Django alone."""
    with floor(place) as running:
        return {"processes": len(running.family()), **running.mebibytes()}


def weigh(place: Place) -> dict[str, float]:
    """The backend after some pages."""
    with backend(place) as running:
        connection = running.connect()
        for _ in range(WARM_UP_PAGES):
            if running.get(connection, "/") >= 500:
                raise NotReadyError("the first page fails")
        return {"processes": len(running.family()), **running.mebibytes()}


def at_rest(subject: Subject) -> list[Row]:
    """The bundle by part, and Electron."""
    bundle = subject.bundle
    folders = [each for each in sorted(bundle.iterdir()) if each.is_dir()]
    python = bundle / "python"
    packages = sum(size(each) for each in python.rglob("site-packages"))
    sizes = {
        "bundle": size(bundle),
        "bundle: interpreter": size(python) - packages,
        "bundle: packages": packages,
        **{f"bundle: {each.name}": size(each) for each in folders if each != python},
    }
    rows = [Row(name, "MiB", [round(each / MEBIBYTE, 2)]) for name, each in sizes.items()]
    rows.append(Row("bundle: files", "", [count(bundle)]))
    try:
        program, _ = windows.electron()
    except NotReadyError as error:
        return [*rows, Row("Electron", "MiB", failure=str(error))]
    rows.append(Row("Electron", "MiB", [round(size(program.parent) / MEBIBYTE, 2)]))
    rows.append(Row("Electron: files", "", [count(program.parent)]))
    return rows


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(entry.lstat().st_size for entry in files(folder))


def count(folder: Path) -> int:
    """How many files a folder holds."""
    return sum(1 for _ in files(folder))


def files(folder: Path) -> Iterator[Path]:
    """Every file below, links not followed."""
    for at, _, names in os.walk(folder):
        yield from (Path(at, name) for name in names)


def installer(subject: Subject) -> list[Row]:
    """What a person downloads and what it becomes; on Linux of the archive alone, for whose making
    no tool of a release host is needed."""
    electron = subject.root / "desktop-app" / "electron"
    assert subject.bundle.is_dir()
    program, is_old = windows.electron()
    given = {"ELECTRON_BUILDER_CACHE": str(subject.scratch / "builder")}
    if is_old:
        run = [shutil.which("node") or "node", str(DRIVE), "transpile", str(electron)]
        subprocess.run(run, check=True, capture_output=True)
        given["ELECTRON_OVERRIDE_DIST_PATH"] = str(program.parent)
    if sys.platform == "linux":
        SEVEN.chmod(0o755)
        given["ELECTRON_BUILDER_7ZIP_PATH"] = str(SEVEN)
        config = electron / "builder.config.mjs"
        text = config.read_text(encoding="utf-8")
        config.write_text(TARGETS.sub('target: ["tar.gz"]', text), encoding="utf-8")
    with mock.patch.dict(os.environ, given):
        done = package(subject.root, allow_old_sqlite=True)
    inside = done.app / "resources" / "bundle"
    sizes = {"app, installed": size(done.app), "app, installed: bundle": size(inside)}
    rows = [Row(name, "MiB", [round(each / MEBIBYTE, 2)]) for name, each in sizes.items()]
    rows += [Row(f"installer: {Path(name).suffixes[-1]}", "MiB", [round(each / MEBIBYTE, 2)])
             for name, each in done.artefacts.items()]  # fmt: skip
    return [*rows, Row("app, installed: files", "", [count(done.app)])]
