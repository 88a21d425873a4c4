"""All data in one file: whole while the app writes, refused where it must be, put back as one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from .backends import Backend, ended, environment, launch, make_project, restore
from .killing import Killing, add_row, campaign, copy, make, rows, said, start
from .test_backend import ADD_FIELD

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with one row and one upload, stopped, and a backup of it."""
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path, data):
    """The project, with a copy of its data."""
    return copy(made, tmp_path)


@pytest.fixture
def file(made):
    """The backup."""
    return made / "kept.zip"


def contents(folder):
    """Every file with its content, but for what each command leaves anew."""
    passing = ("backend.lock", "portable.lock", "stderr.log", "pycache")
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not set(file.relative_to(folder).parts) & {*passing}
        and not file.name.endswith(("-shm", "-wal"))
    }  # fmt: skip


def changed(file, target, change):
    """A copy of the backup whose manifest and files, by name, `change` has changed."""
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    change(manifest, files)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
    return target


def add_file(name, content=b"x"):
    def add(manifest, files):
        files[name] = content
        manifest["files"][name] = [len(content), hashlib.sha256(content).hexdigest()]

    return add


def test_a_backup_has_the_data_and_nothing_of_this_installation(tmp_path, project, data):
    for name in ("cache/x", "sessions/x", "shell/Cookies", "logs/x.log", "pycache/x", "shell.json"):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_text("not yours")
    (data / "outbox" / "mail.log").write_text("a mail")
    with contextlib.closing(sqlite3.connect(data / "words.sqlite3")) as connection:
        connection.execute("CREATE TABLE word (text)")
        answer = said(ended(project, data, "backup", str(tmp_path / "kept.zip")))

    with zipfile.ZipFile(tmp_path / "kept.zip") as archive:
        names = {*archive.namelist()}
        assert b"not yours" not in b"".join(map(archive.read, names))
    assert names == {
        "db.sqlite3", "words.sqlite3", "media/covers/one.txt", "outbox/mail.log", "shipped.json",
        "manifest.json",
    }  # fmt: skip
    assert answer["rows"] == 1 and answer["files"] == 2
    assert not [*tmp_path.glob("*.partial")] and not (data / "portable").exists()


def test_a_backup_is_whole_while_the_app_writes(tmp_path, data):
    project = make_project(tmp_path / "project")
    saved, stop = [], threading.Event()
    with Backend(project, data) as backend:
        backend.ready()

        def save():
            while not stop.is_set():
                upload = data / "media" / f"{len(saved)}.txt"
                upload.write_text("upload")  # first the file, then the row, as Django does
                backend.get(f"/?add={len(saved)}")
                saved.append(str(len(saved)))

        client = threading.Thread(target=save)
        client.start()
        try:
            for number in range(2):
                before = [*saved]
                said(ended(project, data, "backup", str(tmp_path / f"{number}.zip")))
                assert len(saved) > len(before)  # the app was not held up
                fresh = tmp_path / f"fresh-{number}"
                said(ended(project, fresh, "restore", str(tmp_path / f"{number}.zip")))
                found = rows(fresh)
                assert found[: len(before)] == before and found == [
                    str(n) for n in range(len(found))
                ]
                assert all((fresh / "media" / f"{each}.txt").exists() for each in found)
        finally:
            stop.set()
            client.join()
        backend.stop()


def test_a_restored_backup_is_served_and_what_was_there_is_kept(project, data, file):
    add_row(data, "two")
    (data / "media" / "two.txt").write_text("not in the backup")
    (data / "sessions" / "signed-in").write_text("as somebody of the other data")
    secret = (data / "secret_key").read_text()

    shown = said(ended(project, data, "restore", "--show", str(file)))
    assert shown["rows"] == 1 and shown["app"] == "Tiny" and rows(data) == ["one", "two"]
    answer = said(ended(project, data, "restore", str(file)))

    aside = data / answer["set_aside"]
    assert rows(aside) == ["one", "two"] and (aside / "media" / "two.txt").exists()
    assert restore(project, data, "--list")["backups"][0]["sound"]
    assert not (data / "media" / "two.txt").exists() and not [*(data / "sessions").iterdir()]
    assert (data / "secret_key").read_text() == secret
    with Backend(project, data) as backend:
        assert backend.ready().get("/")[2] == b"one" and backend.stop() == 0
    assert (data / "media" / "covers" / "one.txt").read_text() == "cover one"


def test_it_moves_to_a_computer_where_the_app_was_never_started(tmp_path, project, file):
    fresh = tmp_path / "new computer"
    said(ended(project, fresh, "restore", str(file)))
    with Backend(project, fresh) as backend:
        assert backend.ready().get("/")[2] == b"one"
        assert backend.events[-1]["database"] == "unchanged"


def test_an_older_backup_is_migrated_by_the_next_start(project, data, file):
    (project / "app" / "migrations" / "0002_more.py").write_text(ADD_FIELD)
    models = project / "app" / "models.py"
    models.write_text(
        models.read_text() + "    more = models.CharField(default='', max_length=9)\n"
    )
    said(ended(project, data, "restore", str(file)))
    with Backend(project, data) as backend:
        assert backend.ready().get("/")[2] == b"one"
        assert backend.events[-1]["database"] == "migrated"


def newer(manifest, files):
    database = Path(os.environ["PYTEST_SCRATCH"]) / "newer.sqlite3"
    database.write_bytes(files["db.sqlite3"])
    with contextlib.closing(sqlite3.connect(database)) as connection:
        row = "INSERT INTO django_migrations (app, name, applied) VALUES ('app', '0009_later', 0)"
        connection.execute(row)
        connection.commit()
    add_file("db.sqlite3", database.read_bytes())(manifest, files)


REFUSED = {
    "newer": (13, newer),
    "newer format": (13, lambda manifest, _: manifest.update(format=2)),
    "foreign": (23, lambda manifest, _: manifest.update(identifier="org.example.other")),
    "byte": (22, lambda _, files: files.update({"media/covers/one.txt": b"cover two"})),
    "missing": (22, lambda _, files: files.pop("media/covers/one.txt")),
    "database": (22, add_file("db.sqlite3", b"SQLite format 3\0" + b"x" * 5000)),
    "outside": (22, add_file("../../evil.txt")),
    "absolute": (22, add_file("/evil.txt")),
    "secret": (22, add_file("Secret_Key")),
    "cache": (22, add_file("cache/pickled")),
    "log": (22, add_file("db.sqlite3-wal")),
    "lost": (22, lambda manifest, _: manifest["databases"].update(default="../other.sqlite3")),
    "manifest": (22, lambda manifest, _: manifest.update(files=[1])),
}


@pytest.mark.parametrize(
    ("command", "name"),
    [*(("restore", name) for name in REFUSED), ("show", "newer"), ("show", "byte")],
)
def test_what_must_not_be_restored_changes_nothing(
    tmp_path, project, data, file, name, command, monkeypatch
):
    monkeypatch.setenv("PYTEST_SCRATCH", str(tmp_path))
    code, change = REFUSED[name]
    wrong = changed(file, tmp_path / "wrong.zip", change)
    before = contents(data)

    words = ["--show"] if command == "show" else []
    done = ended(project, data, "restore", *words, str(wrong))

    assert done.returncode == code, done.stdout + done.stderr
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert error["code"] == f"DDK-RUN-{code}" and error["message"] and not done.stderr
    assert contents(data) == before and not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize("length", [0, 100, -1, -30])
def test_a_file_that_was_cut_off_is_refused(tmp_path, project, data, file, length):
    cut = tmp_path / "cut.zip"
    cut.write_bytes(file.read_bytes()[:length])
    before = contents(data)
    assert restore(project, data, str(cut))["error"]["code"] == "DDK-RUN-22"
    assert contents(data) == before


def test_a_newer_backup_is_refused_where_the_app_was_never_started(
    tmp_path, project, file, monkeypatch
):
    monkeypatch.setenv("PYTEST_SCRATCH", str(tmp_path))
    wrong = changed(file, tmp_path / "wrong.zip", newer)
    assert ended(project, tmp_path / "fresh", "restore", str(wrong)).returncode == 13
    assert not (tmp_path / "fresh" / "db.sqlite3").exists()


def test_the_app_that_runs_keeps_its_data(project, data, file):
    with Backend(project, data) as backend:
        backend.ready()
        assert restore(project, data, str(file))["error"]["code"] == "DDK-RUN-12"
        assert "rows" in said(ended(project, data, "restore", "--show", str(file)))


def with_little_room(project, data, *words):
    """A command that cannot write a file as large as the database."""
    resource = pytest.importorskip("resource")
    return subprocess.run(
        launch(project, data, *words),
        env=environment(project, data),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000)),
    )


def test_where_nothing_can_be_written_it_says_so(tmp_path, project, data):
    before = contents(tmp_path)
    missing = ended(project, data, "backup", str(tmp_path / "no folder" / "kept.zip"))
    full = with_little_room(project, data, "backup", str(tmp_path / "kept.zip"))
    for done in (missing, full):
        assert done.returncode == 16 and not done.stderr, done.stderr
        assert "Choose another place" in done.stdout or "disk" in done.stdout
    assert contents(tmp_path) == before


def test_a_restore_on_a_full_disk_changes_nothing(project, data, file):
    before = contents(data)
    done = with_little_room(project, data, "restore", str(file))
    assert done.returncode == 16 and not done.stderr, done.stderr
    assert contents(data) == before


def in_the_background():
    """As a shell script starts what ends with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def large(file):
    """Something that takes a while; most of it is no block of the disk."""
    with file.open("wb") as stream:
        stream.truncate(1 << 28)


@pytest.mark.parametrize("how", ["lifeline", "signal"])
def test_a_cancelled_backup_leaves_nothing(tmp_path, project, data, how):
    large(data / "media" / "film.bin")
    names = {*tmp_path.rglob("*")}
    options = {} if os.name == "nt" else {"preexec_fn": in_the_background}
    with start(project, data, "backup", str(tmp_path / "kept.zip"), **options) as child:
        child.stdout.readline()
        child.stdin.close() if how == "lifeline" else child.send_signal(signal.SIGTERM)
        assert json.loads(child.stdout.read().splitlines()[-1]) == {"cancelled": True}
        assert child.wait() == 0
    left = {*tmp_path.rglob("*")} - names
    assert {each.name for each in left} <= {"portable.lock", "db.sqlite3-shm", "db.sqlite3-wal"}


def test_a_backup_is_cancelled_while_the_database_is_copied(tmp_path, project, data):
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("CREATE TABLE bulk (content)")
        connection.executemany("INSERT INTO bulk VALUES (?)", [[b"x" * 1_000_000]] * 30)
        connection.commit()
    with start(project, data, "backup", str(tmp_path / "kept.zip")) as child:
        assert json.loads(child.stdout.readline())["done"] == 0  # nothing is in the file yet
        assert (data / "portable" / "copy.sqlite3").exists()
        child.stdin.close()
        assert json.loads(child.stdout.read().splitlines()[-1]) == {"cancelled": True}
    assert not [*tmp_path.glob("kept*")] and not (data / "portable").exists()


@pytest.mark.parametrize("place", ["media/kept.zip", "kept.zip"])
def test_a_backup_among_the_data_would_hold_itself(project, data, place):
    done = ended(project, data, "backup", str(data / place))
    assert done.returncode == 16 and "lies in the app's own data folder" in done.stdout
    assert not (data / place).exists()


def test_of_a_killed_backup_the_next_start_leaves_nothing(tmp_path, project, data):
    large(data / "media" / "film.bin")
    with start(project, data, "backup", str(tmp_path / "kept.zip")) as child:
        child.stdout.readline()
        assert len([*tmp_path.glob("kept.zip.*")]) == 1
        child.kill()
    (data / "media" / "film.bin").unlink()
    with Backend(project, data) as backend:
        assert backend.ready().stop() == 0
    assert not [*tmp_path.glob("kept.zip*")] and not (data / "portable").exists()


def test_a_cancelled_restore_changes_nothing(tmp_path, project, data):
    large(data / "media" / "film.bin")
    said(ended(project, data, "backup", str(tmp_path / "kept.zip")))
    (data / "media" / "film.bin").unlink()
    before = contents(data)
    with start(project, data, "restore", str(tmp_path / "kept.zip")) as child:
        child.stdout.readline()
        child.stdin.close()
        assert json.loads(child.stdout.read().splitlines()[-1]) == {"cancelled": True}
    assert contents(data) == before


@pytest.mark.skipif(sys.platform == "win32", reason="a process there is not killed by a signal")
def test_a_restore_that_is_killed_loses_nothing(tmp_path, project, data, file):
    killing = Killing(tmp_path, project, data, file)
    number = 0
    while killing.kill(number):
        number += 4
    assert number > 20


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="a process there is not killed by a signal")
def test_a_restore_that_is_killed_a_hundred_times_loses_nothing(tmp_path, project, data, file):
    found = campaign(Killing(tmp_path, project, data, file), 100)
    each = found["before a change"]
    assert each.kills > 50 and each.before and each.after
