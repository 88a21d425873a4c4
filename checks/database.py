"""SQLite files from outside: what they hold, and how to bring them into the state a check needs.

Only copies are opened, so that looking at a database never changes it.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

MAGIC = b"SQLite format 3\0"
USER_COLUMNS = {"password", "last_login"}  # of AbstractBaseUser
NOT_IN_USE = {"backups", "set-aside"}
FUTURE = "9999_from_the_future"

# With a small cache SQLite writes pages of an open transaction into the file.
CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=DELETE")
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN")
connection.execute("DELETE FROM django_migrations")
connection.execute("CREATE TABLE ddk_half (text)")
connection.executemany("INSERT INTO ddk_half VALUES (?)", [("x" * 200,)] * 5000)
os._exit(0)
"""


def files(app_data: Path) -> list[Path]:
    """The SQLite databases in the app data folder, without backups and what was set aside."""
    return [
        path
        for path in sorted(app_data.rglob("*"))
        if path.is_file() and not NOT_IN_USE & {*path.parts} and _is_database(path)
    ]


def main_file(app_data: Path) -> Path:
    """The database with the migrations. Raises AssertionError when there is none."""
    for path in files(app_data):
        with opened(path) as connection:
            if _has_table(connection, "django_migrations"):
                return path
    raise AssertionError(f"no database with migrations under {app_data.name}/")


def applied(app_data: Path) -> set[tuple[str, str]]:
    """The migrations applied in the app data folder; empty when there is no database yet."""
    found: set[tuple[str, str]] = set()
    for path in files(app_data):
        found |= migrations(path)
    return found


def every(app_data: Path) -> list[Path]:
    """All SQLite databases in the app data folder, in use or not."""
    return [path for path in sorted(app_data.rglob("*")) if path.is_file() and _is_database(path)]


def backups(app_data: Path) -> set[Path]:
    """Databases that are not in use: whatever lies under a folder named backups."""
    return {
        p for p in app_data.rglob("*") if p.is_file() and "backups" in p.parts and _is_database(p)
    }


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the database, unmerged WAL content included, opened for reading."""
    with tempfile.TemporaryDirectory(prefix="ddk-copy-") as folder:
        copy = Path(folder) / "copy.sqlite3"
        shutil.copyfile(path, copy)
        wal = path.with_name(path.name + "-wal")
        if wal.exists():
            shutil.copyfile(wal, copy.with_name("copy.sqlite3-wal"))
        with closing(sqlite3.connect(copy)) as connection:
            yield connection


def signing_in(path: Path) -> int:
    """How many users can sign in: those with rights or a usable password.

    Their table is known by the columns of Django's base class; one that keeps their earlier states
    (django-simple-history) has these too.
    """
    with opened(path) as connection:
        for table in _tables(connection):
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            if {*columns} >= USER_COLUMNS and "history_id" not in columns:
                rights = "is_superuser OR " if "is_superuser" in columns else ""
                usable = "(password != '' AND password NOT LIKE '!%')"
                count = f'SELECT count(*) FROM "{table}" WHERE {rights}{usable}'
                return int(connection.execute(count).fetchone()[0])
    return 0


def integrity(path: Path) -> str:
    """What `PRAGMA integrity_check` says: "ok", or the first complaint."""
    try:
        with opened(path) as connection:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)


def contents(path: Path) -> str:
    """A digest of everything in the database, independent of its file layout.

    What is wrong with it instead, when it cannot be read to the end.
    """
    digest = hashlib.sha256()
    try:
        with opened(path) as connection:
            for statement in connection.iterdump():
                digest.update(statement.encode("utf-8", "surrogateescape"))
    except sqlite3.DatabaseError as error:
        return str(error)
    return digest.hexdigest()


def rows(path: Path) -> set[tuple[str, int]]:
    """Table and row id of every row; tables that have no row ids are left out."""
    found: set[tuple[str, int]] = set()
    with opened(path) as connection:
        for table in _tables(connection):
            with suppress(sqlite3.DatabaseError):
                ids = connection.execute(f'SELECT rowid FROM "{table}"').fetchall()
                found |= {(table, row) for (row,) in ids}
    return found


def add_row(path: Path, table: str) -> None:
    """Add a row with a text to a table that has one column."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f'INSERT INTO "{table}" VALUES (?)', ["kept by the checks"])


def add_session(path: Path, key: str) -> bool:
    """Add a session with this key; whether there is Django's table for it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        if not _has_table(connection, "django_session"):
            return False
        row = [key, "data", "2099-01-01"]
        connection.execute("INSERT INTO django_session VALUES (?, ?, ?)", row)
        return True


def counts(path: Path) -> dict[str, int]:
    """How many rows each table has."""
    with opened(path) as connection:
        return {
            table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
            for table in _tables(connection)
        }


def migrations(path: Path) -> set[tuple[str, str]]:
    """The applied migrations; empty when the database has none or cannot be read."""
    try:
        with opened(path) as connection:
            if not _has_table(connection, "django_migrations"):
                return set()
            return set(connection.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.DatabaseError:
        return set()


def holds(path: Path, text: str) -> bool:
    """Whether any column of any table contains `text`."""
    with opened(path) as connection:
        for table in _tables(connection):
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            where = " OR ".join(f'instr("{column}", ?)' for column in columns)
            if (
                where
                and connection.execute(
                    f'SELECT 1 FROM "{table}" WHERE {where} LIMIT 1', [text] * len(columns)
                ).fetchone()
            ):
                return True
    return False


def add_unmerged(path: Path) -> None:
    """Add content that lies in the WAL file alone, as after a kill."""
    with unmerged(path) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS ddk_unmerged (text)")
        connection.execute("INSERT INTO ddk_unmerged VALUES ('only in the WAL')")


def add_future_migration(path: Path) -> str:
    """Record a migration that no version of the application knows; its name."""
    with closing(sqlite3.connect(path)) as connection, connection:
        (app,) = connection.execute("SELECT app FROM django_migrations ORDER BY id").fetchone()
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, '2099-01-01')",
            (app, FUTURE),
        )
    return f"{app}.{FUTURE}"


def leave_journal(path: Path) -> bool:
    """Crash in the middle of a transaction that SQLite undoes by a journal; whether it is there."""
    subprocess.run([sys.executable, "-I", "-c", CRASH, str(path)], check=True)
    journal = path.with_name(path.name + "-journal")
    return journal.exists() and journal.stat().st_size > 0


def put_foreign_log(path: Path) -> None:
    """Put a log beside the database that was written beside an older copy of it."""
    with tempfile.TemporaryDirectory(prefix="ddk-log-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        with unmerged(copy) as connection:
            connection.execute("DELETE FROM django_migrations")
        shutil.copyfile(copy.with_name(copy.name + "-wal"), path.with_name(path.name + "-wal"))


def merge(path: Path) -> None:
    """Bring what lies in the WAL file into the database; the database alone remains."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def overwrite_header(path: Path) -> None:
    """Make the file no database at all, after merging the WAL so that nothing repairs it."""
    merge(path)
    with path.open("r+b") as file:
        file.write(b"\xff" * 100)


def overwrite_pages(path: Path) -> None:
    """Spoil every page but the first, after merging the WAL so that nothing repairs them."""
    merge(path)
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        for offset in range(size, path.stat().st_size, size):
            file.seek(offset)
            file.write(b"\xff" * 64)


@contextmanager
def unmerged(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose changes stay in the WAL file, beside an older main file."""
    wal = path.with_name(path.name + "-wal")
    with tempfile.TemporaryDirectory(prefix="ddk-wal-") as folder:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            with connection:
                yield connection
            for file in (path, wal):
                shutil.copyfile(file, Path(folder) / file.name)
        # Closing the last connection merged the WAL: put the files back as they were before.
        for file in (path, wal):
            shutil.copyfile(Path(folder) / file.name, file)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in connection.execute(query).fetchall()]


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?", (name,)
        ).fetchone()
    )
