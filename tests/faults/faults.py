"""The shape of a fault, and small things that several of them do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .scene import Outcome, Scene

Inject = Callable[[Scene], Outcome]


def possible() -> str:
    """Nothing is needed."""
    return ""


@dataclass(frozen=True)
class Fault:
    """One row of the table."""

    name: str
    right: tuple[str, ...]  # the outcomes that are right; a row lost or left over never is
    inject: Inject
    times: int = 1  # in the long form
    short: int = 1  # in the test command
    kills: bool = False  # each time is a SIGKILL at a random moment
    same_folder: bool = False  # all times happen to one installation
    needs: Callable[[], str] = possible  # why it cannot be done here


def linux_root() -> str:
    """File systems are mounted by root alone."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounts a small file system: needs root on Linux"
    return ""


def posix() -> str:
    """Signals, symbolic links, FIFOs."""
    return "" if os.name == "posix" else "needs POSIX"


def compiler() -> str:
    """The system calls are changed by a small library that is compiled here."""
    if sys.platform != "linux" or not shutil.which("cc"):
        return "needs a C compiler on Linux"
    return ""


def backups_of(scene: Scene, count: int, stamp: str) -> list[Path]:
    """That many copies of the database as it is now, under the names of backups."""
    folder = scene.data / "backups"
    folder.mkdir(exist_ok=True)
    made = []
    for number in range(count):
        file = folder / f"db-{stamp}T00000{number}000000Z.sqlite3"
        with (
            closing(sqlite3.connect(scene.database)) as source,
            closing(sqlite3.connect(file)) as copy,
        ):
            source.backup(copy)
        made.append(file)
    return made


def shim(scene: Scene) -> str:
    """The library of shim.c, compiled once."""
    library = scene.places.folder / "shim.so"
    if not library.exists():
        source = Path(__file__).with_name("shim.c")
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
    return str(library)
