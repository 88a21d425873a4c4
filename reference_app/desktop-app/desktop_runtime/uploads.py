"""The uploads of a scheduled backup, in a folder beside it: hard links, which take no room of the
disk while the app has the files too. What the app removes is kept as long as the backup.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from . import system

UPLOADS = "media"
SUFFIX = f".{UPLOADS}"


def beside(backup: Path) -> Path:
    """The folder with the uploads of a backup; there is none where there were none."""
    return backup.with_suffix(SUFFIX)


def keep(app_data: Path, backup: Path, go_on: Callable[[], None]) -> None:
    """Link every upload there is. What `go_on` raises ends it.

    A disk without hard links (exFAT) has backups of the databases alone, and a warning says so.
    """
    target, media = beside(backup), app_data / UPLOADS
    shutil.rmtree(target, ignore_errors=True)
    try:
        for file in _files(media):
            go_on()
            link = target / file.relative_to(media)
            link.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # removed since the files were listed
                os.link(file, link)
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        print(f"warning: {backup.name} has no uploads: {error}", file=sys.stderr)


def bring_back(backup: Path, app_data: Path, aside: Path | None = None) -> None:
    """Put back those of a backup that are missing, and with `aside`, where what is there goes,
    those that are others by now. Later ones stay. Raises `OSError`."""
    source, media = beside(backup), app_data / UPLOADS
    for file in _files(source):
        place = media / file.relative_to(source)
        if place.exists():
            if aside is None or place.samefile(file):
                continue
            former = aside / UPLOADS / file.relative_to(source)
            former.parent.mkdir(parents=True, exist_ok=True)
            place.replace(former)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, place)
        except OSError:
            shutil.copy2(file, place)
        system.sync_folder(place.parent)


def sweep(folder: Path) -> None:
    """Remove the uploads of backups that are gone, or were not made to the end."""
    for each in folder.glob(f"*{SUFFIX}"):
        if not each.with_suffix(".sqlite3").exists():
            shutil.rmtree(each, ignore_errors=True)


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
