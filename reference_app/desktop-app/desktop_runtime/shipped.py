"""Files that come with the app and have a copy in app data: databases of an app, pictures, seeds.

A new version renews the copies that nobody has changed. What was copied is noted in
`shipped.json`, by hash; a copy that was changed stays, and one that was removed stays away.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import databases
from .data import copy_file, read_json, write_private

RECORD = "shipped.json"
# Of SQLite's header: what opening a file for the first time changes in it (journal mode, change
# counter, version of the library). https://sqlite.org/fileformat.html
VOLATILE = ((18, 20), (24, 28), (92, 100))


def files(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """The file, or every file of the folder, with the place of its copy."""
    if source.is_dir():
        for file in sorted(source.rglob("*")):
            if file.is_file():
                yield file, target / file.relative_to(source)
    elif source.is_file():
        yield source, target


class Shipped:
    """What is shipped with this version, and what is noted of its copies."""

    def __init__(self, app_data: Path, pairs: Iterable[tuple[Path, Path]]) -> None:
        self.app_data, self.pairs = app_data, {target: source for source, target in pairs}
        noted = read_json(app_data / RECORD)
        self.is_known, self.notes = noted is not None, noted or {}
        self._unchanged: list[Path] = []

    def renew(self, first: bool) -> list[str]:
        """Copy what is new, renew what is unchanged; the names of the copies that stay although
        there is a newer original. Raises `OSError`."""
        if first:
            self.notes = {}
        kept = []
        for target, source in self.pairs.items():
            stats = source.stat()
            seen = [stats.st_size, stats.st_mtime_ns]
            note = self.notes.setdefault(self._name(target), {})
            if note.get("seen") == seen:
                continue
            if not self._renew_one(source, target, note, first):
                kept.append(self._name(target))
            note["seen"] = seen
        if kept:
            text = "changed here, so not renewed by the new version: %s"
            logging.getLogger(__name__).warning(text, ", ".join(kept))
        self.save()
        return kept

    def _renew_one(self, source: Path, target: Path, note: dict[str, Any], first: bool) -> bool:
        """False if there is a newer original that must not take the place of the copy."""
        new, before = _digest(source), note.get("original")
        note["original"] = new
        if first and databases.is_database(target):  # made with the bundle, migrations and all
            note["copy"] = _folded_digest(target)
            return True
        if new == before or (
            not target.exists() and (note.get("copy") or not (first or self.is_known))
        ):
            return True
        if target.exists() and (old := _folded_digest(target)) != note.get("copy"):
            if old == new:
                note["copy"] = new
            return old == new
        for rest in [*databases.logs(target), *target.parent.glob(f"{target.name}.[0-9]*.tmp")]:
            rest.unlink(missing_ok=True)
        copy_file(source, target)
        note["copy"] = new
        return True

    def before_migrating(self) -> None:
        """Notice which databases are unchanged: migrations are not the person's changes."""
        self._unchanged = [
            target
            for target in self.pairs
            if databases.is_database(target)
            and _folded_digest(target) == self.notes[self._name(target)].get("copy")
        ]

    def after_migrating(self) -> None:
        """Note the unchanged databases as they are now. Raises `OSError`."""
        for target in self._unchanged:
            self.notes[self._name(target)]["copy"] = _folded_digest(target)
        self.save()

    def save(self) -> None:
        """Write the notes if there is something new in them."""
        if read_json(self.app_data / RECORD) != self.notes:
            write_private(self.app_data / RECORD, json.dumps(self.notes))

    def _name(self, target: Path) -> str:
        inside = target.is_relative_to(self.app_data)
        return target.relative_to(self.app_data).as_posix() if inside else str(target)


def _folded_digest(file: Path) -> str:
    """The digest of a copy, once what its log holds is in it."""
    if databases.has_content(databases.logs(file)[0]):
        with databases.connect(file, "rw") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _digest(file)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    is_database = databases.is_database(file)
    with file.open("rb") as stream:
        if is_database:
            header = bytearray(stream.read(100))
            for start, end in VOLATILE:
                header[start:end] = bytes(end - start)
            digest.update(header)
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
