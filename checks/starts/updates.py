"""Starts of a newer version: the scratch copy has migrations that are pending."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from checks import database
from checks.backend import Backend, Ending, run_to_end
from checks.scratch_copy import switched
from checks.target import Target
from checks.verdicts import NotApplicable


@dataclass(frozen=True)
class Migrated:
    """A start with new migrations."""

    before: str
    after: str
    backups: list[Path]
    ending: Ending
    applied: set[str]
    """Those of the new migrations that the database has afterwards."""
    rows: int
    """How many there were before."""
    lost: list[str]
    """Those of them that are gone, by table."""


def start_newer(copy: Target, app_data: Path, *switches: str) -> Migrated:
    """Start a newer version, and stop it once it serves.

    `switches` act on the data themselves, and not on a copy that the update is tried on.
    """
    path = database.main_file(app_data)
    database.add_unmerged(path)
    before, old = database.contents(path), database.backups(app_data)
    rows = database.rows(path)
    with contextlib.ExitStack() as stack:
        for name in ("ddk_probe_migrations", *switches):
            stack.enter_context(switched(copy, name, str(path)))
        ending = run_to_end(copy, app_data)
    return Migrated(
        before=before,
        after=database.contents(path),
        backups=sorted(database.backups(app_data) - old),
        ending=ending,
        applied={name for app, name in database.migrations(path) if app == "ddk_probe_app"},
        rows=len(rows),
        lost=sorted({table for table, _ in rows - rows_after(path)}),
    )


def kill_update(copy: Target, app_data: Path) -> None:
    """Kill a start of a newer version in the middle of its migrations."""
    path = database.main_file(app_data)
    database.add_unmerged(path)
    with contextlib.ExitStack() as stack:
        for name in ("ddk_probe_migrations", "ddk_probe_slow_migration"):
            stack.enter_context(switched(copy, name, str(path)))
        backend = stack.enter_context(Backend(copy, app_data))
        # The first of the two is applied then, and the second lasts.
        while (
            not backend.event("ready") and not backend.quiet() and backend.exit_code(0.05) is None
        ):
            if any(app == "ddk_probe_app" for app, _ in database.migrations(path)):
                break
        backend.kill()


def start_failing(copy: Target, path: Path, notes: Path) -> tuple[Ending, list[Path]]:
    """Start a newer version with a migration that fails wherever it runs, on the database `path`;
    also where it ran."""
    if copy.backend.get("command"):
        raise NotApplicable("the backend of [backend] is not the kit's launch.py")
    if copy.manifest.get("data", {}).get("rehearse") == "never":
        raise NotApplicable('[data] rehearse is "never"')
    with (
        switched(copy, "ddk_probe_migrations"),
        switched(copy, "ddk_probe_fail_migration"),
        switched(copy, "ddk_probe_note_migration", str(notes)),
    ):
        ending = run_to_end(copy, path.parent)
    said = notes.read_text(encoding="utf-8") if notes.exists() else ""
    return ending, [Path(line) for line in said.splitlines()]


def rows_after(path: Path) -> set[tuple[str, int]]:
    """Table and row id of every row; a database that was spoilt has none."""
    with contextlib.suppress(sqlite3.DatabaseError, OSError):
        return database.rows(path)
    return set()
