"""Runs a child whose code is not ours: bounded in time and output, and gone afterwards."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

WINDOWS = sys.platform == "win32"
KEPT_OUTPUT = 64 * 1024  # bytes; of a child that prints without end, the last ones
MARK = "DESKTOP_DJANGO_CHILD_OF"  # inherited by descendants, so that strays can be found

# What a desktop session gives to an app; nothing of PYTHON*, DJANGO_* or VIRTUAL_ENV gets in.
ALLOWED_VARIABLES = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "DISPLAY", "WAYLAND_DISPLAY",
        "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA",
        "LOCALAPPDATA", "PROGRAMDATA", "USERNAME", "HOMEDRIVE", "HOMEPATH",
        "NUMBER_OF_PROCESSORS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    }
)  # fmt: skip
ALLOWED_PREFIXES = ("LC_", "XDG_")


@dataclass(frozen=True)
class Outcome:
    """How a child ended."""

    exit_code: int | None  # None: it was ended because its time was over
    output: str  # the last of stdout and stderr, as one


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment a shell gives to a backend, with `extra` variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in ALLOWED_VARIABLES or name.upper().startswith(ALLOWED_PREFIXES)
    }
    return kept | dict(extra or {})


def run_bounded(
    command: Sequence[str | Path], *, seconds: float, cwd: Path, env: Mapping[str, str]
) -> Outcome:
    """Run `command` without stdin for at most `seconds`; afterwards none of its processes lives."""
    mark = secrets.token_hex(16)
    child = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env={**env, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **own_group(),
    )
    kept: deque[bytes] = deque()
    reader = threading.Thread(target=_keep_last, args=(child.stdout, kept), daemon=True)
    reader.start()
    try:
        exit_code: int | None = child.wait(seconds)
    except subprocess.TimeoutExpired:
        exit_code = None
    finally:
        end_all(child, mark)
        reader.join(5)
    return Outcome(exit_code, b"".join(kept)[-KEPT_OUTPUT:].decode(errors="replace"))


def own_group() -> dict[str, Any]:
    """What starts a child apart from us: it has no window, and `end_all` ends its group."""
    if WINDOWS:
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def json_lines(file: Path) -> Iterator[Any]:
    """What a process wrote down line by line, however it ended; nothing without a file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # it ended while it wrote
            continue
        yield entry


def _keep_last(stream: IO[bytes], kept: deque[bytes]) -> None:
    size = 0
    while block := os.read(stream.fileno(), 8192):
        kept.append(block)
        size += len(block)
        while size - len(kept[0]) > KEPT_OUTPUT:
            size -= len(kept.popleft())


def end_all(child: subprocess.Popen, mark: str) -> None:
    """End the child's group, then whatever left the group but still carries our `mark`."""
    if not WINDOWS:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                process.kill()
        except (psutil.Error, OSError):
            continue
    if child.poll() is None:
        child.kill()
    child.wait()
