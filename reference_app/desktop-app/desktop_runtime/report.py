"""What a developer is told of a migration that failed on a person's data, without these data.

No message of an exception, no statement and no value: all of them can hold a part of a row.
"""

from __future__ import annotations

import platform
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from .manifest import Manifest

FILE = "migration-report.txt"
"""In the folder of the logs."""
MOST_CAUSES = 8
MOST_FRAMES = 30
PACKAGES = ("site-packages", "dist-packages", ".packages", "desktop-app")
# SQLite says these with names of tables, columns and constraints alone.
OF_THE_SCHEMA = {
    "SQLITE_CONSTRAINT_CHECK", "SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_NOTNULL",
    "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE",
}  # fmt: skip


def describe(error: BaseException, migration: str, manifest: Manifest, project: Path) -> str:
    """The report on a migration that raised `error`, as text for a person to read and send."""
    import django

    ran = (_operation(each, project) for each in _causes(error))
    lines = [
        f"{manifest.name} {manifest.version} ({manifest.identifier})",
        f"Python {platform.python_version()}, Django {django.get_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.platform()}",
        f"Migration: {migration or 'none had begun'}{next(filter(None, ran), '')}",
    ]
    for each in _causes(error):
        lines.append(f"{type(each).__module__}.{type(each).__qualname__}{_of_sqlite(each)}")
        for frame in traceback.extract_tb(each.__traceback__)[-MOST_FRAMES:]:
            place = _place(Path(frame.filename), project)
            lines.append(f"  {place}, line {frame.lineno}, in {frame.name}")
    return "\n".join(lines) + "\n"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _operation(error: BaseException, project: Path) -> str:
    """The file of the migration, and what it was about to do in Django's words for its class: of
    the schema, never of a row."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        migration, operation = (frame.f_locals.get(name) for name in ("self", "operation"))
        if hasattr(migration, "operations") and hasattr(operation, "describe"):
            file = getattr(sys.modules.get(type(migration).__module__), "__file__", None)
            place = _place(Path(file), project) if file else "no file"
            return f" ({place}): {operation.describe()}"
    return ""


def _of_sqlite(error: BaseException) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return f" ({error})" if name in OF_THE_SCHEMA else f" ({name})" if name else ""


def _place(file: Path, project: Path) -> str:
    """The file as the developer knows it: a path of this computer may name its user."""
    for number, part in enumerate(file.parts):
        if part in PACKAGES:
            return "/".join(file.parts[number + 1 :])
    inside = file.is_relative_to(project)
    return file.relative_to(project).as_posix() if inside else file.name
