"""Backs up, restores and exports the development data of an app, by its own `launch.py`."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skill_scripts.backend import contract, interpreter_flags
from skill_scripts.desktop_toml import Manifest
from skill_scripts.development import app_data_folder, finish_replacing
from skill_scripts.errors import KitError
from skill_scripts.findings.surveyed import Progress
from skill_scripts.processes import clean_environment, own_group
from skill_scripts.project.files import PAYLOAD_FOLDER
from skill_scripts.run import interpreter_of, read_adapted

KEPT_OUTPUT = 3000  # characters


@dataclass(frozen=True)
class Kept:
    """What a backup or an export holds, and where the data before a restore are."""

    file: Path
    app: str
    version: str
    made: str  # UTC
    rows: int  # but for Django's own tables
    files: int  # beside the databases
    bytes: int
    set_aside: str  # "" unless it was restored

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {**vars(self), "file": str(self.file)}


def backup(path: Path, file: Path, progress: Progress = lambda _: None) -> Kept:
    """Write the development data of the adapted project in `path` to one file; the app may run.

    Raises KitError DDK-DAT-01, DDK-ADP-09 and DDK-ENV-04.
    """
    return _kept(file, _launch(path, ["backup", str(file.absolute())], progress))


def show(path: Path, file: Path, progress: Progress = lambda _: None) -> Kept:
    """Verify a backup and say what is in it. Raises as `backup` does."""
    return _kept(file, _launch(path, ["restore", "--show", str(file.absolute())], progress))


def restore(path: Path, file: Path, progress: Progress = lambda _: None) -> Kept:
    """Put a backup in the place of the development data, which are set aside.

    Raises as `backup` does; the data are then as they were.
    """
    return _kept(file, _launch(path, ["restore", str(file.absolute())], progress))


def export(path: Path, folder: Path, progress: Progress = lambda _: None) -> Kept:
    """Write the development data as files that other programs read. Raises as `backup` does."""
    return _kept(folder, _launch(path, ["export", str(folder.absolute())], progress))


def pack(root: Path, settings: Manifest, app_data: Path, file: Path, progress: Progress) -> Kept:
    """Write other data of the adapted project in `root` to a file. Raises KitError DDK-DAT-01."""
    words = ["backup", str(file.absolute())]
    return _kept(file, _run(root, settings, app_data, words, progress))


def unpack(root: Path, settings: Manifest, app_data: Path, file: Path, progress: Progress) -> Kept:
    """Make new data of what a backup holds, which is only read. Raises KitError DDK-DAT-01."""
    words = ["restore", str(file.absolute())]
    said = _run(root, settings, app_data, words, progress)
    return _kept(file, said | {"set_aside": ""})


def _kept(file: Path, said: Mapping[str, Any]) -> Kept:
    names = ("app", "version", "made", "rows", "files", "bytes")
    values = {name: said[name] for name in names}
    return Kept(file.absolute(), **values, set_aside=said.get("set_aside", ""))


def _launch(path: Path, words: list[str], progress: Progress) -> dict[str, Any]:
    """What the project's launch.py says to `words` on the development data."""
    root, settings = read_adapted(path)
    app_data = app_data_folder(settings["app"]["identifier"])
    finish_replacing(app_data)
    return _run(root, settings, app_data, words, progress)


def _run(
    root: Path, settings: Manifest, app_data: Path, words: list[str], progress: Progress
) -> dict[str, Any]:
    """What it says to `words`; Ctrl-C cancels it by its lifeline."""
    launcher = str(root / PAYLOAD_FOLDER / "launch.py")
    command = [interpreter_of(root, settings), *interpreter_flags(), launcher, *words]
    env = clean_environment(contract(app_data, root, "development"))
    said: dict[str, Any] = {}
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, cwd=root, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors, **own_group(),
        ) as child:  # fmt: skip
            try:
                for line in child.stdout:
                    said = json.loads(line)
                    if said.get("event") == "progress":
                        progress(f"{said['done'] >> 20} of {said['total'] >> 20} MB")
            finally:
                child.stdin.close()
        errors.seek(0)
        printed = errors.read().decode(errors="replace")[-KEPT_OUTPUT:].rstrip()
    if error := said.get("error"):
        text = f"{error['code']}: {error['message']}"
        raise KitError("DDK-DAT-01", text, remedy=error["hint"], runtime=error["code"])
    if child.returncode:
        text = f"launch.py ended with code {child.returncode}\n{printed}"
        raise KitError("DDK-DAT-01", text, root=str(root))
    return said
