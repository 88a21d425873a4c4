"""Where files go that must make room but must not be lost: `set-aside/` in app data."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import system

FOLDER = "set-aside"
# What a failed update or first run leaves is kept for a report, not for ever.
KEPT = 2


def new_folder(app_data: Path, reason: str) -> Path:
    """Make `set-aside/NNNNNN-reason`, numbered because clocks go backwards."""
    parent = app_data / FOLDER
    parent.mkdir(exist_ok=True)
    numbers = [int(each.name[:6]) for each in parent.iterdir() if each.name[:6].isdigit()]
    folder = parent / f"{max(numbers, default=0) + 1:06}-{reason}"
    folder.mkdir()
    system.sync_folder(parent)
    return folder


def move(files: Iterable[Path], folder: Path) -> None:
    """Move those files that exist, also while another program removes its log. Raises `OSError`."""
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            shutil.move(file, folder / file.name)
            system.sync_folder(file.parent)
    system.sync_folder(folder)


def copy(files: Iterable[Path], folder: Path) -> None:
    """Copy those files that exist. Raises `OSError`."""
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(file, folder / file.name)


def prune(app_data: Path, reason: str) -> None:
    """Remove all but the last folders of this reason."""
    folders = sorted((app_data / FOLDER).glob(f"[0-9]*-{reason}"))
    for folder in folders[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
