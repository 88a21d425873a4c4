"""Executed in the probe: notes what the project is about to change in its own folder.

Python announces each opening, making, moving and removing of a file before it happens. What is
there is copied first, so that `undo` can put the folder back as it was. The journal is written
line by line, because the project may end the process at any moment. Standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST_COPY = 64_000_000  # bytes
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Other processes announce nothing: before the first one starts, everything is copied.
STARTS = frozenset(
    {"subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "os.fork"}
)
NOT_COPIED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__"})
SQLITE_COMPANIONS = ("-journal", "-wal", "-shm")


def watch(root: str, journal: str, copies: str) -> None:
    """Note every path below `root` in the file `journal` before this process changes it."""
    noted: set[Path] = set()
    kept: list[bool] = []
    within = threading.local()
    top = Path(root).resolve()
    file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ANNOUNCED.keys() | STARTS or getattr(within, "hook", False):
            return
        within.hook = True
        try:
            if event in STARTS:
                keep_all()
                return
            for path in ANNOUNCED[event](arguments):
                note(Path(os.fsdecode(path)).absolute(), making=event == "os.mkdir")
        except Exception:  # the project's own call says what is wrong with its arguments
            pass
        finally:
            within.hook = False

    def note(path: Path, *, making: bool) -> None:
        path = path.parent.resolve() / path.name
        if path in noted or top not in path.parents:
            return
        entry = {"path": path.relative_to(top).as_posix(), "before": "nothing"}
        if os.path.lexists(path):
            if making:
                return
            # A process that the project forked off has the same journal, and goes on counting.
            copy = Path(copies, f"{os.getpid()}-{len(noted)}")
            entry["before"] = str(copy) if preserve(path, copy) else ""
        noted.add(path)
        os.write(file, (json.dumps(entry) + "\n").encode())

    def keep_all() -> None:
        """Copy every file, so that one that another process removes can be put back."""
        if kept:
            return
        kept.append(True)
        for number, path in enumerate(_within_limit(top)):
            copy = Path(copies, f"all-{number}")
            shutil.copy2(path, copy)
            entry = {"path": path.relative_to(top).as_posix(), "before": str(copy), "if": "missing"}
            os.write(file, (json.dumps(entry) + "\n").encode())

    sys.addaudithook(hook)


def preserve(path: Path, copy: Path) -> bool:
    """Copy what is at `path`, unless it is too large or nothing that can be copied."""
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        files = [each for each in path.rglob("*") if each.is_file()]
        if sum(each.stat().st_size for each in files) > LARGEST_COPY:
            return False
        shutil.copytree(path, copy, symlinks=True)
        return True
    if (not stat.S_ISLNK(mode) and not stat.S_ISREG(mode)) or path.lstat().st_size > LARGEST_COPY:
        return False
    shutil.copy2(path, copy, follow_symlinks=False)
    return True


def _within_limit(top: Path) -> Iterator[Path]:
    """The project's files without repositories and environments, as long as there is room."""
    room = LARGEST_COPY
    for folder, folders, names in os.walk(top):
        folders[:] = [
            each for each in folders
            if each not in NOT_COPIED and not Path(folder, each, "pyvenv.cfg").exists()
        ]  # fmt: skip
        for path in (Path(folder, name) for name in names):
            state = path.lstat()
            if stat.S_ISREG(state.st_mode) and state.st_size <= room:
                room -= state.st_size
                yield path


def _opened(arguments: tuple[Any, ...]) -> list[Any]:
    path, _, flags = arguments
    return [path] if not isinstance(path, int) and flags & WRITES else []


def _database(arguments: tuple[Any, ...]) -> list[str]:
    name = os.fsdecode(arguments[0])
    name = name.removeprefix("file:").partition("?")[0] if name.startswith("file:") else name
    return [name + ending for ending in ("", *SQLITE_COMPANIONS)] if name != ":memory:" else []


def _at(arguments: tuple[Any, ...], path: int, folder: int) -> list[Any]:
    """The path; if it is relative to a descriptor, as far as the system tells which folder."""
    name, descriptor = os.fsdecode(arguments[path]), arguments[folder]
    if descriptor in (-1, None):
        return [name]
    return [Path(f"/proc/self/fd/{descriptor}").readlink() / name]


# Event → the paths that are about to change. https://docs.python.org/3/library/audit_events.html
ANNOUNCED = {
    "open": _opened,
    "os.link": lambda given: _at(given, 1, 3),
    "os.mkdir": lambda given: _at(given, 0, 2),
    "os.remove": lambda given: _at(given, 0, 1),
    "os.rename": lambda given: [*_at(given, 0, 2), *_at(given, 1, 3)],
    "os.rmdir": lambda given: _at(given, 0, 1),
    "os.symlink": lambda given: _at(given, 1, 2),
    "os.truncate": lambda given: [given[0]] if not isinstance(given[0], int) else [],
    "shutil.rmtree": lambda given: [given[0]],
    "sqlite3.connect": _database,
}
