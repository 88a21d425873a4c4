"""The development data of an app: where they are, who uses them, what takes their place."""

import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil

from skill_scripts.errors import KitError

APP_DATA = "DESKTOP_DJANGO_APP_DATA_DIR"  # set by a developer who wants it elsewhere
RUNTIME_MODE = "DESKTOP_DJANGO_RUNTIME_MODE"


def app_data_folder(identifier: str) -> Path:
    """The app data folder of development runs, the same as the shell's."""
    if named := os.environ.get(APP_DATA):
        return Path(named).resolve()
    name = f"{identifier}-development"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / name
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / name
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "share") / name


def set_aside(app_data: Path) -> Path | None:
    """Give the data of earlier runs another name; nothing of it is deleted.

    Returns where it is now, None if there was none. Raises KitError DDK-STA-02.
    """
    if not app_data.exists():
        return None
    require_unused(app_data)
    place = _free_name(app_data)
    try:
        app_data.rename(place)
    except OSError as error:
        text = f"{app_data} cannot be renamed: {error.strerror}"
        raise KitError("DDK-STA-02", text, app_data=str(app_data)) from error
    return place


def replace(app_data: Path, made: Path) -> Path | None:
    """Put the folder `made`, which is complete, in the place of the data; where those are now.

    Killed at any moment, `finish_replacing` does the rest. Raises KitError DDK-STA-02 and
    `OSError`.
    """
    complete = made.rename(_complete(app_data))
    try:
        old = set_aside(app_data)
    except KitError:
        complete.rename(made)
        raise
    try:
        complete.rename(app_data)
    except OSError:
        if old:
            old.rename(app_data)
        complete.rename(made)
        raise
    return old


def finish_replacing(app_data: Path) -> str:
    """Do the rest of a replacement that was killed; says what was done, "" if there was none.

    Complete data for which there is no place any more are set aside.
    """
    complete = _complete(app_data)
    if not complete.exists():
        return ""
    if not app_data.exists():
        complete.rename(app_data)
        return "the data of an interrupted import are in place now"
    place = complete.rename(_free_name(app_data))
    return f"the data of an interrupted import are set aside: {place}"


def _complete(app_data: Path) -> Path:
    """Where data are that are complete and not yet in place."""
    return app_data.with_name(f"{app_data.name}-complete")


def _free_name(app_data: Path) -> Path:
    names = (app_data.with_name(f"{app_data.name}-set-aside-{number}") for number in count(1))
    return next(each for each in names if not each.exists())


def require_unused(app_data: Path) -> None:
    """Raise KitError DDK-STA-02 if a process was started on this data."""
    if users := list(_users(app_data)):
        raise KitError("DDK-STA-02", f"process {users[0]} uses {app_data}", app_data=str(app_data))


def _users(app_data: Path) -> Iterator[int]:
    """The processes that were started on this data."""
    for process in psutil.process_iter():
        try:
            found = process.environ()
            # A developer's own shell, and we in it, may name the folder; only a backend has a mode.
            if found.get(APP_DATA) == str(app_data) and RUNTIME_MODE in found:
                yield process.pid
        except (psutil.Error, OSError):
            continue
