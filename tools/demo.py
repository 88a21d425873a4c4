"""The main job on a project nobody here wrote: survey, adapt, check, remove."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import programs
from tools.places import ROOT, WINDOWS
from tools.programs import git, say

KEPT = ROOT / "dist" / "demo"  # until kit.py clean
PICTURE, REPORT = KEPT / "first-page.png", KEPT / "report.html"


def demo(_arguments: list[str]) -> int:
    """Adapt a site made by Wagtail's own generator, check it, and undo it all again."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in (PICTURE, REPORT):
        old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="desktop-django-demo-") as folder:
        site = Path(folder) / "bakery"
        wagtail_site(site)
        check = ["check", str(site), "--report-html", str(REPORT)]
        steps = (
            ("What is in this project?", ["survey", str(site)]),
            ("Add the desktop app", ["adapt", str(site)]),
            ("Does it keep what SPEC.md promises?", check),
            ("Undo", ["remove", str(site)]),
        )
        results = []
        for title, command in steps:
            if command[0] == "remove":
                keep_picture(site)
            print(f"\n== {title}\n$ desktop-django {' '.join(command)}", flush=True)
            begun = time.monotonic()
            code = programs.run(["desktop-django", *command])
            if command[0] == "survey" and code == 1:
                code = 0  # there is something to decide, and adapt takes the default
            results.append((command[0], code, time.monotonic() - begun))
        left = git(site, "status", "--porcelain")
    print("\n== summary: a Wagtail site nobody here wrote, no file of it edited")
    for name, code, seconds in results:
        print(f"  {name:8} {'done' if code == 0 else f'exit code {code}':14} {seconds:6.1f} s")
    print(f"  git status after remove: {left or 'clean'}")
    print(f"  the first page: {PICTURE if PICTURE.exists() else 'no picture, as it says above'}")
    print(f"  what was checked, with pictures: {REPORT}")
    return 1 if left or any(code for _, code, _ in results) else 0


def keep_picture(site: Path) -> None:
    """Bring the picture that adapt made to where it stays."""
    drawn = site / "desktop-app" / ".rehearsal" / PICTURE.name
    if drawn.exists():
        shutil.copyfile(drawn, PICTURE)


def wagtail_site(site: Path) -> None:
    """Generate a Wagtail site with its own environment, under git as any project would be."""
    say("generating a Wagtail site with Wagtail from the package index")
    site.mkdir()
    inside = site / ".venv" / ("Scripts" if WINDOWS else "bin")
    programs.check(["uv", "venv", "--quiet", "--python", sys.executable, str(site / ".venv")])
    python = str(inside / ("python.exe" if WINDOWS else "python"))
    programs.check(["uv", "pip", "install", "--quiet", "--python", python, "wagtail>=7,<9"])
    wagtail = str(inside / ("wagtail.exe" if WINDOWS else "wagtail"))
    programs.check([wagtail, "start", "bakery", str(site)], stdout=subprocess.DEVNULL)
    (site / ".gitignore").write_text(".venv/\n__pycache__/\n")
    git(site, "init", "--quiet")
    git(site, "add", ".")
    author = ("-c", "user.name=demo", "-c", "user.email=demo@localhost")
    git(site, *author, "commit", "--quiet", "--message", "wagtail start bakery")
