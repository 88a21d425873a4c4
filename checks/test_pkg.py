"""PKG: the bundle that is shipped, and the application around it."""

from __future__ import annotations

import _imp
import contextlib
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import jsonschema
import pytest

from checks import bundle
from checks.application import Opened
from checks.backend import Backend
from checks.files import not_root
from checks.starts.app_data import UNUSUAL
from checks.starts.first_run import FirstRun
from checks.target import Target
from checks.verdicts import NotApplicable, NotRun, Seen

SQLITE_WITH_WAL_FIX = (3, 51, 3)
BY_HASH = 0b01
# Names of files and folders of app/ that are not for strangers.
UNWANTED = (
    *(".env", ".env.*", ".envrc", ".git", ".hg", ".svn", "node_modules", ".venv"),
    *("id_rsa*", "id_ed25519*", "*.pem", "*.p12", "*.pfx", ".netrc", ".pypirc"),
    *("*.sqlite", "*.sqlite3", "*.sqlite3-*", "*.db-wal"),
)
SECRETS = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b")
LARGEST_SEARCHED_BYTES = 1_000_000
# Brings the loopback interface up (SIOCSIFFLAGS), hides the folder the bundle was copied from, then
# becomes the command.
ALONE = """
import ctypes, fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
hidden = os.fsencode(sys.argv[1])
if ctypes.CDLL(None, use_errno=True).mount(b"none", hidden, b"tmpfs", 0, None):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
"""
REFERENCE = re.compile(r"""(?:href|src)=["']([^"'#?]+\.(?:css|js|png|svg|ico|woff2?))["'?#]""")


@dataclass(frozen=True)
class Alone(Target):
    """A bundle that is started with nothing around it."""

    around: tuple[str, ...] = ()

    def environment(self, values: dict[str, str]) -> dict[str, str]:
        needed = {"SYSTEMROOT", "TEMP", "TMP"} if os.name == "nt" else set()
        contract = {
            name: value
            for name, value in super().environment(values).items()
            if name.startswith("DESKTOP_DJANGO_") or name.upper() in needed
        }
        return {"PATH": "", **contract}

    def command(self, values: dict[str, str]) -> list[str]:
        return [*self.around, *super().command(values)]


@dataclass(frozen=True)
class Moved:
    """A start of a read-only copy in another folder, without environment and network."""

    events: list[str]
    exit: int | None
    changed: list[str]
    offline: bool


@pytest.fixture(scope="session")
def manifest(target: Target) -> dict[str, Any]:
    """The bundle's runtime-manifest.json."""
    try:
        return bundle.read_manifest(target.bundle)
    except ValueError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def moved(target: Target, scratch: Path) -> Iterator[Moved]:
    """The bundle's copy, started once."""
    folder = scratch / "moved" / UNUSUAL
    shutil.copytree(target.bundle, folder, symlinks=True)
    before = bundle.contents(folder)
    _set_writable(folder, False)
    around = _alone(target.bundle)
    alone = Alone(
        **{each.name: getattr(target, each.name) for each in fields(Target)}, around=around
    )
    python = folder / target.python.relative_to(target.bundle)
    alone = replace(alone, bundle=folder, project=folder / "app", python=python)
    try:
        with Backend(alone, scratch / "moved data") as backend:
            with contextlib.suppress(AssertionError):
                backend.wait_for("ready")
            code, _ = backend.stop()
        events = [str(each["event"]) for each in backend.events]
        after = bundle.contents(folder)
        changed = sorted(n for n in before | after if before.get(n) != after.get(n))
        yield Moved(events, code, changed, bool(around))
    finally:
        _set_writable(folder, True)


@pytest.mark.criterion("PKG-1")
def test_runs_anywhere(moved: Moved, seen: Seen) -> None:
    """Runs from another folder with nothing around it."""
    assert "ready" in moved.events, (
        f"it did not become ready; its events: {', '.join(moved.events) or 'none'}"
    )
    assert moved.exit == 0, f"it ended with exit {moved.exit}, expected 0"
    if not moved.offline:
        raise NotRun("it starts; its network cannot be cut on this machine (needs Linux's unshare)")
    seen(f"“{UNUSUAL}”, empty PATH, no network")


@pytest.mark.criterion("PKG-2")
def test_unchanged(moved: Moved, first_run: FirstRun, seen: Seen) -> None:
    """Is unchanged after a run, and works read-only."""
    assert not moved.changed, f"files of the bundle changed: {', '.join(moved.changed[:5])}"
    assert not first_run.changed, f"files of the bundle changed: {', '.join(first_run.changed[:5])}"
    seen("read-only" if not_root() else "no file differs; permissions do not bind this user")


@pytest.mark.criterion("PKG-3")
def test_sqlite(target: Target, manifest: dict[str, Any], seen: Seen) -> None:
    """Has an SQLite that loses nothing."""
    code = "import sqlite3; print(sqlite3.sqlite_version)"
    done = subprocess.run(
        [str(target.python), "-I", "-B", "-c", code], capture_output=True, text=True, timeout=60
    )
    version = done.stdout.strip()
    assert version, f"the bundled Python does not start: {done.stderr[-200:]}"
    assert tuple(map(int, version.split("."))) >= SQLITE_WITH_WAL_FIX, f"its SQLite is {version}"
    assert not manifest.get("allow_old_sqlite"), "the bundle allows an older SQLite"
    assert manifest["interpreter"]["sqlite"] == version, "the manifest names another version"
    seen(f"SQLite {version}")


@pytest.mark.criterion("PKG-4")
def test_manifest(target: Target, manifest: dict[str, Any], seen: Seen) -> None:
    """Names what it is and every file with its hash."""
    validator = jsonschema.Draft202012Validator(bundle.manifest_schema())
    problems = [f"{e.json_path}: {e.message[:80]}" for e in validator.iter_errors(manifest)]
    assert not problems, "; ".join(problems[:3])
    found, listed = bundle.contents(target.bundle), manifest["files"]
    # Signing on macOS changes programs and libraries.
    signed = any(each.suffix == ".app" for each in target.bundle.parents)
    wrong = sorted(
        name
        for name in found.keys() | listed.keys()
        if found.get(name) != listed.get(name)
        and not (
            signed and name in found and name in listed and bundle.is_macho(target.bundle / name)
        )
    )
    assert not wrong, f"{len(wrong)} files differ: {', '.join(wrong[:5])}"
    links = [path for path in target.bundle.rglob("*") if path.is_symlink()]
    assert not links, f"the bundle holds links: {', '.join(str(path) for path in links[:3])}"
    seen(f"{len(found)} files as listed")


@pytest.mark.criterion("PKG-5")
def test_nothing_private(target: Target, seen: Seen) -> None:
    """Has nothing that is not for strangers."""
    found = []
    files = 0
    shipped = {Path(each).as_posix() for each in _meant_to_be_shipped(target)}
    for path in sorted(target.project.rglob("*")):
        name = path.relative_to(target.project).as_posix()
        if any(name == each or name.startswith(f"{each}/") for each in shipped):
            continue
        if any(fnmatchcase(path.name, pattern) for pattern in UNWANTED):
            found.append(name)
        elif path.is_file():
            files += 1
            if path.stat().st_size < LARGEST_SEARCHED_BYTES and SECRETS.search(path.read_bytes()):
                found.append(f"{name} (a key)")
    assert not found, ", ".join(found[:5])
    seen(f"{files} files")


@pytest.mark.criterion("PKG-6")
def test_static_files(target: Target, live: Backend, seen: Seen) -> None:
    """Has its pages' static files collected."""
    page = live.get(target.home)
    wanted = {urlsplit(urljoin(target.home, ref)).path for ref in REFERENCE.findall(page.text)}
    if not wanted:
        raise NotApplicable("the landing page refers to no file")
    collected = target.bundle / "staticfiles"
    names = {p.relative_to(collected).as_posix() for p in collected.rglob("*") if p.is_file()}
    own = [path for path in wanted if any(path.endswith(f"/{name}") for name in names)]
    assert own, f"none of {len(wanted)} files of the landing page is in staticfiles/"
    missing = [path for path in own if live.get(path).status != 200]
    assert not missing, f"these files are not served: {', '.join(missing[:3])}"
    seen(f"{len(own)} of the landing page, {len(names)} collected")


@pytest.mark.criterion("PKG-7")
def test_bytecode(target: Target, manifest: dict[str, Any], seen: Seen) -> None:
    """Has bytecode of exactly its sources, valid by hash."""
    absent, timed, stale = [], [], []
    modules = 0
    for part in ("python", "app"):
        for module in sorted((target.bundle / part).rglob("*.py")):
            name = module.relative_to(target.bundle).as_posix()
            if name in manifest["uncompiled"]:
                continue
            modules += 1
            compiled = [*(module.parent / "__pycache__").glob(f"{module.stem}.cpython-*.pyc")]
            compiled = [p for p in compiled if ".opt-" not in p.name]
            if not compiled:
                absent.append(name)
                continue
            magic, flags, digest = struct.unpack("<II8s", compiled[0].read_bytes()[:16])
            if not flags & BY_HASH:
                timed.append(name)
            elif _imp.source_hash(magic, module.read_bytes()) != digest:
                stale.append(name)
    assert not absent, f"{len(absent)} modules have no bytecode: {', '.join(absent[:3])}"
    assert not timed, f"the bytecode of {len(timed)} modules goes by time: {', '.join(timed[:3])}"
    assert not stale, (
        f"the bytecode of {len(stale)} modules is of another source: {', '.join(stale[:3])}"
    )
    seen(f"{modules} modules")


@pytest.mark.criterion("PKG-8")
def test_parts(target: Target, manifest: dict[str, Any], seen: Seen) -> None:
    """Lists its parts and their licences."""
    parts = json.loads((target.bundle / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert parts["bomFormat"] == "CycloneDX"
    listed = {str(each.get("purl")) for each in parts["components"]}
    installed = {
        re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
        for path in (target.bundle / "python").rglob("*.dist-info")
        if path.parent.name in ("site-packages", "dist-packages")  # not what others carry in them
    }
    purls = {name: f"pkg:pypi/{name}@{version}" for name, version in manifest["packages"].items()}
    unlisted = sorted(installed - purls.keys()) + sorted(set(purls.values()) - listed)
    assert not unlisted, f"the list of parts lacks {', '.join(unlisted[:3])}"
    licences = target.bundle / "LICENCES.txt"
    assert licences.is_file(), "LICENCES.txt is missing"
    assert licences.stat().st_size > 1000, "LICENCES.txt is empty"
    seen(f"{len(listed)} parts")


@pytest.mark.criterion("PKG-9")
def test_fuses(target: Target, application: Path, seen: Seen) -> None:
    """Cannot be made to run other code from outside."""
    if target.shell_command:
        raise NotApplicable("its shell is not Electron, whose program has fuses")
    state = bundle.fuses(application)
    if state is None:
        raise NotRun("this Electron has no fuses (12 and later have)")
    open_ways = [
        name
        for name in (
            "RunAsNode",
            "EnableNodeOptionsEnvironmentVariable",
            "EnableNodeCliInspectArguments",
        )
        if state.get(name)
    ]
    assert not open_ways, f"these fuses are on: {', '.join(open_ways)}"
    assert state.get("OnlyLoadAppFromAsar", True), "OnlyLoadAppFromAsar is off"
    seen(", ".join(f"{name} {'on' if on else 'off'}" for name, on in state.items()))


@pytest.mark.criterion("PKG-10")
def test_comes_and_goes(opened_application: Opened, seen: Seen) -> None:
    """Is opened and removed by a user, and leaves the data."""
    opened = opened_application
    assert not opened.problem, opened.problem
    assert opened.exit is not None, "asked to quit, it went on"
    assert not opened.left, (
        f"processes are left after it was asked to quit: {', '.join(opened.left)}"
    )
    inside = opened.app_data.is_relative_to(opened.home)
    assert inside, f"its data is at {opened.app_data}, expected in the user's home folder"
    assert opened.stored, "it left no database"
    assert opened.stored_after_removal == opened.stored, "the database is gone with its folder"
    done = "opened and removed in a user's folder, the data stayed"
    if os.name == "nt":
        raise NotRun(f"{done}; its installer needs packages.yml, job windows")
    if not not_root():
        raise NotRun(f"{done}; whether it needs rights cannot be told as root")
    seen(done)


@pytest.mark.criterion("PKG-11")
def test_checksums(application: Path, seen: Seen) -> None:
    """Has a checksum for every artefact."""
    folder = application.parent
    artefacts = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and re.search(r"\.(AppImage|deb|gz|dmg|zip|exe|7z)$", path.name)
    ]
    if not artefacts:
        raise NotRun(f"there are no artefacts beside {application.name}")
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    wrong = [path.name for path in artefacts if sums.get(path.name) != bundle.sha256(path)]
    assert not wrong, f"SHA256SUMS has no or another checksum for {', '.join(wrong)}"
    seen(", ".join(path.name for path in artefacts))


def _meant_to_be_shipped(target: Target) -> list[str]:
    """What desktop.toml lists by name."""
    seeds = target.manifest.get("data", {}).get("seed", [])
    included = target.manifest.get("stage", {}).get("include", [])
    return [*(seed["from"] for seed in seeds), *included]


def _set_writable(folder: Path, writable: bool) -> None:
    bits = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    for path in [*folder.rglob("*"), folder]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IWUSR if writable else mode & ~bits)


def _alone(original: Path) -> tuple[str, ...]:
    """Words before a command that leave it no network but loopback, and no `original`.

    None where this user may not do that.
    """
    program = shutil.which("unshare")
    for words in (["--user", "--map-root-user"], []) if program else ():
        command = (str(program), *words, "--net", "--mount", sys.executable, "-I", "-c", ALONE)
        trial = [*command, str(original), sys.executable, "-c", ""]
        if subprocess.run(trial, capture_output=True).returncode == 0:
            return (*command, str(original))
    return ()
