"""`launch.py restore`: puts back a backup that a person has chosen. Prints JSON documents.

Nothing of the project is loaded: this must work when the project or its data does not.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import backups, databases, first_run, replacing, uploads, versions
from .backup import reporter
from .contract import BackendError, Exit, answer, read_installation
from .data import not_writable, open_folder, read_json, write_private
from .manifest import read_manifest
from .portable import Reader
from .recovery import Recovery

SPARE_BYTES = 16 << 20  # beside the files: for folders, journals and what the system needs

CURRENT = "current"
"""In the place of a backup: go on with what an interrupted update left."""


def run(payload: Path, arguments: list[str]) -> int:
    """List the backups, or restore one or what is in a file; returns the exit code."""
    return answer(lambda: _run(payload, arguments))


def _run(payload: Path, arguments: list[str]) -> dict[str, Any]:
    app_data = read_installation().app_data
    if arguments[:1] == ["--show"] and len(arguments) == 2:
        with _verified(payload, app_data, Path(arguments[1]), whole=False) as (_, reader):
            return reader.content.summary()
    with open_folder(app_data):
        replacing.settle(app_data)
        recovery = Recovery(app_data)
        match arguments:
            case ["--list"]:
                return {"backups": _listed(recovery)}
            case [name] if Path(name).name == name and not Path(name).exists():
                return _restored(recovery, name)
            case [name] if not name.startswith("-"):
                return _restored_from(payload, recovery, Path(name))
            case _:
                raise BackendError(
                    Exit.CONFIGURATION,
                    "restore takes the name of one backup, a file, --show FILE, or --list.",
                    "Take a name from `launch.py restore --list`, or a file of `launch.py backup`.",
                )


@contextlib.contextmanager
def _verified(
    payload: Path, app_data: Path, file: Path, whole: bool
) -> Iterator[tuple[Path, Reader]]:
    """Read every byte of a file and judge its databases; yields the folder they were written to,
    with all other files if it is to be `whole`. Raises `BackendError` (12, 13, 16, 22, 23)."""
    replacing.cancel_with_lifeline()
    manifest = read_manifest(payload / "desktop.toml")
    with replacing.alone(app_data) as scratch, Reader(file, manifest.identifier) as reader:
        content, new = reader.content, scratch / replacing.NEW
        free = shutil.disk_usage(app_data).free
        if whole and free < content.bytes + SPARE_BYTES:
            raise BackendError(
                Exit.NOT_WRITABLE,
                f"The disk is full: {content.bytes >> 20} MB are needed, {free >> 20} are free.",
                "Nothing was changed. Free some space and try again.",
            )
        try:
            new.mkdir()
            reader.extract(new, reporter(), None if whole else {*content.migrations})
            found = versions.listed(content.code, payload.parent)
            record = read_json(app_data / versions.RECORD) or {}
            found |= versions.listed(record, payload.parent)
            known = versions.names(found, _replaced(reader, record))
            copies = [new / name for name in content.migrations]
            for each in copies:
                try:
                    databases.require_whole(each, thorough=True)
                except BackendError as error:
                    raise reader.damaged(error) from error
            versions.require_known(copies, versions.accept(known, manifest.retired_migrations))
        except (OSError, sqlite3.Error) as error:
            raise not_writable(app_data, error) from error
        yield scratch, reader


def _replaced(reader: Reader, record: dict[str, Any]) -> dict[str, list[str]]:
    """What squashes stood for when the file was made, and when the app last started here."""
    return {**reader.content.code.get("replaced", {}), **record.get("replaced", {})}


def _restored_from(payload: Path, recovery: Recovery, file: Path) -> dict[str, Any]:
    app_data = recovery.app_data
    with _verified(payload, app_data, file, whole=True) as (scratch, reader):
        replacing.go_through()
        content = reader.content
        for each in recovery.files().values():
            # What cannot be read, and the uploads, are set aside and not copied.
            with contextlib.suppress(BackendError):
                if not databases.is_new(each):
                    recovery.back_up(each)
        try:
            write_private(scratch / replacing.NEW / "databases.json", json.dumps(content.databases))
            # Its next start looks at everything, and knows what squashes had replaced.
            record = read_json(app_data / versions.RECORD) or {}
            if record.pop("code", None):
                record["replaced"] = _replaced(reader, record)
                write_private(app_data / versions.RECORD, json.dumps(record))
        except OSError as error:
            raise not_writable(app_data, error) from error
        return {"restored": str(file), **content.summary(), "set_aside": replacing.swap(app_data)}


def _listed(recovery: Recovery) -> list[dict[str, Any]]:
    """The backups, the newest first."""
    listed = [_described(each.file) for each in reversed(backups.every(recovery.folder))]
    if recovery.marker.exists():
        listed += [
            {**_described(file), "name": CURRENT}
            for file in recovery.files().values()
            if file.is_file()
        ][:1]
    return listed


def _described(file: Path) -> dict[str, Any]:
    stats = file.stat()
    try:
        databases.require_whole(file, thorough=True)
        sound = not databases.is_new(file)
    except BackendError:
        sound = False
    made = datetime.fromtimestamp(stats.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    database = backups.stem(file) if file.parent.name == backups.FOLDER else file.stem
    return {
        "name": file.name,
        "database": database,
        "made": made,
        "bytes": stats.st_size,
        "sound": sound,
    }


def _restored(recovery: Recovery, name: str) -> dict[str, Any]:
    if name == CURRENT:
        recovery.accept()
        return {"restored": name, "set_aside": recovery.set_aside[-1]}
    backup = next((b.file for b in backups.every(recovery.folder) if b.file.name == name), None)
    if backup is None:
        raise BackendError(
            Exit.RESTORE_FAILED,
            f"There is no backup called {name}; nothing was changed.",
            "Take a name from `launch.py restore --list`.",
        )
    files = recovery.files()
    stem = backups.stem(backup)
    alias = next((a for a, f in files.items() if f.stem == stem), stem)
    file = files.get(alias, recovery.app_data / f"{stem}.sqlite3")
    recovery.require_sound(backup)
    try:
        uploads.bring_back(backup, recovery.app_data)  # before the rows that name them
        recovery.restore(alias, file, backup)
        aside = recovery.app_data / recovery.set_aside[-1]
        uploads.bring_back(backup, recovery.app_data, aside)
    except OSError as error:
        raise not_writable(recovery.app_data, error) from error
    if alias == "default":
        first_run.end(recovery.app_data)  # or an interrupted first run would put it away
    return {"restored": name, "set_aside": recovery.set_aside[-1]}
