"""One adapted project and its full database for all tests of the import, which change neither."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from uv import find_uv_bin

from skill_scripts.cli import app
from skill_scripts.importing import data
from tests.scripts import projects

from . import library

# A book and its half in the parent's table, again and again, in one transaction each.
WRITE = """
import sys
import django
django.setup()
from django.db import transaction
from library.models import Book
print("writing", flush=True)
while True:
    Book.objects.create(title="meanwhile")
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory, shared_environment) -> Path:
    """The adapted project, with the data of its server beside its code."""
    root = library.make(tmp_path_factory.mktemp("server") / "library", shared_environment)
    projects.commit(root)
    identifier = ["--set", "app.identifier=org.example.library"]
    done = CliRunner().invoke(app, ["adapt", str(root), "--no-rehearsal", *identifier])
    assert done.exit_code == 0, done.stderr
    library.fill(root)
    return root


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """The project, adapted, with an environment that has the drivers of both servers."""
    environment = projects.environment(tmp_path_factory.mktemp("environment") / ".venv")
    install = [find_uv_bin(), "pip", "install", "--quiet", "--python", environment]
    subprocess.run([*install, "psycopg[binary]", "PyMySQL"], check=True)
    root = library.make(tmp_path_factory.mktemp("live") / "library", environment)
    projects.write(root, {"write.py": WRITE})
    # The project's own way to use PyMySQL, which the import must do without.
    own = "pymysql.version_info = (2, 2, 1, 'final', 0); pymysql.install_as_MySQLdb()"
    with (root / "site1" / "settings.py").open("a", encoding="utf-8") as file:
        file.write(f'if os.environ.get("LIBRARY_DATABASE"):\n    import pymysql; {own}\n')
    projects.commit(root)
    done = CliRunner().invoke(app, ["adapt", str(root), "--no-rehearsal"])
    assert done.exit_code == 0, done.stderr
    return root


@pytest.fixture
def database(server, tmp_path) -> Path:
    """A copy of its database to change; the uploads are found in the project."""
    return Path(shutil.copyfile(server / "db.sqlite3", tmp_path / "copy.sqlite3"))


@pytest.fixture
def app_data(tmp_path, monkeypatch) -> Path:
    """Where development data go."""
    folder = tmp_path / "data" / "app"
    monkeypatch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def bring(app_data, monkeypatch):
    """Runs `desktop-django import`, without the visit to the app's pages."""
    monkeypatch.setattr(data, "visit", lambda *_: ())
    return _run


@pytest.fixture
def visited(app_data):
    """The document of an import with all that belongs to it."""
    return lambda *arguments: json.loads(_run(*arguments).stdout)


def _run(root: Path, source: object, *options: object) -> Result:
    arguments = ["import", root, "--from", source, "--json", *options]
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def brought(bring):
    """The document of an import that works."""

    def run(*arguments: object) -> dict:
        done = bring(*arguments)
        assert done.exit_code == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def refused(bring, app_data):
    """The error of an import that is refused; nothing of it may be left."""

    def run(*arguments: object) -> dict:
        app_data.mkdir(parents=True, exist_ok=True)
        (app_data / "db.sqlite3").write_text("what was there", encoding="utf-8")
        before = projects.contents(app_data.parent)
        done = bring(*arguments)
        assert done.exit_code == 3, done.stdout + done.stderr
        assert projects.contents(app_data.parent) == before
        return json.loads(done.stdout)["error"]

    return run
