"""The first run: killed at any moment, or on a full disk, it is done whole by the next start."""

import contextlib
import shutil
import sqlite3

import pytest

from tests import bytecode

from .backends import INITIAL, SETTINGS, Backend, make_project

pytestmark = pytest.mark.slow

resource = pytest.importorskip("resource")  # the limit on the size of files is POSIX's

MANIFEST = """
[data]
first_run = [["seed"]]
seed = [{from = "brought", to = "media"}]
[login]
user = "owner"
create = true
"""
SEED = """
import os, signal
from django.core.management.base import BaseCommand
from app.models import Note
class Command(BaseCommand):
    def handle(self, **options):
        Note.objects.create(text="seed")
        if os.environ.get("KILL_AT") == "command": os.kill(os.getpid(), signal.SIGKILL)
"""
# Ends the process, as a person or a power cut would, at the moment that KILL_AT names.
APPS = """
import os, signal
from django.apps import AppConfig
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, post_save, pre_migrate

def end(**_):
    os.kill(os.getpid(), signal.SIGKILL)

class Config(AppConfig):
    name = "app"
    def ready(self):
        moment = os.environ.get("KILL_AT")
        if moment == "ready":
            connection.cursor().execute("CREATE TABLE own (x)")
            end()
        if os.environ.get("CONNECT_IN_READY"):
            connection.cursor().execute("SELECT 1")
        signals = {"connect": connection_created, "migrate": pre_migrate, "migrated": post_migrate,
                   "user": post_save}
        if moment in signals:
            signals[moment].connect(end, weak=False)
"""
CACHE = (
    "\nCACHES = {'default': {'BACKEND': 'django.core.cache.backends.db.DatabaseCache',"
    " 'LOCATION': 'cache_table'}}\n"
)
FILES = {
    "settings.py": SETTINGS.replace('"app"]', '"app.apps.Config"]') + CACHE,
    "app/apps.py": APPS,
    "app/management/__init__.py": "",
    "app/management/commands/__init__.py": "",
    "app/management/commands/seed.py": SEED,
    "brought/picture.txt": "a picture",
}
MOMENTS = ["ready", "connect", "migrate", "migrated", "command", "user"]


@pytest.fixture
def data(tmp_path):
    return tmp_path / "app data"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", FILES, MANIFEST)


def rows(data, query):
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        return connection.execute(query).fetchall()


def assert_complete(data):
    assert rows(data, "SELECT text FROM app_note") == [("seed",)]
    assert rows(data, "SELECT username FROM auth_user") == [("owner",)]
    assert rows(data, "SELECT count(*) FROM cache_table") == [(0,)]
    assert (data / "media/picture.txt").read_text() == "a picture"
    assert not (data / "first-run.json").exists()
    assert not (data / "migrating.json").exists()


def start_limited(project, data, size):
    """A start whose files may not grow beyond `size` bytes: what a full disk is to SQLite."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    data.mkdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        return Backend(project, data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("content", ["{}", "[", None])
def test_a_marker_that_cannot_be_read_is_said(project, data, content):
    data.mkdir()
    for name in ("first-run.json", "migrating.json"):
        if content is None:
            (data / name).mkdir()
        else:
            (data / name).write_text(content)
        with Backend(project, data) as backend:
            failure = backend.failed()
        assert failure["exit"] == 21
        assert name in failure["message"]
        (data / name).rmdir() if content is None else (data / name).unlink()
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "created"


def test_a_database_that_is_a_dangling_link_is_not_replaced(project, data):
    data.mkdir()
    (data / "db.sqlite3").symlink_to(data / "not mounted" / "db.sqlite3")
    with Backend(project, data) as backend:
        assert backend.failed()["exit"] == 16
    assert (data / "db.sqlite3").is_symlink()


@pytest.mark.parametrize(
    "size", [300, *(pytest.param(size, marks=pytest.mark.long) for size in (2_000, 20_000, 80_000))]
)
def test_a_full_disk_is_said_and_the_next_start_begins_anew(project, data, size, monkeypatch):
    monkeypatch.delenv(bytecode.VARIABLE, raising=False)  # what is cut off is for nobody else
    with start_limited(project, data, size) as backend:
        assert backend.failed()["exit"] == 16
    # Python does not notice that the bytecode it has written is cut off.
    shutil.rmtree(data / "pycache")
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "created"
        backend.stop()
    assert_complete(data)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_it_is_done_whole_by_the_next_start(project, data, moment):
    for _ in range(2):
        with Backend(project, data, KILL_AT=moment) as backend:
            assert backend.until("ready", "failed")["event"] == "end"
            assert backend.process.wait(60) == -9
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "created"
        backend.stop()
    assert_complete(data)
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "unchanged"
        backend.stop()
    assert_complete(data)


def test_what_an_older_version_left_after_a_kill_is_completed(project, data):
    """It had connected, and had written no marker yet."""
    data.mkdir()
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE django_migrations (app, name)")
        connection.commit()
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "created"
        backend.stop()
    assert_complete(data)


def test_a_connection_in_ready_does_not_skip_it(project, data):
    with Backend(project, data, CONNECT_IN_READY="1") as backend:
        assert backend.ready().events[-1]["database"] == "created"
        backend.stop()
    assert_complete(data)


def test_an_empty_secret_key_and_unfinished_files_are_made_again(project, data):
    (data / "media").mkdir(parents=True)
    (data / "backups").mkdir()
    (data / "secret_key").touch()
    unfinished = ["secret_key.7.tmp", "media/picture.txt.7.tmp", "backups/db-x.partial"]
    for name in unfinished:
        (data / name).write_text("half")
    with Backend(project, data) as backend:
        backend.ready().stop()
    assert len((data / "secret_key").read_text()) > 40
    assert not [name for name in unfinished if (data / name).exists()]


def test_a_folder_in_the_place_of_the_clean_record_is_said(project, data):
    (data / "clean.json").mkdir(parents=True)
    with Backend(project, data) as backend:
        assert backend.failed()["exit"] == 16


def test_a_database_brought_in_after_a_failed_start_is_used(project, tmp_path, data):
    other = tmp_path / "other"
    with Backend(project, other) as backend:
        backend.ready().get("/")
        backend.stop()
    broken = (project / "app/migrations/0001_initial.py").read_text()
    (project / "app/migrations/0001_initial.py").write_text("import nothing_here")
    with Backend(project, data) as backend:
        backend.failed()
    (project / "app/migrations/0001_initial.py").write_text(broken)
    shutil.copy(other / "db.sqlite3", data)
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "unchanged"


def test_a_database_brought_in_after_a_kill_is_put_aside_whole(project, tmp_path, data):
    with Backend(project, data, KILL_AT="migrate") as backend:
        backend.until("ready", "failed")
    for file in data.glob("db.sqlite3*"):
        file.unlink()
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 7 AS x")
        connection.commit()
    with Backend(project, data) as backend:
        backend.ready().stop()
    (aside,) = (data / "set-aside").glob("*/db.sqlite3")
    with contextlib.closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT x FROM mine").fetchall() == [(7,)]


def test_a_failing_command_leaves_other_databases_alone(tmp_path, data):
    """A second database was there already when the first run failed."""
    two = SETTINGS + (
        "\nDATABASES['more'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'more.db'}\n"
        "DATABASE_ROUTERS = ['app.routers.Router']\n"
    )
    router = "class Router:\n    def allow_migrate(self, db, *args, **hints): return True\n"
    files = FILES | {
        "settings.py": two.replace('"app"]', '"app.apps.Config"]'),
        "app/routers.py": router,
        "app/management/commands/seed.py": SEED.replace(
            "        if os.environ", "        if os.environ.get('FAIL'): raise SystemExit(1)\n"
            "        if os.environ"
        ),
        "app/migrations/0001_initial.py": INITIAL,
    }  # fmt: skip
    project = make_project(tmp_path / "project", files, MANIFEST)
    with Backend(project, data) as backend:
        backend.ready().stop()
    with contextlib.closing(sqlite3.connect(data / "more.sqlite3")) as connection:
        connection.execute("INSERT INTO app_note (text) VALUES ('kept')")
        connection.commit()
    for name in ("db.sqlite3", "clean.json", "databases.json"):
        (data / name).unlink()
    with Backend(project, data, FAIL="1") as backend:
        assert backend.failed()["exit"] == 19
    with contextlib.closing(sqlite3.connect(data / "more.sqlite3")) as connection:
        assert connection.execute("SELECT text FROM app_note").fetchall() == [("kept",)]
