"""The timeline of a start, for whoever asks for it.

`DESKTOP_DJANGO_TRACE` names a file, in which the shell and every process of the backend write what
took how long, in Chrome's trace format (for chrome://tracing and Perfetto).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

_file = os.environ.get("DESKTOP_DJANGO_TRACE", "")
# The wall clock, which is the shell's too; this process began when its processor time did.
_last = time.time_ns() - time.process_time_ns()
_last_busy = 0


def came(name: str) -> None:
    """`name` has come: the time since the one before it is drawn under its name."""
    global _last, _last_busy
    if not _file:
        return
    # How long a processor was kept busy tells what a busy machine does not change.
    now, busy = time.time_ns(), time.process_time_ns()
    spans = {"ts": _last, "dur": now - _last, "tts": _last_busy, "tdur": busy - _last_busy}
    _write(name=name, ph="X", **{key: nanoseconds / 1000 for key, nanoseconds in spans.items()})
    _last, _last_busy = now, busy


def first_request(application: Callable[..., Any]) -> Callable[..., Any]:
    """The application, which tells when it is asked first; itself where nobody wants to know."""
    if not _file:
        return application
    untold = [True]

    def told(*request: Any) -> Any:
        if untold:
            untold.clear()
            came("first request")
        return application(*request)

    return told


def _write(**event: Any) -> None:
    global _file
    text = json.dumps({"pid": os.getpid(), "tid": 1, **event}) + ",\n"
    try:
        with open(_file, "a", encoding="utf-8") as file:  # noqa: PTH123 - before pathlib
            # The end of the list may be absent: every process only appends.
            file.write(text if file.tell() else "[\n" + text)
    except OSError as error:
        _file = ""
        print(f"there will be no timeline: {error}", file=sys.stderr)


if _file:
    _write(name="process_name", ph="M", args={"name": " ".join(["backend", *sys.argv[1:2]])})
