"""The processes of a start, told apart from all others of the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from checks.limits import STOP_SECONDS

POLL_SECONDS = 0.02
# A variable by which descendants are found that have lost their parent.
MARK = "DDK_CHECKS_START"


class ProcessTree:
    """What was started, and whatever belongs to it.

    That is every process that was once seen below it, and every one that carries its mark.
    """

    def __init__(self, root: subprocess.Popen[bytes], mark: str = "") -> None:
        self.root, self.mark = root, mark
        self._known: set[psutil.Process] = set()
        # Kept as a process, which tells a later one of the same number apart.
        self._top: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._top = psutil.Process(root.pid)
            self._known.add(self._top)

    def descendants(self) -> list[psutil.Process]:
        """Those that live below it now; they are remembered for `survivors`."""
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            found = self._top.children(recursive=True) if self._top else []
        self._known.update(found)
        return found

    def survivors(self) -> list[psutil.Process]:
        """Those that live, wherever they stand by now."""
        self.descendants()
        self.root.poll()  # so that it is no zombie of ours
        marked = psutil.process_iter() if self.mark else ()
        found = {*self._known, *(each for each in marked if _environment(each, MARK) == self.mark)}
        return sorted(filter(_lives, found), key=lambda each: each.pid)

    def gone_within(self, seconds: float) -> tuple[list[str], float]:
        """Wait for the last of them to end; names of the rest, and the seconds waited."""
        begin = time.monotonic()
        while (rest := self.survivors()) and time.monotonic() - begin < seconds:
            time.sleep(POLL_SECONDS)
        return [_name(each) for each in rest], time.monotonic() - begin

    def end(self) -> None:
        """Kill all of them, by process id."""
        for each in self.survivors():
            with contextlib.suppress(psutil.Error):
                each.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.root.wait(STOP_SECONDS)


def backends_below(pid: int) -> list[psutil.Process]:
    """Processes below a shell that were given the contract's variables, but for their children."""
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(pid).children(recursive=True)
    given = [each for each in found if _lives(each) and _environment(each, "DESKTOP_DJANGO_PORT")]
    pids = {each.pid for each in given}
    return [each for each in given if _parent(each) not in pids]


def _parent(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.ppid()
    return 0


def marked(root: Path) -> Iterator[psutil.Process]:
    """Processes that carry a path under `root` in their environment."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(
                value.startswith(str(root)) for value in process.environ().values()
            ):
                yield process


def remove(root: Path) -> None:
    """Remove a folder of the suite, and end what still runs with a path under it."""
    for process in list(marked(root)):
        with contextlib.suppress(psutil.Error):
            process.kill()
    shutil.rmtree(root, ignore_errors=True)


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _environment(process: psutil.Process, name: str) -> str:
    with contextlib.suppress(psutil.Error):
        return process.environ().get(name, "")
    return ""


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return f"{process.name()} (pid {process.pid})"
    return f"pid {process.pid}"
