"""How long a warm start takes as an app grows: migrations, rows, uploads.

Each is a copy of the reference app or of its data; what counts is the ratio to the smallest one in
the same round.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from bench.launching import Place, backend
from bench.measuring import Row, take_turns
from bench.subjects import Subject, copy, made, place_of

MEBIBYTE = 2**20
IN_A_FOLDER = 1000
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [{before}]
    operations = [{operation}]
"""
CREATE = """migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True))])"""
ADD = """migrations.AddField("Thing", "field_{number}", models.TextField(default=""))"""
REMOVE = """migrations.RemoveField("Thing", "field_{number}")"""
ROW = "INSERT INTO items_item (title, notes, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"


def measure(subject: Subject, rounds: int, sizes: dict[str, tuple[int, ...]]) -> list[Row]:
    """Ready times by what grows."""
    growers: dict[str, Callable[[Path, int], Place]] = {
        "migrations": with_migrations,
        "MB of database": with_rows,
        "uploaded files": with_uploads,
    }
    rows = []
    for what, wanted in sizes.items():
        folder = subject.scratch / what.replace(" ", "-")
        contestants = {
            f"{size:,} {what}": started(growers[what](made(folder / str(size)), size))
            for size in wanted
        }
        turns = take_turns(contestants, rounds)
        first = next(iter(contestants))
        for name in contestants:
            row = turns.row(name, "ready", "s")
            if name != first:
                row.against["the smallest"] = turns.values.get((first, "ready"), [])
            rows.append(row)
    return rows


def started(place: Place) -> Callable[[], dict[str, float]]:
    """A start of it."""

    def measure_start() -> dict[str, float]:
        with backend(place) as running:
            return {"ready": running.seconds}

    return measure_start


def with_migrations(own: Path, count: int) -> Place:
    """An app of that many migrations beside the others."""
    settings = "config/settings/base.py"
    root = copy(own / "project", {settings: ('    "items",\n', '    "items",\n    "grown",\n')})
    folder = made(root / "grown" / "migrations")
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    before = ""
    for number in range(count):
        name = f"{number:04}_step"
        operation = (REMOVE if number % 2 == 0 else ADD) if number else CREATE
        operation = operation.format(number=(number + 1) // 2)
        text = MIGRATION.format(before=before, operation=operation)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        before = f'("grown", "{name}")'
    return place_of(root, own)


def with_rows(own: Path, megabytes: int) -> Place:
    """A database of that size."""
    place = place_of(copy(own / "project"), own)
    with backend(place):
        pass  # makes it
    with contextlib.closing(sqlite3.connect(place.app_data / "db.sqlite3")) as database, database:
        when = "2026-01-01 00:00:00"
        notes = "a few words about it " * (MEBIBYTE // 20 // 21)
        rows = (("item", notes, "backlog", when, when) for _ in range(megabytes * 20))
        database.executemany(ROW, rows)
    return place


def with_uploads(own: Path, count: int) -> Place:
    """So many files that were uploaded."""
    place = place_of(copy(own / "project"), own)
    for number in range(count):
        folder = made(place.app_data / "media" / f"{number // IN_A_FOLDER}")
        (folder / f"{number}.txt").write_bytes(b"uploaded")
    return place
