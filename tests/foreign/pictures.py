"""Pages of projects whose styles come from other hosts, without a network: before and after.

    python -m tests.foreign.pictures FOLDER [--only NAME,…]

Adapts each project and pictures its pages twice with `desktop-django look`: with
`desktop-app/offline` set aside, as every shell would show them then, and with it. FOLDER/index.html
shows the pairs. The pictures show other people's work and are not kept here.
"""

from __future__ import annotations

import argparse
import html
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .projects import PROJECTS, Project, clean_environment, materialise
from .table import ROOT, run_whole, with_interpreters

DEFAULT = "bootstrap5-example,wooey,unicorn-example"
PAGE = """<!doctype html><meta charset=utf-8><title>Without a network</title>
<style>body {{ font: 1rem sans-serif }} figure {{ display: inline-block; width: 48%; margin: 0.5% }}
img {{ width: 100%; border: 1px solid #999 }}</style>
<h1>Without a network: before and after</h1>{pairs}"""
PAIR = "<h2>{name} {page}</h2>{figures}"
FIGURE = "<figure><img src='{file}' alt=''><figcaption>{how}: {lacks}</figcaption></figure>"


@dataclass(frozen=True)
class Picture:
    """A page as `look` saw it."""

    page: str
    file: str  # in the folder of the pictures
    lacks: int  # requests refused or failed, errors in the console


def show(project: Project, work: Path, folder: Path) -> str:
    """Adapt the project in `work`; its pairs as HTML, the pictures in `folder`."""
    target = work / project.target
    materialise(project, work)
    manage = ["--manage", project.manage] if project.manage else []
    decided = [part for pair in project.decisions for part in ("--set", pair)]
    kit("adapt", target, *manage, *decided)
    offline, aside = target / "desktop-app" / "offline", work / "aside"
    offline.rename(aside)
    before = pictures(target, folder, f"{project.name}-before")
    aside.rename(offline)
    after = pictures(target, folder, f"{project.name}-after")
    return "".join(pair(project.name, *both) for both in zip(before, after, strict=False))


def pictures(target: Path, folder: Path, name: str) -> list[Picture]:
    """The first page and those it links to."""
    seen = kit("look", target)
    found = []
    for number, each in enumerate(filter(lambda each: each["file"], seen["pictures"])):
        file = f"{name}-{number}.png"
        shutil.copyfile(Path(seen["folder"], each["file"]), folder / file)
        found.append(Picture(each["page"], file, len(each["lacks"])))
    return found


def pair(name: str, before: Picture, after: Picture) -> str:
    """A page twice, with how much it lacked."""
    figures = "".join(
        FIGURE.format(file=each.file, how=how, lacks=f"{each.lacks} lacking")
        for how, each in (("without offline/", before), ("with it", after))
    )
    return PAIR.format(name=name, page=html.escape(before.page), figures=figures)


def kit(command: str, target: Path, *options: str) -> dict[str, Any]:
    """What a command of the kit answers with --json."""
    code, answer = run_whole(
        command,
        [sys.executable, "-m", "skill_scripts", command, target, *options, "--json"],
        cwd=ROOT,
        env=with_interpreters(clean_environment()),
    )
    if code not in (0, 1):
        raise SystemExit(f"{command} ended with {code}: {answer[-500:]}")
    return json.loads(answer)


def main() -> None:
    """Make the pictures and the page that shows them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="made anew")
    parser.add_argument("--only", metavar="NAMES", default=DEFAULT, help=f"default: {DEFAULT}")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True)
    pairs = []
    for project in PROJECTS:
        if project.name in options.only.split(","):
            with tempfile.TemporaryDirectory() as work:
                pairs.append(show(project, Path(work, project.name), folder))
    (folder / "index.html").write_text(PAGE.format(pairs="".join(pairs)), encoding="utf-8")
    print(folder / "index.html")


if __name__ == "__main__":
    main()
