"""Whether the data of a first launch are the same for everybody."""

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing

import pytest
from typer.testing import CliRunner

from skill_scripts.backend import contract
from skill_scripts.bundle import first_run
from skill_scripts.cli import app
from tests.scripts.staging import refused

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_known_password_and_random_rows_are_told(project):
    project.append(
        "config/settings/desktop.py",
        '\nINSTALLED_APPS += ["django.contrib.auth", "django.contrib.contenttypes"]\n',
    )
    project.write(
        "items/migrations/0002_accounts.py",
        """
import uuid
from django.contrib.auth.hashers import make_password
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("auth", "User").objects.create(username="admin", password=make_password("x"))
    apps.get_model("items", "Item").objects.create(title=str(uuid.uuid4()))


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(fill)]
""",
    )
    done = project.stage()
    found = {each.id: each for each in done.findings if each.severity == "decide"}
    assert "'admin'" in found["known-password"].what
    assert "items_item.title" in found["first-run"].what
    assert done.manifest["first_run"] == "first launch"
    assert not (project.staged / first_run.FOLDER).exists()


@pytest.mark.long
def test_text_that_depends_on_the_day_is_told(project):
    project.write(
        "items/migrations/0002_day.py",
        """
import datetime
from django.db import migrations


def fill(apps, schema_editor):
    title = f"Report {datetime.date.today().year}"
    apps.get_model("items", "Item").objects.create(title=title)


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = [migrations.RunPython(fill)]
""",
    )
    done = project.stage()
    assert done.manifest["first_run"] == "first launch"


FILL = """
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
from items.models import Item
Item.objects.create(title="Pegasus", notes="of everybody")
User.objects.create_superuser("admin", password="x")
User.objects.create_user("guest")
"""


@pytest.mark.long
def test_every_installation_begins_with_what_was_imported(project, tmp_path, monkeypatch):
    project.append(
        "config/settings/desktop.py",
        '\nINSTALLED_APPS += ["django.contrib.auth", "django.contrib.contenttypes"]\n',
    )
    project.git("commit", "-qam", "accounts")
    server = tmp_path / "server"
    launcher = project.root / "desktop-app" / "launch.py"
    subprocess.run(
        [sys.executable, launcher, "manage", "shell", "-c", FILL], check=True,
        env={**os.environ, **contract(server, project.root, "development")},
    )  # fmt: skip
    (server / "media" / "pegasus.txt").write_text("a picture", encoding="utf-8")
    monkeypatch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(tmp_path / "development"))
    monkeypatch.setenv("PYTHON", sys.executable)
    words = ["import", project.root, "--from", server / "db.sqlite3"]
    words += ["--media", server / "media", "--into", "stage", "--json"]
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["file"] == str(first_run.place(project.root))
    assert not (tmp_path / "development").exists()

    staged = project.stage()

    found = {each.id: each for each in staged.findings}
    assert "'admin'" in found["known-password"].what and "guest" not in found["known-password"].what
    assert found["known-password"].severity == "decide" and found["first-data"]
    assert staged.manifest["first_run"] == "prebuilt"
    with closing(sqlite3.connect(project.staged / first_run.FOLDER / "db.sqlite3")) as connection:
        titles = connection.execute("SELECT title FROM items_item").fetchall()
    assert titles == [("Pegasus",)]  # and not what first_run brings where there is nothing
    media = project.staged / first_run.FOLDER / "media"
    assert (media / "pegasus.txt").read_text(encoding="utf-8") == "a picture"
    assert not [*project.staged.rglob(first_run.DATA)]

    file = first_run.place(project.root)
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(files["manifest.json"]), "identifier": "org.example.other"}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**files, "manifest.json": json.dumps(manifest)}.items():
            archive.writestr(name, content)
    refusal = refused(project)
    assert refusal.code == "DDK-STG-16" and "a backup of another app" in str(refusal)
