"""The reference app, staged with the interpreter of this machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from skill_scripts.bundle import runtime_manifest
from skill_scripts.errors import KitError
from skill_scripts.stage import Staged, stage
from tests.scripts import local_python

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference_app"


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


def make_toga_project(folder: Path, build: local_python.LocalBuild) -> Project:
    """The same in the Toga shell."""
    project = make_project(folder, build)
    manifest = folder / "desktop-app" / "desktop.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("[app]\n", '[app]\nshell = "toga"\n'), encoding="utf-8")
    return project


def refused(project, **changes):
    """The error of a stage that must fail, having left nothing and touched nothing."""
    marker = project.staged / "runtime-manifest.json"
    if not marker.exists():
        project.staged.mkdir(exist_ok=True)
        marker.write_text("{}", encoding="utf-8")
    before = runtime_manifest.file_hashes(project.staged)
    with pytest.raises(KitError) as refusal:
        project.stage(**changes)
    assert runtime_manifest.file_hashes(project.staged) == before
    assert marker.exists()
    assert not list((project.root / "desktop-app").glob("staged.*"))
    text = str(refusal.value)
    assert "means: " in text
    assert "do: " in text
    return refusal.value


def decide(project, text):
    project.append("desktop-app/desktop.toml", f"\n{text}\n")
