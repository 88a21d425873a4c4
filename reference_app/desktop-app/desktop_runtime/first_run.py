"""The first run: all of it has been done, or a marker says that nothing of it counts.

The marker is on the disk before anything can make the database, and goes when the migrations, the
first-run commands and the first account are there. Whatever ends the backend in between, the next
start finds the marker and begins anew. Nothing here knows Django: it precedes the project's code.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from . import aside, databases
from .contract import BackendError, Exit
from .data import FOLDERS, not_writable, read_marker, remove, write_private

MARKER = "first-run.json"
LARGEST_PAGE = 65536  # bytes; https://sqlite.org/fileformat.html
NO_DATA = {
    *FOLDERS,
    aside.FOLDER,
    "pycache",
    "staticfiles",
}  # folders without databases, and with many files


def begin(app_data: Path, default: Path, files: Iterable[Path]) -> bool:
    """Whether the first run is still to be done; if so, the marker is there from now on.

    Those of `files` that an interrupted first run, or the project's own start, has made are put
    away. Raises `BackendError` (16, 21).
    """
    if os.path.lexists(default) and not default.is_file():
        why = OSError("this is no file, or a link to a place that is not there")
        raise not_writable(default, why)
    kept = _kept(app_data)
    if kept is not None and not _is_blank(default) and _name(default, app_data) in (*kept, ""):
        # It was there before: [django.set] has put it somewhere else than we looked at first.
        end(app_data)
        return False
    if kept is None and not _is_blank(default):
        return False
    try:
        if kept is None:
            kept = sorted(_files(app_data))
            write_private(app_data / MARKER, json.dumps({"kept": kept}))
        for file in [*files]:
            if _name(file, app_data) not in (*kept, ""):
                put_away(file, app_data)
    except OSError as error:
        raise not_writable(app_data, error) from error
    return True


def leave(app_data: Path) -> None:
    """The start is over; where it made no table, a database that is brought in now is used."""
    with contextlib.suppress(OSError, BackendError):
        kept = _kept(app_data)
        if kept is not None and set(_files(app_data)) <= set(kept):
            end(app_data)


def end(app_data: Path) -> None:
    """Everything is done, or nothing is left of it."""
    remove(app_data / MARKER)


def put_away(file: Path, app_data: Path) -> None:
    """Remove an unfinished database. With a table in it, it may be one that somebody has brought
    in after the interruption, and is set aside instead. Raises `OSError`."""
    if _is_blank(file):
        for part in [*databases.logs(file), file]:
            part.unlink(missing_ok=True)
        return
    folder = aside.new_folder(app_data, "unfinished")
    aside.move([file, *databases.logs(file)], folder)
    aside.prune(app_data, "unfinished")
    logging.getLogger(__name__).warning("an unfinished first start was set aside: %s", folder)


def _kept(app_data: Path) -> list[str] | None:
    """The databases that the first run found; None without a marker."""
    marker = read_marker(app_data / MARKER)
    if marker is not None and not isinstance(marker.get("kept"), list):
        raise BackendError(
            Exit.RESTORE_FAILED,
            f"{app_data / MARKER} cannot be read, so it is not known what the first start found.",
            "Remove that file if the databases beside it are yours; else remove them with it.",
        )
    return marker and marker["kept"]


def _name(file: Path, app_data: Path) -> str:
    """The file's path in the app data folder, empty if it is elsewhere."""
    return file.relative_to(app_data).as_posix() if file.is_relative_to(app_data) else ""


def _files(app_data: Path) -> Iterable[str]:
    for folder, folders, names in os.walk(app_data):
        folders[:] = [name for name in folders if name not in NO_DATA]
        for name in names:
            file = Path(folder, name)
            if databases.is_database(file) and not _is_blank(file):
                yield _name(file, app_data)


def _is_blank(file: Path) -> bool:
    """No database yet: no file, or one without a table, as the first connection leaves it.

    A table for the names of migrations counts only if there are names in it.
    """
    if databases.is_new(file) or file.stat().st_size > LARGEST_PAGE:
        return databases.is_new(file)
    with contextlib.suppress(sqlite3.Error), databases.connect(file, "ro") as connection:
        made = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        made -= {"sqlite_sequence"}
        if made == {"django_migrations"}:
            return not connection.execute("SELECT 1 FROM django_migrations LIMIT 1").fetchone()
        return not made
    return False
