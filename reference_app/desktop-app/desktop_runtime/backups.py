"""The copies in `backups/`: made and verified before a change, numbered, kept by count and age."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from . import databases, system
from .data import not_writable

FOLDER = "backups"
KEPT = 5
KEPT_MONTHS = 3
# Version 1 of the runtime gave no numbers; its backups are older than every numbered one.
NAME = re.compile(
    r"(?P<stem>.+?)(-(?P<number>\d{6}))?-(?P<stamp>\d{8}T\d{6,12}Z)(?P<mark>-scheduled)?\.sqlite3"
)
# What is read at once. In between, whoever waits for the copy can leave off.
STEP_PAGES = 1000

Watch = Callable[[int, int], None]
"""Told how many pages of how many are copied."""
# Of the header: journal mode, change counter, the version that wrote it
# (https://sqlite.org/fileformat.html, 1.3). They differ between copies of the same content.
HEADER_BYTES = 100
VOLATILE = [*range(18, 20), *range(24, 28), *range(92, 100)]


class Backup(NamedTuple):
    """One copy of one database; they sort by age, whatever the clock said."""

    number: int
    stamp: str
    file: Path
    scheduled: bool = False
    """Made as `[data] backups` wants it, not before a change."""

    @property
    def time(self) -> datetime:
        """When it was made, as the clock said."""
        return datetime.strptime(self.stamp[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def of(file: Path, folder: Path) -> list[Backup]:
    """The backups of a database, the oldest first."""
    return [each for each in every(folder) if _parts(each.file)["stem"] == file.stem]


def every(folder: Path) -> list[Backup]:
    """All backups in the folder, the oldest first."""
    found = [(f, NAME.fullmatch(f.name)) for f in folder.glob("*.sqlite3")]
    return sorted(
        Backup(int(parts["number"] or 0), parts["stamp"], file, bool(parts["mark"]))
        for file, parts in found
        if parts
    )


def stem(file: Path) -> str:
    """The name of the database, without its suffix, that a backup was made of."""
    return _parts(file)["stem"]


def _parts(file: Path) -> re.Match[str]:
    return NAME.fullmatch(file.name)


def make(
    file: Path,
    folder: Path,
    *,
    scheduled: bool = False,
    watch: Watch = lambda *_: None,
    complete: Callable[[Path], None] = lambda _: None,
) -> Path:
    """A verified copy `<name>-<number>-<UTC>.sqlite3`, or the last one of its kind if nothing has
    changed. `complete` adds what belongs to the copy, before it counts. What it or `watch` raises
    ends it.

    Nothing is pruned: the change that the copy is for has not succeeded yet. Raises `BackendError`
    with `Exit.NOT_WRITABLE`.
    """
    earlier = of(file, folder)
    number = earlier[-1].number + 1 if earlier else 1
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    mark = "-scheduled" if scheduled else ""
    target = folder / f"{file.stem}-{number:06}-{stamp}{mark}.sqlite3"
    same_kind = [each for each in earlier if each.scheduled == scheduled]
    partial = target.with_suffix(".partial")
    try:
        copy(file, partial, watch)
        databases.require_whole(partial, thorough=True)
        if same_kind and _same_content(same_kind[-1].file, partial):
            partial.unlink()
            return same_kind[-1].file
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.chmod(0o600)
        complete(target)
        partial.replace(target)
        system.sync_folder(folder)
    except (OSError, sqlite3.Error) as error:
        raise not_writable(folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return target


def copy(file: Path, target: Path, watch: Watch = lambda *_: None) -> None:
    """Copy a database as it is at one moment, while others may write to it.

    SQLite's backup API sees what is still in the write-ahead log (https://sqlite.org/backup.html).
    Raises `sqlite3.Error`, and what `watch` raises.
    """
    with (
        databases.connect(file, "ro") as source,
        contextlib.closing(sqlite3.connect(target)) as made,
    ):
        # Within a transaction it is not begun anew when somebody writes between two steps.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(
            made, pages=STEP_PAGES, progress=lambda _, left, total: watch(total - left, total)
        )
        source.rollback()
        # One file that needs no log beside it, wherever it is carried.
        made.execute("PRAGMA journal_mode=DELETE")


def prune(file: Path, folder: Path) -> None:
    """Keep the last five and the last of three earlier months."""
    older = [each for each in of(file, folder) if not each.scheduled][:-KEPT]
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
