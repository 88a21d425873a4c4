"""A display for windows, where the machine has none."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from checks.verdicts import NotRun, PrerequisiteError

LINUX = sys.platform == "linux"


@contextlib.contextmanager
def display(own: bool = False) -> Iterator[dict[str, str]]:
    """The variables of a display: none needed where there is one, else those of one made here;
    also there where it has to be the `own` one of the suite.

    Raises NotRun where that is impossible.
    """
    if own and not LINUX:
        raise NotRun("needs Linux: windows are judged from outside by X11")
    if not own and (not LINUX or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        yield {}
        return
    program = shutil.which("Xvfb")
    if not program:
        raise NotRun("needs Xvfb" if own else "needs a display, or Xvfb")
    read, write = os.pipe()
    screen = ("-screen", "0", "1280x1024x24", "-nolisten", "tcp")
    server = subprocess.Popen(
        [program, "-displayfd", str(write), *screen],
        pass_fds=(write,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read, encoding="ascii") as numbers:
            number = numbers.readline().strip()
        if not number:
            raise PrerequisiteError("Xvfb does not start")
        yield {"DISPLAY": f":{number}"}
    finally:
        server.terminate()
        server.wait()
