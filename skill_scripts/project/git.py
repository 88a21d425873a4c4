"""What git knows about a project; every question has an answer where there is no git."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from skill_scripts.project.files import PAYLOAD_FOLDER

LIMIT_SECONDS = 60
# Asking runs nothing that the repository names: no monitor, hook, or check of signatures. The index
# is not refreshed either.
QUIET = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false",
         "-c", f"core.hooksPath={os.devnull}", "-c", "log.showSignature=false",
         "-c", "core.quotePath=false")  # fmt: skip


def changes(root: Path) -> list[str] | None:
    """Uncommitted changes below `root` except in desktop-app; None if git does not manage it.

    Environments are no changes: whoever makes one without ignoring it has not edited anything.
    """
    status = _git(root, "status", "--porcelain", "-z", "--untracked-files=normal", "--", ".")
    prefix = _git(root, "rev-parse", "--show-prefix")
    if status is None or prefix is None:
        return None
    start = prefix.strip()
    found = []
    for entry in filter(None, status.split("\0")):
        path = entry[3:].removeprefix(start)
        if path.split("/")[0] != PAYLOAD_FOLDER and not (root / path / "pyvenv.cfg").is_file():
            found.append(path)
    return found


def top(root: Path) -> Path | None:
    """The folder of the repository that holds `root`; None if git does not manage it."""
    found = _git(root, "rev-parse", "--show-toplevel")
    return Path(found.strip()).resolve() if found else None


def ignored(root: Path, paths: Sequence[str]) -> dict[str, str]:
    """Those of `paths` that a rule hides from git, with the rule as FILE:LINE:PATTERN."""
    output = _git(
        root, "check-ignore", "--verbose", "--no-index", "-z", "--stdin", given="\0".join(paths)
    )
    fields = (output or "").split("\0")
    found = {}
    for file, line, pattern, path in zip(*[iter(fields)] * 4, strict=False):
        if not pattern.startswith("!"):
            found[path] = f"{file}:{line}:{pattern}"
    return found


def only_on_disk(root: Path, names: Sequence[str]) -> list[str]:
    """Those of `names` that git ignores and does not manage either: they are in no clone."""
    hidden = ignored(root, names)
    managed = frozenset((_git(root, "ls-files", "-z") or "").split("\0")) if hidden else ()
    return [name for name in hidden if name not in managed]


def is_tracked(root: Path, name: str) -> bool:
    """Whether git manages the file `name`, or a file in that folder."""
    return bool(_git(root, "ls-files", "-z", "--", name))


def last_change(root: Path) -> str:
    """When the project was last committed to, in ISO form; "" where git does not know."""
    return (_git(root, "log", "-1", "--format=%cI", "--", ".") or "").strip()


def tracked(root: Path) -> list[str] | None:
    """What git would have after `git add .`; None if it does not manage `root`."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    return None if listed is None else [name for name in listed.split("\0") if name]


def revision(root: Path) -> str:
    """The commit that is checked out, "" where there is none."""
    return (_git(root, "rev-parse", "HEAD") or "").strip()


def is_changed(root: Path, *left_out: str) -> bool:
    """Whether something is not as in that commit, but for the paths that are `left_out`."""
    excluded = [f":(exclude){name}" for name in left_out]
    return bool((_git(root, "status", "--porcelain", "--", ".", *excluded) or "").strip())


def merge(yours: Path, base: Path, new: Path) -> bytes | None:
    """The changes of both sides, line by line; None where they touch the same lines."""
    command = ["git", "merge-file", "--stdout", "--quiet", str(yours), str(base), str(new)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout


def _git(root: Path, *arguments: str, given: str = "") -> str | None:
    """What git prints, None if there is no git or no repository."""
    try:
        done = subprocess.run(
            [*QUIET, "-C", str(root), *arguments],
            input=given.encode(),
            capture_output=True,
            timeout=LIMIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # check-ignore ends with 1 when nothing is ignored
    good = (0, 1) if "check-ignore" in arguments else (0,)
    return done.stdout.decode(errors="surrogateescape") if done.returncode in good else None
