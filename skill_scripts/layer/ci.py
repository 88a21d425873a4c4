"""The workflows that `adapt --ci` adds: they call the kit's own, for checks and for installers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skill_scripts.errors import KitError
from skill_scripts.layer.payload import sha256
from skill_scripts.project import git

FOLDER = Path(".github/workflows")
CHECK, PACKAGES = "desktop-django.yml", "desktop-django-packages.yml"
KIT = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+")
TEMPLATES = {
    CHECK: """\
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
""",
    PACKAGES: """\
# Added by desktop-django. Makes the installers for Linux, macOS and Windows, when started by hand.
name: desktop packages

on:
  workflow_dispatch:
    inputs:
      draft-release:
        description: Make a draft release of the installers
        type: boolean
        default: false

permissions: {{}}

concurrency:
  group: ${{{{ github.workflow }}}}-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  packages:
    permissions:
      contents: write # the draft release
      id-token: write # the identity behind the attestation
      attestations: write
    uses: {kit}/.github/workflows/packages.yml@{ref}
    with:
      path: {path}
      draft-release: ${{{{ inputs.draft-release }}}}
    # Where they are absent, nothing is signed, and a notice says so.
    secrets:
{secrets}
""",
}
SECRETS = (
    "CSC_LINK", "CSC_KEY_PASSWORD", "WIN_CSC_LINK", "WIN_CSC_KEY_PASSWORD", "APPLE_API_KEY",
    "APPLE_API_KEY_ID", "APPLE_API_ISSUER", "APPLE_ID", "APPLE_APP_SPECIFIC_PASSWORD",
    "APPLE_TEAM_ID",
)  # fmt: skip


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
    """Where workflows belong for the project in `root`; None if git does not manage it."""
    top = git.top(root)
    return top / FOLDER if top else None


def plan(root: Path, kit: str, written: Mapping[str, str] | None = None) -> list[Workflow]:
    """The workflows for the project in `root` that are not there as they should be.

    `kit` is OWNER/NAME@COMMIT, `written` the names and SHA-256 of what an earlier adapt wrote.
    Raises KitError DDK-ADP-12 if they have nowhere to go, DDK-ADP-13 if a person's file is there.
    """
    if not KIT.fullmatch(kit):
        raise KitError("DDK-ADP-12", f"{kit!r} does not say where the kit is", root=str(root))
    folder = place(root)
    if folder is None:
        raise KitError("DDK-ADP-12", f"{root} is not in a git repository", root=str(root))
    repository, _, ref = kit.partition("@")
    path = root.resolve().relative_to(folder.parents[1]).as_posix()
    secrets = "\n".join(f"      {name}: ${{{{ secrets.{name} }}}}" for name in SECRETS)
    found = []
    for name, template in TEMPLATES.items():
        file = folder / name
        text = template.format(kit=repository, ref=ref, path=path, secrets=secrets)
        if file.is_file() and file.read_text(encoding="utf-8", errors="replace") == text:
            continue
        if file.is_file() and sha256(file) != (written or {}).get(name):
            raise KitError("DDK-ADP-13", f"{file} is in the way", file=str(file))
        found.append(Workflow(file, text))
    return found
