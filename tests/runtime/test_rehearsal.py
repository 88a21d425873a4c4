"""An update is tried on a copy of the data before it touches them."""

import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from desktop_runtime import rehearsal, report
from desktop_runtime.contract import BackendError, Installation
from desktop_runtime.manifest import Manifest

from .backends import SETTINGS, Backend, ended, make_project, rows

MIGRATION = """
import time
from pathlib import Path
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import migrations
def work(apps, schema_editor):
    name = Path(schema_editor.connection.settings_dict["NAME"])
    with (Path(__file__).parents[2] / "ran-at").open("a") as file:
        file.write(f"{name}\\n")
    on_copy = "rehearsal" in name.parts
    Note = apps.get_model("app", "Note")
    %s
class Migration(migrations.Migration):
    dependencies = [("app", "0001_initial")]
    operations = [migrations.RunPython(work), %s]
"""
PLAIN = MIGRATION % ("Note.objects.update(text='new')", "")
UNIQUE = MIGRATION % ("pass", 'migrations.RunSQL("CREATE UNIQUE INDEX once ON app_note (text)")')
TELLING = MIGRATION % ("raise ValueError(Note.objects.first().text)", "")
UPLOADS = MIGRATION % (
    "default_storage.delete('old.txt'); default_storage.save('new.txt', default_storage.open("
    "'kept.txt')); raise ValueError",
    "",
)
LONG = MIGRATION % ("on_copy and time.sleep(60)", "")
SECRET = "the person's own"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "app data"


@pytest.fixture
def project(tmp_path, data):
    """One that has served, and has two rows that are alike."""
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        backend.ready()
        for _ in range(2):
            backend.get("/?add=the%20person's%20own")
        backend.stop()
    return project


def update(project: Path, migration: str) -> None:
    (project / "app/migrations/0002_more.py").write_text(migration)


def places(project: Path) -> list[Path]:
    """The databases that the migration ran on."""
    return [Path(line) for line in (project / "ran-at").read_text().splitlines()]


@pytest.mark.slow
def test_an_update_runs_on_a_copy_and_then_on_the_data(project, data):
    update(project, PLAIN)
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "migrated"
        backend.stop()
    told = [e for e in backend.events if e["event"] in ("rehearsing", "migrating")]
    assert [(e["event"], e["name"]) for e in told] == [
        ("rehearsing", "app.0002_more"),
        ("migrating", "app.0002_more"),
    ]
    assert all(0 <= event["seconds_left"] < 60 for event in told)
    assert places(project) == [data / "rehearsal" / "db.sqlite3", data / "db.sqlite3"]
    assert rows(data) == ["new", "new"]
    assert not (data / "rehearsal").exists()


@pytest.mark.slow
def test_one_that_fails_on_the_copy_is_not_begun_on_the_data(project, data):
    update(project, UNIQUE)
    before = (data / "db.sqlite3").read_bytes()
    with Backend(project, data) as backend:
        failure = backend.failed()
    assert failure["exit"] == 14
    assert "your data is untouched" in failure["message"]
    assert "UNIQUE constraint failed" in failure["hint"]
    assert "migrating" not in [event["event"] for event in backend.events]
    assert (data / "db.sqlite3").read_bytes() == before
    assert places(project) == [data / "rehearsal" / "db.sqlite3"]
    assert not (data / "rehearsal").exists()
    assert not (data / "set-aside").exists()
    place = "app.0002_more (app/migrations/0002_more.py): Raw SQL operation"
    assert f"Migration: {place}\n" in failure["report"]
    assert "UNIQUE constraint failed: app_note.text" in failure["report"]
    assert (data / "logs" / report.FILE).read_text() == failure["report"]
    (project / "app/migrations/0002_more.py").unlink()  # whoever still has the version before
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "unchanged"


@pytest.mark.slow
def test_the_report_has_the_place_and_nothing_of_the_rows(project, data):
    update(project, TELLING)
    with Backend(project, data) as backend:
        said = backend.failed()["report"]
    assert "builtins.ValueError" in said
    assert "  app/migrations/0002_more.py, line 13, in work\n" in said
    assert "org.example.tiny" in said
    assert f"Python {sys.version.split()[0]}" in said
    assert SECRET not in said
    assert str(project.parent) not in said


@pytest.mark.long
def test_uploads_are_there_for_the_copy_and_stay_as_they_were(project, data):
    update(project, UPLOADS)
    for name in ("old", "kept"):
        (data / "media" / f"{name}.txt").write_text(name)
    with Backend(project, data) as backend:
        assert "builtins.ValueError\n" in backend.failed()["report"]
    found = {file.name: file.read_text() for file in (data / "media").iterdir()}
    assert found == {"old.txt": "old", "kept.txt": "kept"}


@pytest.mark.slow
def test_killed_on_the_copy_it_leaves_nothing(project, data):
    update(project, LONG)
    with Backend(project, data) as backend:
        backend.until("rehearsing")
        while not (project / "ran-at").exists():
            time.sleep(0.02)
        backend.process.kill()
        backend.process.wait()
        assert (data / "rehearsal" / "db.sqlite3").exists()
    (project / "app/migrations/0002_more.py").unlink()
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "unchanged"
        backend.stop()
    assert not (data / "rehearsal").exists()
    assert rows(data) == [SECRET, SECRET]


@pytest.mark.long
def test_the_lifeline_ends_it(project, data):
    update(project, LONG)
    with Backend(project, data) as backend:
        backend.until("rehearsing")
        begun = time.monotonic()
        assert backend.stop() == 0
        assert time.monotonic() - begun < 5
    assert rows(data) == [SECRET, SECRET]


@pytest.mark.long
def test_never_means_never(project, data):
    toml = project / "desktop-app" / "desktop.toml"
    toml.write_text(toml.read_text() + '[data]\nrehearse = "never"\n')
    update(project, PLAIN)
    with Backend(project, data) as backend:
        backend.ready().stop()
    assert places(project) == [data / "db.sqlite3"]


@pytest.mark.long
def test_a_project_that_names_the_data_itself_is_not_tried_on_them(project, data):
    named = f'\nDATABASES["default"]["NAME"] = "{data}/db.sqlite3"\n'
    toml = project / "desktop-app" / "desktop.toml"
    toml.write_text(
        f"{toml.read_text()}[django.set.DATABASES.default]\n"
        f'ENGINE = "django.db.backends.sqlite3"\nNAME = "{data}/db.sqlite3"\n'
    )
    (project / "settings.py").write_text(SETTINGS + named)
    update(project, PLAIN)
    with Backend(project, data) as backend:
        backend.ready().stop()
    assert places(project) == [data / "db.sqlite3"]
    assert "names its database" in (data / "logs" / "backend.log").read_text()


@pytest.mark.long
def test_a_folder_that_the_environment_names_is_that_of_the_copy(project, data):
    toml = project / "desktop-app" / "desktop.toml"
    toml.write_text(f'{toml.read_text()}[django.env]\nFOLDER = "{{app_data}}/files"\n')
    update(project, MIGRATION % ("print(__import__('os').environ['FOLDER'])", ""))
    with Backend(project, data) as backend:
        backend.ready().stop()
        printed = backend.stderr.read_text().splitlines()
    named = [line for line in printed if line.endswith("files")]
    assert named == [str(data / "rehearsal" / "files"), str(data / "files")]


@pytest.mark.long
def test_the_data_are_no_copy(project, data):
    update(project, PLAIN)
    assert "is not the copy of a rehearsal" in ended(project, data, "rehearse").stdout
    assert rows(data) == [SECRET, SECRET]


def trial(folder: Path, rehearse: str = "auto") -> tuple[rehearsal.Rehearsal, dict[Path, Path]]:
    """A rehearsal for app data with one database, and the backup of it."""
    backup = folder / "backups" / "db-000001-20260101T000000Z.sqlite3"
    backup.parent.mkdir()
    for file in (folder / "db.sqlite3", backup):
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE made (text)")
    (folder / "media").mkdir()
    (folder / "media" / "upload").write_text("x")
    manifest = Manifest("org.example.tiny", rehearse=rehearse)
    made = rehearsal.Rehearsal(Installation(folder, folder, packaged=False), manifest)
    return made, {folder / "db.sqlite3": backup}


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("cut", [(shutil, "copyfile"), (os, "link")])
def test_a_disk_that_is_full_is_said_and_nothing_is_left(tmp_path, monkeypatch, caplog, cut):
    made, copies = trial(tmp_path)
    monkeypatch.setattr(*cut, full)
    with caplog.at_level(logging.WARNING):
        assert made.run(copies, print) is None
    assert "No space left" in caplog.text
    assert not (tmp_path / "rehearsal").exists()


FULL = '{"event": "failed", "exit": 16, "message": "The disk is full", "hint": ""}'


@pytest.mark.parametrize(
    ("said", "reason"), [(FULL, "The disk is full"), ("", "its process ended with code 3")]
)
def test_what_is_no_fault_of_the_migration_stops_no_update(
    tmp_path, monkeypatch, caplog, said, reason
):
    made, copies = trial(tmp_path)
    command = [sys.executable, "-c", f"import sys; print({said!r}, end=''); sys.exit(3)"]
    monkeypatch.setattr(rehearsal, "another_launch", lambda _: command)
    with caplog.at_level(logging.WARNING):
        assert made.run(copies, print) is None
    assert reason in caplog.text
    assert not (tmp_path / "rehearsal").exists()


def test_without_room_nothing_is_copied(tmp_path, monkeypatch, caplog):
    made, copies = trial(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=rehearsal.SPARE_BYTES))
    monkeypatch.setattr(made, "_copy", lambda _: pytest.fail("it was copied"))
    with caplog.at_level(logging.WARNING):
        assert made.run(copies, print) is None
    assert "64 MB are free" in caplog.text


def test_always_changes_nothing_without_a_rehearsal(tmp_path, monkeypatch):
    made, copies = trial(tmp_path, "always")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(BackendError, match="could not be tried on a copy") as raised:
        made.run(copies, print)
    assert raised.value.code == 14


@pytest.mark.parametrize(("rehearse", "tried"), [("auto", False), ("always", True)])
def test_a_large_database_is_tried_on_demand(tmp_path, monkeypatch, rehearse, tried):
    made, copies = trial(tmp_path, rehearse)
    monkeypatch.setattr(rehearsal, "LARGEST_BYTES", 100)
    pace = rehearsal.Pace({}, 1.0)
    monkeypatch.setattr(made, "_run", lambda *_: pace)
    assert made.run(copies, print) is (pace if tried else None)


def test_what_is_left_is_what_the_copy_took():
    pace = rehearsal.Pace({"a.0001": 0.0, "a.0002": 3.0}, 10.0)
    assert [pace.left(name) for name in ("a.0001", "a.0002", "a.0003")] == [10, 7, 0]
