"""Runs a project's own front-end build in a copy of it, and brings over what that made anew."""

import filecmp
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from skill_scripts import git
from skill_scripts.findings import DECIDE, HANDLED, Finding
from skill_scripts.payload import sha256
from skill_scripts.processes import run_bounded
from skill_scripts.project import DEMONSTRATIONS, NOT_THE_PROJECT, Project, walk

LIMIT_SECONDS = 900  # of each command
# App whose manifest is written by a build → finding.
LOADERS = {"webpack_loader": "webpack", "django_vite": "vite"}
# Lock file → the command that installs exactly what it names.
INSTALL = {
    "package-lock.json": ["npm", "ci", "--no-audit", "--no-fund"],
    "npm-shrinkwrap.json": ["npm", "ci", "--no-audit", "--no-fund"],
    "yarn.lock": ["yarn", "install", "--frozen-lockfile"],
    "pnpm-lock.yaml": ["pnpm", "install", "--frozen-lockfile"],
}
INSTALL_WITHOUT_LOCK = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
# A build wants its development packages, but none of the programs that they download.
VARIABLES = {
    "NODE_ENV": "", "CI": "1", "HUSKY": "0", "CYPRESS_INSTALL_BINARY": "0",
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1", "PUPPETEER_SKIP_DOWNLOAD": "1",
    "ELECTRON_SKIP_BINARY_DOWNLOAD": "1",
}  # fmt: skip
CACHES = frozenset({".cache", ".parcel-cache", ".turbo", ".vite", ".yarn", ".pnpm-store", ".git"})


def judge_build(
    project: Project, facts: Mapping[str, Any], draft: dict[str, Any]
) -> Iterator[Finding]:
    """What is to be done about a front end that the repository does not hold.

    Enters the commands of the project's own build into `draft` where the pages need its result.
    """
    if draft["frontend"]["build"]:
        return
    missing = facts.get("static_missing") or []
    apps = [str(name) for name in (facts.get("settings") or {}).get("INSTALLED_APPS") or []]
    loader = next((name for name in LOADERS if any(app.startswith(name) for app in apps)), "")
    file = _package_file(project)
    if not file:
        if loader:
            what = f"{loader} reads the result of a build that no package.json declares"
            yield Finding(LOADERS[loader], DECIDE, what, "build it before the app is started")
        return
    commands = _commands(project, file)
    option = f"--set 'frontend.build={json.dumps(commands)}'"
    if not missing and not loader:
        what = f"{file} declares a build; the first page has all its files without it"
        do = f"if other pages need its result: {option}"
        yield Finding("frontend-build", DECIDE, what, do, file)
        return
    why = f"{missing[0]} is not there" if missing else f"{loader} reads its result"
    what = f"{file} declares a build, and {why}"
    if absent := sorted({words[0] for words in commands if not shutil.which(words[0])}):
        do = f"install {', '.join(absent)}, then adapt again: {option}"
        yield Finding("frontend-build", DECIDE, what, do, file)
        return
    draft["frontend"]["build"] = commands
    shown = "; ".join(" ".join(words) for words in commands)
    do = f"adapt runs it in a copy of the project and brings over what it makes: {shown}"
    yield Finding("frontend-build", HANDLED, what, do, file)


def _package_file(project: Project) -> str:
    """The shallowest package.json with a build of its own, "" if there is none."""
    found = [
        name
        for name in project.files
        if PurePosixPath(name).name == "package.json"
        and (NOT_THE_PROJECT | DEMONSTRATIONS).isdisjoint(PurePosixPath(name).parts)
        and name.count("/") <= 2
    ]
    for name in sorted(found, key=lambda each: (each.count("/"), each)):
        try:
            scripts = json.loads(project.source(name)).get("scripts") or {}
        except (ValueError, AttributeError, RecursionError):
            continue
        if isinstance(scripts, dict) and scripts.get("build"):
            return name
    return ""


def _commands(project: Project, file: str) -> list[list[str]]:
    """How the packages are installed and the build is run, for [frontend] build."""
    folder = PurePosixPath(file).parent
    files = frozenset(project.files)
    lock = next((name for name in INSTALL if (folder / name).as_posix() in files), "")
    install = INSTALL.get(lock, INSTALL_WITHOUT_LOCK)
    if not shutil.which(install[0]):
        install = INSTALL_WITHOUT_LOCK
    where = [] if folder == PurePosixPath() else _in_folder(install[0], folder)
    return [[install[0], *where, *install[1:]], [install[0], *where, "run", "build"]]


def _in_folder(tool: str, folder: PurePosixPath) -> list[str]:
    option = {"npm": "--prefix", "yarn": "--cwd", "pnpm": "--dir"}[tool]
    return [option, folder.as_posix()]


class BuildFailedError(Exception):
    """Raised when a command of the build did not end well; the text is for a person."""


@dataclass(frozen=True)
class Built:
    """The result of a build in a copy of the project; names relative to its root."""

    copy: Path
    new: list[str]
    changed: list[str]  # of the project's own, which stay as they are


@contextmanager
def build(
    root: Path, commands: Sequence[Sequence[str]], earlier: Iterable[str] = ()
) -> Iterator[Built]:
    """Run the build in a copy of the project, which is gone afterwards.

    What an `earlier` build brought over is made anew. Raises BuildFailedError.
    """
    with tempfile.TemporaryDirectory(prefix="ddk-build-") as scratch:
        copy = Path(scratch).resolve() / "project"
        before = {name for name in walk(root) if not name.endswith("/")} - {*earlier}
        for name in before:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
        for words in commands:
            _run(words, copy)
        after = {
            name for name in walk(copy)
            if not name.endswith("/") and CACHES.isdisjoint(PurePosixPath(name).parts)
        }  # fmt: skip
        changed = [
            name for name in before & after
            if not filecmp.cmp(root / name, copy / name, shallow=False)
        ]  # fmt: skip
        yield Built(copy, sorted(after - before), sorted(changed))


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
    """Put the new files into the project, all or none; their sha256 by name."""
    placed: dict[str, str] = {}
    try:
        for name in result.new:
            placed[name] = sha256(result.copy / name)
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(result.copy / name, root / name)
    except BaseException:
        take_away(root, placed)
        raise
    return placed


def untouched(root: Path, built: Mapping[str, str]) -> list[str]:
    """Those of the `built` files (name to sha256) that are still as they came over."""
    return [
        name for name, written in built.items()
        if (root / name).is_file() and sha256(root / name) == written
    ]  # fmt: skip


def take_away(root: Path, names: Iterable[str]) -> None:
    """Delete built files and the folders that are empty without them."""
    for name in names:
        (root / name).unlink(missing_ok=True)
        for folder in PurePosixPath(name).parents[:-1]:
            with suppress(OSError):  # not empty, or gone already
                (root / folder).rmdir()


def to_include(root: Path, names: Sequence[str]) -> list[str]:
    """What [stage] include must name of built files that git ignores: new folders, or files."""
    found = set()
    for name in git.ignored(root, names):
        folders = [each for each in PurePosixPath(name).parents[:-1] if not (root / each).exists()]
        found.add(folders[-1].as_posix() if folders else name)
    return sorted(found)
