"""What lies in a project's folder: its files, its manage.py, the way in."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from skill_scripts.errors import KitError

PAYLOAD_FOLDER = "desktop-app"
# The interpreter of an environment that lies elsewhere: git ignores it, as it is one machine's.
INTERPRETER_NOTE = f"{PAYLOAD_FOLDER}/.interpreter"
# Folders that hold other people's code, results or caches; environments count too.
PRUNED = frozenset(
    {
        ".git", ".hg", ".svn", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
        ".idea", ".vscode", "__pycache__", "bower_components", "node_modules", "site-packages",
        PAYLOAD_FOLDER,
    }
)  # fmt: skip
MARKS_OF_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta", "bin", "Scripts"})
# Folders whose manage.py serves the project's tests or generates other projects.
NOT_THE_PROJECT = frozenset({"test", "tests", "testing", "test_project", "testproject"})
DEMONSTRATIONS = frozenset(
    {"demo", "doc", "docs", "example", "example_project", "examples", "sample", "sandbox"}
)
LARGEST_SOURCE = 2_000_000  # bytes; larger Python files are data


@dataclass(frozen=True)
class Project:
    """A Django project as it lies on disk; nothing of it has run."""

    root: Path
    manage: str  # relative to root; "" if there is none
    settings: str  # named by the source of manage.py, wsgi.py or asgi.py; "" if not plain
    entries: tuple[str, ...] = field(repr=False)  # relative to root; folders end with a slash

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The files, relative to root, with forward slashes."""
        return tuple(name for name in self.entries if not name.endswith("/"))

    @property
    def folder(self) -> Path:
        """The folder of manage.py: where a developer starts the project."""
        return (self.root / self.manage).parent if self.manage else self.root

    def python_files(self) -> Iterator[str]:
        """The project's own Python files."""
        return (name for name in self.files if name.endswith(".py"))

    def source(self, name: str) -> str:
        """The text of a file; undecodable bytes are replaced, too large a file is empty."""
        return read_source(self.root / name)


def find_project(path: Path, manage: str | None = None, settings: str = "") -> Project:
    """The project in folder `path`.

    `manage` ("" = there is none, None = find out) and `settings` ("" = find out) are decisions of
    the user. Raises KitError DDK-SUR-01
    to -04 if there is no project or more than one.
    """
    root = path.resolve()
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise KitError("DDK-SUR-01", f"{path} {state}", path=str(path))
    entries = tuple(sorted(walk(root)))
    files = tuple(name for name in entries if not name.endswith("/"))
    if manage:
        if not (root / manage).is_file() or not (root / manage).resolve().is_relative_to(root):
            raise KitError("DDK-SUR-04", f"there is no file {manage} in {root}", manage=manage)
        manage = PurePosixPath(Path(manage)).as_posix()
    elif manage is None:
        manage = _choose_manage(root, files)
    named = settings or (
        _settings_named_in(root / manage) if manage else settings_of_server(root, files)
    )
    if not manage and not named:
        raise KitError("DDK-SUR-02", f"no Django project found in {root}", path=str(root))
    return Project(root, manage, named, entries)


def walk(root: Path) -> Iterator[str]:
    """The files and folders under `root`, without environments, caches and other people's code.

    Links to folders are not followed, so a cyclic link does no harm; what cannot be read is
    left out.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = list(entries)
        except OSError:
            continue
        marked = folder and MARKS_OF_ENVIRONMENT & {entry.name for entry in found}
        if marked and is_environment(root / folder):
            continue
        for entry in found:
            name = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in PRUNED and not entry.name.endswith(".egg-info"):
                    folders.append(f"{name}/")
                    yield f"{name}/"
            elif _is_file(entry):
                yield name


def is_environment(folder: Path) -> bool:
    """Whether a virtual environment or one of conda lies in `folder`, of whatever machine."""
    if (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir():
        return True
    return any((folder / scripts / "activate").is_file() for scripts in ("bin", "Scripts"))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def read_source(file: Path) -> str:
    """The text of a source file, "" if it cannot be read or is too large to be one."""
    try:
        if file.stat().st_size > LARGEST_SOURCE:
            return ""
        return file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def _choose_manage(root: Path, files: tuple[str, ...]) -> str:
    found = [name for name in files if PurePosixPath(name).name == "manage.py"]
    if "manage.py" in found:
        return "manage.py"
    usable = [name for name in found if not _is_template(root / name)]
    for others in (NOT_THE_PROJECT | DEMONSTRATIONS, NOT_THE_PROJECT):
        own = [name for name in usable if others.isdisjoint(PurePosixPath(name).parent.parts)]
        if len(own) == 1:
            return own[0]
        if own:
            raise KitError(
                "DDK-SUR-03",
                f"{len(own)} manage.py found in {root}: {', '.join(own)}",
                candidates=own,
                first=own[0],
            )
    if usable:
        raise KitError(
            "DDK-SUR-02",
            f"{root} has a manage.py only for its tests: {', '.join(usable)}",
            remedy=f"If one of them is what you want, name it: --manage {usable[0]}",
            candidates=usable,
        )
    return ""


def _is_template(manage: Path) -> bool:
    return "{{" in read_source(manage)


def settings_of_server(root: Path, files: tuple[str, ...]) -> str:
    """The settings module that the shallowest wsgi.py or asgi.py names."""
    servers = [name for name in files if PurePosixPath(name).name in ("wsgi.py", "asgi.py")]
    for name in sorted(servers, key=lambda each: each.count("/")):
        if settings := _settings_named_in(root / name):
            return settings
    return ""


def _settings_named_in(file: Path) -> str:
    """The value given to DJANGO_SETTINGS_MODULE in the source of `file`, "" if not plain."""
    try:
        tree = ast.parse(read_source(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="setdefault"),
                args=[ast.Constant("DJANGO_SETTINGS_MODULE"), ast.Constant(str(name))],
            ):
                return name
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant("DJANGO_SETTINGS_MODULE"))],
                value=ast.Constant(str(name)),
            ):
                return name
    return ""


def distribution_name(name: str) -> str:
    """The normalised form under which two spellings of a distribution's name are one."""
    return re.sub(r"[-_.]+", "-", name).lower()
