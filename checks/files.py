"""What a folder holds, so that two looks at it can be compared."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

# Not part of what is shipped, and changed by other programs while the checks run.
LEFT_OUT = {".git", "node_modules"}


def digests(root: Path) -> dict[str, str]:
    """Digest of every file under `root` by its relative path; environments are left out."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [
            f for f in folders if f not in LEFT_OUT and not Path(folder, f, "pyvenv.cfg").exists()
        ]
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "blake2b").hexdigest()
                found[path.relative_to(root).as_posix()] = digest
    return found


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is new, gone or different, as `+ path`, `- path`, `~ path`."""
    return [
        f"{'+' if path not in before else '-' if path not in after else '~'} {path}"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def containing(root: Path, text: str) -> list[str]:
    """Files under `root` in which `text` occurs."""
    wanted = text.encode()
    return [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_file() and wanted in path.read_bytes()
    ]


def not_root() -> bool:
    """Whether permissions mean anything to this process."""
    return not hasattr(os, "geteuid") or os.geteuid() != 0
