"""The desktop layer as the kit carries it: the folder that adapt copies, byte for byte."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from skill_scripts.errors import KitError
from skill_scripts.layer.shells import ELECTRON, Shell, is_of, others
from skill_scripts.project import git
from skill_scripts.project.files import INTERPRETER_NOTE, PAYLOAD_FOLDER

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parent / "payload"
NEUTRAL_ICONS = HERE / "neutral_icons"
IN_CHECKOUT = HERE.parents[1] / "reference_app" / "desktop-app"
REHEARSAL = ".rehearsal"  # what the last one saw
# Made on the machine, or the reference app's own.
LEFT_OUT_FOLDERS = frozenset(
    {
        ".packages", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__", "dist",
        "locks", "node_modules", "staged", REHEARSAL,
    }
)  # fmt: skip
LEFT_OUT_FILES = frozenset(
    {".DS_Store", ".kit.json", "desktop.toml", PurePosixPath(INTERPRETER_NOTE).name}
)


def payload_folder() -> Path:
    """Where the payload lies: in the installed package, or in the kit's checkout."""
    return INSTALLED if INSTALLED.is_dir() else IN_CHECKOUT


def payload_files(shell: Shell = ELECTRON) -> dict[str, Path]:
    """The files adapt copies, by their path in desktop-app; of the shells only this one.

    Icons without a brand take the place of the reference app's own.
    """
    folder = payload_folder()
    files = {name: folder / name for name in _walk(folder) if not is_of(name, others(shell))}
    files |= {f"icons/{name}": NEUTRAL_ICONS / name for name in _walk(NEUTRAL_ICONS)}
    return dict(sorted(files.items()))


def check_visible(root: Path, names: Iterable[str]) -> None:
    """Prove that git sees every file that was added. Raises KitError DDK-ADP-06."""
    hidden = git.ignored(root, [f"{PAYLOAD_FOLDER}/{name}" for name in names])
    if hidden:
        path, rule = next(iter(hidden.items()))
        raise KitError(
            "DDK-ADP-06",
            f"{len(hidden)} files would be ignored, for example {path} by {rule}",
            rule=rule,
            ignored=hidden,
        )


def sha256(file: Path) -> str:
    """The hash of a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _walk(folder: Path) -> Iterator[str]:
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - LEFT_OUT_FOLDERS)
        for name in files:
            if name not in LEFT_OUT_FILES and not name.endswith(".pyc"):
                yield PurePosixPath(Path(base, name).relative_to(folder)).as_posix()
