"""Updates as `migrate` does them, and databases that are newer than the code."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from .backends import INITIAL, SETTINGS, Backend, make_project, manage

pytestmark = pytest.mark.slow

MORE = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("app", "0001_initial")]
    operations = [migrations.AddField("note", "more", models.CharField(max_length=9, default=""))]
"""
SQUASH = """
from django.db import migrations, models
class Migration(migrations.Migration):
    replaces = [("app", "0001_initial"), ("app", "0002_more")]
    dependencies = []
    operations = [migrations.CreateModel("Note", [
        ("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=100)),
        ("more", models.CharField(max_length=9, default=""))])]
"""
NO_REPLACES = SQUASH.replace('    replaces = [("app", "0001_initial"), ("app", "0002_more")]\n', "")
MODELS = """
from django.db import models
class Note(models.Model):
    text = models.CharField(max_length=100)
    more = models.CharField(max_length=9, default="")
"""
OLD, SQUASHED = (
    {"0001_initial": INITIAL, "0002_more": MORE},
    {"0001_squashed_0002_more": SQUASH},
)
EXTRA = {
    "extra/__init__.py": "",
    "extra/models.py": "from django.db import models\nclass Extra(models.Model): pass\n",
    "extra/migrations/__init__.py": "",
    "extra/migrations/0001_initial.py": INITIAL.replace('"Note"', '"Extra"').replace(
        ', ("text", models.CharField(max_length=100))', ""
    ),
}
WITH_EXTRA = SETTINGS.replace('"app"]', '"app", "extra"]')


@pytest.fixture
def data(tmp_path):
    return tmp_path / "app data"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", {"app/models.py": MODELS})


def ship(project, migrations, **files):
    """The next version of the project: these migrations of `app`, and other files."""
    shutil.rmtree(project / "app/migrations")
    (project / "app/migrations").mkdir()
    (project / "app/migrations/__init__.py").touch()
    for name, text in migrations.items():
        (project / f"app/migrations/{name}.py").write_text(text)
    for name, text in files.items():
        (project / name).write_text(text)


def start(project, data, path=""):
    with Backend(project, data) as backend:
        state = backend.ready().events[-1]["database"]
        if path:
            assert backend.get(path)[0] == 200
        assert backend.stop() == 0
    return state


def refused(project, data):
    before = (data / "db.sqlite3").read_bytes()
    with Backend(project, data) as backend:
        failure = backend.failed()
    assert (data / "db.sqlite3").read_bytes() == before
    return failure


def rows(file, query):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def recorded(file):
    return set(rows(file, "SELECT app, name FROM django_migrations"))


def migrated_by_django(project, data):
    """What `manage.py migrate` records on a copy of the database."""
    shutil.copy(data / "db.sqlite3", project)
    command = [sys.executable, "manage.py", "migrate", "--run-syncdb", "-v0"]
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=project, check=True, env=environment)
    found = recorded(project / "db.sqlite3")
    (project / "db.sqlite3").unlink()
    return found


def database(tmp_path, *names):
    file = tmp_path / "db.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE django_migrations (app, name)")
        connection.executemany("INSERT INTO django_migrations VALUES (?, ?)", names)
        connection.commit()
    return file


@pytest.mark.parametrize("retired", [[], ["other"], ["app.0004"], ["app.0003.x"]])
def test_a_migration_unknown_to_its_app_is_newer(tmp_path, retired):
    from desktop_runtime import versions

    file = database(tmp_path, ("app", "0001"), ("app", "0003"), ("gone", "0001"), ("bare", "0001"))
    known = versions.accept({"app": {"0001", "0002"}, "bare": set()}, retired)
    assert versions.newer(file, known) == ["app.0003"]


@pytest.mark.parametrize("retired", ["app", "app.0003"])
def test_what_is_retired_is_not_newer(tmp_path, retired):
    from desktop_runtime import versions

    file = database(tmp_path, ("app", "0001"), ("app", "0003"))
    assert versions.newer(file, versions.accept({"app": {"0001"}}, [retired])) == []


def test_without_a_table_or_a_file_nothing_is_newer(tmp_path):
    from desktop_runtime import versions

    file = tmp_path / "db.sqlite3"
    assert versions.newer(file, {"app": {"0001"}}) == []
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert versions.newer(file, {"app": {"0001"}}) == []


def test_what_is_shipped_is_read_without_importing_it(tmp_path):
    from desktop_runtime import versions

    for name, text in {
        "pack/__init__.py": "raise SystemExit",
        "pack/one/__init__.py": "raise SystemExit",
        "pack/one/migrations/__init__.py": "raise SystemExit",
        "pack/one/migrations/_helper.py": "",
        "pack/one/migrations/0001_squashed.py": 'class M:\n replaces = [("one", "0001_a")]\n1/0',
        "pack/two/migrations/0001_a.py": "class M:\n replaces = [each for each in ()]",
        "pack/three/migrations/0001_a.py": "class M:",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    labels = ("one", "two", "three", "gone")
    record = {
        "modules": {label: f"pack.{label}.migrations" for label in labels},
        "path": ["."],
        "replaced": {"one.0001_squashed": ["one.0000_b", "two.0001_c"], "one.0009_d": ["one.0008"]},
    }
    # What two replaces cannot be read: the start itself judges it later. Three replaces nothing.
    assert versions.names(versions.listed(record, tmp_path), record["replaced"]) == {
        "one": {"0001_squashed", "0001_a", "0000_b"},
        "three": {"0001_a"},
    }


def test_a_newer_database_is_refused_before_the_project_runs(project, data):
    ship(project, OLD)
    start(project, data)
    manage = (project / "manage.py").read_text()
    ship(project, {"0001_initial": INITIAL}, **{"manage.py": "raise SystemExit(3)\n" + manage})
    failure = refused(project, data)
    assert failure["exit"] == 13
    assert "app.0002_more" in failure["message"]


def test_an_update_over_a_squash_records_it_as_migrate_does(project, data):
    ship(project, OLD)
    assert start(project, data, "/?add=kept") == "created"
    ship(project, SQUASHED)
    expected = migrated_by_django(project, data)
    start(project, data)
    assert recorded(data / "db.sqlite3") == expected
    assert ("app", "0001_squashed_0002_more") in expected
    # Then `replaces` goes, as Django's documentation says.
    ship(project, {"0001_squashed_0002_more": NO_REPLACES})
    assert start(project, data) == "unchanged"
    assert start(project, data) == "unchanged"
    assert rows(data / "db.sqlite3", "SELECT text FROM app_note") == [("kept",)]
    # Back one version, then to the one that does not know the squash.
    ship(project, SQUASHED)
    start(project, data)
    ship(project, OLD)
    assert refused(project, data)["exit"] == 13


def test_a_squash_is_recorded_on_a_restored_database_too(project, data):
    ship(project, OLD)
    start(project, data)
    before = (data / "db.sqlite3").read_bytes()
    ship(project, SQUASHED)
    start(project, data)
    (data / "db.sqlite3").write_bytes(before)
    start(project, data)
    assert ("app", "0001_squashed_0002_more") in recorded(data / "db.sqlite3")


def test_an_update_without_an_app_keeps_its_rows(tmp_path, data):
    files = {**EXTRA, "settings.py": WITH_EXTRA}
    project = make_project(tmp_path / "project", files)
    start(project, data)
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("INSERT INTO extra_extra VALUES (7)")
        connection.commit()
    (project / "settings.py").write_text(SETTINGS)
    expected = migrated_by_django(project, data)
    assert start(project, data) == "unchanged"
    assert recorded(data / "db.sqlite3") == expected
    (project / "settings.py").write_text(WITH_EXTRA)
    assert start(project, data) == "unchanged"
    assert rows(data / "db.sqlite3", "SELECT id FROM extra_extra") == [(7,)]


def test_an_app_under_another_label_is_another_app(tmp_path, data):
    files = {
        **EXTRA,
        "settings.py": SETTINGS.replace('"app"]', '"app", "extra.apps.Config"]'),
        "extra/apps.py": 'from django.apps import AppConfig\nclass Config(AppConfig):\n'
        '    name, label = "extra", "extra"\n',
    }  # fmt: skip
    project = make_project(tmp_path / "project", files)
    start(project, data)
    apps = (project / "extra/apps.py").read_text()
    (project / "extra/apps.py").write_text(apps.replace('"extra"\n', '"renamed"\n'))
    expected = migrated_by_django(project, data)
    assert start(project, data) == "migrated"
    assert recorded(data / "db.sqlite3") == expected
    assert rows(data / "db.sqlite3", "SELECT * FROM renamed_extra, extra_extra") == []
    (project / "extra/apps.py").write_text(apps)
    assert start(project, data) == "unchanged"


def test_an_initial_migration_that_was_made_again_needs_the_old_names_retired(project, data):
    ship(project, OLD)
    start(project, data, "/?add=kept")
    remade = {"0001_initial": NO_REPLACES}
    ship(project, remade)
    assert refused(project, data)["exit"] == 13
    toml = (project / "desktop-app/desktop.toml").read_text()
    retired = toml + '[data]\nretired_migrations = ["app.0002_more"]\n'
    ship(project, remade, **{"desktop-app/desktop.toml": retired})
    expected = migrated_by_django(project, data)
    assert start(project, data) == "unchanged"
    assert recorded(data / "db.sqlite3") == expected
    ship(project, OLD, **{"desktop-app/desktop.toml": toml})
    assert start(project, data) == "unchanged"
    assert rows(data / "db.sqlite3", "SELECT text FROM app_note") == [("kept",)]


def test_an_update_with_nothing_to_apply_makes_what_migrate_makes(project, data):
    """Tables of an app without migrations, and what hangs on post_migrate."""
    start(project, data)
    shutil.copytree(project / "app", project / "plain", ignore=lambda *_: ["migrations"])
    apps = SETTINGS.replace('"app"]', '"app", "plain"]')
    (project / "settings.py").write_text(apps)
    assert start(project, data) == "unchanged"
    query = "SELECT count(*) FROM auth_permission WHERE codename = 'add_note'"
    assert rows(data / "db.sqlite3", query) == [(2,)]
    assert rows(data / "db.sqlite3", "SELECT * FROM plain_note") == []


def test_commands_on_an_app_whose_migrations_are_absent(project, data):
    """As at a start, its tables are made as the models are; only makemigrations sees an app that
    lacks them."""
    depends = EXTRA["extra/migrations/0001_initial.py"].replace(
        "dependencies = []", 'dependencies = [("app", "__first__")]'
    )
    (project / "extra/migrations").mkdir(parents=True)
    files = {**EXTRA, "settings.py": WITH_EXTRA, "extra/migrations/0001_initial.py": depends}
    ship(project, {}, **files)
    start(project, data)

    done = manage(project, data, "migrate")
    assert done.returncode == 0, done.stderr
    made = manage(project, data, "makemigrations", "app", "--dry-run")
    assert "Create model Note" in made.stdout, made.stderr
