"""Starts an adapted project's backend the way a shell does, and opens it.

In the shell if its packages are installed, else in the system's browser.
"""

import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import Interpreter, find_environment
from skill_scripts.errors import KitError
from skill_scripts.layer.payload import IN_CHECKOUT
from skill_scripts.processes import clean_environment
from skill_scripts.project.files import PAYLOAD_FOLDER, find_project

HOST = "127.0.0.1"
# Below the range from which systems take ports for outgoing connections.
PORTS = range(20_000, 32_768)
PORT_TAKEN = 11
ATTEMPTS = 20
STOP_SECONDS = 30

Announce = Callable[[str], None]


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

    def events(self) -> Iterator[dict[str, Any]]:
        """What the backend says about itself, until it ends."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.spoke = True
            yield json.loads(line)

    def address(self, page: str) -> str:
        """Where a browser gets its session cookie and then `page`."""
        query = urlencode({"token": self.token, "next": page})
        return f"http://{HOST}:{self.port}/desktop-auth/bootstrap/?{query}"

    def stop(self) -> int:
        """End the lifeline and wait; a backend that does not end is killed."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def run(path: Path, *, browser: bool = False, announce: Announce = print) -> int:
    """Run the adapted project in folder `path` until Ctrl-C or its window is closed.

    Returns the exit code of the shell, or 0. Raises KitError DDK-ADP-09 if the project is not
    adapted and DDK-STA-01 if the backend does not come up.
    """
    root = path.resolve()
    folder = root / PAYLOAD_FOLDER
    if not (folder / desktop_toml.FILE_NAME).is_file():
        raise KitError("DDK-ADP-09", f"{path} is not adapted", root=str(root))
    settings = desktop_toml.read(folder / desktop_toml.FILE_NAME)
    npm = shutil.which("npm")
    if not browser and npm and (folder / "electron" / "node_modules").is_dir():
        announce("opening the shell")
        return subprocess.run([npm, "start"], cwd=folder / "electron").returncode
    return _run_in_browser(root, settings, announce)


def _own_group() -> dict[str, Any]:
    """Ctrl-C is for us; the backend ends by its lifeline."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def app_data_folder(identifier: str) -> Path:
    """The app data folder of development runs, the same as the shell's."""
    name = f"{identifier}-development"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / name
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / name
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "share") / name


def _run_in_browser(root: Path, settings: desktop_toml.Manifest, announce: Announce) -> int:
    app_data = app_data_folder(settings["app"]["identifier"])
    logs = app_data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / "start.log"
    log.write_bytes(b"")
    for _ in range(ATTEMPTS):
        backend = Backend(*_command(root, settings, app_data), root, log)
        try:
            failure = _follow(backend, settings["app"]["home"], announce)
        except KeyboardInterrupt:
            announce("stopping")
            failure = None
        finally:
            exit_code = backend.stop()
        if failure is None and exit_code == 0:
            return 0
        if not backend.spoke:
            # Half of a .pyc, which a full disk leaves, can stop Python before launch.py.
            shutil.rmtree(app_data / "pycache", ignore_errors=True)
        if exit_code != PORT_TAKEN:
            break
    last = log.read_text(encoding="utf-8", errors="replace")[-4000:].rstrip()
    message = failure["message"] if failure else f"the backend ended with code {exit_code}"
    raise KitError(
        "DDK-STA-01",
        f"{message}\n{last}",
        remedy=failure["hint"] if failure and failure.get("hint") else "",
        app_data=str(app_data),
        exit=exit_code,
    )


def _follow(backend: Backend, home: str, announce: Announce) -> dict[str, Any] | None:
    """Report the backend's events until it ends; returns its failure, None if it had none."""
    for event in backend.events():
        match event["event"]:
            case "migrating":
                announce(f"{event['done']}/{event['total']} {event['name']}")
            case "ready":
                address = backend.address(home)
                announce(f"ready after {event['seconds']} s: {address}\nCtrl-C stops it")
                webbrowser.open(address)
            case "failed":
                return event
    return None


def _command(
    root: Path, settings: desktop_toml.Manifest, app_data: Path
) -> tuple[list[str], dict[str, str]]:
    django = settings["django"]
    project = find_project(root, django["manage"], django["settings"])
    interpreter = find_environment(project, settings["python"]["interpreter"])
    if interpreter is None and root == IN_CHECKOUT.parent:
        # The reference app runs on the kit's own environment.
        interpreter = Interpreter(Path(sys.executable), "", private=False)
    if interpreter is None:
        raise KitError(
            "DDK-ENV-04",
            f"{root} has no environment",
            remedy=f"Make it: desktop-django adapt {root}",
        )
    flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={app_data / 'pycache'}"]
    command = [str(interpreter.python), *flags, str(root / PAYLOAD_FOLDER / "launch.py")]
    developer = {
        name: os.environ[name]
        for name in ("DJANGO_SETTINGS_MODULE", *django["env"])
        if name in os.environ
    }
    return command, clean_environment(
        developer
        | {
            "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
            "DESKTOP_DJANGO_BUNDLE_DIR": str(root),
            "DESKTOP_DJANGO_RUNTIME_MODE": "development",
        }
    )
