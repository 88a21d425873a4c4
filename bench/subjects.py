"""What is measured: the reference app and projects that were given, each as a copy in scratch."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.launching import Place
from bench.measuring import BEFORE, USUAL
from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import find_adapted
from skill_scripts.stage import STAGED, Staged, stage
from tests.scripts import local_python
from tests.scripts.local_python import LocalBuild

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "reference_app"
SHELL = REFERENCE / "desktop-app" / "electron"
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", STAGED, "staged.*", "dist", "db.sqlite3*"
)


@dataclass
class Subject:
    """An adapted project in a folder of its own, with the shell of this checkout."""

    name: str
    root: Path
    python: Path
    scratch: Path
    is_staged_here: bool = False
    number: int = field(default=0, init=False)

    def developed(self, app_data: Path) -> Place:
        """The project where it lies, on its own environment."""
        return Place(self.root, self.python, app_data, self.scratch / "bytecode")

    def packaged(self, app_data: Path, bundle: Path | None = None) -> Place:
        """Its staged bundle, as an installed app runs it."""
        bundle = bundle or self.bundle
        return Place(bundle / "app", bundle / "python" / "bin" / "python3", app_data, None)

    def fresh(self) -> Path:
        """An app data folder that is not there yet."""
        self.number += 1
        return self.scratch / f"data-{self.number}"

    @property
    def bundle(self) -> Path:
        """Its bundle, made when it is first asked for."""
        if self.is_staged_here:
            return self.staged.folder
        folder = self.root / "desktop-app" / STAGED
        if not folder.is_dir():
            raise ValueError("it is not staged: python -m bench.foreign prepares projects")
        return folder

    @cached_property
    def build(self) -> LocalBuild:
        """A Python of this machine to stage with, as a release host would give it. Linux only.

        Raises RuntimeError where none can be moved.
        """
        return local_python.make(made(self.scratch / "build"))

    @cached_property
    def staged(self) -> Staged:
        """What staging made. Raises KitError where it cannot."""
        ask_for(self.root, self.build)
        options = {"downloads": self.build.downloads, "mirror": self.build.mirror}
        return stage(self.root, allow_old_sqlite=True, **options)


def reference(scratch: Path) -> Subject:
    """The reference app, staged when that is first asked for."""
    root = copy(scratch / "project")
    give_shell(root)
    return Subject(USUAL, root, this_python(), scratch, is_staged_here=True)


def ask_for(root: Path, build: LocalBuild) -> None:
    """Let an adapted project be staged with this Python."""
    with (root / "desktop-app" / "desktop.toml").open("a", encoding="utf-8") as manifest:
        manifest.write(f'\n[python]\nversion = "{build.minor}"\n')


def given(name: str, path: Path, scratch: Path, shell: Path = SHELL) -> Subject:
    """A project of somebody else, adapted and perhaps staged before. One without an environment
    runs on this interpreter."""
    _, found = find_adapted(path, desktop_toml.read(path / desktop_toml.PLACE))
    python = found.python if found else this_python()
    root = scratch / "project"
    shutil.copytree(path, root, ignore=LEFT_OUT, symlinks=True)
    staged = path / "desktop-app" / STAGED
    if staged.is_dir():
        (root / "desktop-app" / STAGED).symlink_to(staged)
    give_shell(root, shell)
    return Subject(name, root, python, scratch)


def give_shell(root: Path, shell: Path = SHELL) -> None:
    """A shell with its packages, that of this checkout, in place of the one that is there."""
    folder = root / "desktop-app" / "electron"
    shutil.rmtree(folder, ignore_errors=True)
    copy_app(shell, folder)


def copy_app(source: Path, folder: Path) -> Path:
    """A copy of an Electron app, with its packages where they lie."""
    shutil.copytree(source, folder, ignore=LEFT_OUT, symlinks=True)
    if (source / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(source / "node_modules")
    return folder


def before(path: Path, scratch: Path) -> Subject:
    """The reference app of an earlier checkout, staged there, with the shell it has."""
    return given(BEFORE, path, scratch, path / "desktop-app" / "electron")


def copy(folder: Path, changes: dict[str, tuple[str, str]] | None = None,
         source: Path = REFERENCE) -> Path:  # fmt: skip
    """A copy of a reference app in which, in the named files, one text takes another's place."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".venv", "node_modules",
                    STAGED, "electron", ".pytest_cache", "db.sqlite3*"))  # fmt: skip
    for name, (old, new) in (changes or {}).items():
        text = (folder / name).read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{name} of the reference app has no {old!r}")
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def made(folder: Path) -> Path:
    """The folder, made with those above it."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def this_python() -> Path:
    """The interpreter of the kit, on which the reference app runs."""
    return Path(sys.executable)


def place_of(root: Path, own: Path) -> Place:
    """Where a copy of the reference app keeps its data."""
    return Place(root, this_python(), own / "data", own / "bytecode")
