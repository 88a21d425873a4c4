"""SQLite files as files: is one whole, is it ours to write, a backup, a restore.

Nothing here knows Django: a damaged or foreign file must be judged before Django opens it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from . import system
from .contract import BackendError, Exit
from .data import copy_file, not_writable

BACKUPS_KEPT = 5

# SQLite could not get at the file; it says nothing about what is in it.
UNREACHABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


@contextlib.contextmanager
def connect(file: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open an existing file (`mode` ro or rw) and really close it."""
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def is_new(file: Path) -> bool:
    """No database yet: no file, or an empty one from a start that got no further."""
    return not file.exists() or file.stat().st_size == 0


def require_whole(file: Path, thorough: bool) -> None:
    """Raise `BackendError` with `Exit.DATABASE_DAMAGED` unless SQLite can read the file.

    `thorough` reads every page (PRAGMA quick_check), otherwise only the schema. The file is
    opened read-only: what is damaged stays as it is.
    """
    try:
        with connect(file, "ro") as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if thorough:
                (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if answer != "ok":
                    raise _damaged(file, answer)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in UNREACHABLE:
            raise not_writable(file, error) from error
        raise _damaged(file, error) from error


def _damaged(file: Path, reason: object) -> BackendError:
    return BackendError(
        Exit.DATABASE_DAMAGED,
        f"The database {file} is damaged and was left as it is: {reason}",
        f"Copy the folder {file.parent} to a safe place, then put the newest file of "
        f"{file.parent / 'backups'} in the database's place.",
    )


def require_writable(file: Path) -> None:
    """Say at the start, not at the first save, that a database is read-only."""
    try:
        if not os.access(file, os.W_OK):
            raise PermissionError("the file is read-only")
        with connect(file, "rw") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except (OSError, sqlite3.OperationalError) as error:
        raise not_writable(file, error) from error


def back_up(file: Path, folder: Path) -> Path:
    """A verified copy `<name>-<UTC>.sqlite3` in `folder`; the oldest beyond five go.

    Uses SQLite's backup API, which sees what is still in the write-ahead log
    (https://sqlite.org/backup.html). Raises `BackendError` with `Exit.NOT_WRITABLE`.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = folder / f"{file.stem}-{stamp}.sqlite3"
    partial = target.with_suffix(".partial")
    try:
        with connect(file, "ro") as source, contextlib.closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
            # One file that needs no log beside it, wherever it is carried.
            copy.execute("PRAGMA journal_mode=DELETE")
        require_whole(partial, thorough=True)
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.chmod(0o600)
        partial.replace(target)
        system.sync_folder(folder)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise not_writable(folder, error) from error
    for old in sorted(folder.glob(f"{file.stem}-*.sqlite3"))[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    return target


def restore(backup: Path, file: Path) -> None:
    """Put the backup in the database's place. Raises `OSError` when that fails.

    The log of the replaced database goes first: SQLite would replay it into the restored one.
    """
    discard_log(file)
    copy_file(backup, file)


def discard(file: Path) -> None:
    """Remove a database that never was complete, with its log."""
    discard_log(file)
    file.unlink(missing_ok=True)


def discard_log(file: Path) -> None:
    """Remove the write-ahead log and its index beside a database."""
    for suffix in ("-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
