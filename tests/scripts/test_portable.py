"""backup, restore and export: the development data in one file, or as files for others."""

import json
import sqlite3
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skill_scripts import desktop_toml
from skill_scripts.cli import app
from skill_scripts.run import serve

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[2] / "reference_app"


@pytest.fixture
def app_data(tmp_path, monkeypatch):
    """Development data of the reference app, with an upload, after a first start."""
    folder = tmp_path / "data"
    monkeypatch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(folder))

    def follow(backend):
        while next(backend.events())["event"] != "ready":
            pass

    serve(REFERENCE, desktop_toml.read(REFERENCE / desktop_toml.PLACE), folder, follow)
    (folder / "media" / "one.txt").write_text("an upload", encoding="utf-8")
    return folder


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def tables(file):
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_what_was_backed_up_comes_back(app_data, tmp_path):
    file = tmp_path / "kept.zip"
    made = run("backup", REFERENCE, file, "--json")
    assert made.exit_code == 0, made.output
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection, connection:
        connection.execute("CREATE TABLE later (text)")
    (app_data / "media" / "one.txt").unlink()

    shown = run("restore", REFERENCE, file, "--show")
    assert shown.exit_code == 0 and "1 files" in shown.stderr
    assert "later" in tables(app_data / "db.sqlite3")
    done = json.loads(run("restore", REFERENCE, file, "--json").stdout)

    assert done["made"] == json.loads(made.stdout)["made"] and done["files"] >= 1
    assert "later" not in tables(app_data / "db.sqlite3")
    assert (app_data / "media" / "one.txt").read_text(encoding="utf-8") == "an upload"
    assert "later" in tables(app_data / done["set_aside"] / "db.sqlite3")


def test_they_are_exported_for_other_programs(app_data, tmp_path):
    done = run("export", REFERENCE, tmp_path / "readable", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["file"] == str(tmp_path / "readable")
    rows = json.loads((tmp_path / "readable" / "rows" / "items.Item.json").read_text())
    assert rows[0]["model"] == "items.item"
    again = run("export", REFERENCE, tmp_path / "readable")
    assert again.exit_code == 3 and "DDK-DAT-01" in again.stderr and "already" in again.stderr


def test_what_the_runtime_refuses_is_one_error(app_data, tmp_path):
    file = tmp_path / "other.zip"
    with zipfile.ZipFile(file, "w") as archive:
        said = {"format": 1, "identifier": "org.example.other", "name": "Other"}
        archive.writestr("manifest.json", json.dumps(said))

    done = run("restore", REFERENCE, file, "--json")

    error = json.loads(done.stdout)["error"]
    assert done.exit_code == 3 and error["code"] == "DDK-DAT-01"
    assert error["message"] == "DDK-RUN-23: other.zip is a backup of another app, Other."
    assert error["remedy"] == "Choose a backup of this app."


def test_a_layer_that_does_not_know_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(tmp_path / "data"))
    launcher = tmp_path / "old" / "desktop-app" / "launch.py"
    launcher.parent.mkdir(parents=True)
    launcher.write_text("import sys; print('usage', file=sys.stderr); sys.exit(10)")
    launcher.with_name("desktop.toml").write_bytes((REFERENCE / desktop_toml.PLACE).read_bytes())
    monkeypatch.setenv("PYTHON", sys.executable)

    done = run("backup", tmp_path / "old", tmp_path / "kept.zip")

    assert done.exit_code == 3 and "code 10" in done.stderr
    assert "desktop-django update" in done.stderr
