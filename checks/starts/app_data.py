"""App data folders to start on: copies of one that has had its first run."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from checks.backend import Backend, TargetFailedError
from checks.target import Target

UNUSUAL = "Ünï cödé dir/with space"
Copies = Callable[[str], Path]
"""Make a folder of that name, as the first run left it."""


def copier(app_data: Path, scratch: Path) -> Copies:
    """What makes copies of `app_data` in `scratch`; empty folders where it does not exist."""

    def copy(name: str) -> Path:
        if app_data.is_dir():
            shutil.copytree(app_data, scratch / name)
        else:
            (scratch / name).mkdir(parents=True)
        return scratch / name

    return copy


def settle(target: Target, app_data: Path) -> Path:
    """Start once more: what a project writes whenever it starts is in the folder then."""
    with contextlib.suppress(TargetFailedError), Backend(target, app_data) as backend:
        backend.ready()
        backend.stop()
    return app_data


def open_to_everybody(app_data: Path) -> Path:
    """Let every user of the machine read the folder."""
    for path in [app_data, *app_data.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return app_data
