"""A start of a scratch copy that is asked about itself."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import files
from checks.backend import Answer, Backend, TargetFailedError
from checks.limits import STOP_SECONDS
from checks.network import NETWORK
from checks.pages import Visitor
from checks.starts.first_run import FirstRun
from checks.target import Target


@dataclass(frozen=True)
class Probed:
    """What a copy of the target shows of its inside, and how it ends in the middle of a request."""

    app_data: Path
    info: dict[str, Any]
    network: dict[str, Any]
    child: dict[str, Any]
    token: str
    changed: list[str]
    slow: Answer | None
    exit: int | None
    left: list[str]


def probe(copy: Target, app_data: Path, first_run: FirstRun) -> Probed:
    """Start the copy, ask, and stop it while it is busy."""
    before = files.digests(copy.bundle)
    answers: list[Answer] = []

    def ask() -> None:
        with contextlib.suppress(TargetFailedError):
            answers.append(backend.get("/ddk-probe/slow/"))

    # What pages then answer, where they ask other servers, is looked at nowhere.
    with Backend(copy, app_data, environment=NETWORK) as backend:
        backend.ready()
        Visitor(backend).go_on()
        info = backend.probe("info")
        network = backend.probe("network")
        child = backend.probe("child")
        backend.let_workers_start()
        backend.probe("spawn")
        busy = threading.Thread(target=ask, daemon=True)
        busy.start()
        backend.said("ddk-probe: a slow request begins")
        code, _ = backend.stop(first_run.patience)
        busy.join(STOP_SECONDS)
        hopeless = code is None or first_run.left
        left, _ = backend.tree.gone_within(0 if hopeless else STOP_SECONDS)
    return Probed(
        app_data=app_data,
        info=info,
        network=network,
        child=child,
        token=backend.token,
        changed=files.changes(before, files.digests(copy.bundle)),
        slow=answers[0] if answers else None,
        exit=code,
        left=left,
    )
