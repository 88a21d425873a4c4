"""Runs a project's own front-end build in a copy of it, and brings over what that made anew."""

import filecmp
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from skill_scripts.layer.payload import sha256
from skill_scripts.processes import run_bounded
from skill_scripts.project import git
from skill_scripts.project.files import walk

LIMIT_SECONDS = 900  # of each command
# A build wants its development packages, but none of the programs that they download.
VARIABLES = {
    "NODE_ENV": "", "CI": "1", "HUSKY": "0", "CYPRESS_INSTALL_BINARY": "0",
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1", "PUPPETEER_SKIP_DOWNLOAD": "1",
    "ELECTRON_SKIP_BINARY_DOWNLOAD": "1",
}  # fmt: skip
CACHES = frozenset({".cache", ".parcel-cache", ".turbo", ".vite", ".yarn", ".pnpm-store", ".git"})


class BuildFailedError(Exception):
    """Raised when a command of the build did not end well; the text is for a person."""


@dataclass(frozen=True)
class Built:
    """The result of a build in a copy of the project; names relative to its root."""

    copy: Path
    new: list[str]  # folders, which come over whole, end with a slash
    changed: list[str]  # of the project's own, which stay as they are


@contextmanager
def build(
    root: Path, settings: Mapping[str, Any], earlier: Collection[str] = ()
) -> Iterator[Built]:
    """Run the build of `settings`, [frontend], in a copy of the project that is gone afterwards.

    What an `earlier` build brought over is made anew. Raises BuildFailedError.
    """
    with tempfile.TemporaryDirectory(prefix="ddk-build-") as scratch:
        copy = Path(scratch).resolve() / "project"
        before = {name for name in walk(root) if not name.endswith("/")} - {*earlier}
        for name in before:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
        for words in settings["build"]:
            _run(words, copy)
        after = {
            name for name in walk(copy)
            if not name.endswith("/") and CACHES.isdisjoint(PurePosixPath(name).parts)
        }  # fmt: skip
        changed = [
            name for name in before & after
            if not filecmp.cmp(root / name, copy / name, shallow=False)
        ]  # fmt: skip
        packages = {
            f"{name}/" for name in settings["packages"]
            if (copy / name).is_dir() and (f"{name}/" in earlier or not (root / name).exists())
        }  # fmt: skip
        yield Built(copy, sorted((after - before) | packages), sorted(changed))


def _run(words: Sequence[str], cwd: Path) -> None:
    shown = " ".join(words)
    program = shutil.which(words[0])
    if program is None:
        raise BuildFailedError(f"{words[0]} is not installed")
    try:
        done = run_bounded(
            [program, *words[1:]], seconds=LIMIT_SECONDS, cwd=cwd, env={**os.environ, **VARIABLES}
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildFailedError(f"{shown}: {error}") from error
    if done.exit_code != 0:
        lines = [line.strip() for line in done.output.splitlines() if line.strip()]
        ended = f"exit {done.exit_code}" if done.exit_code is not None else "no end in 15 minutes"
        telling = [line for line in lines if "error" in line.lower()] or lines[-1:]
        raise BuildFailedError(": ".join([shown, ended, *telling[:1]]))


def bring_over(root: Path, result: Built) -> dict[str, str]:
    """Put what is new into the project, all or none; the sha256 of files, "" for folders."""
    placed: dict[str, str] = {}
    try:
        for name in result.new:
            source, target = result.copy / name, root / name
            placed[name] = "" if name.endswith("/") else sha256(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copyfile(source, target)
    except BaseException:
        take_away(root, placed)
        raise
    return placed


def is_there(root: Path, name: str) -> bool:
    """Whether what a build brought over is still there."""
    return (root / name).is_dir() if name.endswith("/") else (root / name).is_file()


def untouched(root: Path, built: Mapping[str, str]) -> list[str]:
    """Those of `built` that are as they came over; in a folder of packages nobody edits."""
    return [
        name for name, written in built.items()
        if is_there(root, name) and (not written or sha256(root / name) == written)
    ]  # fmt: skip


def take_away(root: Path, names: Iterable[str]) -> None:
    """Delete what a build brought over, and the folders that are empty without it."""
    for name in names:
        if name.endswith("/"):
            shutil.rmtree(root / name, ignore_errors=True)
        else:
            (root / name).unlink(missing_ok=True)
        for folder in PurePosixPath(name).parents[:-1]:
            with suppress(OSError):  # not empty, or gone already
                (root / folder).rmdir()


def to_include(root: Path, names: Sequence[str]) -> list[str]:
    """What [stage] include must name of new things that git ignores: folders, or files."""
    found = set()
    for name in git.ignored(root, names):
        path = PurePosixPath(name)
        new = [each for each in (path, *path.parents[:-1]) if not (root / each).exists()]
        found.add((new[-1] if new else path).as_posix())
    return sorted(found)
