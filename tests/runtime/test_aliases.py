"""Every database alias has a file of its own, and an installation keeps the files it has."""

import json

import pytest

from .backends import SETTINGS, Backend, make_project

pytestmark = pytest.mark.slow

ALIASES = ["default", "db", "DB", "a-b", "a_b", "A b", "words"]


@pytest.fixture
def names(tmp_path):
    from desktop_runtime.aliases import file_names

    return lambda *aliases: file_names(aliases or ALIASES, tmp_path)


def test_no_two_aliases_share_a_file(names):
    found = names()
    assert len({name.lower() for name in found.values()}) == len(ALIASES)
    assert found["default"] == "db.sqlite3"
    assert found["words"] == "words.sqlite3"
    assert found["a-b"] == "a_b.sqlite3"


def test_a_new_alias_does_not_take_the_file_of_another(names, tmp_path):
    (tmp_path / "versions.json").write_text(json.dumps({"databases": {"a_b": "a_b.sqlite3"}}))
    found = names("default", "a-b", "a_b")
    assert found["a_b"] == "a_b.sqlite3"
    assert found["a-b"] not in ("a_b.sqlite3", "db.sqlite3")


def test_an_interrupted_first_run_is_not_taken_for_an_old_installation(names, tmp_path):
    expected = names()
    (tmp_path / "db.sqlite3").write_bytes(b"half")
    (tmp_path / "first-run.json").write_text("{}")
    assert names() == expected


def test_installations_of_version_1_0_keep_what_they_share(names, tmp_path):
    (tmp_path / "db.sqlite3").write_bytes(b"there")
    found = names()
    assert found["db"] == "db.sqlite3"
    assert found["a-b"] == found["a_b"] == "a_b.sqlite3"


def test_the_names_are_kept_over_starts(tmp_path):
    more = (
        "\nfor alias in ('a-b', 'a_b', 'db'):\n"
        "    DATABASES[alias] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}\n"
        "DATABASE_ROUTERS = ['app.routers.Router']\n"
    )
    router = "class Router:\n    def allow_migrate(self, db, *a, **h): return True\n"
    files = {"settings.py": SETTINGS + more, "app/routers.py": router}
    project, data = make_project(tmp_path / "project", files), tmp_path / "app data"
    for state in ("created", "unchanged"):
        with Backend(project, data) as backend:
            assert backend.ready().events[-1]["database"] == state
            backend.stop()
        assert len(list(data.glob("*.sqlite3"))) == 4
