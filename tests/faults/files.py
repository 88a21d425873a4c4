"""What other programs, clocks and hands do to the files while the app is closed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

from .client import Client
from .faults import Fault, backups_of, compiler, posix, shim
from .scene import Outcome, Scene, rows_of

HOT_JOURNAL = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=DELETE")
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE app_row SET text = hex(randomblob(2000))")
os.kill(os.getpid(), signal.SIGKILL)
"""
FIVE_YEARS = 5 * 365 * 86_400


def later_backups(scene: Scene) -> Outcome:
    """The clock was ahead once: five backups are dated later than the one made now."""
    scene.saved_and_stopped(5)
    backups_of(scene, 5, "20990101")
    scene.saved_and_stopped(30)
    failed = scene.again("failing")
    return _then_served(scene, failed, ("refused 14",))


def _then_served(scene: Scene, first: Outcome, right: tuple[str, ...]) -> Outcome:
    """The first answer where it was wrong already, else the one of the next start."""
    if first.what not in right or first.lost:
        return first
    then = scene.again()
    then.notes = [first.what, *first.notes]
    then.seconds = max(first.seconds, then.seconds)
    then.left += first.left
    return then


def clock_ahead(scene: Scene) -> Outcome:
    """Saved with the clock five years ahead, then a failing update with the right clock."""
    library = shim(scene)
    ahead = {"LD_PRELOAD": library, "FAULT_CLOCK": str(FIVE_YEARS)}
    with scene.saving(20, environment=ahead) as launch:
        launch.kill()
        scene.end_all(10)
    first = scene.again("failing", environment=ahead)
    if first.what != "refused 14":
        return first
    scene.saved_and_stopped(20)
    return _then_served(scene, scene.again("failing"), ("refused 14",))


def clock_behind(scene: Scene) -> Outcome:
    """The battery of the clock is empty: killed and updated five years ago."""
    scene.saved_and_stopped(20)
    past = {"LD_PRELOAD": shim(scene), "FAULT_CLOCK": str(-FIVE_YEARS)}
    with scene.saving(20, environment=past) as launch:
        launch.kill()
        scene.end_all(10)
    return _then_served(scene, scene.again("failing", environment=past), ("refused 14",))


def marker(scene: Scene, content: object, backup: bytes | None = None) -> Outcome:
    """An update that was interrupted, so the marker says, of an app that was killed in fact."""
    with scene.saving(30) as launch:
        launch.kill()
        scene.end_all(10)
    if backup is not None:
        (scene.data / "backups" / "db-20200101T000000000000Z.sqlite3").write_bytes(backup)
    (scene.data / "migrating.json").write_text(json.dumps(content))
    return scene.again()


NAMED = {"new": False, "backups": {"default": "db-20200101T000000000000Z.sqlite3"}}


def marker_without_backup(scene: Scene) -> Outcome:
    """It names a backup that is not there."""
    return marker(scene, NAMED)


def marker_with_damaged_backup(scene: Scene) -> Outcome:
    """It names something that is not a backup."""
    return marker(scene, NAMED, b"SQLite format 3\0" + b"\xff" * 20_000)


def marker_empty(scene: Scene) -> Outcome:
    """It says nothing at all."""
    return marker(scene, {})


def hot_journal(scene: Scene) -> Outcome:
    """A program that opened the file without a write-ahead log died in a transaction."""
    scene.saved_and_stopped(50)
    subprocess.run([sys.executable, "-c", HOT_JOURNAL, str(scene.database)], check=False)
    if not scene.database.with_name("db.sqlite3-journal").exists():
        return Outcome("no journal was left")
    return scene.again()


def older_log(scene: Scene) -> Outcome:
    """What a program that synchronises folders does: yesterday's log beside today's database."""
    log = scene.database.with_name("db.sqlite3-wal")
    with scene.saving(20) as launch:
        older = log.read_bytes()
        more = Client(launch.port, launch.token, scene.kept)
        more.start()
        more.saved(200)
        more.stop()
        launch.stop()
    log.write_bytes(older)
    return scene.again()


def log_of_another(scene: Scene) -> Outcome:
    """The log of another installation beside a database that was closed."""
    other = Scene(scene.places, scene.folder / "other", scene.chance)
    with other.saving(1):
        foreign = other.database.with_name("db.sqlite3-wal").read_bytes()
    scene.saved_and_stopped(50)
    scene.database.with_name("db.sqlite3-wal").write_bytes(foreign)
    return scene.again()


def emptied(scene: Scene, content: bytes | None) -> Outcome:
    """The file is gone or emptied; clean record and backups prove that there was one."""
    scene.saved_and_stopped(20)
    [backup] = backups_of(scene, 1, "20200101")
    if content is None:
        scene.database.unlink()
    else:
        scene.database.write_bytes(content)
    scene.taken = scene.expected() - rows_of(backup)
    outcome = scene.again()
    if outcome.what.startswith("refused"):
        outcome.lost = len(scene.expected() - rows_of(backup))
    return outcome


def missing(scene: Scene) -> Outcome:
    """The database was deleted."""
    return emptied(scene, None)


def no_bytes(scene: Scene) -> Outcome:
    """It has no content any more."""
    return emptied(scene, b"")


def one_byte(scene: Scene) -> Outcome:
    """One byte of it is left: SQLite takes that for a new database."""
    return emptied(scene, b"S")


def damaged(scene: Scene) -> Outcome:
    """Pages in the middle are overwritten after a kill; the file must stay as it is."""
    with scene.saving(60) as launch:
        launch.stop()
    (scene.data / "clean.json").unlink()
    with scene.database.open("rb+") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    before = scene.database.read_bytes()
    scene.taken = scene.expected() - rows_of(scene.database)
    outcome = scene.again()
    if scene.database.read_bytes() != before:
        outcome.what += ", and changed the file"
    return outcome


def newer(scene: Scene) -> Outcome:
    """An older app on the database of a newer one."""
    scene.saved_and_stopped(20, "second")
    first = scene.again()
    if first.what != "refused 13":
        return first
    then = scene.again("second")
    return then if then.what != "served" or then.lost else first


def truncated(scene: Scene) -> Outcome:
    """The second half of the file is missing after a failing disk."""
    scene.saved_and_stopped(200)
    os.truncate(scene.database, scene.database.stat().st_size // 2)
    scene.taken = scene.expected()
    return scene.again()


def clean_is_folder(scene: Scene) -> Outcome:
    """The record of the clean stop is a folder."""
    scene.saved_and_stopped(10)
    (scene.data / "clean.json").unlink()
    (scene.data / "clean.json").mkdir()
    return scene.again()


def dangling(scene: Scene) -> Outcome:
    """The database is a symbolic link to a place that is not there."""
    scene.data.mkdir()
    scene.database.symlink_to(scene.folder / "nowhere" / "db.sqlite3")
    return scene.again()


def looping(scene: Scene) -> Outcome:
    """The database is a symbolic link to itself."""
    scene.data.mkdir()
    scene.database.symlink_to(scene.database)
    return scene.again()


def fifo(scene: Scene) -> Outcome:
    """The database is a named pipe."""
    scene.data.mkdir()
    os.mkfifo(scene.database)
    return scene.again()


def folder_for_database(scene: Scene) -> Outcome:
    """The database is a folder."""
    scene.database.mkdir(parents=True)
    return scene.again()


def absurd_port(scene: Scene) -> Outcome:
    """A shell that is wrong: a number of five thousand digits is no port."""
    return scene.again(port="9" * 5000)


def locked(scene: Scene) -> Outcome:
    """Another program holds the database; afterwards everything is as it was."""
    scene.saved_and_stopped(20)
    with closing(sqlite3.connect(scene.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        first = scene.again()
    then = _then_served(scene, first, ("refused 16",))
    if then is not first and "another program" not in first.notes[0]:
        return Outcome("refused 16, and blames something else", notes=first.notes)
    return then


def no_locks(scene: Scene) -> Outcome:
    """A network file system that refuses locks; on a local one the rows are there again."""
    scene.saved_and_stopped(20)
    refusing = {"LD_PRELOAD": shim(scene), "FAULT_LOCKS": "no"}
    return _then_served(scene, scene.again(environment=refusing), ("refused 16",))


def removed_while_running(scene: Scene) -> Outcome:
    """Somebody deletes the app data folder under the running app; it must end in order."""
    with scene.saving(20) as launch:
        shutil.rmtree(scene.data, ignore_errors=True)
        code = launch.stop()
        said = launch.wait("failed", seconds=1)
    if code != 0 and not said:
        return Outcome(f"stop ended {code} without a word", notes=[scene.log()])
    shutil.rmtree(scene.data, ignore_errors=True)
    scene.taken = scene.kept.numbers()
    scene.kept.add(0)
    return scene.again()


def stale_leftovers(scene: Scene) -> Outcome:
    """Temporary files of a start that was killed: the next one clears them away."""
    scene.saved_and_stopped(10)
    (scene.data / "backups" / "db-20200101T000000000000Z.partial").write_bytes(b"half")
    (scene.data / "clean.json.4711.tmp").write_bytes(b"{")
    (scene.data / "secret_key.4711.tmp").write_bytes(b"half")
    return scene.again()


def interrupted_twice(scene: Scene) -> Outcome:
    """An update is killed, and so is the start that undoes it."""
    scene.saved_and_stopped(20)
    for _ in range(2):
        launch = scene.start("second")
        launch.wait("migrating", "ready", "failed")
        os.kill(launch.backend, signal.SIGKILL)
        launch.process.wait()
    return scene.again("second")


SERVED, KEPT = ("served",), ("served", "restored")
DAMAGED, UNUSABLE = ("refused 15",), ("refused 15", "refused 16")
FAULTS = (
    Fault("later-dated backups, failing update", SERVED, later_backups),
    Fault("clock ahead, then a failing update", SERVED, clock_ahead, 2, 0, needs=compiler),
    Fault("clock behind, failing update", SERVED, clock_behind, 2, 0, needs=compiler),
    Fault("marker names a missing backup", ("refused 21",), marker_without_backup),
    Fault("marker names a damaged backup", ("refused 21",), marker_with_damaged_backup),
    Fault("marker says nothing", (*KEPT, "refused 21"), marker_empty),
    Fault("hot rollback journal", SERVED, hot_journal, 3, 1, needs=posix),
    Fault("older log beside a clean stop", SERVED, older_log),
    Fault("log of another database", SERVED, log_of_another),
    Fault("database missing", DAMAGED, missing),
    Fault("database of no bytes", DAMAGED, no_bytes),
    Fault("database of one byte", DAMAGED, one_byte, 1, 0),
    Fault("database overwritten in the middle", DAMAGED, damaged, 1, 0),
    Fault("database cut in half", DAMAGED, truncated, 1, 0),
    Fault("database of a newer version", ("refused 13",), newer, 1, 0),
    Fault("update killed twice", KEPT, interrupted_twice, 5, 0, True),
    Fault("clean record is a folder", ("served", "refused 16"), clean_is_folder),
    Fault("database is a dangling link", UNUSABLE, dangling, needs=posix),
    Fault("database is a looping link", UNUSABLE, looping, needs=posix),
    Fault("database is a named pipe", UNUSABLE, fifo, needs=posix),
    Fault("database is a folder", UNUSABLE, folder_for_database, 1, 0),
    Fault("port of five thousand digits", ("refused 10",), absurd_port),
    Fault("database locked by another program", SERVED, locked, 1, 0),
    Fault("locks refused by the file system", SERVED, no_locks, 1, 0, needs=compiler),
    Fault("app data removed while running", SERVED, removed_while_running),
    Fault("temporary files of earlier kills", SERVED, stale_leftovers, 1, 0),
)
