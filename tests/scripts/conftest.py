"""A project that can be surveyed, and the command as a user types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from skill_scripts.cli import app
from skill_scripts.dependencies import environment as environments

from . import projects


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No environment of another test is used again."""
    monkeypatch.setattr(environments, "CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_environment(tmp_path_factory):
    return projects.environment(tmp_path_factory.mktemp("environment") / ".venv")


@pytest.fixture
def make_project(tmp_path, shared_environment):
    """Builds a project with an environment of its own, so that nothing is installed for it."""

    def make(files=None, *, settings="", name="my project é") -> Path:
        root = projects.project(tmp_path / name, files, settings)
        (root / ".venv").symlink_to(shared_environment, target_is_directory=True)
        (root / ".gitignore").write_text(".venv\n", encoding="utf-8")
        return root

    return make


@pytest.fixture
def kit():
    """Runs desktop-django with arguments; the tests of the rehearsal have one that rehearses."""

    def run(*arguments: object) -> Result:
        further = ["--no-rehearsal"] if arguments[0] == "adapt" else []
        return CliRunner().invoke(app, [*map(str, arguments), *further])

    return run


@pytest.fixture
def kit_json(kit):
    """Runs desktop-django with --json and gives the document."""

    def run(*arguments: object) -> dict:
        return json.loads(kit(*arguments, "--json").stdout)

    return run
