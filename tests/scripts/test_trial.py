"""rehearse: a release on the data of a backup."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skill_scripts import desktop_toml, portable
from skill_scripts.cli import app
from skill_scripts.run import serve
from tests.scripts import projects

pytestmark = pytest.mark.slow

SETTINGS = """
INSTALLED_APPS += ["django.contrib.sessions", "notes"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "/door/"
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware"]
"""
MODELS = """
from django.db import models
class Note(models.Model):
    text = models.CharField(max_length=50)
"""
URLS = """
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path
from notes.models import Note
def home(request):
    return HttpResponse("<p>notes</p><a href='/own/'>mine</a>")
@login_required
def own(request):
    return HttpResponse(f"<p>{Note.objects.get(text='kept').text}</p>")
urlpatterns = [path("", home), path("own/", own), path("door/", home)]
"""
FIRST = """
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Note", [
        ("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=50))])]
"""
ROWS = """
from django.db import migrations
def work(apps, schema_editor):
    User, Note = apps.get_model("auth", "User"), apps.get_model("notes", "Note")
    User.objects.create(username="ada", password="!")
    for text in ("kept", "twice", "twice"):
        Note.objects.create(text=text)
class Migration(migrations.Migration):
    dependencies = [("notes", "0001_initial"), ("auth", "0001_initial")]
    operations = [migrations.RunPython(work)]
"""
NEXT = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("notes", "0002_rows")]
    operations = [migrations.RunSQL(%r)]
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory, shared_environment):
    """The project, adapted, and the backup of somebody who uses it."""
    folder = tmp_path_factory.mktemp("release")
    files = {
        "site1/urls.py": URLS, "notes/__init__.py": "", "notes/models.py": MODELS,
        "notes/migrations/__init__.py": "", "notes/migrations/0001_initial.py": FIRST,
        "notes/migrations/0002_rows.py": ROWS,
    }  # fmt: skip
    root = projects.project(folder / "project", files, SETTINGS)
    (root / ".venv").symlink_to(shared_environment, target_is_directory=True)
    (root / ".gitignore").write_text(".venv\n", encoding="utf-8")
    projects.commit(root)
    words = ["adapt", str(root), "--no-rehearsal", "--set", "app.identifier=org.example.notes"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr

    def follow(backend):
        while next(backend.events())["event"] != "ready":
            pass

    settings = desktop_toml.read(root / desktop_toml.PLACE)
    serve(root, settings, folder / "data", follow)
    backup = folder / "theirs.zip"
    portable.pack(root, settings, folder / "data", backup, lambda _: None)
    return root, backup


@pytest.fixture
def tried(release, tmp_path, monkeypatch):
    """Runs the command on a release with this statement in a further migration."""
    root, backup = release
    monkeypatch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(tmp_path / "development"))
    further = root / "notes" / "migrations" / "0003_next.py"

    def run(statement: str = "", *options: object, data: Path = backup):
        if statement:
            further.write_text(NEXT % statement, encoding="utf-8")
        before = digest(backup)
        words = ["rehearse", root, "--data", data, *options]
        done = CliRunner().invoke(app, [*map(str, words)])
        assert digest(backup) == before
        assert not (tmp_path / "development").exists()
        return done

    yield run
    further.unlink(missing_ok=True)


def digest(file: Path) -> tuple[str, int]:
    return sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns


def test_a_release_is_migrated_and_visited_as_somebody_the_data_have(tried):
    done = tried("DELETE FROM notes_note WHERE id = 3", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["good"], said["migrations"]) == (0, True, 1)
    assert (said["backup"]["rows"], said["backup"]["set_aside"]) == (4, "")
    assert said["fewer_rows"] == [{"table": "db.notes_note", "before": 3, "after": 2}]
    assert said["signed_in"]
    assert {each["path"]: each["place"] for each in said["pages"]} == {"/": "/", "/own/": "/own/"}


@pytest.mark.long
def test_a_page_that_fails_on_their_data_is_named(tried):
    done = tried("UPDATE notes_note SET text = 'other'")
    assert done.exit_code == 1
    assert "500 /own/ DoesNotExist" in done.stderr
    assert "site1/urls.py:10" in done.stderr
    assert "1 of them fail" in done.stderr


def test_a_migration_that_fails_on_their_data_is_reported(tried):
    done = tried("CREATE UNIQUE INDEX once ON notes_note (text)", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["good"], said["pages"]) == (1, False, [])
    raised = said["failure"]["raised"]
    assert raised["migration"] == "notes.0003_next"
    assert (raised["file"], raised["line"]) == ("notes/migrations/0003_next.py", 5)
    assert "Migration: notes.0003_next (notes/migrations/0003_next.py)" in said["report"]
    assert "UNIQUE constraint failed: notes_note.text" in said["report"]


@pytest.mark.parametrize("kind", ["absent", pytest.param("damaged", marks=pytest.mark.long)])
def test_what_is_no_backup_of_this_app_is_one_error(tried, tmp_path, kind):
    file = tmp_path / "no.zip"
    if kind == "damaged":
        file.write_bytes(b"PK\x03\x04 and nothing")
    done = tried("", "--json", data=file)
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["code"]) == (3, "DDK-DAT-01")
    assert error["message"].startswith("DDK-RUN-22: no.zip is damaged")


def test_a_newer_backup_is_one_error(tried, release):
    root, _ = release
    rows = root / "notes" / "migrations" / "0002_rows.py"
    text = rows.read_text(encoding="utf-8")
    rows.unlink()
    try:
        done = tried("", "--json")
    finally:
        rows.write_text(text, encoding="utf-8")
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["code"]) == (3, "DDK-DAT-01")
    assert error["message"].startswith("DDK-RUN-13")
