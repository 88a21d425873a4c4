"""Puts a project's folder back as it was before the probe, from its journal.

Only what the probe's own process announced is touched: a file that somebody saves while the
survey runs stays. Of what its children do, the removal of files is undone.
"""

import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from skill_scripts.processes import json_lines


def restore(root: Path, journal: Path) -> list[str]:
    """Undo what the journal tells; returns what was made or changed, relative to `root`.

    Folders end with a slash, and stand for everything in them.
    """
    found: list[str] = []
    # A folder is noted before what is in it; taking things back goes the other way.
    for name, copy, if_missing in reversed(list(_entries(journal))):
        path = root / name
        if if_missing and os.path.lexists(path):
            continue
        if copy is None:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
                found = [each for each in found if not each.startswith(f"{name}/")]
                found.append(f"{name}/")
            elif path.exists() or path.is_symlink():
                path.unlink(missing_ok=True)
                found.append(name)
        elif not _is_same(path, copy):
            _put_back(path, copy)
            found.append(name)
    return sorted(set(found))


def _entries(journal: Path) -> Iterator[tuple[str, Path | None, bool]]:
    """Path and copy of what was there, None for nothing, and whether it matters only when it is
    missing; what could not be copied is left out."""
    for entry in json_lines(journal):
        if entry["before"] == "nothing":
            yield entry["path"], None, False
        elif entry["before"]:
            yield entry["path"], Path(entry["before"]), "if" in entry


def _is_same(path: Path, copy: Path) -> bool:
    if copy.is_symlink():
        return path.is_symlink() and path.readlink() == copy.readlink()
    if copy.is_dir():
        return path.is_dir() and not _differs(filecmp.dircmp(path, copy, ignore=[]))
    return path.is_file() and not path.is_symlink() and filecmp.cmp(path, copy, shallow=False)


def _differs(seen: filecmp.dircmp) -> bool:
    different = seen.left_only or seen.right_only or seen.diff_files or seen.funny_files
    return bool(different) or any(_differs(each) for each in seen.subdirs.values())


def _put_back(path: Path, copy: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if copy.is_dir() and not copy.is_symlink():
        shutil.copytree(copy, path, symlinks=True)
    else:
        shutil.copy2(copy, path, follow_symlinks=False)
