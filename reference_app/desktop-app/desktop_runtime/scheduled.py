"""Copies of the databases and uploads in `backups/` while the app runs, as `[data] backups` wants.

Others than those before migrations, which neither make room for these nor are removed for them.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from . import backups, databases, uploads
from .contract import BackendError, Exit, Stopped
from .data import not_writable

FIRST_SECONDS = 5  # after `ready`: the first pages need not share the disk
LOOK_SECONDS = 600
STOP_SECONDS = 2
SPARE_BYTES = 64 << 20  # that the app itself may need

PERIODS: dict[str, Callable[[datetime], object]] = {
    "hourly": lambda time: (time.date(), time.hour),
    "daily": datetime.date,
    "weekly": lambda time: time.isocalendar()[:2],
    "monthly": lambda time: (time.year, time.month),
}
"""What is the same for all moments of a period, the shortest one first."""


class Schedule:
    """Makes backups in a thread of its own; none where the policy is empty."""

    def __init__(
        self,
        policy: Mapping[str, int],
        files: Iterable[Path],
        folder: Path,
        failed: Callable[[BackendError], None],
    ) -> None:
        self.policy, self.files, self.folder, self.failed = policy, [*files], folder, failed
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None
        self.told = False
        self.done: dict[Path, object] = {}

    def start(self) -> None:
        """Begin to look, a few times an hour, whether a backup is due."""
        if self.policy:
            self.thread = threading.Thread(target=self._run, name="backups", daemon=True)
            self.thread.start()

    def stop(self) -> None:
        """Leave off; what is half done goes."""
        self.stopping.set()
        if self.thread:
            self.thread.join(STOP_SECONDS)

    def _run(self) -> None:
        seconds: float = FIRST_SECONDS
        with contextlib.suppress(Stopped):
            while not self.stopping.wait(seconds):
                seconds = LOOK_SECONDS
                try:
                    for file in self.files:
                        self.look(file)
                except BackendError as failure:
                    self._tell(failure)
                except OSError as error:
                    self._tell(not_writable(self.folder, error))

    def _tell(self, failure: BackendError) -> None:
        """Once; it is tried again all the same."""
        print(f"warning: no backup: {failure.message}", file=sys.stderr)
        if not self.told:
            self.told = True
            self.failed(failure)

    def look(self, file: Path) -> None:
        """Back up if the last one is of another period than now. Raises `BackendError` (16)."""
        shortest = next(PERIODS[name] for name in PERIODS if name in self.policy)
        made = [each for each in backups.of(file, self.folder) if each.scheduled]
        current = shortest(datetime.now(UTC))
        if current in (self.done.get(file), made and shortest(made[-1].time)):
            return
        if databases.is_new(file):
            return
        self._require_room(file)
        backups.make(
            file, self.folder, scheduled=True, watch=self._go_on, complete=self._keep_uploads
        )
        self.done[file] = current  # without a new file, if nothing has changed
        for each in superfluous(backups.of(file, self.folder), self.policy):
            with contextlib.suppress(OSError):
                each.file.unlink()
        uploads.sweep(self.folder)

    def _keep_uploads(self, backup: Path) -> None:
        """Once for each period: those of the default database, which is the first one."""
        if backups.stem(backup) == self.files[0].stem:
            uploads.keep(self.folder.parent, backup, self._go_on)

    def _go_on(self, *_: int) -> None:
        if self.stopping.is_set():
            raise Stopped

    def _require_room(self, file: Path) -> None:
        parts = [part for part in (file, *databases.logs(file)) if part.exists()]
        needed = sum(part.stat().st_size for part in parts) + SPARE_BYTES
        if shutil.disk_usage(self.folder).free < needed:
            raise BackendError(
                Exit.NOT_WRITABLE,
                f"The disk is full: {needed >> 20} MB are needed for a backup.",
                "Free some space; the app tries again while it runs.",
            )


def superfluous(made: Iterable[backups.Backup], policy: Mapping[str, int]) -> list[backups.Backup]:
    """The scheduled ones that no period of the policy keeps: each keeps the last of as many of its
    latest periods as it says."""
    scheduled = [each for each in made if each.scheduled]
    kept = {*scheduled[-1:]}
    for name, count in policy.items():
        last = {PERIODS[name](each.time): each for each in scheduled}
        kept |= {*sorted(last.values())[-count:]}
    return [each for each in scheduled if each not in kept]
