"""What the tests of the commands share: projects, the command as a user types it, and one stage."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from skill_scripts.cli import app
from skill_scripts.dependencies import bundled_python
from skill_scripts.dependencies import environment as environments
from skill_scripts.offline import kept

from . import local_python, projects
from .staging import Project
from .staging import make_project as make_reference


def pytest_collection_modifyitems(config, items):
    """What needs a staged bundle is slow; elsewhere packages.yml stages with the real download."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        if "staged_project" in item.fixturenames:
            item.add_marker(pytest.mark.slow)
        if sys.platform != "linux" and "local_build" in item.fixturenames:
            item.add_marker(pytest.mark.skip(reason="makes its Python from Linux's own"))


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
        further = ["--no-rehearsal"] if arguments[0] in ("survey", "adapt") else []
        return CliRunner().invoke(app, [*map(str, arguments), *further])

    return run


@pytest.fixture
def kit_json(kit):
    """Runs desktop-django with --json and gives the document."""

    def run(*arguments: object) -> dict:
        return json.loads(kit(*arguments, "--json").stdout)

    return run


@pytest.fixture(scope="session")
def local_build(tmp_path_factory: pytest.TempPathFactory) -> local_python.LocalBuild:
    try:
        return local_python.make(tmp_path_factory.mktemp("mirror"))
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def own_interpreter_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundled_python, "INTERPRETERS", tmp_path_factory.mktemp("interpreters"))
        yield


@pytest.fixture(scope="session")
def staged_project(tmp_path_factory: pytest.TempPathFactory, local_build) -> Project:
    """Staged once for all workers, with a file of another host; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared reference"
    done = folder / "done"
    with FileLock(f"{folder}.lock"):
        if done.exists():
            return Project(folder / "reference", local_build)
        project = _stage_reference(folder / "reference", local_build)
        done.touch()
        return project


def _stage_reference(folder: Path, build: local_python.LocalBuild) -> Project:
    shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
    project = make_reference(folder, build)
    notice = kept.notice_name("npm:@scope/lib@1.2.0/a.css", b"Do what you like.")
    entry = kept.Entry(
        "https://cdn.example/a.css", "a.css", sha256(b"a{}").hexdigest(), "text/css",
        "npm:@scope/lib@1.2.0/a.css", "1.2.0", "WTFPL", notice,
    )  # fmt: skip
    kept.write(project.root, kept.Kept((entry,)), {"a.css": b"a{}", notice: b"Do what you like."})
    project.git("add", "-A")
    project.git("commit", "-qm", "keep a file of another host")
    project.stage()
    return project


@pytest.fixture
def project(tmp_path: Path, local_build) -> Project:
    """A copy to change, not staged."""
    return make_reference(tmp_path / "reference", local_build)
