"""Tries the migrations of an update on a copy of the data, before they touch the data.

A process of its own runs them in a folder like app data. Databases are copied from the backups that
were just made, everything else of the person's is linked: what a migration adds or removes there
stays there. Whatever ends this, the folder is in nobody's way, and the next start removes it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import backups, databases, lateready
from .contract import PREFIX, BackendError, Exit, Installation
from .environment import another_launch
from .manifest import Manifest
from .recovery import REHEARSAL

# The copy, its log, and the largest table made anew: what Django does to change a column.
ROOM = 3
SPARE_BYTES = 64 << 20
# Above it an update may take minutes: `auto` does not make them twice as many.
LARGEST_BYTES = 2 << 30
# Of a database with one large table, of which a column is added and filled; see docs/decisions.md.
BYTES_A_SECOND = 25e6
END_SECONDS = 2
DONE = "rehearsed"
"""What the process says at the end; the contract's events are what it says before."""


class Step(NamedTuple):
    """A migration that is about to run, or a command of the first start."""

    done: int
    total: int
    name: str
    seconds_left: float | None = None
    """Of all that are still to run, as far as anything tells."""
    on_copy: bool = False

    @property
    def event(self) -> str:
        """What it is called in the contract."""
        return "rehearsing" if self.on_copy else "migrating"

    def as_event(self) -> dict[str, Any]:
        """The fields of the event."""
        left = {} if self.seconds_left is None else {"seconds_left": round(self.seconds_left, 1)}
        return {"done": self.done, "total": self.total, "name": self.name, **left}


Progress = Callable[[Step], None]


class Pace(NamedTuple):
    """How long the copy took."""

    starts: Mapping[str, float]
    """Of each migration, in seconds after the first."""
    seconds: float

    def left(self, name: str) -> float:
        """How long the data will take from this migration on."""
        return self.seconds - self.starts.get(name, self.seconds)


class NotRehearsedError(Exception):
    """Raised where migrations cannot be tried: this says nothing about them."""


class Rehearsal:
    """What an update of this installation is tried with."""

    def __init__(self, installation: Installation, manifest: Manifest) -> None:
        """Before the project is loaded: what it, or `[django.env]`, puts into the environment
        names the data themselves."""
        self.app_data, self.manifest = installation.app_data, manifest
        self.folder = self.app_data / REHEARSAL
        self._environment = dict(os.environ)

    def run(self, copies: Mapping[Path, Path], progress: Progress) -> Pace | None:
        """Migrate a copy of the data, whose databases have these backups; None where nothing could
        be tried, which is in the log.

        `progress` may raise `Stopped`. Raises `BackendError` (14) where a migration fails.
        """
        if self.manifest.rehearse == "never":
            return None
        try:
            self._require_room(copies)
            return self._run(copies, progress)
        except (NotRehearsedError, OSError, sqlite3.Error) as error:
            if self.manifest.rehearse == "always":
                raise BackendError(
                    Exit.MIGRATION_FAILED,
                    f"The update could not be tried on a copy of your data: {error}.",
                    "Nothing was changed. Correct that, and start again.",
                ) from error
            text = "the update was not tried on a copy of the data first: %s"
            logging.getLogger(__name__).warning(text, error)
            return None
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _require_room(self, copies: Mapping[Path, Path]) -> None:
        size = sum(each.stat().st_size for each in copies.values())
        if self.manifest.rehearse == "auto" and size > LARGEST_BYTES:
            raise NotRehearsedError(f"they are more than {LARGEST_BYTES >> 30} GB")
        free, needed = shutil.disk_usage(self.app_data).free, ROOM * size + SPARE_BYTES
        if free < needed:
            text = f"it takes {needed >> 20} MB of the disk, and {free >> 20} MB are free"
            raise NotRehearsedError(text)

    def _run(self, copies: Mapping[Path, Path], progress: Progress) -> Pace:
        expected = 2 * sum(each.stat().st_size for each in copies.values()) / BYTES_A_SECOND
        self._copy(copies)
        begun = time.monotonic()
        starts: dict[str, float] = {}
        with self._process() as process:
            for line in process.stdout:
                said, now = json.loads(line), time.monotonic()
                match said["event"]:
                    case "rehearsing":
                        starts[said["name"]] = now
                        left = max(expected - (now - begun), 0)
                        step = Step(said["done"], said["total"], said["name"], left, on_copy=True)
                        progress(step)
                    case name if name == DONE:
                        first = min(starts.values(), default=now)
                        return Pace({name: at - first for name, at in starts.items()}, now - first)
                    case "failed" if said["exit"] == Exit.MIGRATION_FAILED:
                        raise failed(
                            "Updating your data failed. It was tried on a copy: your data is "
                            "untouched.",
                            said["message"],
                            said["report"],
                        )
                    case "failed":
                        raise NotRehearsedError(said["message"])
            raise NotRehearsedError(f"its process ended with code {process.wait()}")

    def _copy(self, copies: Mapping[Path, Path]) -> None:
        """Make the folder. Raises `OSError`, `sqlite3.Error` and NotRehearsedError."""
        from . import portable

        for file, backup in copies.items():
            if not file.is_relative_to(self.app_data):
                raise NotRehearsedError(f"{file} is not in the app data folder")
            copy = self.folder / file.relative_to(self.app_data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(backup, copy)
        media = self.app_data / "media"
        key = self.app_data / "secret_key"
        for file in [*portable.listed(self.app_data), *filter(Path.is_file, [key])]:
            if file in copies:
                continue
            copy = self.folder / file.relative_to(self.app_data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not file.is_relative_to(media) and databases.is_database(file):
                backups.copy(file, copy)
            else:
                os.link(file, copy)

    @contextlib.contextmanager
    def _process(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process of the rehearsal; afterwards it is gone."""
        process = subprocess.Popen(
            another_launch("rehearse"),
            env={**self._environment, f"{PREFIX}APP_DATA_DIR": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            yield process
        finally:
            process.stdin.close()  # its lifeline
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            process.kill()
            process.wait()
            process.stdout.close()


def require_copy(app_data: Path) -> Path:
    """In the process of a rehearsal: nothing is put back, so these must be no data of a person.

    Raises `BackendError` (10).
    """
    if app_data.name != REHEARSAL:
        raise BackendError(Exit.CONFIGURATION, f"{app_data} is not the copy of a rehearsal.")
    return app_data


def prepare(folder: Path) -> None:
    """In the process of a rehearsal, before `django.setup()`: what the project opens from here on
    are copies. Raises `BackendError` (10)."""
    from django.conf import settings

    for database in settings.DATABASES.values():
        if not Path(database.get("NAME") or folder).is_relative_to(folder):
            raise BackendError(
                Exit.CONFIGURATION, f"the project names its database {database['NAME']} itself"
            )
    lateready.install()


def failed(message: str, cause: str, report: str) -> BackendError:
    """The failure for a migration that the data do not pass."""
    return BackendError(
        Exit.MIGRATION_FAILED,
        message,
        "This version cannot be used with it. Open the previous version if you still have it: an "
        "update replaces it, so you may have to install it again. Please send the report, which "
        f"has none of your data, to whoever makes the app. The error was {cause}",
        report,
    )
