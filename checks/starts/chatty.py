"""A start of a scratch copy that prints and reads at import, then floods every way out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from checks.backend import Backend, TargetFailedError
from checks.limits import STOP_SECONDS
from checks.scratch_copy import switched
from checks.starts.first_run import FirstRun
from checks.target import Target


@dataclass(frozen=True)
class Chatty:
    """How the copy fares."""

    noise: list[bytes]
    events: list[str]
    reason: str
    flooded: str
    """Why it did not survive a flood of output; empty when it did."""


def start_chatty(copy: Target, app_data: Path, first_run: FirstRun) -> Chatty:
    """Print, read, then write more than a pipe holds while nobody reads."""
    reason = flooded = ""
    with switched(copy, "ddk_probe_chatter"), Backend(copy, app_data) as backend:
        try:
            backend.ready().get("/ddk-probe/chatter/")
        except TargetFailedError as error:
            reason = str(error)
        noise = list(backend.noise)
        backend.reading.clear()
        try:
            backend.get("/ddk-probe/flood/", limit=STOP_SECONDS)
            backend.get(copy.health_path)
        except TargetFailedError as error:
            flooded = str(error)
        backend.reading.set()
        if flooded:
            backend.tree.end()
        elif backend.stop(first_run.patience)[0] is None and not reason:
            reason = "end of file on its lifeline no longer ends it"
    return Chatty(noise, [e["event"] for e in backend.events], reason, flooded)
