"""Environments that lie elsewhere: found, used, never written into, and in no commit."""

import base64
import hashlib
import os
import subprocess
import tomllib

import pytest

from skill_scripts.dependencies.declarations import read_declarations
from skill_scripts.dependencies.environment import (
    find_environment,
    has_unusable_environment,
    python_in,
)
from skill_scripts.dependencies.outside import find_outside
from skill_scripts.project.files import find_project

from .. import projects

NEEDS_DJANGO = {"requirements.txt": "django\n"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project without an environment, of somebody whose home folder is empty."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in os.environ:
        if name.startswith(("XDG_", "POETRY_", "CONDA")) or name in ("WORKON_HOME", "VIRTUAL_ENV"):
            monkeypatch.delenv(name)
    return projects.project(tmp_path / "pony club", NEEDS_DJANGO)


def of_poetry(root, home, monkeypatch):
    digest = hashlib.sha256(os.path.normcase(os.path.realpath(root)).encode()).digest()
    mark = base64.urlsafe_b64encode(digest).decode()[:8]
    monkeypatch.setenv("POETRY_CACHE_DIR", str(home / "poetry"))
    return home / "poetry" / "virtualenvs" / f"pony-club-{mark}-py3.11"


def of_pipenv(root, home, _):
    return home / ".local" / "share" / "virtualenvs" / "pony_club-Ab12"


def of_virtualenvwrapper(root, home, monkeypatch):
    monkeypatch.setenv("WORKON_HOME", str(home / "envs"))
    return home / "envs" / root.name


def of_conda(root, home, _):
    place = home / "conda" / "envs" / "ponies"
    projects.write(root, {"environment.yml": "name: ponies\n"})
    projects.write(home, {".conda/environments.txt": f"{home / 'conda'}\n{place}\n"})
    return place


def of_direnv(root, home, _):
    return root / ".direnv" / "python-3.11"


def of_another_name(root, home, _):
    return root / "ponyenv"


def active(root, home, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(home / "active"))
    return home / "active"


def active_in_conda(root, home, monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", str(home / "active"))
    return home / "active"


PLACES = (of_poetry, of_pipenv, of_virtualenvwrapper, of_conda, of_direnv, of_another_name,
          active, active_in_conda)  # fmt: skip


def look(root):
    """What is found for the project, by its interpreter."""
    found = find_outside(find_project(root), read_declarations(root, root), ())
    return found.python if found else None


@pytest.mark.parametrize("place", PLACES)
def test_it_is_found_where_a_tool_keeps_it(root, tmp_path, monkeypatch, place):
    environment = place(root, tmp_path / "home", monkeypatch)
    assert look(root) is None
    projects.environment(environment)
    if place is of_pipenv:
        projects.write(environment, {".project": str(root)})

    assert look(root) == python_in(environment)


@pytest.mark.parametrize("place", [of_virtualenvwrapper, of_conda, active, active_in_conda])
def test_one_that_lacks_what_the_project_declares_is_another_projects(
    root, tmp_path, monkeypatch, place
):
    projects.environment(place(root, tmp_path / "home", monkeypatch))
    assert look(root)

    projects.write(root, {"requirements.txt": "django\nsqlparse-absent\n"})

    assert look(root) is None


def test_one_that_is_committed_belongs_to_another_machine(root, kit_json):
    projects.environment(root / "venv")
    projects.environment(root / "ponyenv")
    for name in ("venv", "ponyenv"):
        (root / name / ".gitignore").unlink()
    projects.write(root, {"venv/lib/evil/manage.py": projects.MANAGE, ".gitignore": "old/\n"})
    projects.commit(root)

    project = find_project(root)

    assert project.manage == "manage.py" and not any("venv" in each for each in project.files)
    assert find_environment(project) is None and look(root) is None
    assert has_unusable_environment(project), "a shell would take it"


def test_the_survey_uses_it_and_writes_nothing_into_it(root, tmp_path, monkeypatch, kit_json):
    environment = projects.environment(of_poetry(root, tmp_path / "home", monkeypatch))
    before = projects.contents(environment)

    document = kit_json("survey", root)

    assert document["python"]["interpreter"] == str(python_in(environment))
    assert document["python"]["environment"] == "elsewhere"
    assert document["manifest"]["python"]["interpreter"] == ""
    assert document["facts"]["error"] is None
    assert projects.contents(environment) == before


@pytest.mark.slow
@pytest.mark.network
def test_a_path_that_is_named_is_used_and_in_no_commit(root, tmp_path, kit, kit_json):
    environment = projects.environment(tmp_path / "elsewhere")
    python = python_in(environment)
    projects.write(root, {"requirements.txt": "sqlparse-absent\n"})
    projects.commit(root)
    before = projects.contents(environment)

    kit("adapt", root, "--set", f"python.interpreter={python}")

    folder = root / "desktop-app"
    text = (folder / "desktop.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["python"]["interpreter"] == ""
    assert (folder / ".interpreter").read_text(encoding="utf-8").strip() == str(python)
    assert not (folder / ".venv").exists()
    projects.commit(root)
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        assert str(tmp_path) not in (root / name).read_text(encoding="utf-8", errors="replace")
    assert projects.contents(environment) == before
    assert kit("adapt", root).stderr == "nothing to do: the project is adapted\n"

    other = python_in(projects.environment(tmp_path / "other"))
    again = kit_json("adapt", root, "--set", f"python.interpreter={other}")
    assert (folder / ".interpreter").read_text(encoding="utf-8").strip() == str(other)
    assert "error" not in again and projects.status(root) == []
    kit("remove", root)
    assert not folder.exists()
