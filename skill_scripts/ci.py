"""The workflow that `adapt --ci` adds: it has the project checked by the kit's own workflow."""

import re
from dataclasses import dataclass
from pathlib import Path

from skill_scripts import git
from skill_scripts.errors import KitError
from skill_scripts.payload import sha256

WORKFLOW = Path(".github/workflows/desktop-django.yml")
KIT = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+")
TEMPLATE = """\
# Added by desktop-django. Checks the desktop app on Linux, macOS and Windows.
name: desktop

on:
  push:
  pull_request:

permissions: {{}}

jobs:
  check:
    permissions:
      contents: read
    uses: {kit}/.github/workflows/check.yml@{ref}
    with:
      path: {path}
"""


@dataclass(frozen=True)
class Workflow:
    """What is to be written, and where."""

    file: Path
    text: str

    def write(self) -> str:
        """Write it; the SHA-256 of the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.text, encoding="utf-8", newline="\n")
        return sha256(self.file)


def place(root: Path) -> Path | None:
    """Where the workflow belongs for the project in `root`; None if git does not manage it."""
    top = git.top(root)
    return top / WORKFLOW if top else None


def plan(root: Path, kit: str, written: str = "") -> Workflow | None:
    """The workflow for the project in `root`, None if it is there as it should be.

    `kit` is OWNER/NAME@COMMIT, `written` the SHA-256 of what an earlier adapt wrote. Raises
    KitError DDK-ADP-12 if it has nowhere to go, and DDK-ADP-13 if a person's file is there.
    """
    if not KIT.fullmatch(kit):
        raise KitError("DDK-ADP-12", f"{kit!r} does not say where the kit is", root=str(root))
    file = place(root)
    if file is None:
        raise KitError("DDK-ADP-12", f"{root} is in no git repository", root=str(root))
    repository, _, ref = kit.partition("@")
    path = root.resolve().relative_to(file.parents[2]).as_posix()
    text = TEMPLATE.format(kit=repository, ref=ref, path=path)
    if file.is_file() and sha256(file) != written:
        if file.read_text(encoding="utf-8", errors="replace") == text:
            return None
        raise KitError("DDK-ADP-13", f"{file} is in the way", file=str(file))
    return Workflow(file, text)
