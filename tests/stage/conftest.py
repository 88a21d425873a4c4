"""One interpreter of this machine, one adapted project and one stage of it for all tests here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import local_python

from skill_scripts.dependencies import bundled_python
from skill_scripts.offline import kept
from skill_scripts.stage import Staged, stage

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference_app"


def pytest_collection_modifyitems(config, items):
    """Elsewhere packages.yml stages with the real download."""
    if sys.platform != "linux":
        for item in items:
            if Path(__file__).parent in item.path.parents and "local_build" in item.fixturenames:
                item.add_marker(pytest.mark.skip(reason="makes its Python from Linux's own"))


@dataclass(frozen=True)
class Project:
    """A copy of the reference app under git, staged with the interpreter of this machine."""

    root: Path
    build: local_python.LocalBuild

    def stage(self, **changes: object) -> Staged:
        options = {
            "downloads": self.build.downloads, "mirror": self.build.mirror,
            "allow_old_sqlite": True,
        }  # fmt: skip
        return stage(self.root, **(options | changes))

    @property
    def staged(self) -> Path:
        return self.root / "desktop-app" / "staged"

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        file = self.root / name
        file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")

    def git(self, *arguments: str) -> str:
        command = [
            "git",
            "-C",
            str(self.root),
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.org",
        ]
        return subprocess.run(
            [*command, *arguments], check=True, capture_output=True, text=True
        ).stdout


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


def make_project(folder: Path, build: local_python.LocalBuild) -> Project:
    """What git has of the reference app, with the Python version there is here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "."], cwd=REFERENCE, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if "/electron/" not in name and (REFERENCE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REFERENCE / name, folder / name)
    project = Project(folder, build)
    project.append("desktop-app/desktop.toml", f'\n[python]\nversion = "{build.minor}"\n')
    project.git("init", "-q")
    project.git("add", "-A")
    project.git("commit", "-qm", "start")
    return project


@pytest.fixture(scope="session")
def staged_project(tmp_path_factory: pytest.TempPathFactory, local_build) -> Project:
    """Staged once, with a file of another host; tests must not change it."""
    project = make_project(tmp_path_factory.mktemp("reference"), local_build)
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
    return make_project(tmp_path / "reference", local_build)
