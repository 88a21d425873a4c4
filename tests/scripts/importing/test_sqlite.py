"""import: from a project's own SQLite file, whole or not at all."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skill_scripts import desktop_toml
from skill_scripts.cli import app
from skill_scripts.importing import data
from skill_scripts.run import serve
from tests.scripts import projects

from . import library

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

LEFT_BEHIND = {"django_session", "authtoken_token"}
BEHIND = LEFT_BEHIND | {"django_migrations", "sqlite_sequence"}


def rows(file: Path) -> dict[str, list[tuple]]:
    """What SQLite itself says is in the tables."""
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for (name,) in names
        }


def change(file: Path, *statements: str) -> Path:
    """The database with these changes, as nobody's models would make them."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for each in statements:
            connection.execute(each)
        connection.commit()
    return file


def test_every_row_and_file_is_there_and_the_app_starts_on_them(server, brought, app_data):
    before = (server / "db.sqlite3").read_bytes()
    done = brought(server, server / "db.sqlite3")

    source, target = rows(server / "db.sqlite3"), rows(app_data / "db.sqlite3")
    # What its own field completes when it is saved.
    (label,), (saved,) = source.pop("Library_Label"), target["Library_Label"]
    assert [a for a, b in zip(label, saved, strict=True) if a != b] == ["open"]
    for name in LEFT_BEHIND:
        assert target[name] == [] and len(source[name]) == 1
    for name in source.keys() - BEHIND:
        assert target[name] == source[name], name
    assert source["library_shelf"][0][1] == "top"  # not that of the migration
    assert (app_data / "media" / "covers" / "one.txt").read_text() == "cover one"
    assert (app_data / "media" / "thumb.txt").is_file()
    assert (server / "db.sqlite3").read_bytes() == before
    by_model = {each["model"]: each["rows"] for each in done["tables"]}
    assert by_model["library.Book"] == 3 and by_model["library.Person_friends"] == 2
    left = {each["name"]: each["why"] for each in done["left"]}
    assert left["sessions.Session"] == "sessions and tokens stay where they are"
    assert left["authtoken.Token"] == left["sessions.Session"]
    assert "unmanaged" in left["library.Elsewhere"] and "proxy" in left["library.Loud"]
    assert done["files"] == {"copied": 2, "referenced": 1, "missing": []}

    ready = []

    def follow(backend):
        for event in backend.events():
            if event["event"] == "failed":
                return event
            if event["event"] == "ready":
                ready.append(event["database"])
                break
        return None

    serve(server, desktop_toml.read(server / desktop_toml.PLACE), app_data, follow)
    assert ready == ["unchanged"]


def test_its_pages_are_visited_on_a_copy(server, visited, app_data, tmp_path):
    """By somebody who is in the data, and whose visit leaves no trace in them."""
    root = Path(shutil.copytree(server, tmp_path / "library", symlinks=True))
    projects.write(root, {"site1/urls.py": """
        from django.http import HttpResponse
        from django.urls import path
        from library.models import Shelf

        def home(request):
            Shelf.objects.get_or_create(name="a visit")
            link = f'<a href="/{request.user}/">me</a>'
            return HttpResponse(f'{link} <a href="/broken/">two</a>')

        def broken(request):
            raise ValueError("no such shelf")

        urlpatterns = [path("", home), path("broken/", broken), path("person0/", home)]
    """})  # fmt: skip
    done = visited(root, root / "db.sqlite3")
    assert [(each["page"], each["status"]) for each in done["pages"]] == [
        ("/", 200), ("/person0/", 200), ("/broken/", 500),
    ]  # fmt: skip
    assert "no such shelf" in done["pages"][2]["error"]
    assert "a visit" not in [name for _, name in rows(app_data / "db.sqlite3")["library_shelf"]]


@pytest.mark.long
def test_data_on_which_the_app_does_not_start_are_refused(server, visited, app_data, tmp_path):
    root = Path(shutil.copytree(server, tmp_path / "library", symlinks=True))
    projects.write(root, {"site1/urls.py": """
        from library.models import Shelf
        urlpatterns = [] if not Shelf.objects.filter(name="top").exists() else None
    """})  # fmt: skip
    error = visited(root, root / "db.sqlite3")["error"]
    assert error["code"] == "DDK-IMP-13" and "does not start" in error["message"]
    assert not app_data.exists()


@pytest.mark.long
def test_the_next_row_gets_a_number_that_no_row_of_the_source_had(server, brought, app_data):
    brought(server, server / "db.sqlite3")
    query = "SELECT seq FROM sqlite_sequence WHERE name = 'library_publication'"
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        assert connection.execute(query).fetchone() == (4,)  # the fourth was deleted


def test_what_was_there_is_set_aside(server, brought, app_data):
    projects.write(app_data, {"db.sqlite3": "what was there"})
    done = brought(server, server / "db.sqlite3")

    aside = app_data.with_name("app-set-aside-1")
    assert done["set_aside"] == str(aside)
    assert (aside / "db.sqlite3").read_text(encoding="utf-8") == "what was there"
    assert not [*app_data.parent.glob("*importing*")]


def test_a_backup_is_made_that_the_app_restores(server, brought, app_data, tmp_path):
    projects.write(app_data, {"media/own.txt": "of the developer"})
    file = tmp_path / "for the app.zip"
    done = brought(server, server / "db.sqlite3", "--into", file)

    assert done["file"] == str(file) and done["set_aside"] == ""
    assert [each.name for each in app_data.parent.iterdir()] == ["app"]
    assert [each.name for each in app_data.rglob("*")] == ["media", "own.txt"]
    restored = CliRunner().invoke(app, ["restore", str(server), str(file), "--json"])
    assert restored.exit_code == 0, restored.stdout
    kept = rows(server / "db.sqlite3")["library_book"]
    assert rows(app_data / "db.sqlite3")["library_book"] == kept
    assert (app_data / "media" / "covers" / "one.txt").read_text() == "cover one"


@pytest.mark.long
def test_rows_that_are_still_in_the_log_are_there(server, database, brought, app_data):
    with closing(sqlite3.connect(database)) as writing:
        writing.execute("PRAGMA journal_mode=WAL")
        writing.execute("INSERT INTO library_shelf (name) VALUES ('in the log')")
        writing.commit()
        brought(server, database)
    assert "in the log" in [name for _, name in rows(app_data / "db.sqlite3")["library_shelf"]]


@pytest.mark.long
def test_an_older_database_is_migrated_in_a_copy(server, database, brought, app_data):
    change(database, "DELETE FROM django_migrations WHERE name = '0002_first_shelf'")
    before = rows(database)
    done = brought(server, database)

    assert "a copy of it was migrated" in done["notes"][0] and rows(database) == before
    names = [name for _, name in rows(app_data / "db.sqlite3")["library_shelf"]]
    assert sorted(names) == ["from the migration", "top"]


@pytest.mark.parametrize(
    ("statements", "code", "said"),
    [
        (["UPDATE library_book SET day = 'soon' WHERE number = 1",
          "UPDATE library_book SET length = 'long' WHERE number = 2"], "DDK-IMP-08",
         ["library.Book.day, key 2 (text): it is no date or time",
          "library.Book.length, key 3: the source's value cannot be read"]),
        (["UPDATE library_book SET number = -5 WHERE number = 2"], "DDK-IMP-08",
         ["library.Book.number, key 3 (int): CHECK constraint failed"]),
        (["DELETE FROM library_person WHERE username = 'person2'"], "DDK-IMP-09",
         ["library.Authorship.person, key 3: no such row in library_person"]),
        (["UPDATE library_book SET cover = 'gone.txt' WHERE number = 1",
          "UPDATE library_book SET cover = '../manage.py' WHERE number = 2"], "DDK-IMP-16",
         ["gone.txt (library.Book.cover)", "../manage.py (library.Book.cover)"]),
        (["INSERT INTO django_migrations (app, name, applied) VALUES ('library', '0099_next', '')"],
         "DDK-IMP-05", ["library.0099_next"]),
        (["ALTER TABLE library_book RENAME COLUMN weight TO mass"], "DDK-IMP-04",
         ["library_book has no column weight"]),
    ],
    ids=["unreadable", "not-held", "dangling", "no-file", "newer", "other-column"],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_named_and_nothing_is_imported(
    server, database, refused, statements, code, said
):
    error = refused(server, change(database, *statements))
    assert error["code"] == code, error["message"]
    assert not [each for each in said if each not in error["message"]], error["message"]


@pytest.mark.long
def test_missing_uploads_can_be_accepted(server, database, brought, tmp_path):
    (tmp_path / "empty").mkdir()
    done = brought(server, database, "--media", tmp_path / "empty", "--allow-missing-files")
    assert done["files"] == {
        "copied": 0, "referenced": 1, "missing": ["covers/one.txt (library.Book.cover)"],
    }  # fmt: skip


@pytest.mark.long
def test_the_uploads_beside_the_source_come_first(server, database, brought, app_data):
    projects.write(database.parent, {"uploads/covers/one.txt": "of the backup"})
    done = brought(server, database)
    assert (app_data / "media" / "covers" / "one.txt").read_text() == "of the backup"
    assert done["media"] == str(database.parent / "uploads")


def test_a_damaged_database_is_refused(server, database, refused):
    content = bytearray(database.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 9000] = b"\xff" * 9000
    database.write_bytes(content)
    assert refused(server, database)["code"] == "DDK-IMP-03"


def test_the_database_of_another_project_is_refused(server, refused, tmp_path):
    other = change(tmp_path / "other.sqlite3", "CREATE TABLE thing (id integer)")
    error = refused(server, other)
    assert error["code"] == "DDK-IMP-04" and "it has no table" in error["message"]
    change(other, "CREATE TABLE django_migrations (app text, name text, applied text, id integer)")
    assert refused(server, other)["code"] == "DDK-IMP-04"


def test_data_in_use_are_left(server, refused, app_data):
    environment = {
        **os.environ,
        "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
        "DESKTOP_DJANGO_RUNTIME_MODE": "development",
    }
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as app:
        error = refused(server, server / "db.sqlite3")
        assert error["code"] == "DDK-STA-02" and str(app.pid) in error["message"]
        app.stdin.close()


def test_a_disk_that_is_too_small_is_seen_before_the_work(server, refused, monkeypatch):
    small = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(data.shutil, "disk_usage", lambda _: small)
    error = refused(server, server / "db.sqlite3")
    assert error["code"] == "DDK-IMP-11" and "MB are needed" in error["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
@pytest.mark.parametrize(
    "most", [200_000, pytest.param(2_000_000, marks=pytest.mark.long)], ids=["schema", "rows"]
)
def test_a_disk_that_fills_up_ends_the_import(server, database, refused, monkeypatch, most):
    """Also in the middle of a table, where it is not the source's fault."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    original = subprocess.Popen
    monkeypatch.setattr(
        data.subprocess,
        "Popen",
        lambda *given, **named: original(*given, preexec_fn=limit, **named),
    )
    many = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) "
    many += "INSERT INTO library_shelf (name) SELECT 'shelf ' || n || hex(zeroblob(200)) FROM n"
    error = refused(server, change(database, many))
    assert error["code"] == "DDK-IMP-11", error["message"]


@pytest.mark.long
def test_what_a_killed_import_has_left_goes_with_the_next(server, brought, app_data):
    left = app_data.with_name(f"{app_data.name}-importing-{2**22 + 1}")
    projects.write(left, {"data/db.sqlite3": "half"})
    brought(server, server / "db.sqlite3")
    assert not left.exists()


@pytest.mark.long
def test_rows_that_change_on_their_way_are_noticed(server, bring, tmp_path):
    """A trigger of the project's own writes something else than what was read."""
    root = Path(shutil.copytree(server, tmp_path / "library", symlinks=True))
    trigger = (
        "CREATE TRIGGER louder AFTER INSERT ON library_shelf BEGIN "
        "UPDATE library_shelf SET name = upper(name) WHERE id = new.id; END"
    )
    projects.write(root, {"library/migrations/0003_trigger.py": f"""
        from django.db import migrations
        class Migration(migrations.Migration):
            dependencies = [("library", "0002_first_shelf")]
            operations = [migrations.RunSQL("{trigger}")]
    """})  # fmt: skip
    done = bring(root, root / "db.sqlite3")
    assert done.exit_code == 3 and "DDK-IMP-10" in done.stdout and "library.Shelf" in done.stdout


@pytest.mark.long
def test_what_the_project_raises_is_shown(server, refused, tmp_path):
    root = Path(shutil.copytree(server, tmp_path / "library", symlinks=True))
    projects.write(root, {"library/migrations/0002_first_shelf.py": library.FIRST_SHELF.replace(
        "apps.get_model", "raise ValueError('no shelf')\n    apps.get_model")})  # fmt: skip
    error = refused(root, root / "db.sqlite3")
    assert error["code"] == "DDK-IMP-13" and "no shelf" in error["message"]
