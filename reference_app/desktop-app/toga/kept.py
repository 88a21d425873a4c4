"""What the shell keeps between two launches: port, place of the window, logs."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from desktop_runtime import system

HOST = "127.0.0.1"
# Below the ephemeral range of every system: outgoing connections do not take the port meanwhile.
PORTS = range(20000, 32768)
CANDIDATES = 20
LOGS_KEPT = 5
TAIL_BYTES = 16 << 10

DEFAULT_SIZE = (1200, 800)
SMALLEST_SIZE = (480, 360)
VISIBLE_PIXELS = 64


class State:
    """Values by name, in shell.json."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._values: dict[str, Any] = {}
        # Absent or damaged: nothing in it is worth more than a fresh start.
        with contextlib.suppress(OSError, ValueError):
            values = json.loads(file.read_bytes())
            self._values = values if isinstance(values, dict) else {}

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def set(self, name: str, value: Any) -> None:
        """Written at once. Where that is impossible, this launch alone remembers: the backend says
        what is wrong with the folder."""
        self._values[name] = value
        draft = self._file.with_suffix(".new")
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(self._values), encoding="utf-8")
            draft.replace(self._file)


def choose_port(state: State, taken: Sequence[int]) -> int:
    """A port that looks free: a remembered one, so that the pages' origin and storage stay."""
    remembered = [state.get("port"), state.get("otherPort")]
    random = [PORTS[secrets.randbelow(len(PORTS))] for _ in range(CANDIDATES)]
    wanted = [port for port in (*remembered, *random) if port in PORTS and port not in taken]
    return next(filter(_is_free, wanted), wanted[-1])


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError):
        system.listen(HOST, port).close()
        return True
    return False


def remember_port(state: State, port: int) -> None:
    """The first port stays the app's own, also when it was taken once: pages' storage is there."""
    is_other = state.get("port") in PORTS and state.get("port") != port
    state.set("otherPort" if is_other else "port", port)


class Bounds(NamedTuple):
    """Of a window, in pixels of the screens."""

    x: int
    y: int
    width: int
    height: int


def place_window(kept: Any, screens: Sequence[Bounds]) -> Bounds:
    """Where it was, if that can still be seen on one of the screens; else in the middle of the
    first."""
    values = kept if isinstance(kept, dict) else {}
    numbers = [values.get(name) for name in Bounds._fields]
    if not all(isinstance(number, int) for number in numbers):
        return _centred(*DEFAULT_SIZE, screens[0])
    x, y, *size = numbers
    width, height = map(max, size, SMALLEST_SIZE)
    for screen in screens:
        right, bottom = screen.x + screen.width, screen.y + screen.height
        is_across = screen.x + VISIBLE_PIXELS < x + width and x < right - VISIBLE_PIXELS
        if is_across and screen.y <= y < bottom - VISIBLE_PIXELS:
            return Bounds(x, y, width, height)
    return _centred(width, height, screens[0])


def _centred(width: int, height: int, screen: Bounds) -> Bounds:
    width, height = min(width, screen.width), min(height, screen.height)
    left, top = (screen.width - width) // 2, (screen.height - height) // 2
    return Bounds(screen.x + left, screen.y + top, width, height)


def open_log(file: Path) -> int:
    """A descriptor of a fresh log; earlier ones are FILE.1 (the youngest) to FILE.5."""
    file.parent.mkdir(exist_ok=True)
    names = [file, *(Path(f"{file}.{number}") for number in range(1, LOGS_KEPT + 1))]
    for older, younger in zip(names[::-1], names[-2::-1], strict=False):
        if younger.is_file() and younger.stat().st_size:
            younger.replace(older)
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def last_lines(file: Path, count: int) -> str:
    """The end of a log; empty where there is none."""
    with contextlib.suppress(OSError), file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return "\n".join(stream.read().decode(errors="replace").strip().split("\n")[-count:])
    return ""


class Log:
    """The shell's own; a full disk must not end the app."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with contextlib.suppress(OSError):
            os.close(open_log(file))

    def __call__(self, text: str) -> None:
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {' '.join(text.split())}\n"
        with contextlib.suppress(OSError), self._file.open("a", encoding="utf-8") as stream:
            stream.write(line)
