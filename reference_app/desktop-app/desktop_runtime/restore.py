"""`launch.py restore`: puts back a backup that a person has chosen. Prints one JSON document.

Nothing of the project is loaded: this must work when the project or its data does not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import backups, databases, first_run
from .contract import BackendError, Exit, answer, read_installation
from .data import open_folder
from .recovery import Recovery

CURRENT = "current"
"""In the place of a backup: go on with what an interrupted update left."""


def run(arguments: list[str]) -> int:
    """List the backups or restore one; returns the exit code."""
    return answer(lambda: _run(arguments))


def _run(arguments: list[str]) -> dict[str, Any]:
    installation = read_installation()
    with open_folder(installation.app_data):
        recovery = Recovery(installation.app_data)
        match arguments:
            case ["--list"]:
                return {"backups": _listed(recovery)}
            case [name] if not name.startswith("-"):
                return _restored(recovery, name)
            case _:
                raise BackendError(
                    Exit.CONFIGURATION,
                    "restore takes the name of one backup, or --list.",
                    "Take a name from `launch.py restore --list`.",
                )


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
    recovery.restore(alias, file, backup)
    if alias == "default":
        first_run.end(recovery.app_data)  # or an interrupted first run would put it away
    return {"restored": name, "set_aside": recovery.set_aside[-1]}
