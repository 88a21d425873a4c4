"""One shell for an app data folder: a second launch asks the first for its window, and ends."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from desktop_runtime import system

LOCK = "instance.lock"
RESTORE = 9  # of ShowWindow
DOOR = "again"  # in the current folder: the path of such a socket may have 108 characters


def enter(folder: Path) -> bool:
    """Make the private `folder` this process's own and current one; False: another has it."""
    global _lock
    system.keep_private(folder.parent)
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    _lock = system.lock(Path(LOCK))
    return _lock is not None


def knock(title: str) -> None:
    """Let the process that has the current folder show its window, which bears the `title`."""
    if system.WINDOWS:
        _bring_to_front(title)
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as door:
        door.connect(DOOR)


def answer(show: Callable[[], None]) -> None:
    """Call `show`, in a thread, for each launch that knocks (none does on Windows)."""
    if system.WINDOWS:
        return
    Path(DOOR).unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(DOOR)
    door.listen()

    def serve() -> None:
        while True:
            door.accept()[0].close()
            show()

    threading.Thread(target=serve, daemon=True).start()


def _bring_to_front(title: str) -> None:
    """Windows gives the focus away only for the program of the person's last click: this one.
    https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-setforegroundwindow
    """
    import ctypes

    user = ctypes.WinDLL("user32")
    if window := user.FindWindowW(None, title):
        user.ShowWindow(window, RESTORE)
        user.SetForegroundWindow(window)
