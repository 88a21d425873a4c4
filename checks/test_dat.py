"""DAT: what must never be lost."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checks import database, exported, pages, portable
from checks.backend import Backend, Ending, TargetFailedError, run_to_end
from checks.files import not_root
from checks.scratch_copy import bringing, switched
from checks.starts.app_data import UNUSUAL, Copies
from checks.starts.first_run import FirstRun
from checks.starts.killed import Killed, kill_first_start
from checks.starts.probed import Probed
from checks.starts.restarts import Restarts
from checks.starts.second_install import SecondInstall
from checks.starts.updates import (
    Migrated,
    kill_update,
    rows_after,
    start_failing,
    start_newer,
)
from checks.target import WINDOWS, Target
from checks.verdicts import NotApplicable, NotRun, Seen

# PR_CAPBSET_DROP: root's CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH do not outlive the next exec.
GIVE_UP = """
import ctypes, os, sys
for capability in (1, 2):
    if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
        sys.exit(1)
os.execvp(sys.argv[1], sys.argv[1:])
"""
PROVOKED = "provoked by the checks"
# Pages that are asked: the others may write, such as one that counts its visits.
READING_SECONDS, READ_PAGES = 10, 3
SYNCHRONOUS = {1: "NORMAL", 2: "FULL", 3: "EXTRA"}


@dataclass(frozen=True)
class Unprivileged(Target):
    """A target that is started as root, but bound by permissions."""

    def command(self, values: dict[str, str]) -> list[str]:
        """The command line, behind one that gives up what root may do."""
        return [sys.executable, "-I", "-c", GIVE_UP, *super().command(values)]


@pytest.mark.criterion("DAT-1")
def test_writes_in_app_data(
    first_run: FirstRun, has_database: bool, probed: Probed, seen: Seen
) -> None:
    """Writes in the app data folder only."""
    for changed in (first_run.changed, probed.changed):
        assert not changed, f"the bundle changed: {', '.join(changed[:5])}"
    name = database.main_file(first_run.app_data).name if has_database else "none"
    places = {"the database": probed.info["database"], "an upload": probed.info["upload"]}
    for what, place in places.items():
        inside = not place or Path(place).is_relative_to(probed.app_data)
        assert inside, f"{what} is at {place}, expected in the app data folder"
    seen(f"bundle unchanged, database {name}")


@pytest.mark.criterion("DAT-2")
def test_persistence(restarts: Restarts, seen: Seen) -> None:
    """Keeps a record over a stop and a start."""
    restarts.needs_a_way()
    assert restarts.kept, f"{restarts.way} saved no record"
    assert restarts.kept_on_disk, "the record is not in the database after the stop"
    assert restarts.kept_after_start, "the record is gone after the next start"
    seen(restarts.way)


@pytest.mark.criterion("DAT-3")
def test_pragmas(probed: Probed, seen: Seen) -> None:
    """Runs SQLite with WAL, safe sync and foreign keys."""
    pragmas = probed.info["pragmas"]
    assert pragmas["journal_mode"] == "wal", f"journal_mode is {pragmas['journal_mode']}"
    assert pragmas["synchronous"] in SYNCHRONOUS, f"synchronous is {pragmas['synchronous']}"
    assert pragmas["foreign_keys"] == 1, "foreign keys are off"
    seen(f"wal, synchronous {SYNCHRONOUS[pragmas['synchronous']]}, foreign keys on")


@pytest.mark.criterion("DAT-4")
def test_kill(restarts: Restarts, seen: Seen) -> None:
    """Keeps what was acknowledged when it is killed."""
    assert not restarts.integrity, f"integrity_check says {restarts.integrity}"
    lost = len(restarts.saved) - len(restarts.after_kill)
    assert not lost, f"{lost} of {len(restarts.saved)} acknowledged records are gone"
    restarts.needs_a_way()
    assert restarts.saved, f"{restarts.way} saved no record"
    seen(f"{len(restarts.saved)} records there, integrity ok")


@pytest.mark.criterion("DAT-5")
@pytest.mark.usefixtures("needs_database")
def test_backup(migrated: Migrated, seen: Seen) -> None:
    """Makes a complete backup before migrations."""
    assert migrated.backups, (
        f"there is no backup of what was there before the new migrations ({migrated.ending})"
    )
    for backup in migrated.backups:
        integrity = database.integrity(backup)
        assert integrity == "ok", f"{backup.name}: integrity_check says {integrity}"
    # The others are those of further databases.
    whole = [each for each in migrated.backups if database.contents(each) == migrated.before]
    assert whole, f"{migrated.backups[-1].name} lacks what was there before"
    assert len(migrated.applied) == 2, f"the migrations were not applied ({migrated.ending})"
    seen(f"{whole[-1].parent.name}/{whole[-1].name}")


@pytest.fixture(scope="session")
def migration_failed(probe_target: Target, settled_copies: Copies) -> Migrated:
    """Two pending migrations; the second fails."""
    return start_newer(probe_target, settled_copies("failing"), "ddk_probe_fail_migration")


@pytest.mark.criterion("DAT-6")
@pytest.mark.usefixtures("needs_database")
def test_failed_migration(migration_failed: Migrated, seen: Seen) -> None:
    """Puts the database back when a migration fails."""
    failed = migration_failed
    assert failed.after == failed.before, f"the database changed ({failed.ending})"
    assert failed.ending.announced(14), f"{failed.ending}, expected exit 14 and a `failed` event"
    seen(f"{failed.ending}, contents as before")


@pytest.mark.criterion("DAT-7")
@pytest.mark.usefixtures("needs_database")
def test_newer_database(target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Refuses a database that is newer, untouched."""
    app_data = settled_copies("newer")
    path = database.main_file(app_data)
    future = database.add_future_migration(path)
    ending, changed = _refusal(target, app_data, path)
    assert not changed, f"the database with {future} was changed ({ending})"
    assert ending.announced(13), f"with {future}: {ending}, expected exit 13 and a `failed` event"
    seen(ending)


@pytest.mark.criterion("DAT-8")
@pytest.mark.usefixtures("needs_database")
def test_damaged_database(target: Target, copies: Copies, restarts: Restarts, seen: Seen) -> None:
    """Refuses a damaged database, byte for byte."""
    headless = copies("headless")
    # A backend that was killed leaves traces that tell its successor to look closer.
    killed = Path(shutil.copytree(restarts.killed_data, headless.with_name("spoiled")))
    for what, app_data, damage in (
        ("its header", headless, database.overwrite_header),
        ("its pages", killed, database.overwrite_pages),
    ):
        path = database.main_file(app_data)
        damage(path)
        ending, changed = _refusal(target, app_data, path)
        assert not changed, f"the database with {what} damaged was changed ({ending})"
        assert ending.announced(15), f"{what} damaged: {ending}, expected exit 15 and an event"
    seen("header and pages: exit 15, bytes as before")


@pytest.mark.criterion("DAT-9")
def test_secret_key(
    probed: Probed, shell_killed: Killed, second_install: SecondInstall, seen: Seen
) -> None:
    """Has a secret key of its own per installation."""
    first, again = probed.info["secret"], shell_killed.secret
    assert first == again, "SECRET_KEY is another after a restart"
    if not second_install.secret:
        raise TargetFailedError(f"a second installation {second_install.reason}")
    assert first != second_install.secret, "two installations have the same SECRET_KEY"
    for path in probed.app_data.rglob("*"):
        if path.is_file() and path.stat().st_size < 4096 and _digest(path) == first:
            mode = stat.S_IMODE(path.stat().st_mode)
            assert WINDOWS or not mode & 0o077, f"{path.name} has mode {mode:o}, expected 600"
            seen(f"{path.name} (mode {mode:o})")


@pytest.mark.criterion("DAT-10")
@pytest.mark.usefixtures("needs_database")
def test_not_writable(target: Target, scratch: Path, copies: Copies, seen: Seen) -> None:
    """Says at start that it cannot write."""
    (scratch / "file").write_text("in the way of the folder")
    ending = run_to_end(target, scratch / "file")
    assert ending.announced(16), f"no folder can be made: {ending}, expected exit 16 and an event"
    bound = _bound_by_permissions(target)
    read_only = {"database": database.main_file(copies("read-only database"))}
    if not WINDOWS:  # where the attribute of a folder means something else
        read_only["folder"] = copies("read-only folder")
        # Files that are there already can be written in it.
        database.merge(database.main_file(read_only["folder"]))
    for what, path in read_only.items():
        mode = path.stat().st_mode
        path.chmod(mode & ~0o222)
        ending = run_to_end(bound, path if path.is_dir() else path.parent)
        path.chmod(mode)
        assert ending.announced(16), f"read-only {what}: {ending}, expected exit 16 and an event"
    seen(f"no folder, read-only {', read-only '.join(read_only)}: exit 16")


@pytest.mark.criterion("DAT-11")
def test_unusual_folder(target: Target, copies: Copies, seen: Seen) -> None:
    """Works in a folder with spaces and umlauts."""
    with Backend(target, copies(UNUSUAL)) as backend:
        status = backend.ready().get(target.home).status
    assert status < 400, f"GET {target.home} answered {status}"
    seen(f"“{UNUSUAL}”")


@pytest.mark.criterion("DAT-12")
def test_one_file(restarts: Restarts, seen: Seen) -> None:
    """Leaves one file per database after a stop."""
    assert not restarts.unmerged, f"{', '.join(restarts.unmerged)} holds unmerged content"
    seen("no -wal with content")


@pytest.mark.criterion("DAT-13")
def test_no_needless_backup(restarts: Restarts, seen: Seen) -> None:
    """Makes no backup when nothing is pending."""
    assert not restarts.new_backups, f"new backups appeared: {', '.join(restarts.new_backups)}"
    seen("no new backup")


@pytest.mark.criterion("DAT-14")
@pytest.mark.usefixtures("needs_database")
def test_clock_that_was_ahead(probe_target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Keeps the backup of an update, whatever the clock."""
    app_data = settled_copies("clock")
    first = start_newer(probe_target, app_data, "ddk_probe_fail_migration")
    assert first.backups, (
        f"there is no backup of what was there before the new migrations ({first.ending})"
    )
    for backup in first.backups:
        for year in range(2090, 2096):
            later = backup.with_name(re.sub("20[0-9]{2}", str(year), backup.name, count=1))
            shutil.copyfile(backup, later)
            os.utime(later, (4e9, 4e9))
    second = start_newer(probe_target, app_data, "ddk_probe_fail_migration")
    assert second.after == second.before, f"the database changed ({second.ending})"
    kept = any(database.contents(b) == second.before for b in database.backups(app_data))
    assert kept, f"beside later-dated backups the new one is gone ({second.ending})"
    seen(f"kept beside {6 * len(first.backups)} that are dated later")


@pytest.mark.criterion("DAT-15")
@pytest.mark.usefixtures("needs_database")
def test_bad_backup(probe_target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Puts no backup back that is missing or damaged."""
    endings = []
    for damage in ("missing", "damaged"):
        app_data = settled_copies(f"{damage} backup")
        path = database.main_file(app_data)
        rows = database.rows(path)
        old = database.backups(app_data)
        kill_update(probe_target, app_data)
        for backup in database.backups(app_data) - old:
            if damage == "missing":
                backup.unlink()
            else:
                database.overwrite_pages(backup)
        ending = run_to_end(probe_target, app_data)
        lost = rows - rows_after(path)
        assert not lost, f"{damage} backup: {len(lost)} of {len(rows)} rows are gone ({ending})"
        endings.append(str(ending))
    seen(f"{', '.join(endings)}, rows as before")


@pytest.mark.criterion("DAT-16")
@pytest.mark.usefixtures("needs_database")
def test_killed_first_start(target: Target, first_run: FirstRun, scratch: Path, seen: Seen) -> None:
    """Completes a first start that was killed."""
    whole = database.main_file(first_run.untouched)
    steps = [event for event in first_run.events if event["event"] == "migrating"]
    interrupted = scratch / "interrupted"
    # Twice on one folder: what the first one leaves must not mislead the second.
    kill_first_start(target, interrupted, None)
    kill_first_start(target, interrupted, steps[-1] if steps else None)
    path = _settled(target, interrupted)
    lacking = database.migrations(whole) - database.migrations(path)
    assert not lacking, f"{len(lacking)} migrations are not applied after the next start"
    rows = database.counts(path)
    fewer = {name: n for name, n in database.counts(whole).items() if rows.get(name, 0) < n}
    found = ", ".join(f"{rows.get(name, 0)} of {n} rows in {name}" for name, n in fewer.items())
    assert not fewer, f"rows are missing after the next start: {found}"
    seen(f"killed twice, then {sum(rows.values())} rows as undisturbed")


@pytest.mark.criterion("DAT-17")
@pytest.mark.usefixtures("needs_database")
def test_rollback_journal(target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Undoes a transaction that a crash left half written."""
    path = database.main_file(settled_copies("journal"))
    before = database.rows(path)
    if not database.leave_journal(path):
        raise NotRun("SQLite left no journal here")
    with Backend(target, path.parent) as backend:
        backend.ready()
        backend.stop()
    lost = before - database.rows(path)
    assert not lost, f"{len(lost)} of {len(before)} rows are gone"
    seen(f"{len(before)} rows as before")


@pytest.mark.criterion("DAT-18")
@pytest.mark.usefixtures("needs_database")
def test_foreign_log(target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Replays no log that appeared after a clean stop."""
    path = database.main_file(settled_copies("foreign log"))
    database.merge(path)
    before = database.rows(path)
    with Backend(target, path.parent) as backend:
        backend.ready()
        backend.stop()
    database.put_foreign_log(path)
    ending = run_to_end(target, path.parent)
    lost = before - rows_after(path)
    assert not lost, f"the log was replayed: {len(lost)} rows are gone ({ending})"
    seen(f"{len(before)} rows as before")


@pytest.mark.criterion("DAT-19")
@pytest.mark.usefixtures("needs_database")
def test_lost_database(target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Makes no new database where one was lost."""
    for what in ("missing", "empty"):
        path = database.main_file(settled_copies(f"{what} database"))
        path.unlink()
        if what == "empty":
            path.touch()
        ending = run_to_end(target, path.parent)
        made = path.exists() and path.stat().st_size
        assert not made, f"{what} database: a new one was made ({ending})"
        assert ending.announced(15), f"{what} database: {ending}, expected exit 15 and an event"
    seen("missing and empty: exit 15, nothing made")


@pytest.mark.criterion("DAT-20")
@pytest.mark.usefixtures("needs_database")
def test_data_before_code(probe_target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Judges the data before the project's code runs."""
    newer = database.main_file(settled_copies("newer, written"))
    database.add_future_migration(newer)
    damaged = database.main_file(settled_copies("damaged, written"))
    database.overwrite_pages(damaged)
    for path, code in ((newer, 13), (damaged, 15)):
        before = database.contents(path)
        with switched(probe_target, "ddk_probe_ready"):
            ending, changed = _refusal(probe_target, path.parent, path)
        changed = changed or database.contents(path) != before
        assert not changed, f"expected exit {code}: the project wrote before ({ending})"
        assert ending.announced(code), f"{ending}, expected exit {code} and a `failed` event"
    seen("newer: exit 13, damaged: exit 15, nothing written by ready()")


@pytest.mark.criterion("DAT-21")
@pytest.mark.usefixtures("needs_database")
def test_updated_over_a_squash(probe_target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Is updated over a squash and a removed app."""
    app_data = settled_copies("squashed")
    with switched(probe_target, "ddk_probe_migrations"):
        path = _settled(probe_target, app_data)
        before = database.migrations(path)
        database.add_row(path, "ddk_probe_first")
        with switched(probe_target, "ddk_probe_squashed"):
            _settled(probe_target, app_data)
    # What Django's own `migrate` does with a squash of which all is applied.
    lacking = {*before, ("ddk_probe_app", "0001_both")} - database.migrations(path)
    assert not lacking, (
        f"these migrations are not recorded as applied: {', '.join(f'{a}.{n}' for a, n in lacking)}"
    )
    _settled(probe_target, app_data)  # without the app
    kept = database.counts(path).get("ddk_probe_first", 0)
    assert kept == 1, f"{kept} rows of the removed app are left, expected 1"
    assert not before - database.migrations(path), "the removed app's migrations are forgotten"
    seen("squash recorded, the removed app's row kept")


@pytest.mark.criterion("DAT-22")
def test_shipped_files(probe_target: Target, unstarted: Copies, seen: Seen) -> None:
    """Renews unchanged copies of what comes with it."""
    app_data = unstarted("brought")
    copies = app_data / "media" / "ddk_brought"
    with bringing(probe_target, "ddk_brought") as originals:
        for version in ("first", "second version"):  # of different length
            for name in ("untouched", "changed"):
                (originals / name).write_text(version, encoding="utf-8")
            with Backend(probe_target, app_data) as backend:
                backend.ready()
                backend.stop()
            found = {p.name: p.read_text(encoding="utf-8") for p in sorted(copies.glob("*"))}
            if version == "first":
                assert len(found) == 2, f"{len(found)} of 2 files were copied"
                (copies / "changed").write_text("by the person", encoding="utf-8")
    kept = found.get("changed")
    assert kept == "by the person", f"the changed copy holds {kept!r} after the update"
    renewed = found.get("untouched")
    assert renewed == "second version", f"the untouched copy still holds {renewed!r}"
    seen("the untouched copy is renewed, the changed one stays")


@pytest.mark.criterion("DAT-24")
@pytest.mark.usefixtures("needs_database")
def test_reading_while_writing(live: Backend, seen: Seen) -> None:
    """Answers pages while something is being written."""
    visitor = pages.Visitor(live)
    paths = [urlsplit(page.url).path for page in pages.visited(visitor)]
    path = database.main_file(live.app_data)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        read = [path for path in paths[:READ_PAGES] if _is_answered(visitor, path)]
    assert read, (
        f"no page answers while something is being written: {', '.join(paths[:READ_PAGES])}"
    )
    seen(f"GET {read[0]}")


def _is_answered(visitor: pages.Visitor, path: str) -> bool:
    # With the cookies of somebody who is in: to sign a person in is to write.
    try:
        answer = visitor.backend.get(path, cookies=visitor.sent(path), limit=READING_SECONDS)
        return answer.status < 500
    except TargetFailedError:
        return False


def _settled(target: Target, app_data: Path) -> Path:
    """The database after a start and a stop."""
    with Backend(target, app_data) as backend:
        backend.ready()
        backend.stop()
    return database.main_file(app_data)


@pytest.mark.criterion("DAT-23")
def test_private(first_run: FirstRun, opened: Backend, seen: Seen) -> None:
    """Keeps its data from other users."""
    opened.probe("uploads")
    for app_data in (first_run.app_data, opened.app_data):
        for path in [app_data, *app_data.rglob("*")]:
            mode = stat.S_IMODE(path.lstat().st_mode)
            closed = path.is_symlink() or not mode & 0o077
            name = path.relative_to(app_data.parent)
            assert closed, f"{name} has mode {mode:o}, expected nothing for others"
    seen(f"mode {stat.S_IMODE(opened.app_data.stat().st_mode):o}, also where it was open before")


def _bound_by_permissions(target: Target) -> Target:
    """The target, started so that a read-only file is one for it, too."""
    if not_root():
        return target
    tried = [sys.executable, "-I", "-c", GIVE_UP, sys.executable, "-c", ""]
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        raise NotRun("permissions do not bind root here (needs Linux, or another user)")
    return Unprivileged(**{each.name: getattr(target, each.name) for each in fields(target)})


def _refusal(target: Target, app_data: Path, path: Path) -> tuple[Ending, bool]:
    before = hashlib.sha256(path.read_bytes()).digest()
    ending = run_to_end(target, app_data)
    changed = not path.exists() or hashlib.sha256(path.read_bytes()).digest() != before
    return ending, changed


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes().strip().removesuffix(os.linesep.encode())).hexdigest()


@pytest.mark.criterion("DAT-25")
@pytest.mark.usefixtures("needs_database")
def test_one_file_for_all(
    target: Target, settled_copies: Copies, scratch: Path, seen: Seen
) -> None:
    """Writes all data to one file while they change."""
    path = database.main_file(settled_copies("to back up"))
    portable.put(path, "first")
    portable.enlarge(path)
    file, fresh = scratch / "all.zip", scratch / "carried"
    with Backend(target, path.parent) as backend:
        backend.ready()
        with portable.writing(path) as saved:
            database_rows, before = database.rows(path), [*saved]
            done = portable.run(target, path.parent, "backup", str(file))
            held_up = len(saved) == len(before)
    assert done.code == 0, f"backup: {done}"
    assert not held_up, "nothing could be saved while the backup was made"
    done = portable.run(target, fresh, "restore", str(file))
    assert done.code == 0, f"restore: {done}"
    copy = fresh / path.name
    assert database.integrity(copy) == "ok", f"the copy is damaged: {database.integrity(copy)}"
    lost = database_rows - database.rows(copy)
    assert not lost, f"{len(lost)} of {len(database_rows)} rows are not in the backup"
    without = {*portable.rows(copy)} - {*portable.uploads(fresh)}
    assert not without, f"{len(without)} rows name an upload that is not in the backup"
    key = path.parent / "secret_key"
    with zipfile.ZipFile(file) as archive:
        secret = key.is_file() and any(
            key.read_bytes() in archive.read(name) for name in archive.namelist()
        )
    assert not secret, "the secret key is in the backup"
    seen(f"{len(database_rows)} rows and their uploads, {len(saved)} saved meanwhile")


@pytest.mark.criterion("DAT-26")
@pytest.mark.usefixtures("needs_database")
def test_refused_backups(target: Target, settled_copies: Copies, scratch: Path, seen: Seen) -> None:
    """Restores nothing that is newer, foreign or damaged."""
    path = database.main_file(settled_copies("kept whole"))
    portable.put(path, "first")
    made = database.main_file(settled_copies("of another version"))
    files = {name: scratch / f"{name}.zip" for name in ("good", "newer", "foreign", "damaged")}
    good = portable.run(target, path.parent, "backup", str(files["good"]))
    assert good.code == 0, f"backup: {good}"
    database.add_future_migration(made)
    portable.run(target, made.parent, "backup", str(files["newer"]))
    portable.altered(
        files["good"], files["foreign"], lambda said, _: said.update(identifier="org.example.none")
    )
    upload = (portable.UPLOADS / "first").as_posix()
    portable.altered(
        files["good"], files["damaged"], lambda _, content: content.update({upload: b"FIRST"})
    )
    portable.put(path, "second")
    database.merge(path)
    before = database.contents(path), portable.uploads(path.parent)
    for name, code in {"newer": 13, "foreign": 23, "damaged": 22}.items():
        done = portable.run(target, path.parent, "restore", str(files[name]))
        assert done.refuses(code), f"a {name} file: {done}, expected a sentence and exit {code}"
        after = database.contents(path), portable.uploads(path.parent)
        assert after == before, f"a {name} file was refused, and the data are not as before"
    seen("newer: exit 13, damaged: 22, foreign: 23; nothing changed")


@pytest.mark.criterion("DAT-27")
@pytest.mark.usefixtures("needs_database")
def test_killed_restore(target: Target, settled_copies: Copies, scratch: Path, seen: Seen) -> None:
    """Loses nothing when a restore is killed."""
    path = database.main_file(settled_copies("to carry"))
    portable.put(path, "carried")
    file = scratch / "carried.zip"
    done = portable.run(target, path.parent, "backup", str(file))
    assert done.code == 0, f"backup: {done}"
    shutil.rmtree(path.parent / portable.UPLOADS)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DELETE FROM {portable.TABLE}")
    portable.put(path, "present")
    database.merge(path)
    found = set()
    for number, moment in enumerate(portable.MOMENTS):
        app_data = scratch / f"killed restore {number}"
        shutil.copytree(path.parent, app_data)
        main = app_data / path.name
        portable.kill_restore(target, main, file, moment)
        with Backend(target, app_data) as backend:
            backend.ready()
            backend.stop()
        state = portable.rows(main), portable.uploads(app_data)
        whole = state in ((["present"], ["present"]), (["carried"], ["carried"]))
        assert whole, f"killed with the database {moment}: rows and uploads {state}"
        kept = any("present" in portable.rows(each) for each in database.every(app_data))
        assert kept, f"killed with the database {moment}: what was there before is gone"
        found.add(state[0][0])
    seen(f"3 kills, then {' or '.join(sorted(found))} data, nothing gone")


@pytest.mark.criterion("DAT-28")
@pytest.mark.usefixtures("needs_database")
def test_export(
    target: Target, settled_copies: Copies, untouched: Copies, scratch: Path, seen: Seen
) -> None:
    """Exports all data as files that are read back."""
    path = database.main_file(settled_copies("to export"))
    portable.put(path, "an upload")
    secrets = {"the secret key": path.parent / "secret_key"}
    secrets = {name: file.read_bytes() for name, file in secrets.items() if file.is_file()}
    if database.add_session(path, "ddksessionkept"):
        secrets["a session"] = b"ddksessionkept"
    folder = scratch / "to read" / "exported"
    folder.parent.mkdir()
    done = portable.run(target, path.parent, "export", str(folder))
    assert done.code == 0, f"export: {done}"
    others = [each.name for each in folder.parent.iterdir() if each != folder]
    assert not others, f"it left {others[0]} beside the folder"
    files = [each for each in folder.rglob("*") if each.is_file()]
    kept = any(each.read_bytes() == b"an upload" for each in files if each.name == "an upload")
    assert kept, "an upload is not in the export"
    for name, secret in secrets.items():
        held = [each for each in files if secret in each.read_bytes()]
        assert not held, f"{name} is in {held[0].name}" if held else ""
    before = exported.rows(target, path.parent)
    after = exported.loaded(target, untouched("read back"), folder)
    different = [label for label, rows in before.items() if after.get(label) != rows]
    assert not different, (
        f"{different[0]}: {before[different[0]][0]} rows were there, read back they are others"
    )
    seen(f"{sum(count for count, _ in before.values())} rows of {len(before)} models read back")


@pytest.mark.criterion("DAT-29")
@pytest.mark.usefixtures("needs_database")
def test_scheduled(target: Target, settled_copies: Copies, seen: Seen) -> None:
    """Makes the backups that [data] wants, keeps as many."""
    policy = target.manifest.get("data", {}).get("backups", {})
    if not any(policy.values()):
        raise NotApplicable("its desktop.toml wants no scheduled backups")
    app_data = settled_copies("to back up on schedule")
    path = database.main_file(app_data)
    old = portable.age(path, max(policy.values()))
    with Backend(target, app_data) as backend:
        backend.ready()
        portable.put(path, "saved")
        portable.await_scheduled(path, old)
        backend.stop()
    scheduled = portable.scheduled(path)
    new = [each for each in scheduled if each not in old]
    assert len(new) == 1, f"{len(new)} backups were made at once"
    state = database.integrity(new[0])
    assert state == "ok", f"{new[0].name}: integrity_check says {state}"
    assert portable.rows(new[0]) == ["saved"], f"{new[0].name} lacks what was saved before"
    expected = max(policy.values())
    assert len(scheduled) == expected, f"{len(scheduled)} are kept, expected {expected}"
    assert scheduled[:-1] == old[1 - len(scheduled) :], "those that are kept are not the latest"
    assert portable.before_update(path).exists(), "a backup before migrations was removed for them"
    upload = app_data / portable.UPLOADS / "saved"
    upload.unlink()
    done = portable.run(target, app_data, "restore", new[0].name)
    assert done.code == 0, f"restore: {done}"
    assert upload.exists(), f"the upload of {new[0].name} did not come back with it"
    seen(f"{new[0].name} with its uploads, {len(scheduled)} kept")


@pytest.mark.criterion("DAT-30")
@pytest.mark.usefixtures("needs_database")
def test_tried_on_a_copy(
    probe_target: Target, settled_copies: Copies, scratch: Path, seen: Seen
) -> None:
    """Tries an update on a copy of the data first."""
    path = database.main_file(settled_copies("to try"))
    portable.put(path, "first")
    database.merge(path)
    before = database.contents(path), portable.uploads(path.parent)
    ending, places = start_failing(probe_target, path, scratch / "places")
    assert ending.announced(14), f"{ending}, expected exit 14 and a `failed` event"
    assert places, f"the failing migration has not run ({ending})"
    on_data = [place for place in places if place == path or place.resolve() == path.resolve()]
    assert not on_data, "the migration that fails was begun on the data themselves"
    after = database.contents(path), portable.uploads(path.parent)
    assert after == before, f"rows or uploads are not as before ({ending})"
    report = next(e.get("report", "") for e in ending.events if e["event"] == "failed")
    assert "ddk_probe_app.0002_may_fail" in report, "the `failed` event has no report that names it"
    # A message may quote a row.
    assert PROVOKED not in report, "the report has the message of the exception"
    seen(f"{ending}, failed in {places[0].parent.name}/, data as before")
