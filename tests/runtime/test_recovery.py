"""What the last run left is judged and put right before the project's code runs."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from desktop_runtime import recovery

from .backends import Backend, make_project, manage, restore, rows
from .test_backend import ADD_FIELD, FAILING, NOT_ATOMIC

pytestmark = pytest.mark.slow

WRITES_IN_READY = {
    "app/__init__.py": "",
    "app/apps.py": """
from django.apps import AppConfig
class Notes(AppConfig):
    name = "app"
    def ready(self):
        import pathlib
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO app_note (text) VALUES ('from ready')")
""",
}
LEAVE_A_JOURNAL = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=DELETE")
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN")
connection.executemany("INSERT INTO app_note (text) VALUES (?)", [("x" * 100,)] * 5000)
connection.execute("DELETE FROM app_note WHERE text = 'one'")
os._exit(0)
"""
LEAVE_A_LOG = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE IF NOT EXISTS app_note (id INTEGER PRIMARY KEY, text TEXT)")
connection.execute("DELETE FROM app_note")
os._exit(0)
"""


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def project(tmp_path, data):
    """A project whose database holds one row and was left clean."""
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        assert backend.stop() == 0
    return project


def run(script, *arguments):
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True)


def fail(project, data, code):
    with Backend(project, data) as backend:
        failure = backend.failed()
    assert failure["exit"] == code, failure
    return failure


def serve(project, data):
    """Start, ask for the rows and stop; the rows and the event."""
    with Backend(project, data) as backend:
        event = backend.ready().events[-1]
        said = backend.get("/")[2].decode()
        assert backend.stop() == 0
    return said, event


@pytest.mark.parametrize("content", [None, b"", b"S"])
def test_a_lost_database_is_not_made_anew(project, data, content):
    (data / "db.sqlite3").unlink()
    if content is not None:
        (data / "db.sqlite3").write_bytes(content)
    before = sorted(data.iterdir())
    assert "db.sqlite3" in fail(project, data, 15)["message"]
    assert sorted(data.iterdir()) == before
    if content is not None:
        assert (data / "db.sqlite3").read_bytes() == content


@pytest.mark.parametrize(
    "proof",
    [
        "clean.json",
        *(pytest.param(e, marks=pytest.mark.long) for e in ("databases.json", "backups")),
        "db.sqlite3-wal",
    ],
)
def test_one_proof_of_a_lost_database_is_enough(project, data, proof):
    (project / "app/migrations/0002_more.py").write_text(ADD_FIELD)
    serve(project, data)
    run(LEAVE_A_LOG, data / "db.sqlite3")
    (data / "db.sqlite3").unlink()
    for other in {"clean.json", "databases.json", "backups", "db.sqlite3-wal"} - {proof}:
        shutil.rmtree(data / other) if other == "backups" else (data / other).unlink()
    fail(project, data, 15)


def test_a_clean_stop_that_cannot_be_noted_is_said(project, data):
    with Backend(project, data) as backend:
        backend.ready()
        (data / "clean.json").mkdir()
        (data / "clean.json/kept").touch()
        backend.process.stdin.close()
        assert backend.until("failed")["exit"] == 16
        assert backend.process.wait(30) == 16
    fail(project, data, 16)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize(
    "kind",
    ["dangling", *(pytest.param(e, marks=pytest.mark.long) for e in ("loop", "pipe", "folder"))],
)
def test_only_files_are_databases(project, data, kind):
    database = data / "db.sqlite3"
    database.unlink()
    if kind == "pipe":
        os.mkfifo(database)
    elif kind == "folder":
        database.mkdir()
    else:
        database.symlink_to(database if kind == "loop" else data / "nowhere" / "db.sqlite3")
    fail(project, data, 16)


def test_a_damaged_database_is_judged_before_the_project_runs(project, data):
    for name, text in WRITES_IN_READY.items():
        (project / name).write_text(text)
    with (data / "db.sqlite3").open("rb+") as file:
        file.seek(40)
        file.write(b"\xff" * 3000)
    before = (data / "db.sqlite3").read_bytes()
    fail(project, data, 15)
    assert (data / "db.sqlite3").read_bytes() == before


def test_a_database_that_another_program_holds_says_so(project, data):
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        failure = fail(project, data, 16)
    assert "another program" in failure["message"] + failure["hint"]


def test_a_hot_journal_is_rolled_back(project, data):
    run(LEAVE_A_JOURNAL, data / "db.sqlite3")
    assert (data / "db.sqlite3-journal").stat().st_size
    said, event = serve(project, data)
    assert said == "one"
    (folder,) = event["set_aside"]
    assert (data / folder / "db.sqlite3-journal").exists()


def test_an_older_log_beside_a_clean_stop_is_set_aside(project, data):
    shutil.copytree(data, data.with_name("older"))
    run(LEAVE_A_LOG, data.with_name("older") / "db.sqlite3")
    with Backend(project, data) as backend:
        backend.ready().get("/?add=two")
        backend.stop()
    shutil.copy(data.with_name("older") / "db.sqlite3-wal", data)
    said, event = serve(project, data)
    assert said == "one,two"
    (folder,) = event["set_aside"]
    assert (data / folder / "db.sqlite3-wal").stat().st_size


def test_the_log_of_another_database_is_set_aside(project, data, tmp_path):
    run(LEAVE_A_LOG, tmp_path / "other.sqlite3")
    shutil.copy(tmp_path / "other.sqlite3-wal", data / "db.sqlite3-wal")
    assert serve(project, data)[0] == "one"


@pytest.mark.parametrize("way", ["copy2", "move"])
def test_a_log_that_another_program_removes_meanwhile(project, data, monkeypatch, way):
    log = data / "db.sqlite3-wal"
    run(LEAVE_A_LOG, data / "db.sqlite3")
    if way == "copy2":  # the database is not that of the clean stop any more
        os.utime(data / "db.sqlite3", (1, 1))
    real = getattr(shutil, way)

    def late(source, target):
        if source == log:
            log.unlink()
        return real(source, target)

    monkeypatch.setattr(shutil, way, late)
    recovery.Recovery(data).run()
    assert not log.exists()


def test_the_log_of_a_killed_command_is_kept(project, data):
    command = [
        *("shell", "--command"),
        "import os; from app.models import Note; Note.objects.create(text='two'); os._exit(9)",
    ]
    assert manage(project, data, *command).returncode == 9
    assert (data / "db.sqlite3-wal").stat().st_size
    said, event = serve(project, data)
    assert said == "one,two"
    assert not event["set_aside"]


def test_a_stop_beside_a_running_command_is_not_called_clean(project, data):
    with Backend(project, data) as backend:
        backend.ready()
        with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as other:
            other.execute("SELECT * FROM app_note").fetchall()
            assert backend.stop() == 0
            assert not (data / "clean.json").exists()


def interrupted(project, data):
    """Kill an update whose first operation has removed every row."""
    migration = project / "app/migrations/0002_endless.py"
    migration.write_text(NOT_ATOMIC)
    with Backend(project, data) as backend:
        backend.until("migrating")
        deadline = time.monotonic() + 120
        while rows(data) and time.monotonic() < deadline:
            time.sleep(0.05)
        backend.process.kill()
    migration.unlink()
    (backup,) = (data / "backups").iterdir()
    return backup


@pytest.mark.parametrize(
    "damage", ["missing", *(pytest.param(e, marks=pytest.mark.long) for e in ("damaged", "empty"))]
)
def test_a_bad_backup_is_not_put_back(project, data, damage):
    backup = interrupted(project, data)
    if damage == "missing":
        backup.unlink()
    else:
        backup.write_bytes(b"SQLite format 3\0 and then nonsense" if damage == "damaged" else b"")
    files = ("db.sqlite3", "db.sqlite3-wal")
    before = {name: (data / name).read_bytes() for name in files if (data / name).exists()}
    assert backup.name in fail(project, data, 21)["message"]
    assert before == {name: (data / name).read_bytes() for name in before}
    listed = restore(project, data, "--list")["backups"]
    assert [(each["name"], each["sound"]) for each in listed][-1] == ("current", True)
    assert restore(project, data, "current")["restored"] == "current"
    assert serve(project, data)[0] == ""


@pytest.mark.parametrize(
    "content", ["", *(pytest.param(e, marks=pytest.mark.long) for e in ("{}", "[]", "folder"))]
)
def test_a_marker_that_says_nothing_changes_nothing(project, data, content):
    if content == "folder":
        (data / "migrating.json").mkdir()
    else:
        (data / "migrating.json").write_text(content)
    fail(project, data, 21)
    assert rows(data) == ["one"]


def test_a_marker_of_version_1_is_understood(project, data):
    backup = interrupted(project, data)
    (data / "migrating.json").write_text(
        json.dumps({"new": False, "backups": {"default": backup.name}})
    )
    said, event = serve(project, data)
    assert (said, event["database"]) == ("one", "restored")


def test_backups_of_a_clock_that_was_ahead_push_nothing_out(project, data):
    for second in range(6):
        name = f"db-20990101T00000{second}000000Z.sqlite3"
        shutil.copy(data / "db.sqlite3", data / "backups" / name)
    (project / "app/migrations/0002_failing.py").write_text(
        FAILING.replace("    operations", "    atomic = False\n    operations")
    )
    fail(project, data, 14)
    assert rows(data) == ["one"]
    assert len(list((data / "backups").glob("db-0*.sqlite3"))) == 1


@pytest.mark.long
def test_failing_starts_push_no_backup_out(project, data):
    failing = project / "app/migrations/0002_failing.py"
    failing.write_text(FAILING)
    for _ in range(7):
        fail(project, data, 14)
    assert len(list((data / "backups").iterdir())) == 1
    assert len(list((data / "set-aside").iterdir())) <= 2


def test_restore_takes_the_log_away_with_the_database(project, data):
    (project / "app/migrations/0002_more.py").write_text(ADD_FIELD)
    with Backend(project, data) as backend:
        backend.ready().get("/?add=two")
        backend.process.kill()
        backend.process.wait()
    size = (data / "db.sqlite3").stat().st_size
    (data / "db.sqlite3").write_bytes(b"damaged" + b"\xff" * (size - 7))
    fail(project, data, 15)
    (listed,) = restore(project, data, "--list")["backups"]
    assert listed["sound"] and listed["database"] == "db"
    said = restore(project, data, listed["name"])
    assert (data / said["set_aside"] / "db.sqlite3").read_bytes().startswith(b"damaged")
    assert serve(project, data)[0] == "one"


def test_restore_refuses_a_file_that_is_not_a_backup(project, data):
    assert restore(project, data, "db.sqlite3")["error"]["code"] == "DDK-RUN-21"
    assert restore(project, data, "../db.sqlite3")["error"]["code"] == "DDK-RUN-22"  # a file
    assert restore(project, data)["error"]["code"] == "DDK-RUN-10"
    with Backend(project, data) as backend:
        backend.ready()
        assert restore(project, data, "--list")["error"]["code"] == "DDK-RUN-12"


def test_ready_may_use_the_tables_at_the_first_start(tmp_path, data):
    project = make_project(tmp_path / "project", WRITES_IN_READY)
    assert serve(project, data)[0] == "from ready"
    assert serve(project, data)[0] == "from ready,from ready"


def test_a_ready_that_fails_on_prepared_databases_is_the_projects_fault(tmp_path, data):
    files = {"app/apps.py": WRITES_IN_READY["app/apps.py"].replace("app_note", "nowhere")}
    project = make_project(tmp_path / "project", {**WRITES_IN_READY, **files})
    assert "nowhere" in fail(project, data, 17)["message"]
