"""Brings what the last run left in order, before any code of the project runs.

Whether a database is there, whole, ours and not in the middle of a change is judged with plain
`sqlite3`. Three files in app data say what should be there:

clean.json      size and time of each database after a clean stop; gone while the app runs
databases.json  alias and file of each database, from the last start that served
migrating.json  the backups that a change under way began from
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from . import aside, backups, databases, system
from .contract import BackendError, Exit
from .data import not_writable, read_json, read_marker, remove, write_private

DEFAULT_DATABASE = "db.sqlite3"
REHEARSAL = "rehearsal"
"""The folder of a copy on which an update is tried; see rehearsal.py."""


class Change(NamedTuple):
    """A change of databases that is under way; file and backup names by alias."""

    files: Mapping[str, str]
    backups: Mapping[str, str]


class Recovery:
    """The databases of one installation, as the last run left them."""

    def __init__(self, app_data: Path) -> None:
        self.app_data = app_data
        self.folder = app_data / backups.FOLDER
        self.marker = app_data / "migrating.json"
        self.clean = app_data / "clean.json"
        self.known = app_data / "databases.json"
        self.restored = False
        self.set_aside: list[str] = []
        self._left_clean: dict[str, list[int]] = {}
        self._judged: set[Path] = set()
        self._backed_up: dict[Path, str] = {}

    def run(self) -> None:
        """Undo an interrupted change, then judge every database that is known.

        Raises `BackendError` (15, 16 or 21); the databases are then as they were.
        """
        unfinished = [*self.app_data.glob("*.restoring"), *self.app_data.glob("*.[0-9]*.tmp")]
        for rest in [*self.folder.glob("*.partial"), *unfinished]:
            rest.unlink(missing_ok=True)
        shutil.rmtree(self.app_data / REHEARSAL, ignore_errors=True)
        if change := self.interrupted():
            self.undo(change)
            self.restored = True
        self._left_clean = read_json(self.clean) or {}
        for file in self.files().values():
            self.judge(file)
        remove(self.clean)

    def files(self) -> dict[str, Path]:
        """The databases by alias, as the last start that served had them."""
        known = {"default": DEFAULT_DATABASE} | (read_json(self.known) or {})
        return {alias: self.app_data / name for alias, name in known.items()}

    def remember(self, files: Mapping[str, Path]) -> None:
        """Note which databases there are, so that a lost one is missed.

        They serve: older backups may go.
        """
        names = self._names(files)
        if read_json(self.known) != names:
            write_private(self.known, json.dumps(names))
        for file in self._backed_up:
            backups.prune(file, self.folder)

    def judge(self, file: Path) -> None:
        """Raise `BackendError` (15 or 16) unless the database can be used, or is a new one."""
        if file in self._judged:
            return
        self._judged.add(file)
        databases.require_file(file)
        recorded = self._left_clean.get(file.name)
        if databases.is_new(file):
            if recorded or file in self._known() or backups.of(file, self.folder):
                raise _lost(file)
            if databases.has_content(databases.logs(file)[0]):
                raise _lost(file)
            return
        left_clean = recorded == _fingerprint(file)
        try:
            self._judge_logs(file, was_clean=recorded is not None, unchanged=left_clean)
        except OSError as error:
            raise not_writable(self.app_data, error) from error
        databases.require_whole(file, thorough=not left_clean)
        databases.require_writable(file)

    def _known(self) -> set[Path]:
        return {self.app_data / name for name in (read_json(self.known) or {}).values()}

    def _judge_logs(self, file: Path, was_clean: bool, unchanged: bool) -> None:
        """A clean stop leaves no log: one beside it is not this database's, or another program
        has been at it. A journal was left by a crash."""
        wal, index, journal = databases.logs(file)
        if databases.has_content(journal):
            folder = self._new_folder("journal")
            aside.copy([file, journal], folder)
            databases.roll_back(file)
        if was_clean and databases.has_content(wal):
            folder = self._new_folder("foreign-log")
            if unchanged:
                aside.move([wal, index], folder)
            else:
                aside.copy([file, wal], folder)
            print(
                f"warning: {wal.name} was there after a clean stop; see {folder}", file=sys.stderr
            )

    def _new_folder(self, reason: str) -> Path:
        folder = aside.new_folder(self.app_data, reason)
        self.set_aside.append(f"{aside.FOLDER}/{folder.name}")
        return folder

    def note_clean_stop(self, files: Iterable[Path]) -> None:
        """Record a clean stop, unless another process still holds a database and its log."""
        there = [file for file in files if file.exists()]
        if any(databases.logs(file)[0].exists() for file in there):
            return
        try:
            write_private(self.clean, json.dumps({f.name: _fingerprint(f) for f in there}))
        except OSError as error:
            raise not_writable(self.clean, error) from error

    # Changes

    def back_up(self, file: Path) -> Path:
        """Back a database up, once in a start; the backup."""
        if file not in self._backed_up:
            self._backed_up[file] = backups.make(file, self.folder).name
        return self.folder / self._backed_up[file]

    def begin(self, files: Mapping[str, Path], existing: Iterable[str]) -> Change:
        """Back up the databases of the aliases `existing` and mark a change as under way."""
        for alias in existing:
            self.back_up(files[alias])
        made = {alias: self._backed_up[files[alias]] for alias in existing}
        change = Change(self._names(files), made)
        self._mark(change)
        return change

    def end(self) -> None:
        """The change has succeeded."""
        remove(self.marker)

    def interrupted(self) -> Change | None:
        """The change that the last run began and did not end. Raises `BackendError` (21)."""
        marker = read_marker(self.marker)
        if marker is None:
            return None
        if not isinstance(marker.get("backups"), dict):
            raise BackendError(
                Exit.RESTORE_FAILED,
                f"An update was interrupted, and {self.marker.name} does not name its backup.",
                f"Nothing was changed. {databases.RESTORE_HINT}",
            )
        # Version 1 of the runtime did not write the names of the files.
        names = {alias: _usual_name(alias) for alias in ["default", *marker["backups"]]}
        return Change(marker.get("files", names), marker["backups"])

    def undo(self, change: Change, reason: str = "update") -> None:
        """Put every backup of the change in its database's place; the change is over then.

        All backups are verified first, and what is there now is set aside. Raises `BackendError`
        (16 or 21), with the databases as they were.
        """
        pairs = {
            self.app_data / change.files.get(alias, _usual_name(alias)): self.folder / name
            for alias, name in change.backups.items()
        }
        for backup in pairs.values():
            self.require_sound(backup)
        made = [self.app_data / name for name in change.files.values()]
        ready: list[Path] = []
        try:
            for file, backup in pairs.items():
                ready.append(file.with_name(f"{file.name}.restoring"))
                _copy_synced(backup, ready[-1])
            folder = self._new_folder(reason)
            for file in dict.fromkeys([*pairs, *made]):
                aside.move([file, *databases.logs(file)], folder)
                if file in pairs:
                    file.with_name(f"{file.name}.restoring").replace(file)
                    system.sync_folder(file.parent)
        except OSError as error:
            for partial in ready:
                with contextlib.suppress(OSError):
                    partial.unlink(missing_ok=True)
            raise not_writable(self.app_data, error) from error
        if reason == "update":
            aside.prune(self.app_data, reason)
        remove(self.marker)
        remove(self.clean)

    def restore(self, alias: str, file: Path, backup: Path) -> None:
        """Put back the backup that a person chose; a crash on the way is finished by the next
        start. An interrupted change of other databases is undone with it.

        Raises `BackendError` (16 or 21), with the databases as they were.
        """
        self.require_sound(backup)
        files, chosen = {alias: file}, {alias: backup.name}
        if self.marker.exists():
            with contextlib.suppress(BackendError):
                others = self.interrupted()
                for name in others.backups.values():
                    self.require_sound(self.folder / name)
                chosen = {**others.backups, **chosen}
                files = {a: self.app_data / n for a, n in others.files.items()} | files
        change = Change(self._names(files), chosen)
        self._mark(change)
        self.undo(change, "restore")

    def accept(self) -> None:
        """Go on with the databases as an interrupted change left them, after copying them."""
        folder = self._new_folder("current")
        for file in self.files().values():
            aside.copy([file, *databases.logs(file)], folder)
        remove(self.marker)

    def require_sound(self, backup: Path) -> None:
        """Raise `BackendError` (21) unless this backup can take a database's place."""
        try:
            if databases.is_new(backup):
                raise FileNotFoundError("it is missing or empty")
            databases.require_whole(backup, thorough=True)
        except (OSError, BackendError) as error:
            raise BackendError(
                Exit.RESTORE_FAILED,
                f"The backup {backup.name} cannot be put back: {error}",
                f"The database was not changed. {databases.RESTORE_HINT}",
            ) from error

    def _mark(self, change: Change) -> None:
        try:
            write_private(self.marker, json.dumps(change._asdict()))
        except OSError as error:
            raise not_writable(self.app_data, error) from error

    def _names(self, files: Mapping[str, Path]) -> dict[str, str]:
        """File names relative to app data, so that the folder can be moved."""
        return {alias: os.path.relpath(f, self.app_data) if f.is_relative_to(self.app_data)
                else str(f) for alias, f in files.items()}  # fmt: skip


def _usual_name(alias: str) -> str:
    return DEFAULT_DATABASE if alias == "default" else re.sub(r"\W", "_", alias) + ".sqlite3"


def _fingerprint(file: Path) -> list[int]:
    stats = file.stat()
    return [stats.st_size, stats.st_mtime_ns]


def _copy_synced(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb+") as stream:
        os.fsync(stream.fileno())
    target.chmod(0o600)


def _lost(file: Path) -> BackendError:
    state = "is empty" if file.exists() else "is missing"
    return BackendError(
        Exit.DATABASE_DAMAGED,
        f"The database {file} {state}, although there was one before.",
        f"{databases.RESTORE_HINT} To begin anew, move the folder {file.parent} away.",
    )
