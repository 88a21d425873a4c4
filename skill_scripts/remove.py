"""Takes the desktop layer out again; what the user changed or added stays, and is named."""

import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skill_scripts.errors import KitError
from skill_scripts.layer import ci, record
from skill_scripts.layer.frontend import is_there, take_away, untouched
from skill_scripts.layer.payload import LEFT_OUT_FOLDERS, sha256
from skill_scripts.offline import kept
from skill_scripts.project.files import INTERPRETER_NOTE, PAYLOAD_FOLDER


@dataclass
class Removal:
    """What remove did, or with --dry-run would do; paths relative to the project."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # changed or added by the user

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return asdict(self)


def remove(path: Path, *, dry_run: bool = False) -> Removal:
    """Remove desktop-app from the project in folder `path`, as far as adapt made it.

    Folders made on the machine (environment, packages, results) go too. Raises KitError
    DDK-ADP-09 if there is nothing to remove and DDK-ADP-10 if the record is damaged.
    """
    root = path.resolve()
    folder = root / PAYLOAD_FOLDER
    existing = record.read(root)
    if existing is None:
        raise KitError("DDK-ADP-09", f"{path} is not adapted", root=str(root))
    changed = set(existing.changed(folder))
    result = Removal()
    made = [each for each in _folders(folder) if each.name in LEFT_OUT_FOLDERS]
    doomed = {
        folder / record.FILE_NAME,
        root / INTERPRETER_NOTE,
        *(folder / name for name in existing.files if name not in changed),
        *(kept.place(root) / name for name in kept.ours(root)),
    }
    for file in _files(folder):
        if any(file.is_relative_to(each) for each in made):
            continue
        name = f"{PAYLOAD_FOLDER}/{file.relative_to(folder).as_posix()}"
        (result.removed if file in doomed else result.kept).append(name)
    workflows = ci.place(root) if existing.workflows else None
    for each, written in existing.workflows.items() if workflows else ():
        file = workflows / each
        if each in ci.TEMPLATES and file.is_file():
            name = Path(os.path.relpath(file, root)).as_posix()
            (result.removed if sha256(file) == written else result.kept).append(name)
    ours = untouched(root, existing.built or {})
    result.kept += [n for n in existing.built or {} if n not in ours and is_there(root, n)]
    if dry_run:
        result.removed += ours
        return result
    take_away(root, ours)
    for each in made:
        shutil.rmtree(each, ignore_errors=True)
    for name in result.removed:
        (root / name).unlink()
    if workflows:
        for each in (workflows, workflows.parent):
            with suppress(OSError):  # not empty
                each.rmdir()
    result.removed += ours
    for each in sorted(_folders(folder), reverse=True):
        if not any(each.iterdir()):
            each.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
    return result


def _folders(folder: Path) -> list[Path]:
    """Folders below `folder`, without what lies in folders made on the machine."""
    found = []
    for each in sorted(folder.iterdir()):
        if each.is_dir() and not each.is_symlink():
            found.append(each)
            if each.name not in LEFT_OUT_FOLDERS:
                found += _folders(each)
    return found


def _files(folder: Path) -> list[Path]:
    """Files and links below `folder`, without what lies in folders made on the machine."""
    found = []
    for each in sorted(folder.iterdir()):
        if each.is_symlink() or not each.is_dir():
            found.append(each)
        elif each.name not in LEFT_OUT_FOLDERS:
            found += _files(each)
    return found
