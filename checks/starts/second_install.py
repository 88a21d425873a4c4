"""A second new user, who first changes their mind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from checks import accounts
from checks.backend import Backend, TargetFailedError
from checks.limits import STOP_WHILE_STARTING_SECONDS
from checks.target import Target


@dataclass(frozen=True)
class SecondInstall:
    """A start that was stopped at once, and the one after it."""

    stopped_with: int | None
    seconds_to_stop: float
    reason: str
    """Why the start after it failed; empty when it did not."""
    secret: str


def install_again(copy: Target, app_data: Path) -> SecondInstall:
    """Stop at `listening` of a first start, then start again on the same folder."""
    with Backend(copy, app_data) as backend:
        backend.wait_for("listening")
        code, seconds = backend.stop(STOP_WHILE_STARTING_SECONDS)
    reason, secret = "", ""
    with Backend(copy, app_data) as backend:
        try:
            accounts.let_in(backend.ready())
            secret = backend.probe("info")["secret"]
        except TargetFailedError as error:
            reason = str(error)
    return SecondInstall(code, seconds, reason, secret)
