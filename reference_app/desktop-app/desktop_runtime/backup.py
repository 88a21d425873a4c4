"""`launch.py backup`: all data in one file, while the app runs or not. Prints JSON documents.

Nothing of the project is loaded: this must work when the project does not.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from . import databases, replacing
from .contract import BackendError, Exit, answer, read_installation
from .data import not_writable
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
        recovery = Recovery(app_data)
        if recovery.marker.exists() or databases.is_new(recovery.files()["default"]):
            raise BackendError(
                Exit.RESTORE_FAILED,
                "There are no data to back up yet, or an update of them has not come to its end.",
                "Start the app, and try again.",
            )
        partial = target.with_name(f"{target.name}.{os.getpid()}{replacing.SUFFIX}")
        try:
            (scratch / replacing.TARGET).write_text(str(partial), encoding="utf-8")
            with partial.open("xb") as stream:
                content = Writer(app_data, scratch, reporter()).write(stream, manifest)
                stream.flush()
                os.fsync(stream.fileno())
            replacing.go_through()
            partial.replace(target)
        except OSError as error:
            failure = not_writable(target, error)
            failure.hint = "Choose another place for the backup, or make room there."
            raise failure from error
    return {"file": str(target), **content.summary()}


def reporter() -> Progress:
    """Prints how far it is, one JSON document a line, a few times a second."""
    told = [0.0]

    def report(done: int, total: int) -> None:
        if time.monotonic() - told[0] > PROGRESS_SECONDS:
            told[0] = time.monotonic()
            print(json.dumps({"event": "progress", "done": done, "total": total}), flush=True)

    return report
