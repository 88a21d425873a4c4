"""Environments that lie where a tool keeps them, not in a project's usual folders.

They are found and used, and nothing is written into them.
"""

import base64
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import platformdirs
from packaging.version import Version

from skill_scripts.dependencies.declarations import Declarations
from skill_scripts.dependencies.environment import (
    PRIVATE,
    USUAL_NAMES,
    Interpreter,
    distributions,
    look_at,
    python_in,
)
from skill_scripts.dependencies.packages import SERVER_ONLY
from skill_scripts.processes import WINDOWS
from skill_scripts.project import git
from skill_scripts.project.files import Project, is_environment
from skill_scripts.versions import OLDEST_PYTHON


def find_outside(
    project: Project, declared: Declarations, exclude: Iterable[str]
) -> Interpreter | None:
    """The interpreter of an environment of the project that lies elsewhere, None without one.

    What a tool keeps under the project's name or path is the project's. The environment that is
    active, or only of the same name, must hold all that the project declares.
    """
    wanted = declared.names() - {*exclude} - SERVER_ONLY
    owned = {*_of_folders(project), *_of_poetry(project), *_of_pipenv(project)}
    for folder in [*sorted(owned, reverse=True), *_of_conda(project), *_active(project)]:
        python = _python(folder)
        seen = look_at(python)
        if seen is None or not seen[1] or Version(seen[0]) < OLDEST_PYTHON:
            continue
        if folder in owned or wanted <= distributions(python):
            return Interpreter(python, seen[0], private=False)
    return None


def is_elsewhere(project: Project, named: str, interpreter: Interpreter) -> bool:
    """Whether its path is one machine's, and neither found by a shell nor fit to be committed.

    `named` is python.interpreter of desktop.toml.
    """
    if named:
        return is_one_machines(named)
    usual = {project.root / name for name in (*USUAL_NAMES, PRIVATE)}
    return interpreter.python.parent.parent not in usual


def is_one_machines(named: str) -> bool:
    """Whether the path of an interpreter leads out of the project."""
    return Path(named).is_absolute() or ".." in Path(named).parts


def _of_folders(project: Project) -> Iterator[Path]:
    """In the project under any name, or direnv's; one that is committed is another machine's."""
    for base in dict.fromkeys((project.root, project.folder, project.root / ".direnv")):
        for folder in sorted(base.iterdir()) if base.is_dir() else ():
            name = folder.relative_to(project.root).as_posix()
            if is_environment(folder) and not git.is_tracked(project.root, name):
                yield folder


def _of_poetry(project: Project) -> Iterator[Path]:
    """Poetry names an environment after the project and its folder."""
    cache = os.environ.get("POETRY_CACHE_DIR") or platformdirs.user_cache_path("pypoetry", False)
    place = os.environ.get("POETRY_VIRTUALENVS_PATH") or Path(cache, "virtualenvs")
    for folder in dict.fromkeys((project.root, project.folder)):
        path = os.path.normcase(os.path.realpath(folder))
        digest = hashlib.sha256(path.encode()).digest()
        mark = base64.urlsafe_b64encode(digest).decode()[:8]
        yield from Path(place).glob(f"*-{mark}-py*")


def _of_pipenv(project: Project) -> Iterator[Path]:
    """pipenv and virtualenvwrapper note in an environment whose it is."""
    folders = {str(each) for each in (project.root, project.folder)}
    for place in _homes():
        for note in place.glob("*/.project"):
            try:
                path = note.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                continue
            if path and os.path.realpath(path) in folders:
                yield note.parent


def _of_conda(project: Project) -> Iterator[Path]:
    """An environment of conda or virtualenvwrapper that has the project's name."""
    names = {project.root.name}
    for file in ("environment.yml", "environment.yaml"):
        names.update(re.findall(r"^name:\s*['\"]?([\w.-]+)", project.source(file), re.MULTILINE))
    for place in _homes():
        yield from (place / name for name in sorted(names))
    try:
        listed = (Path.home() / ".conda" / "environments.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    yield from (Path(each) for each in listed.splitlines() if Path(each).name in names)


def _active(project: Project) -> Iterator[Path]:
    """The one that this command was called in, unless it is the kit's own."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = Path(os.environ.get(name, ""))
        if folder.is_absolute() and folder != Path(sys.prefix):
            yield folder


def _homes() -> Iterator[Path]:
    """Where pipenv and virtualenvwrapper keep environments."""
    named = Path(os.environ.get("WORKON_HOME", ""))
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    found = [Path.home() / ".virtualenvs", data / "virtualenvs"]
    yield from dict.fromkeys([named.expanduser(), *found] if named.name else found)


def _python(folder: Path) -> Path:
    """Where an environment has its interpreter; conda has it at the top on Windows."""
    python = python_in(folder)
    return folder / "python.exe" if WINDOWS and not python.exists() else python
