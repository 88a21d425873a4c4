"""All data as files that other programs read: whole, as they are at one moment, and read back."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from .backends import Backend, ended, environment, launch, make_project
from .test_portable import contents, large, said, start

pytestmark = pytest.mark.slow

MODELS = """
import uuid
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

class Visible(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(hidden=False)

class Note(models.Model):
    text = models.CharField(max_length=100)
    hidden = models.BooleanField(default=False)
    at = models.DateTimeField(null=True)
    clock = models.TimeField(null=True)
    took = models.DurationField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    more = models.JSONField(default=dict)
    raw = models.BinaryField(default=b"")
    objects = Visible()
    class Meta:
        base_manager_name = "objects"

class LongNote(Note):
    pages = models.IntegerField()

class Tag(models.Model):
    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    notes = models.ManyToManyField(Note)
    kind = models.ForeignKey(ContentType, models.CASCADE, null=True)
    number = models.IntegerField(null=True)
    about = GenericForeignKey("kind", "number")

class View(models.Model):
    text = models.CharField(max_length=9)
    class Meta:
        managed = False
        db_table = "app_view"
"""
FILL = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from app.models import *

with connection.cursor() as cursor:
    cursor.execute("CREATE VIEW app_view AS SELECT id, text FROM app_note")
    cursor.execute("CREATE TABLE lost (text)")
    cursor.execute("INSERT INTO lost VALUES ('of an app that was removed')")
at = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone.utc)
note = Note.objects.create(text="zwö", at=at, clock=time(1, 2, 3, 45), took=timedelta(0, 1, 234567),
    price=Decimal("0.10"), more={"a": [None, 1.5, "x"]}, raw=bytes(range(256)))
Note(text="hidden", hidden=True).save()
long = LongNote.objects.create(text="long", pages=9)
gone = ContentType.objects.create(app_label="gone", model="thing")
tag = Tag.objects.create(about=long)
tag.notes.add(1, 2)
Tag.objects.create(kind=gone, number=7)
group = Group.objects.create(name="all")
group.permissions.add(Permission.objects.get(codename="change_tag"))
group.permissions.add(Permission.objects.create(codename="own", name="x", content_type=gone))
SessionStore("somebody").create()
"""
# What makes numbers differ from one database to the next.
OTHER_NUMBERS = """
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
call_command("migrate", verbosity=0)
ContentType.objects.filter(app_label="app").delete()
ContentType.objects.create(app_label="another", model="thing")
call_command("migrate", verbosity=0)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project whose models have what is easily lost, with rows, and an export of them."""
    folder = tmp_path_factory.mktemp("made")
    project = make_project(folder / "project", {"app/models.py": MODELS})
    (project / "app" / "migrations" / "0001_initial.py").unlink()
    manage(project, folder / "data", "makemigrations", "app")
    manage(project, folder / "data", "shell", "-c", FILL)
    (folder / "data" / "media" / "covers").mkdir()
    (folder / "data" / "media" / "covers" / "zwö.txt").write_text("a cover", encoding="utf-8")
    said(ended(project, folder / "data", "export", str(folder / "kept")))
    return folder


def manage(project, data, *words):
    done = ended(project, data, "manage", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def written(folder):
    """The rows of an export by the name of their file."""
    return {
        each.name: json.loads(each.read_text(encoding="utf-8"))
        for each in (folder / "rows").iterdir()
    }


def tables(data):
    """Every row of the project's own tables, without numbers of content types."""
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        names = ("app_note", "app_longnote", "app_tag_notes", "auth_group")
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
            for name in names
        }


def test_loaded_into_another_database_it_gives_the_same_rows(tmp_path, made):
    project, fresh = made / "project", tmp_path / "fresh"
    rows = made / "kept" / "rows"
    named = [rows / f"{each}.json" for each in ("contenttypes.ContentType", "auth.Permission")]
    files = [*map(str, [*named, *rows.glob("*.json")])]
    manage(project, fresh, "shell", "-c", f"{OTHER_NUMBERS}\ncall_command('loaddata', *{files})")

    assert tables(fresh) == tables(made / "data")
    said(ended(project, fresh, "export", str(tmp_path / "again")))
    before, after = written(made / "kept"), written(tmp_path / "again")
    for name in ("contenttypes.ContentType.json", "auth.Permission.json"):
        more = [each for each in after.pop(name) if each not in before[name]]
        assert all("another" in json.dumps(each) for each in more)
        del before[name]
    assert after == before


def test_it_has_what_people_and_programs_read(made):
    folder, rows = made / "kept", written(made / "kept")
    assert [each["fields"]["text"] for each in rows["app.Note.json"]] == ["zwö", "hidden", "long"]
    assert "zwö" in (folder / "rows" / "app.Note.json").read_text(encoding="utf-8")
    assert (folder / "files" / "media" / "covers" / "zwö.txt").read_text() == "a cover"
    about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert about["models"]["app.Note"] == 3 and about["files"] == 1
    assert about["left"] == ["django_session", "lost"]
    text = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
    assert (made / "data" / "secret_key").read_bytes() not in text
    assert not [name for name in rows if "session" in name.lower()] and "app.View.json" not in rows


def test_its_checksums_are_those_of_every_file(made):
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=made / "kept", capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    files = [each for each in (made / "kept").rglob("*") if each.is_file()]
    assert len(done.stdout.splitlines()) == len(files) - 2  # but for itself and the manifest


@pytest.mark.long
def test_it_is_of_one_moment_while_the_app_writes(tmp_path):
    project, data = make_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready().get("/?add=first")
        with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection, connection:
            many = ((f"row {number}",) for number in range(30_000))
            connection.executemany("INSERT INTO app_note (text) VALUES (?)", many)
            connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")
        over, saved = threading.Event(), []

        def save():
            """Row by row, each with its upload; the app is never held up for long."""
            while not over.is_set():
                (data / "media" / f"{len(saved)}.txt").write_text("upload")
                with contextlib.closing(sqlite3.connect(data / "db.sqlite3", timeout=1)) as made:
                    row = [f"saved {len(saved)}"]
                    made.execute("INSERT INTO app_note (text) VALUES (?)", row)
                    made.execute("INSERT INTO auth_group (name) VALUES (?)", row)
                    made.commit()
                saved.append(f"saved {len(saved)}")

        writer = threading.Thread(target=save)
        writer.start()
        try:
            before = [*saved]
            said(ended(project, data, "export", str(tmp_path / "kept")))
            after = [*saved]
        finally:
            over.set()
            writer.join()
        backend.stop()
    assert len(after) > len(before) + 20  # it was not held up
    rows = written(tmp_path / "kept")
    texts = [each["fields"]["text"] for each in rows["app.Note.json"]]
    found = [text for text in texts if text.startswith("saved")]
    assert len(before) <= len(found) < len(after) and found == after[: len(found)]
    # Of one transaction there is all or nothing, however far apart its tables are read.
    assert [each["fields"]["name"] for each in rows["auth.Group.json"]] == found
    kept = tmp_path / "kept" / "files" / "media"
    assert all((kept / f"{text.split()[1]}.txt").exists() for text in found)


@pytest.mark.parametrize("how", ["lifeline", pytest.param("signal", marks=pytest.mark.long)])
def test_a_cancelled_export_leaves_nothing(tmp_path, made, how):
    project, data = made / "project", made / "data"
    film = data / "media" / "film.bin"
    large(film)
    try:
        with start(project, data, "export", str(tmp_path / "kept")) as child:
            child.stdout.readline()
            assert [each.name for each in tmp_path.iterdir()] == [f"kept.{child.pid}.partial"]
            child.stdin.close() if how == "lifeline" else child.send_signal(signal.SIGTERM)
            assert json.loads(child.stdout.read().splitlines()[-1]) == {"cancelled": True}
            assert child.wait() == 0
    finally:
        film.unlink()
    assert not [*tmp_path.iterdir()] and not (data / "portable").exists()


@pytest.mark.long
def test_of_a_killed_export_the_next_start_leaves_nothing(tmp_path, made):
    project, data = made / "project", made / "data"
    film = data / "media" / "film.bin"
    large(film)
    try:
        with start(project, data, "export", str(tmp_path / "kept")) as child:
            child.stdout.readline()
            child.kill()
    finally:
        film.unlink()
    assert len([*tmp_path.iterdir()]) == 1
    with Backend(project, data) as backend:
        assert backend.ready().stop() == 0
    assert not [*tmp_path.iterdir()] and not (data / "portable").exists()


def refused(done, code):
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert (done.returncode, error["code"]) == (code, f"DDK-RUN-{code}"), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return error["message"]


@pytest.mark.long
def test_where_nothing_can_be_written_one_error_says_so(tmp_path, made):
    project, data = made / "project", made / "data"
    (data / "clean.json").unlink(missing_ok=True)  # whoever loads the project removes it
    before = contents(data)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    refused(ended(project, data, "export", str(tmp_path / "no folder" / "kept")), 16)
    for place in ("mine", "file"):
        done = ended(project, data, "export", str(tmp_path / place))
        assert "is there already" in refused(done, 16)
    inside = refused(ended(project, data, "export", str(data / "media" / "kept")), 16)
    assert "lies in the app's own data folder" in inside
    resource = pytest.importorskip("resource")
    film = data / "media" / "film.bin"
    large(film)
    try:
        full = subprocess.run(
            launch(project, data, "export", str(tmp_path / "kept")),
            env=environment(project, data), capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000_000, 9_000_000)),
        )  # fmt: skip
    finally:
        film.unlink()
    refused(full, 16)
    assert sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")) == [
        "file", "mine", "mine/letter.txt",
    ]  # fmt: skip
    assert contents(data) == before


@pytest.mark.long
def test_into_an_empty_folder_it_goes(tmp_path, made):
    (tmp_path / "kept").mkdir()
    said(ended(made / "project", made / "data", "export", str(tmp_path / "kept")))
    assert (tmp_path / "kept" / "manifest.json").exists()


@pytest.mark.long
def test_data_of_another_version_are_not_exported(tmp_path, made):
    project = made / "project"
    words = ("export", str(tmp_path / "kept"))
    with Backend(project, tmp_path / "data") as backend:
        backend.ready().stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "db.sqlite3")) as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
        connection.commit()
        refused(ended(project, tmp_path / "data", *words), 21)
        row = "INSERT INTO django_migrations (app, name, applied) VALUES ('app', '0009_later', 0)"
        connection.execute(row)
        connection.commit()
        refused(ended(project, tmp_path / "data", *words), 13)
    refused(ended(project, tmp_path / "nothing", *words), 21)


def test_a_row_that_cannot_be_written_is_named(tmp_path, made):
    data = tmp_path / "data"
    shutil.copytree(made / "data", data)
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("UPDATE app_note SET took = 'long' WHERE id = 1")
        connection.commit()
    done = ended(made / "project", data, "export", str(tmp_path / "kept"))
    assert "app.Note" in refused(done, 17) and not Path(tmp_path / "kept").exists()
