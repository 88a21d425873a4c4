"""Runs uv away from the project, whose own configuration must not change what is built."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from uv import find_uv_bin

from skill_scripts.errors import KitError

LIMIT_SECONDS = 1800


@dataclass(frozen=True)
class Done:
    """How uv ended."""

    ok: bool
    output: str
    errors: str


def run_uv(arguments: Sequence[str]) -> Done:
    """Run uv with the user's own settings of index, mirror and cache.

    Raises KitError DDK-ENV-03 if uv does not start, DDK-STG-09 if the disk is full.
    """
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    with tempfile.TemporaryDirectory() as elsewhere:
        try:
            done = subprocess.run(
                [find_uv_bin(), "--no-progress", *arguments],
                cwd=elsewhere, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, encoding="utf-8", errors="replace", timeout=LIMIT_SECONDS,
            )  # fmt: skip
        except OSError as error:
            raise KitError("DDK-ENV-03", f"uv does not start: {error}") from error
        except subprocess.TimeoutExpired:
            return Done(False, "", "not done after 30 minutes")
    if done.returncode and "os error 28" in done.stderr:
        raise KitError("DDK-STG-09", "the disk is full", details=done.stderr.strip())
    return Done(done.returncode == 0, done.stdout, done.stderr.strip())
