"""Try the wheel as somebody would who has nothing else: survey, adapt and check a project with it.

usage: wheel.py FOLDER-WITH-THE-WHEEL. `uvx` makes an empty environment for it; the project is the
reference app as it was before it was adapted. Exit code 0 if each command does what it should.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# One project can need decisions, of which adapt takes the defaults.
ACCEPTED = {"version": (0,), "survey": (0, 1), "adapt": (0,), "check": (0,)}


def main(folder: Path) -> int:
    """Run every command; the result is the exit code."""
    wheels = sorted(folder.resolve().glob("*.whl"))
    if len(wheels) != 1:
        print(f"{folder} holds {len(wheels)} wheels, not one", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="desktop-django-wheel-") as scratch:
        project = Path(scratch, "stable")
        make_project(project)
        for command, accepted in ACCEPTED.items():
            words = [command, *([str(project)] if command != "version" else [])]
            print(f"$ desktop-django {' '.join(words)}", flush=True)
            code = run(wheels[0], words, Path(scratch))
            if code not in accepted:
                print(f"{command} ended with exit code {code}", file=sys.stderr)
                return 1
    return 0


def run(wheel: Path, words: list[str], folder: Path) -> int:
    """The exit code of the wheel's command, started where no checkout of the kit is."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    command = [uv, "tool", "run", "--quiet", "--from", str(wheel), "desktop-django", *words]
    kept = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=folder, env=kept, stdin=subprocess.DEVNULL).returncode


def make_project(folder: Path) -> None:
    """The reference app without its desktop layer, in a repository of its own."""
    ignore = shutil.ignore_patterns("desktop-app", "__pycache__", "*.sqlite3", ".pytest_cache")
    shutil.copytree(ROOT / "reference_app", folder, ignore=ignore)
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *words], check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
