"""SQLite files as files: is one whole, is it ours to write.

Nothing here knows Django: a damaged or foreign file must be judged before Django opens it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from .contract import BackendError, Exit
from .data import not_writable

MAGIC = b"SQLite format 3\0"
LOG_SUFFIXES = ("-wal", "-shm", "-journal")
LOCK_SECONDS = 5
SMALLEST_PAGE = 512  # bytes; https://sqlite.org/fileformat.html
RESTORE_HINT = (
    "Choose *Restore a backup…* in the app's menu or on its error page; what is there now is kept."
)

# SQLite could not get at the file; it says nothing about what is in it.
UNREACHABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


@contextlib.contextmanager
def connect(file: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open an existing file (`mode` ro or rw) and really close it."""
    uri = f"{file.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def is_new(file: Path) -> bool:
    """No database yet: no file, or less than a page, which SQLite takes for an empty one."""
    return not file.exists() or file.stat().st_size < SMALLEST_PAGE


def is_database(file: Path) -> bool:
    """Whether it is a file that begins like a database."""
    # Closing the lock file would release the lock (POSIX, fcntl).
    if file.suffix == ".lock" or not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def logs(file: Path) -> list[Path]:
    """The files that SQLite keeps beside a database."""
    return [file.with_name(file.name + suffix) for suffix in LOG_SUFFIXES]


def has_content(file: Path) -> bool:
    """Whether a log is there and says something."""
    return file.is_file() and file.stat().st_size > 0


def require_file(file: Path) -> None:
    """A folder, a pipe or a link to nowhere is no database. Raises `BackendError` (16)."""
    try:
        if os.path.lexists(file) and not stat.S_ISREG(file.stat().st_mode):
            raise OSError("it is not a file")
    except OSError as error:
        raise BackendError(
            Exit.NOT_WRITABLE,
            f"{file} cannot be the database: {error}",
            "Move it to another place; it was left as it is.",
        ) from error


def roll_back(file: Path) -> None:
    """Have SQLite undo the transaction that a crash left in a rollback journal.

    Only a connection that may write can do it (https://sqlite.org/lockingv3.html, "hot journal").
    """
    try:
        with connect(file, "rw") as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise _failed(file, error) from error


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
        raise _failed(file, error) from error


def _failed(file: Path, error: sqlite3.DatabaseError) -> BackendError:
    if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BackendError(
            Exit.NOT_WRITABLE,
            f"The database {file} is in use by another program.",
            "Close that program, or let it finish, and start again.",
        )
    if error.sqlite_errorcode & 0xFF in UNREACHABLE:
        return not_writable(file, error)
    return _damaged(file, error)


def _damaged(file: Path, reason: object) -> BackendError:
    return BackendError(
        Exit.DATABASE_DAMAGED,
        f"The database {file} is damaged and was left as it is: {reason}",
        RESTORE_HINT,
    )


def require_writable(file: Path) -> None:
    """Say at the start, not at the first save, that a database is read-only."""
    try:
        if not os.access(file, os.W_OK):
            raise PermissionError("the file is read-only")
        with connect(file, "rw") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except OSError as error:
        raise not_writable(file, error) from error
    except sqlite3.OperationalError as error:
        raise _failed(file, error) from error
