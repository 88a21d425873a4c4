"""Backups while the app runs: when one is due, which are kept, and what stands in the way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from .backends import Backend, make_project

POLICY = {"daily": 3, "weekly": 2}
BACKUPS = "[data]\nbackups = { daily = 3, weekly = 2 }\n"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def runtime(monkeypatch):
    """The modules of the payload."""
    from .backends import PAYLOAD

    monkeypatch.syspath_prepend(str(PAYLOAD))
    from desktop_runtime import backups, contract, scheduled

    return backups, contract, scheduled


@pytest.fixture
def clock(runtime, monkeypatch):
    """The time, which `set` changes."""

    class Clock(datetime):
        current = NOON

        @classmethod
        def now(cls, zone):
            return cls.current

        @classmethod
        def set(cls, **passed):
            cls.current = NOON + timedelta(**passed)

    backups, _, scheduled = runtime
    monkeypatch.setattr(backups, "datetime", Clock)
    monkeypatch.setattr(scheduled, "datetime", Clock)
    return Clock


@pytest.fixture
def database(tmp_path):
    """A database with one row, and the folder for its backups."""
    (tmp_path / "backups").mkdir()
    file = tmp_path / "db.sqlite3"
    add(file, "one")
    return file


def add(file, text):
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text)")
        connection.execute("INSERT INTO note VALUES (?)", [text])


def texts(file):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [text for (text,) in connection.execute("SELECT text FROM note")]


def names(database):
    return sorted(each.name for each in (database.parent / "backups").iterdir())


def schedule(runtime, database, policy=None, told=lambda failure: None):
    _, _, scheduled = runtime
    return scheduled.Schedule(policy or POLICY, [database], database.parent / "backups", told)


def made(runtime, *stamps):
    backups, _, _ = runtime
    return [backups.Backup(n, stamp, f"{n}", True) for n, stamp in enumerate(stamps)]


def test_one_is_made_once_a_day_and_none_where_nothing_has_changed(
    runtime, clock, database, monkeypatch
):
    plan = schedule(runtime, database)
    plan.look(database)
    add(database, "two")
    clock.set(hours=11)
    plan.look(database)
    schedule(runtime, database).look(database)  # of the next launch
    assert names(database) == ["db-000001-20261129T120000Z-scheduled.sqlite3"]
    clock.set(hours=12)
    plan.look(database)
    first, second = names(database)
    assert second == "db-000002-20261130T000000Z-scheduled.sqlite3"
    assert texts(database.parent / "backups" / first) == ["one"]
    assert texts(database.parent / "backups" / second) == ["one", "two"]
    clock.set(days=2)
    plan.look(database)
    assert names(database) == [first, second]
    monkeypatch.setattr(runtime[0], "copy", None)  # nor is it copied again
    plan.look(database)


def test_each_period_keeps_its_last(runtime):
    _, _, scheduled = runtime
    days = [NOON - timedelta(days=number) for number in range(40, -1, -1)]
    found = made(runtime, *(f"{day:%Y%m%dT%H%M%S}Z" for day in days))
    gone = scheduled.superfluous(found, {"daily": 3, "weekly": 2, "monthly": 9})
    kept = [each.stamp[:8] for each in found if each not in gone]
    # Three days; the last days of two weeks; the last of October.
    assert kept == ["20261031", "20261122", "20261127", "20261128", "20261129"]


def test_a_clock_that_was_ahead_takes_nothing(runtime):
    _, _, scheduled = runtime
    found = made(runtime, "20990101T120000Z", "20261127T120000Z", "20261128T120000Z")
    assert scheduled.superfluous(found, {"daily": 2}) == found[:1]


def test_those_before_migrations_are_none_of_them(runtime, clock, database):
    backups, _, _ = runtime
    folder = database.parent / "backups"
    for number in range(8):
        add(database, f"before update {number}")
        backups.make(database, folder)
    plan = schedule(runtime, database, {"hourly": 1})
    for number in range(3):
        add(database, f"later {number}")
        clock.set(hours=number)
        plan.look(database)
    kept = backups.of(database, folder)
    assert [each.scheduled for each in kept] == [False] * 8 + [True]
    backups.prune(database, folder)
    kept = backups.of(database, folder)  # five, and the last one of the month
    assert [each.scheduled for each in kept] == [False] * 6 + [True]
    # An update does not begin from one of them: it may be removed at any time.
    assert not backups.make(database, folder).name.endswith("-scheduled.sqlite3")


@pytest.fixture
def media(database):
    """Uploads: one that stays, one that will go, one in whose place another comes."""
    folder = database.parent / "media"
    for name in ("stays", "deep/goes", "changes"):
        upload(folder / name, name)
    return folder


def upload(file, text):
    """A new file, as Django's storages write it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text)


def uploads_in(folder):
    return {
        each.relative_to(folder).as_posix(): each.read_text()
        for each in folder.rglob("*")
        if each.is_file()
    }


def test_a_backup_has_the_uploads_and_they_come_back_with_it(
    runtime, clock, database, media, monkeypatch
):
    from desktop_runtime import recovery, restore

    plan = schedule(runtime, database)
    plan.look(database)
    first = names(database)[-1].removesuffix(".sqlite3")
    assert names(database) == [f"{first}.media", f"{first}.sqlite3"]
    linked = database.parent / "backups" / f"{first}.media"
    assert (linked / "stays").samefile(media / "stays")  # no room is taken for it
    (media / "deep" / "goes").unlink()
    (media / "deep").rmdir()
    upload(media / "changes", "another")
    upload(media / "later", "later")
    add(database, "two")
    clock.set(days=1)
    plan.look(database)
    before = {"stays": "stays", "deep/goes": "deep/goes", "changes": "changes"}
    assert uploads_in(linked) == before

    said = restore._restored(recovery.Recovery(database.parent), f"{first}.sqlite3")
    assert texts(database) == ["one"]
    assert uploads_in(media) == {**before, "later": "later"}
    aside = database.parent / said["set_aside"]
    assert uploads_in(aside / "media") == {"changes": "another"}
    assert texts(aside / "db.sqlite3") == ["one", "two"]


def test_a_backup_that_is_damaged_brings_no_upload(runtime, clock, database, media):
    from desktop_runtime import recovery, restore

    schedule(runtime, database).look(database)
    name = names(database)[-1]
    (database.parent / "backups" / name).write_bytes(b"SQLite format 3\0 no more")
    (media / "stays").unlink()
    with pytest.raises(runtime[1].BackendError):
        restore._restored(recovery.Recovery(database.parent), name)
    assert not (media / "stays").exists() and texts(database) == ["one"]


def test_the_uploads_of_a_backup_go_with_it(runtime, clock, database, media):
    plan = schedule(runtime, database, {"daily": 1})
    for day in range(3):
        clock.set(days=day)
        add(database, str(day))
        plan.look(database)
    (media / "stays").unlink()
    backup, kept = sorted(names(database), reverse=True)
    assert kept.removesuffix(".media") == backup.removesuffix(".sqlite3")
    folder = database.parent / "backups"
    assert (folder / kept / "stays").stat().st_nlink == 1  # the only place where it is
    clock.set(days=9)
    add(database, "more")
    plan.look(database)
    assert not [*folder.rglob("stays")] and len(names(database)) == 2


def test_where_files_cannot_be_linked_the_database_is_backed_up(
    runtime, clock, database, media, monkeypatch, capsys
):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    schedule(runtime, database).look(database)
    (name,) = names(database)
    assert name.endswith(".sqlite3")
    assert f"warning: {name} has no uploads" in capsys.readouterr().err


def test_nothing_is_left_of_uploads_when_the_app_stops(
    runtime, clock, database, media, monkeypatch
):
    plan, link = schedule(runtime, database), os.link

    def stop(*given):
        link(*given)
        plan.stopping.set()

    monkeypatch.setattr(os, "link", stop)
    with pytest.raises(runtime[1].Stopped):
        plan.look(database)
    assert not names(database)


def test_a_disk_without_room_is_said_and_nothing_is_left(runtime, database, monkeypatch):
    _, contract, scheduled = runtime
    usage = shutil.disk_usage(database)._replace(free=scheduled.SPARE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(contract.BackendError, match="The disk is full") as error:
        schedule(runtime, database).look(database)
    assert error.value.code == 16 and not names(database)


def test_a_disk_that_is_full_on_the_way_leaves_nothing(runtime, database, monkeypatch):
    backups, contract, _ = runtime

    def full(file, target, watch):
        target.write_bytes(b"half of it")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(backups, "copy", full)
    with pytest.raises(contract.BackendError) as error:
        schedule(runtime, database).look(database)
    assert error.value.code == 16 and not names(database)


def test_a_folder_that_cannot_be_written_is_said_once_and_tried_again(
    runtime, database, monkeypatch
):
    _, _, scheduled = runtime
    monkeypatch.setattr(scheduled, "FIRST_SECONDS", 0)
    monkeypatch.setattr(scheduled, "LOOK_SECONDS", 0.05)
    folder = database.parent / "backups"
    folder.rmdir()
    told = []
    plan = schedule(runtime, database, told=told.append)
    plan.start()
    time.sleep(0.3)
    assert [failure.code for failure in told] == [16]
    folder.mkdir()
    deadline = time.monotonic() + 20
    while not [*folder.glob("*.sqlite3")] and time.monotonic() < deadline:
        time.sleep(0.05)
    plan.stop()
    assert len(names(database)) == 1 and len(told) == 1


def test_it_leaves_off_when_the_app_stops(runtime, database, monkeypatch):
    backups, _, scheduled = runtime
    monkeypatch.setattr(scheduled, "FIRST_SECONDS", 0)
    begun, make = threading.Event(), backups.make

    def slow(*given, watch, **named):
        def wait(done, total):
            begun.set()
            time.sleep(0.2)
            watch(done, total)

        return make(*given, watch=wait, **named)

    monkeypatch.setattr(backups, "make", slow)
    monkeypatch.setattr(backups, "STEP_PAGES", 1)
    plan = schedule(runtime, database)
    plan.start()
    assert begun.wait(20)
    plan.stop()
    assert not plan.thread.is_alive() and not names(database)


def test_without_a_policy_there_is_no_thread(runtime, database):
    plan = schedule(runtime, database)
    plan.policy = {}
    plan.start()
    assert plan.thread is None


@pytest.mark.slow
def test_the_app_makes_one_while_it_is_written_to(tmp_path):
    project, data = make_project(tmp_path / "project", manifest=BACKUPS), tmp_path / "data"
    module = project / "desktop-app" / "desktop_runtime" / "scheduled.py"
    module.write_text(module.read_text().replace("FIRST_SECONDS = 5", "FIRST_SECONDS = 0.5"))
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        deadline = time.monotonic() + 30
        while not (found := [*data.glob("backups/*-scheduled.sqlite3")]):
            assert time.monotonic() < deadline
            backend.get("/?add=more")
        assert backend.stop() == 0
    assert len(found) == 1 and json.loads((data / "clean.json").read_text())
    with contextlib.closing(sqlite3.connect(found[0])) as connection:
        assert connection.execute("SELECT text FROM app_note").fetchone() == ("one",)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="a file in the place of the folder is refused there")
def test_the_shell_hears_of_a_backup_that_failed(tmp_path):
    project, data = make_project(tmp_path / "project", manifest=BACKUPS), tmp_path / "data"
    module = project / "desktop-app" / "desktop_runtime" / "scheduled.py"
    module.write_text(module.read_text().replace("FIRST_SECONDS = 5", "FIRST_SECONDS = 0.5"))
    with Backend(project, data) as backend:
        backend.ready()
        (data / "backups").rmdir()
        event = backend.until("not-backed-up")
        assert event["code"] == "DDK-RUN-16"
        assert event["message"].startswith("Your data could not be backed up.")
        assert backend.get("/?add=one")[0] == 200
        backend.stop()


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["{ yearly = 1 }", "7"])
def test_what_is_no_policy_is_refused(tmp_path, wrong):
    project = make_project(tmp_path / "project", manifest=f"[data]\nbackups = {wrong}\n")
    with Backend(project, tmp_path / "data") as backend:
        assert backend.failed()["exit"] == 10
