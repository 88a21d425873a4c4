"""Starts an adapted project's backend the way a shell does, and opens it.

In the shell if its packages are installed, else in the system's browser.
"""

import os
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from skill_scripts import desktop_toml
from skill_scripts.backend import PORT_TAKEN, Backend, contract, interpreter_flags
from skill_scripts.dependencies import web_view
from skill_scripts.dependencies.environment import find_adapted, no_environment
from skill_scripts.development import app_data_folder, finish_replacing, set_aside
from skill_scripts.errors import KitError
from skill_scripts.layer.payload import IN_CHECKOUT
from skill_scripts.layer.shells import ELECTRON, TOGA
from skill_scripts.processes import clean_environment
from skill_scripts.project.files import PAYLOAD_FOLDER

ATTEMPTS = 20
FETCH_LIMIT = 900  # seconds; Electron is a download of 100 MB
NO_ELECTRON = (
    "Electron is not there and cannot be fetched, so the app opens in the browser. Where its "
    "release host is closed, set ELECTRON_OVERRIDE_DIST_PATH to the folder of one that is here, or "
    "ELECTRON_MIRROR to an address that has it"
)

Announce = Callable[[str], None]


def run(
    path: Path, *, browser: bool = False, fresh: bool = False, announce: Announce = print
) -> int:
    """Run the adapted project in folder `path` until Ctrl-C or its window is closed.

    With `fresh` on new data; that of earlier runs is set aside. Returns the exit code of the shell,
    or 0. Raises KitError DDK-ADP-09 if the project is not adapted, DDK-STA-01 if the backend does
    not come up and DDK-STA-02 if data cannot be set aside.
    """
    root, settings = read_adapted(path)
    app_data = app_data_folder(settings["app"]["identifier"])
    if finished := finish_replacing(app_data):
        announce(finished)
    if fresh and (place := set_aside(app_data)):
        announce(f"the data of earlier runs is set aside: {place}")
    open_shell = OPENERS[settings["app"]["shell"]]
    if not browser and (code := open_shell(root, settings, announce)) is not None:
        return code
    serve(root, settings, app_data, lambda backend: _follow(backend, settings, announce))
    return 0


def _open_electron(root: Path, settings: desktop_toml.Manifest, announce: Announce) -> int | None:
    """Open it until it is closed; its exit code, None where it is not there."""
    shell = root / PAYLOAD_FOLDER / ELECTRON.name
    npm = shutil.which("npm")
    if not npm or not (shell / "node_modules").is_dir():
        return None
    if not _has_electron(shell, announce):
        announce(NO_ELECTRON)
        return None
    announce("opening the shell")
    return subprocess.run([npm, "start"], cwd=shell).returncode


def _open_toga(root: Path, settings: desktop_toml.Manifest, announce: Announce) -> int | None:
    """The same of the shell that runs in the project's Python. Raises KitError DDK-ENV-06."""
    web_view.require(TOGA, web_view.missing_view(TOGA))
    shell = root / PAYLOAD_FOLDER / TOGA.name / "shell.py"
    announce("opening the shell")
    command = [interpreter_of(root, settings), *interpreter_flags(), str(shell)]
    return subprocess.run(command, cwd=root).returncode


OPENERS = {ELECTRON.name: _open_electron, TOGA.name: _open_toga}


def read_adapted(path: Path) -> tuple[Path, desktop_toml.Manifest]:
    """The folder of an adapted project and its desktop.toml. Raises KitError DDK-ADP-09."""
    root = path.resolve()
    file = root / desktop_toml.PLACE
    if not file.is_file():
        raise KitError("DDK-ADP-09", f"{path} is not adapted", root=str(root))
    return root, desktop_toml.read(file)


def serve(
    root: Path,
    settings: desktop_toml.Manifest,
    app_data: Path,
    follow: Callable[[Backend], dict[str, Any] | None],
) -> None:
    """Start the backend and stop it when `follow` has seen enough of it.

    `follow` returns the event of a failure, None without one. Raises KitError DDK-STA-01.
    """
    logs = app_data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / "start.log"
    log.write_bytes(b"")
    for _ in range(ATTEMPTS):
        backend = Backend(*_command(root, settings, app_data), root, log)
        try:
            failure = follow(backend)
        finally:
            exit_code = backend.stop()
        if failure is None and exit_code == 0:
            return
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


def _follow(
    backend: Backend, settings: desktop_toml.Manifest, announce: Announce
) -> dict[str, Any] | None:
    """Report the backend's events until it ends or Ctrl-C; returns its failure."""
    try:
        for event in backend.events():
            match event["event"]:
                case "rehearsing" | "migrating":
                    on_copy = "on a copy: " if event["event"] == "rehearsing" else ""
                    announce(f"{on_copy}{event['done']}/{event['total']} {event['name']}")
                case "ready":
                    address = backend.address(settings["app"]["home"])
                    announce(f"ready after {event['seconds']} s: {address}\nCtrl-C stops it")
                    webbrowser.open(address)
                case "failed":
                    return event
    except KeyboardInterrupt:
        announce("stopping")
    return None


def _command(
    root: Path, settings: desktop_toml.Manifest, app_data: Path
) -> tuple[list[str], dict[str, str]]:
    django = settings["django"]
    flags = interpreter_flags(bytecode=app_data / "pycache")
    command = [interpreter_of(root, settings), *flags, str(root / PAYLOAD_FOLDER / "launch.py")]
    developer = {
        name: os.environ[name]
        for name in ("DJANGO_SETTINGS_MODULE", *django["env"])
        if name in os.environ
    }
    return command, clean_environment(developer | contract(app_data, root, "development"))


def interpreter_of(root: Path, settings: desktop_toml.Manifest) -> str:
    """The Python that runs an adapted project. Raises KitError DDK-ENV-04 without one."""
    if named := os.environ.get("PYTHON"):
        if python := shutil.which(named):
            return python
        raise KitError("DDK-ENV-04", f"PYTHON={named} cannot be started", python=named)
    _, found = find_adapted(root, settings)
    if found:
        return str(found.python)
    if root == IN_CHECKOUT.parent:
        # The reference app runs on the kit's own environment.
        return sys.executable
    raise no_environment(root)


def _has_electron(shell: Path, announce: Announce) -> bool:
    """Whether the shell's program is there, or could be fetched now."""
    package = shell / "node_modules" / "electron"
    if _electron(package):
        return True
    node = shutil.which("node")
    if not node or not (package / "install.js").is_file():
        return False
    announce("fetching Electron")
    with suppress(subprocess.TimeoutExpired):
        subprocess.run([node, "install.js"], cwd=package, capture_output=True, timeout=FETCH_LIMIT)
    return _electron(package)


def _electron(package: Path) -> bool:
    """Whether there is a program where Electron's own package looks for it."""
    try:
        name = (package / "path.txt").read_text(encoding="utf-8").strip()
    except OSError:
        name = ""
    if folder := os.environ.get("ELECTRON_OVERRIDE_DIST_PATH"):
        return Path(folder, name or "electron").is_file()
    return bool(name) and (package / "dist" / name).is_file()
