"""What the shell tells the backend, and how the backend ends.

Records of the modules that every start loads are named tuples: a frozen dataclass writes and
compiles its methods anew in each process.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, MutableMapping
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

PREFIX = "DESKTOP_DJANGO_"


class Exit(IntEnum):
    """Exit codes of the backend; SPEC.md lists them with their meaning."""

    CLEAN = 0
    CONFIGURATION = 10
    PORT_TAKEN = 11
    ALREADY_RUNNING = 12
    DATABASE_NEWER = 13
    MIGRATION_FAILED = 14
    DATABASE_DAMAGED = 15
    NOT_WRITABLE = 16
    PROJECT_FAILED = 17
    LAYERS_LOST = 18
    FIRST_RUN_FAILED = 19
    BUNDLE_INCOMPLETE = 20
    RESTORE_FAILED = 21
    FILE_DAMAGED = 22
    FILE_FOREIGN = 23


class BackendError(Exception):
    """A foreseeable end of the backend: what happened, and what the person can do."""

    def __init__(self, code: Exit, message: str, hint: str = "", report: str = "") -> None:
        """`report` is for the developer, and has nothing of the person's data."""
        super().__init__(message)
        self.code, self.message, self.hint, self.report = code, message, hint, report

    def as_event(self) -> dict[str, Any]:
        """The fields of `failed`."""
        said = {"message": self.message, "hint": self.hint, "report": self.report}
        code = {"code": f"DDK-RUN-{self.code}", "exit": int(self.code)}
        return code | {name: text for name, text in said.items() if text or name != "report"}


class Stopped(BaseException):
    """The lifeline ended while the backend was still starting."""


def say(document: dict[str, Any]) -> None:
    """Print one JSON document, in a line."""
    print(json.dumps(document), flush=True)


def answer(work: Callable[[], dict[str, Any]], say: Callable[[dict[str, Any]], None] = say) -> int:
    """Print what a command of launch.py has to say, as one JSON document; returns the exit code.

    It ends with `{"cancelled": true}` when it is interrupted, by Ctrl-C or its shell.
    """
    try:
        document, code = work(), Exit.CLEAN
    except KeyboardInterrupt:
        document, code = {"cancelled": True}, Exit.CLEAN
    except BackendError as failure:
        error = {"message": failure.message, "hint": failure.hint}
        document = {"error": {"code": f"DDK-RUN-{failure.code}", **error}}
        code = failure.code
    say(document)
    return code


class Installation(NamedTuple):
    """Where one installed copy of the app lives."""

    app_data: Path
    bundle: Path
    packaged: bool


class Address(NamedTuple):
    """Where this launch listens, and the secret its shell shares with it."""

    host: str
    port: int
    token: str


def read_installation(environ: MutableMapping[str, str] = os.environ) -> Installation:
    """Read the folders and the mode. Raises `BackendError` with `Exit.CONFIGURATION`."""
    mode = _required(environ, "RUNTIME_MODE")
    if mode not in ("development", "packaged"):
        raise _wrong("RUNTIME_MODE", "development or packaged")
    folders = {}
    for name in ("APP_DATA_DIR", "BUNDLE_DIR"):
        folders[name] = Path(_required(environ, name))
        if not folders[name].is_absolute():
            raise _wrong(name, "an absolute path")
    return Installation(folders["APP_DATA_DIR"], folders["BUNDLE_DIR"], mode == "packaged")


def read_address(environ: MutableMapping[str, str] = os.environ) -> Address:
    """Read host, port and token, and take the token out of the environment.

    Raises `BackendError` with `Exit.CONFIGURATION`.
    """
    token = environ.pop(PREFIX + "AUTH_TOKEN", "")
    host = _required(environ, "HOST")
    if host != "127.0.0.1":
        raise _wrong("HOST", "127.0.0.1")
    port = _required(environ, "PORT")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise _wrong("PORT", "a number from 1 to 65535")
    if not re.fullmatch(r"[A-Za-z0-9_-]{32,}", token):
        raise _wrong("AUTH_TOKEN", "at least 32 letters, digits, - or _")
    return Address(host, int(port), token)


def _required(environ: MutableMapping[str, str], name: str) -> str:
    value = environ.get(PREFIX + name, "")
    if not value:
        raise BackendError(
            Exit.CONFIGURATION,
            f"{PREFIX}{name} is not set.",
            "Start the app through its shell; launch.py is not started by hand.",
        )
    return value


def _wrong(name: str, expected: str) -> BackendError:
    return BackendError(
        Exit.CONFIGURATION,
        f"{PREFIX}{name} is not usable: expected {expected}.",
        "Correct the shell that starts launch.py.",
    )
