"""The project's source as it is shipped: what git sees, without what only developers need."""

import fnmatch
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from skill_scripts.errors import KitError
from skill_scripts.layer.payload import sha256
from skill_scripts.layer.shells import Shell, shell_of
from skill_scripts.project import git
from skill_scripts.project.files import PAYLOAD_FOLDER, is_environment, walk

# Why a file is not shipped → names of files or folders (with /) anywhere in the project. What
# [stage] include names is shipped all the same.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "tests": ("tests/", "test/", "test_*.py", "*_test.py", "tests.py", "conftest.py"),
    "example": (".env.example", ".env.sample", ".env.template", ".env.dist"),
    "environment": (".env", ".env.*", "*.env", ".envrc"),
    "secret": ("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "id_rsa*", "id_ed25519*", ".netrc",
               ".pypirc", ".npmrc", "secrets.json", "secrets.toml", "secrets.y*ml",
               "credentials*.json", "client_secret*.json"),
    "database": ("*.sqlite", "*.sqlite3", "*.db", "*.sqlite3-*", "*.db-wal", "*.db-shm",
                 "*.sqlite-*", "*.dump"),
    "development": (".git/", ".github/", ".gitlab/", ".circleci/", ".vscode/", ".idea/",
                    "node_modules/", "bower_components/", "__pycache__/", "*.pyc", ".gitignore",
                    ".gitattributes", ".gitmodules", ".pre-commit-config.yaml", ".DS_Store",
                    "*.egg-info/", ".coverage", "htmlcov/"),
}  # fmt: skip
# Uploads of the developer; only where the project keeps them, since apps may be called so.
UPLOADS = ("media", "uploads")
# A folder tests/ with one of these is an app of the project: an exam site has one.
APP_MARKS = ("apps.py", "models.py", "urls.py", "migrations")
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
LARGEST_SEARCHED = 1_000_000  # bytes
SHIPPED_PAYLOAD = ("desktop.toml", "launch.py", "desktop_runtime", "offline")


@dataclass
class Source:
    """The files of a project, as they are shipped or not; paths relative to its root."""

    root: Path
    files: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # path → why

    def hashes(self) -> dict[str, str]:
        """The sha256 of every file that is shipped."""
        return {name: sha256(self.root / name) for name in self.files}

    def copy(self, target: Path) -> None:
        """Copy what is shipped; links become what they lead to."""
        for name in self.files:
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.root / name, file)
            if (self.root / name).stat().st_mode & 0o100:
                file.chmod(0o755)


def find_source(root: Path, settings: Mapping[str, Any], manage_folder: Path) -> Source:
    """Decide for every file of the project whether it is shipped.

    `settings` is desktop.toml. Raises KitError DDK-STG-08 if it lists a path that is not there.
    """
    stage = settings["stage"]
    seeds = [seed["from"] for seed in settings["data"]["seed"]]
    wanted = {name for entry in (*stage["include"], *seeds) for name in _listed(root, entry)}
    unwanted = {name for entry in stage["exclude"] for name in _listed(root, entry)}
    source = Source(root)
    uploads = {
        f"{PurePosixPath(folder.relative_to(root)).as_posix()}/".removeprefix("./")
        for base in (root, manage_folder) for name in UPLOADS
        if (folder := base / name).is_dir() and not (folder / "__init__.py").exists()
    }  # fmt: skip
    kept_tests = _apps_called_tests(root)
    names = sorted({*_tracked(root), *wanted})
    environments = _environments(root, names)
    for name in names:
        if name.split("/")[0] == PAYLOAD_FOLDER or not (root / name).is_file():
            continue
        if name in unwanted:
            source.left_out[name] = "desktop.toml"
        elif name not in wanted and not environments.isdisjoint(PurePosixPath(name).parents):
            source.left_out[name] = "development"
        elif name not in wanted and (why := _reason(name, uploads, kept_tests)):
            source.left_out[name] = why
        elif name not in wanted and _holds_key(root / name):
            source.left_out[name] = "secret"
        elif not (root / name).resolve().is_relative_to(root):
            source.left_out[name] = "link out of the project"
        else:
            source.files.append(name)
    source.files += sorted(_payload(root, shell_of(settings)))
    return source


def _reason(name: str, uploads: Iterable[str], kept_tests: Iterable[str]) -> str:
    """Why a file is not shipped, "" if it is."""
    if any(name.startswith(folder) for folder in uploads):
        return "uploads"
    *folders, last = name.split("/")
    for why, patterns in LEFT_OUT.items():
        if why == "tests" and any(name.startswith(folder) for folder in kept_tests):
            continue
        for pattern in patterns:
            candidates = folders if pattern.endswith("/") else [last]
            if any(fnmatch.fnmatchcase(each, pattern.rstrip("/")) for each in candidates):
                return why
    return ""


def _environments(root: Path, names: Iterable[str]) -> set[PurePosixPath]:
    """Folders that hold somebody's virtual environment, committed with the project."""
    marks = [PurePosixPath(name) for name in names if name.endswith(("pyvenv.cfg", "activate"))]
    folders = {folder for mark in marks for folder in mark.parents if folder.name}
    return {folder for folder in folders if is_environment(root / folder)}


def _holds_key(file: Path) -> bool:
    """Whether it is a configuration with a private key in it; a module is never left out."""
    if file.suffix == ".py" or file.stat().st_size > LARGEST_SEARCHED:
        return False
    return bool(PRIVATE_KEY.search(file.read_bytes()))


def _apps_called_tests(root: Path) -> set[str]:
    found = {each for name in ("tests", "test") for each in root.glob(f"**/{name}")}
    return {
        f"{each.relative_to(root).as_posix()}/" for each in found
        if any((each / mark).exists() for mark in APP_MARKS)
    }  # fmt: skip


def _listed(root: Path, entry: str) -> Iterator[str]:
    """The files that an entry of desktop.toml names: a file, a folder or a pattern."""
    path = root / entry
    found = [path] if path.exists() else sorted(root.glob(entry))
    if not found:
        raise KitError("DDK-STG-08", f"desktop.toml lists {entry}, which is not there", entry=entry)
    for each in found:
        for file in sorted(each.rglob("*")) if each.is_dir() else [each]:
            if file.is_file():
                yield PurePosixPath(file.relative_to(root)).as_posix()


def _tracked(root: Path) -> Iterable[str]:
    """What git would have after `git add .`, else every file that is not a developer's."""
    names = git.tracked(root)
    return walk(root) if names is None else _with_submodules(root, names)


def _with_submodules(root: Path, names: Iterable[str]) -> Iterator[str]:
    """Git names a submodule as one entry; its files belong to the project all the same."""
    for name in names:
        if (root / name).is_dir() and not (root / name).is_symlink():
            yield from (f"{name.rstrip('/')}/{inner}" for inner in walk(root / name))
        else:
            yield name


def _payload(root: Path, shell: Shell) -> Iterator[str]:
    for name in (*SHIPPED_PAYLOAD, *shell.shipped):
        path = root / PAYLOAD_FOLDER / name
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield PurePosixPath(file.relative_to(root)).as_posix()
