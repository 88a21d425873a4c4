"""WIN: what only Windows can decide."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks import database, records
from checks.application import Opened
from checks.backend import HOST, Backend, TargetFailedError
from checks.limits import KILLED_SHELL_SECONDS
from checks.pages import new_text
from checks.starts.app_data import Copies
from checks.starts.restarts import Restarts
from checks.target import Target
from checks.verdicts import Seen

# In which records are posted before the session ends.
POSTING_SECONDS = 1.0


@dataclass(frozen=True)
class Terminated:
    """A backend that is terminated while a child of the target runs."""

    windows: list[str]
    left: list[str]
    seconds: float


@pytest.fixture(scope="session")
def terminated(probe_target: Target, copies: Copies) -> Terminated:
    """Look for windows, then TerminateProcess on the backend itself."""
    with Backend(probe_target, copies("terminated")) as backend:
        backend.ready().probe("spawn")
        tree = {backend.pid, *(process.pid for process in backend.tree.descendants())}
        windows = [title for pid, title in visible_windows() if pid in tree]
        backend.kill()
        left, seconds = backend.tree.gone_within(KILLED_SHELL_SECONDS)
    return Terminated(windows, left, seconds)


@pytest.mark.criterion("WIN-1")
def test_exclusive_port(live: Backend, seen: Seen) -> None:
    """Shares its port with nobody."""
    assert not can_be_shared(live.port), f"another socket could take over port {live.port}"
    seen("a second socket with SO_REUSEADDR is refused")


@pytest.mark.criterion("WIN-2")
def test_tree_ends(terminated: Terminated, seen: Seen) -> None:
    """Takes its whole process tree along."""
    left = terminated.left
    assert not left, (
        f"processes are still there after {KILLED_SHELL_SECONDS:.0f} s: {', '.join(left)}"
    )
    seen(f"gone after {terminated.seconds:.2f} s")


@pytest.mark.criterion("WIN-3")
def test_no_console(terminated: Terminated, seen: Seen) -> None:
    """Shows no console window."""
    windows = terminated.windows
    assert not windows, f"the process tree shows windows: {', '.join(windows)}"
    seen("no visible window, with a child running")


@pytest.mark.criterion("WIN-4")
def test_session_end(target: Target, restarts: Restarts, scratch: Path, seen: Seen) -> None:
    """Keeps its database whole when the session ends."""
    restarts.needs_a_way()
    app_data = Path(shutil.copytree(restarts.killed_data, scratch / "session"))
    saved: list[str] = []

    def post() -> None:
        # Until the connection breaks.
        with contextlib.suppress(TargetFailedError):
            while records.send(backend, restarts.way, text := new_text()):
                saved.append(text)

    with Backend(target, app_data) as backend:
        backend.ready()
        posting = threading.Thread(target=post, daemon=True)
        posting.start()
        time.sleep(POSTING_SECONDS)
        backend.kill()
        posting.join()
    complaints = [i for i in map(database.integrity, database.files(app_data)) if i != "ok"]
    assert not complaints, f"integrity_check says {complaints[0]}"
    lost = [text for text in saved if not records.is_kept(app_data, text)]
    assert not lost, f"{len(lost)} of {len(saved)} acknowledged records are gone"
    assert saved, f"{restarts.way} saved no record"
    seen(f"{len(saved)} records there, integrity ok")


@pytest.mark.criterion("WIN-5")
def test_local_data(opened_application: Opened, seen: Seen) -> None:
    """Keeps its data under %LOCALAPPDATA%."""
    opened = opened_application
    assert not opened.problem, opened.problem
    local = opened.home / "local"
    assert opened.app_data.parent == local, f"its data is at {opened.app_data}, expected in {local}"
    seen(f"%LOCALAPPDATA%\\{opened.app_data.name}")


def can_be_shared(port: int) -> bool:
    """Whether a socket that asks for it can bind a port in use."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind((HOST, port))
        except OSError:
            return False
        return True


def visible_windows() -> Iterator[tuple[int, str]]:
    """Process id and title of every visible top-level window."""
    user = ctypes.windll.user32
    found: list[tuple[int, str]] = []

    @ctypes.WINFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
    def note(window: int, _: int) -> bool:
        if user.IsWindowVisible(ctypes.c_void_p(window)):
            pid, title = ctypes.c_ulong(), ctypes.create_unicode_buffer(200)
            user.GetWindowThreadProcessId(ctypes.c_void_p(window), ctypes.byref(pid))
            user.GetWindowTextW(ctypes.c_void_p(window), title, len(title))
            found.append((pid.value, title.value or "untitled"))
        return True

    user.EnumWindows(note, None)
    return iter(found)
