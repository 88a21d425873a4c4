"""One installation a fault is done to, and the comparison afterwards."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import psutil

from . import project
from .client import Acknowledged, Client, numbers_in, served_rows
from .launching import LONGEST, Launch, Place

REMAINS = 10.0  # seconds within which everything of a dead backend must be gone
# What no clean stop leaves behind.
LEFT_OVER = re.compile(r"\.partial|\.tmp$|-wal$|-shm$|-journal$|^migrating\.json$|^rehearsal$")


@dataclass
class Outcome:
    """How the app answered to one fault."""

    what: str  # served | restored | refused 14 | ended 1 without a word | hangs
    lost: int = 0
    left: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


class Places:
    """Every version of the project as repository and as bundle, each made once."""

    def __init__(self, folder: Path, payload: Path) -> None:
        self.folder, self.payload = folder, payload
        self.cache = folder / "bytecode"
        self.staged: Place | None = None
        self.first_start_seconds = 0.0
        self._made: dict[tuple[str, str], Place] = {}

    def place(self, version: str, mode: str = "development") -> Place:
        """Where `version` is started from in that mode."""
        if mode == "staged":
            from . import staging

            self.staged = self.staged or staging.make(self.folder / "staged", self.payload)
            return self.staged
        if (version, mode) not in self._made:
            made = project.make(self.folder / version / mode, self.payload, version)
            if mode == "packaged":
                root = project.bundle(self.folder / version / "bundle", made)
                self._made[version, mode] = Place(root, root / "app", mode)
            else:
                self._made[version, mode] = Place(made, made)
        return self._made[version, mode]


class Scene:
    """One app data folder and the client that saves into it."""

    def __init__(self, places: Places, folder: Path, chance: random.Random) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.places, self.folder, self.chance = places, folder, chance
        self.data = folder / "data"
        self.mode = "development"
        self.environment: dict[str, str] = {}
        self.cache = places.cache
        self.kept = Acknowledged(folder / "acknowledged")
        # What the fault itself took away is nobody's loss.
        self.taken: set[int] = set()

    # --- running it

    def start(self, version: str = "first", **options: object) -> Launch:
        """Launch that version on this folder."""
        options["environment"] = {**self.environment, **(options.get("environment") or {})}
        place = self.places.place(version, self.mode)
        return Launch(place, self.data, self.cache, **options)

    @contextlib.contextmanager
    def saving(self, rows: int = 5, version: str = "first", **options: object) -> Iterator[Launch]:
        """A launch that is being saved into, after that many rows; nothing of it stays."""
        launch = self.start(version, **options)
        client = None
        try:
            if not launch.wait("ready"):
                raise RuntimeError(f"did not start: {launch.events} {self.log()}")
            client = Client(launch.port, launch.token, self.kept)
            client.start()
            client.saved(rows)
            yield launch
        finally:
            if client:
                client.stop()
            self.end_all()

    def saved_and_stopped(self, rows: int = 30, version: str = "first") -> None:
        """An installation with rows in it and a clean stop behind it."""
        with self.saving(rows, version) as launch:
            code = launch.stop()
            if code:
                raise RuntimeError(f"the clean stop ended with {code}: {self.log()}")

    @property
    def database(self) -> Path:
        return self.data / "db.sqlite3"

    def log(self) -> str:
        """The end of what the backends printed."""
        with contextlib.suppress(OSError):
            return (self.folder / "stderr.log").read_text(errors="replace")[-1500:]
        return ""

    def first_start_seconds(self) -> float:
        """From `listening` to `ready` of a first start on this machine, measured once."""
        if not self.places.first_start_seconds:
            scene = Scene(self.places, self.places.folder / "measured", self.chance)
            launch = scene.start()
            launch.wait("listening")
            begun = time.monotonic()
            launch.wait("ready", "failed")
            self.places.first_start_seconds = time.monotonic() - begun
            scene.end_all()
        return self.places.first_start_seconds

    # --- comparing

    def expected(self) -> set[int]:
        """What was acknowledged to anybody, and not taken by the fault itself."""
        return (self.kept.numbers() | self.clerks()) - self.taken

    def clerks(self) -> set[int]:
        """The worker's acknowledged numbers."""
        return numbers_in(self.data / "cache" / "clerk")

    def outcome(self, launch: Launch, begun: float | None = None) -> Outcome:
        """How that launch turns out: served (and what of the rows), refused, or worse."""
        begun = begun or launch.begun
        event = launch.wait("ready", "failed")
        seconds = time.monotonic() - begun
        if event and event["event"] == "ready":
            what = "restored" if event["database"] == "restored" else "served"
            try:
                lost = len(self.expected() - served_rows(launch.port, launch.token))
            except (OSError, ValueError, HTTPException) as error:
                return Outcome(f"serves errors ({error})", seconds=seconds)
            return Outcome(what, lost, seconds=seconds)
        code = launch.exit_code()
        self.end_all()
        if code is None:
            return Outcome("hangs", self.gone(), seconds=seconds)
        if event is None:
            notes = [self.log()]
            return Outcome(f"ended {code} without a word", self.gone(), 0, seconds, notes)
        notes = [event["message"], event.get("hint", "")]
        return Outcome(f"refused {event['exit']}", self.gone(), 0, seconds, notes)

    def again(self, version: str = "first", **options: object) -> Outcome:
        """Start again, compare, stop, and count what is left over."""
        launch = self.start(version, **options)
        outcome = self.outcome(launch)
        if launch.process.poll() is None:
            code = launch.stop()
            if code != 0:
                outcome.what += f", stop ended {code}"
            outcome.left += self.end_all(REMAINS)
            left = self.left_over()
            outcome.left += len(left)
            outcome.notes += left
        self.end_all()
        return outcome

    def gone(self) -> int:
        """Acknowledged rows that are in no file of the folder any more."""
        missing = self.expected()
        for file in self.data.rglob("*"):
            if missing and file.is_file() and not file.is_symlink():
                missing = missing - rows_of(file)
        return len(missing)

    def left_over(self) -> list[str]:
        """Files that a clean stop should not leave."""
        own = [*self.data.iterdir(), *(self.data / "backups").glob("*")]
        return [file.name for file in own if LEFT_OVER.search(file.name)]

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this app data folder."""
        found = []
        folders = {str(self.data), str(self.data / "rehearsal")}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                folder = process.environ().get("DESKTOP_DJANGO_APP_DATA_DIR")
                if folder in folders and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end_all(self, patience: float = 0.0) -> int:
        """End what still runs; returns how many were left after `patience` seconds."""
        deadline = time.monotonic() + patience
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, LONGEST)
        return len(left)


def rows_of(file: Path) -> set[int]:
    """The numbers in an SQLite file, with its log and without; the file is not touched."""
    found: set[int] = set()
    for suffixes in (("",), ("", "-wal", "-journal")):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            for suffix in suffixes:
                with contextlib.suppress(OSError):
                    shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
            try:
                with contextlib.closing(sqlite3.connect(copy)) as connection:
                    rows = connection.execute("SELECT number FROM app_row").fetchall()
                    found |= {number for (number,) in rows}
            except sqlite3.Error:
                pass
    return found
