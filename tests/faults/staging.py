"""A real bundle of the campaign's project, staged with an interpreter of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from skill_scripts.dependencies import bundled_python
from skill_scripts.stage import stage
from tests.scripts import local_python

from . import project
from .launching import Place


def make(folder: Path, payload: Path) -> Place:
    """Stage the first version; raises what staging raises."""
    build = local_python.make(folder / "mirror")
    root = project.make(folder / "project", payload)
    manifest = root / "desktop-app" / "desktop.toml"
    manifest.write_text(manifest.read_text() + f'\n[python]\nversion = "{build.minor}"\n')
    (root / "requirements.txt").write_text("django\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", "-C", str(root), *author, *command], check=True)
    bundled_python.INTERPRETERS = folder / "interpreters"
    stage(root, downloads=build.downloads, mirror=build.mirror, allow_old_sqlite=True)
    bundle = root / "desktop-app" / "staged"
    python = str(bundle / "python" / "bin" / "python3")
    return Place(bundle, bundle / "app", "packaged", python)
