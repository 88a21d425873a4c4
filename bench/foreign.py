"""Obtains, adapts and stages the public projects that the bench measures beside the reference app.

    python -m bench.foreign FOLDER

The Wagtail site and pretalx, as tests/foreign has them; what lies in FOLDER already stays. Takes
minutes and a package registry. Prints the options with which `python -m bench` measures them.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from skill_scripts.stage import STAGED, stage
from tests.foreign.projects import PROJECTS, Project
from tests.foreign.table import Journey
from tests.scripts import local_python

NAMES = ("wagtail-start", "pretalx")


def prepare(project: Project, folder: Path) -> Path:
    """The folder of the project, adapted and staged."""
    with tempfile.TemporaryDirectory() as scratch:
        build = local_python.make(Path(scratch))
        decisions = (*project.decisions, f"python.version={build.minor}")
        journey = Journey(replace(project, decisions=decisions), folder, is_brief=True)
        if not (journey.target / "desktop-app").is_dir():
            journey.obtain()
            journey.adapt()
        if not (journey.target / "desktop-app" / STAGED).is_dir():
            stage(journey.target, downloads=build.downloads, mirror=build.mirror,
                  allow_old_sqlite=True)  # fmt: skip
    return journey.target


def main() -> None:
    """Prepare each and say how to measure it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    for project in PROJECTS:
        if project.name in NAMES:
            target = prepare(project, folder / project.name)
            print(f"--project {project.name}={target}", flush=True)


if __name__ == "__main__":
    main()
