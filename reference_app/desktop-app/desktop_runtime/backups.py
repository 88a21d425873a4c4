"""The copies in `backups/`: made and verified before a change, numbered, kept by count and age."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import databases, system
from .data import not_writable

FOLDER = "backups"
KEPT = 5
KEPT_MONTHS = 3
# Version 1 of the runtime gave no numbers; its backups are older than every numbered one.
NAME = re.compile(r"(?P<stem>.+?)(-(?P<number>\d{6}))?-(?P<stamp>\d{8}T\d{6,12}Z)\.sqlite3")
# Of the header: journal mode, change counter, the version that wrote it
# (https://sqlite.org/fileformat.html, 1.3). They differ between copies of the same content.
HEADER_BYTES = 100
VOLATILE = [*range(18, 20), *range(24, 28), *range(92, 100)]


@dataclass(frozen=True, order=True)
class Backup:
    """One copy of one database; they sort by age, whatever the clock said."""

    number: int
    stamp: str
    file: Path


def of(file: Path, folder: Path) -> list[Backup]:
    """The backups of a database, the oldest first."""
    return [each for each in every(folder) if _parts(each.file)["stem"] == file.stem]


def every(folder: Path) -> list[Backup]:
    """All backups in the folder, the oldest first."""
    files = [f for f in folder.glob("*.sqlite3") if NAME.fullmatch(f.name)]
    return sorted(Backup(int(_parts(f)["number"] or 0), _parts(f)["stamp"], f) for f in files)


def stem(file: Path) -> str:
    """The name of the database, without its suffix, that a backup was made of."""
    return _parts(file)["stem"]


def _parts(file: Path) -> re.Match[str]:
    return NAME.fullmatch(file.name)


def make(file: Path, folder: Path) -> Path:
    """A verified copy `<name>-<number>-<UTC>.sqlite3`, or the last one if nothing has changed.

    Nothing is pruned: the change that the copy is for has not succeeded yet. Raises `BackendError`
    with `Exit.NOT_WRITABLE`.
    """
    earlier = of(file, folder)
    number = earlier[-1].number + 1 if earlier else 1
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = folder / f"{file.stem}-{number:06}-{stamp}.sqlite3"
    partial = target.with_suffix(".partial")
    try:
        copy(file, partial)
        databases.require_whole(partial, thorough=True)
        if earlier and _same_content(earlier[-1].file, partial):
            partial.unlink()
            return earlier[-1].file
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.chmod(0o600)
        partial.replace(target)
        system.sync_folder(folder)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise not_writable(folder, error) from error
    return target


def copy(file: Path, target: Path) -> None:
    """Copy a database as it is at one moment, while others may write to it.

    SQLite's backup API sees what is still in the write-ahead log (https://sqlite.org/backup.html).
    Raises `sqlite3.Error`.
    """
    with (
        databases.connect(file, "ro") as source,
        contextlib.closing(sqlite3.connect(target)) as made,
    ):
        source.backup(made)
        # One file that needs no log beside it, wherever it is carried.
        made.execute("PRAGMA journal_mode=DELETE")


def prune(file: Path, folder: Path) -> None:
    """Keep the last five and the last of three earlier months."""
    older = of(file, folder)[:-KEPT]
    months = {each.stamp[:6]: each.file for each in older}
    kept = {each for _, each in sorted(months.items())[-KEPT_MONTHS:]}
    for backup in older:
        if backup.file not in kept:
            with contextlib.suppress(OSError):
                backup.file.unlink()


def _same_content(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        heads = [bytearray(stream.read(HEADER_BYTES)) for stream in (first, second)]
        for head in heads:
            for position in VOLATILE:
                head[position] = 0
        if heads[0] != heads[1]:
            return False
        while block := first.read(1 << 20):
            if block != second.read(1 << 20):
                return False
    return True
