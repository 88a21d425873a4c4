"""What is packed of a shell that runs in the bundle's own Python, on every system.

The application is the bundle and a program of a few lines that starts it: there is nothing to
build around it.
"""

import os
import re
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skill_scripts.dependencies.platforms import Platform
from skill_scripts.errors import KitError
from skill_scripts.layer.shells import shell_of
from skill_scripts.project.files import PAYLOAD_FOLDER

BUNDLE = "bundle"
FLAGS = "-I -B -u -X utf8"
NOT_PROVEN = "not proven: no package of this shell has been opened and judged on {system} yet"
LIMIT_SECONDS = 1800


@dataclass(frozen=True)
class App:
    """What is packed, and as what."""

    layer: Path
    settings: Mapping[str, Any]
    platform: Platform

    @property
    def name(self) -> str:
        """As a person reads it."""
        return self.settings["app"]["name"]

    @property
    def identifier(self) -> str:
        return self.settings["app"]["identifier"]

    @property
    def version(self) -> str:
        return self.settings["app"]["version"]

    @property
    def author(self) -> str:
        return self.settings["app"]["author"] or self.name

    @property
    def program(self) -> str:
        """Its name as that of files and packages."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "app"

    @property
    def title(self) -> str:
        """Its name as that of a file that a person sees."""
        return re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "-", self.name).strip(" .") or "app"

    @property
    def bundle(self) -> Path:
        """What was staged."""
        return self.layer / "staged"

    @property
    def icons(self) -> Path:
        return self.layer / "icons"

    @property
    def script(self) -> str:
        """What the bundle's Python runs, in the bundle."""
        return f"app/{PAYLOAD_FOLDER}/{shell_of(self.settings).name}/shell.py"

    @property
    def processor(self) -> str:
        return self.platform.name.split("-")[1]

    def file_name(self, system: str, kind: str, processor: str = "") -> str:
        """As electron-builder names its files."""
        return f"{self.program}-{self.version}-{system}-{processor or self.processor}.{kind}"


def write_launcher(file: Path, app: App, beginning: str) -> None:
    """The program that starts the bundle; `beginning` sets $here to the folder that has it."""
    text = (
        f'#!/bin/sh\n{beginning}\nexec "$here/{BUNDLE}/python/bin/python3" {FLAGS} '
        f'"$here/{BUNDLE}/{app.script}" "$@"\n'
    )
    write(file, text)
    file.chmod(0o755)


def write_zip(folder: Path, file: Path) -> None:
    """Pack what is in `folder`, with the modes of files."""
    method = zipfile.ZIP_STORED if is_hurried() else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w", method, strict_timestamps=False) as archive:
        for each in sorted(folder.rglob("*")):
            archive.write(each, each.relative_to(folder))


def is_hurried() -> bool:
    """Whether files may be large, as for electron-builder."""
    return os.environ.get("DESKTOP_DJANGO_COMPRESSION") == "store"


def write(file: Path, text: str) -> None:
    """A text file, in a folder that is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")


def run(command: list[str], folder: Path) -> str:
    """What it prints. Raises KitError DDK-PKG-13."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, encoding="utf-8",
            errors="replace", stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KitError("DDK-PKG-13", f"{command[0]}: {error}") from error
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        if "No space left" in said:
            raise KitError("DDK-STG-09", "the disk is full", details=said)
        shown = "\n    ".join(said.splitlines()[-6:])
        raise KitError("DDK-PKG-13", f"{Path(command[0]).name} failed:\n    {shown}")
    return done.stdout
