"""Starts a backend the way a shell does: its interpreter's options, the contract, the lifeline."""

import json
import random
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Desktop-Django-Token"
PORT_TAKEN = 11  # an exit code
# Below the range from which systems take ports for outgoing connections.
PORTS = range(20_000, 32_768)
STOP_SECONDS = 30


def interpreter_flags(*, bytecode: Path | None = None) -> list[str]:
    """Options of every interpreter that runs the project: nothing of the user's, output at once.

    Bytecode is kept in the folder `bytecode`; without one none is written.
    """
    if bytecode is None:
        return ["-I", "-B", "-u", "-X", "utf8"]
    return ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={bytecode}"]


def contract(app_data: Path, bundle: Path, mode: str) -> dict[str, str]:
    """The variables that tell a backend where it is."""
    return {
        "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(bundle),
        "DESKTOP_DJANGO_RUNTIME_MODE": mode,
    }


def bootstrap_address(origin: str, token: str, page: str) -> str:
    """Where a browser gets the session cookie of a backend and then `page`."""
    return f"{origin}/desktop-auth/bootstrap/?{urlencode({'token': token, 'next': page})}"


class Backend:
    """A running backend; closing its stdin ends it."""

    def __init__(self, command: list[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.token = secrets.token_urlsafe(32)
        self.spoke = False
        self.port = random.choice(PORTS)
        address = {"HOST": HOST, "PORT": str(self.port), "AUTH_TOKEN": self.token}
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**env, **{f"DESKTOP_DJANGO_{name}": each for name, each in address.items()}},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                **_own_group(),
            )

    @property
    def origin(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    def events(self) -> Iterator[dict[str, Any]]:
        """What the backend says about itself, until it ends."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.spoke = True
            yield json.loads(line)

    def address(self, page: str) -> str:
        """Where a browser gets its session cookie and then `page`."""
        return bootstrap_address(self.origin, self.token, page)

    def stop(self) -> int:
        """End the lifeline and wait; a backend that does not end is killed."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _own_group() -> dict[str, Any]:
    """Ctrl-C is for us; the backend ends by its lifeline."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
