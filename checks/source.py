"""What a target's folder has of its own: not environments, version control or build output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from checks.target import PAYLOAD, Target

LEFT_OUT = {".git", "node_modules", "__pycache__", "staged", "dist", ".pytest_cache"}


def not_source(folder: str, names: list[str]) -> set[str]:
    """Those of the names in a folder that the project did not write."""
    here = Path(folder)
    return {name for name in names if name in LEFT_OUT or (here / name / "pyvenv.cfg").is_file()}


def names(target: Target, word: str) -> bool:
    """Whether the project's own Python, or `[django.set]`, names it outside a comment."""
    if word in str(target.manifest.get("django", {}).get("set", {})):
        return True
    line = re.compile(rf"^[^#\n]*\b{re.escape(word)}\b", re.M)
    return any(
        line.search(file.read_text(encoding="utf-8", errors="replace"))
        for file in _modules(target.project)
    )


def _modules(folder: Path) -> Iterator[Path]:
    left_out = not_source(str(folder), [each.name for each in folder.iterdir()])
    for each in folder.iterdir():
        if each.is_symlink() or each.name in left_out | {PAYLOAD, "tests"}:
            continue
        if each.is_dir():
            yield from _modules(each)
        elif each.suffix == ".py" and each.is_file():
            yield each
