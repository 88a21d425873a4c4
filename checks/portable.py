"""All data in one file: made, spoiled and restored by the target's own `launch.py`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import database
from checks.backend import HOST, free_port, new_token
from checks.limits import SILENCE_SECONDS
from checks.target import Target
from checks.verdicts import NotApplicable

MANIFEST = "manifest.json"
TABLE = "ddk_portable"
UPLOADS = Path("media", "ddk_portable")
BULK_ROWS = 400_000
MANY = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT hex(randomblob(20)) FROM numbers
"""


@dataclass(frozen=True)
class Said:
    """What a command of launch.py answered."""

    code: int
    answer: dict[str, Any]

    def __str__(self) -> str:
        error = self.answer.get("error", {})
        return f"exit {self.code} {error.get('message', '')}".strip()

    def refuses(self, code: int) -> bool:
        """Whether it said no with this code, and a sentence."""
        error = self.answer.get("error", {})
        return (
            self.code == code
            and error.get("code") == f"DDK-RUN-{code}"
            and bool(error.get("message"))
        )


def start(target: Target, app_data: Path, *words: str) -> subprocess.Popen[bytes]:
    """Begin `launch.py WORDS`. Raises NotApplicable for a backend that is another program."""
    if target.backend.get("command"):
        raise NotApplicable("the backend of [backend] is not the kit's launch.py")
    values = {"host": HOST, "port": str(free_port()), "token": new_token()}
    values["app_data"] = str(app_data)
    return subprocess.Popen(
        [*target.command(values), *words],
        cwd=target.cwd,
        env=target.environment(values),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def run(target: Target, app_data: Path, *words: str) -> Said:
    """What `launch.py WORDS` says. Raises AssertionError when it says nothing in JSON."""
    with start(target, app_data, *words) as child:
        output = child.communicate(timeout=SILENCE_SECONDS)[0].decode("utf-8", "replace")
    try:
        return Said(child.returncode, json.loads(output.splitlines()[-1]))
    except (ValueError, IndexError):
        raise AssertionError(
            f"launch.py {words[0]} ended with {child.returncode} and no answer: {output[-200:]!r}"
        ) from None


def put(path: Path, text: str) -> None:
    """Save a row with this text in the database `path`, and an upload beside it."""
    uploads = path.parent / UPLOADS
    uploads.mkdir(parents=True, exist_ok=True)
    (uploads / text).write_text(text, encoding="utf-8")
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (text)")
        connection.execute(f"INSERT INTO {TABLE} VALUES (?)", [text])


def enlarge(path: Path) -> None:
    """Let it take a while to copy the database, so that much is saved meanwhile."""
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute("CREATE TABLE ddk_bulk (text NOT NULL)")
        connection.execute(f"INSERT INTO ddk_bulk {MANY}", [BULK_ROWS])


def rows(path: Path) -> list[str]:
    """The texts that `put` has saved in a database."""
    with suppress(sqlite3.DatabaseError), database.opened(path) as connection:
        return [text for (text,) in connection.execute(f"SELECT text FROM {TABLE}")]
    return []


def uploads(app_data: Path) -> list[str]:
    """The uploads that `put` has saved."""
    return sorted(each.name for each in (app_data / UPLOADS).glob("*"))


@contextmanager
def writing(path: Path) -> Iterator[list[str]]:
    """Save rows and uploads all the time; the list has those that are saved."""
    saved: list[str] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            put(path, str(len(saved)))
            saved.append(str(len(saved)))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield saved
    finally:
        over.set()
        thread.join()


def altered(
    file: Path, target: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]
) -> Path:
    """A copy of a backup that `change` has changed: its manifest, and its files by name."""
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop(MANIFEST))
    change(manifest, files)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(MANIFEST, json.dumps(manifest))
    return target


MOMENTS = ("made", "away", "in place")
"""When a restore is killed: the uploads of the file are being written somewhere in the app data
folder; the database is not in its place; another one is."""


def kill_restore(target: Target, main: Path, file: Path, moment: str) -> None:
    """Kill a restore over the database `main` at a moment of MOMENTS, if it is met."""
    before = main.stat().st_ino
    reached: dict[str, Callable[[], bool]] = {
        "made": lambda: any(main.parent.rglob("carried")),
        "away": lambda: not main.exists(),
        "in place": lambda: _inode(main) not in (before, None),
    }
    with start(target, main.parent, "restore", str(file)) as child:
        limit = time.monotonic() + SILENCE_SECONDS
        while child.poll() is None and not reached[moment]() and time.monotonic() < limit:
            time.sleep(0)
        child.kill()


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def scheduled(path: Path) -> list[Path]:
    """The scheduled backups of a database, the oldest first."""
    return sorted(path.parent.glob(f"backups/{path.stem}-*-scheduled.sqlite3"))


def before_update(path: Path) -> Path:
    """A backup as one before migrations is called, older than all others."""
    return path.parent / "backups" / f"{path.stem}-000001-20010101T000000Z.sqlite3"


def age(path: Path, kept: int) -> list[Path]:
    """Leave backups of a database as earlier runs would: one of each of so many months that some
    are too many, and one that was made before migrations; the scheduled ones."""
    months = [f"{2001 + month // 12}{month % 12 + 1:02}" for month in range(kept + 2)]
    names = [
        f"{path.stem}-{number:06}-{month}01T120000Z-scheduled.sqlite3"
        for number, month in enumerate(months, 2)
    ]
    for file in (before_update(path), *(path.parent / "backups" / name for name in names)):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE ddk_old (text)")
    return scheduled(path)


def await_scheduled(path: Path, old: list[Path]) -> None:
    """Wait for another one. Raises AssertionError if there is none for long."""
    limit = time.monotonic() + SILENCE_SECONDS
    while not {*scheduled(path)} - {*old}:
        assert time.monotonic() < limit, f"no backup was made within {SILENCE_SECONDS} s"
        time.sleep(0.1)
