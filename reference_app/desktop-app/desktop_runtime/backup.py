"""`launch.py backup`: all data in one file, while the app runs or not. Prints JSON documents.

Nothing of the project is loaded: this must work when the project does not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import databases, replacing
from .contract import BackendError, Exit, answer, read_installation, say
from .manifest import read_manifest
from .portable import Progress, Writer
from .recovery import Recovery

PROGRESS_SECONDS = 0.2


def run(payload: Path, arguments: list[str]) -> int:
    """Write the file; returns the exit code."""
    return answer(lambda: _run(payload, arguments))


def _run(payload: Path, arguments: list[str]) -> dict[str, Any]:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise BackendError(
            Exit.CONFIGURATION, "backup takes the path of one file.", "launch.py backup FILE"
        )
    target = Path(arguments[0]).absolute()
    app_data, manifest = read_installation().app_data, read_manifest(payload / "desktop.toml")
    replacing.cancel_with_lifeline()
    with replacing.alone(app_data) as scratch:
        require_data(Recovery(app_data))
        with replacing.noted(target, app_data, "backup") as partial:
            with partial.open("xb") as stream:
                content = Writer(app_data, scratch, reporter()).write(stream, manifest)
                stream.flush()
                os.fsync(stream.fileno())
            replacing.go_through()
            partial.replace(target)
    return {"file": str(target), **content.summary()}


def require_data(recovery: Recovery) -> None:
    """Raise `BackendError` (21) where there is nothing yet, or what is there may be taken back."""
    if recovery.marker.exists() or databases.is_new(recovery.files()["default"]):
        raise BackendError(
            Exit.RESTORE_FAILED,
            "There are no data yet, or an update of them has not come to its end.",
            "Start the app, and try again.",
        )


def reporter(say: Callable[[dict[str, Any]], None] = say) -> Progress:
    """Says how far it is, a few times a second."""
    told = [0.0]

    def report(done: int, total: int) -> None:
        if time.monotonic() - told[0] > PROGRESS_SECONDS:
            told[0] = time.monotonic()
            say({"event": "progress", "done": done, "total": total})

    return report
