"""The backend's two private lines to its shell: the lifeline in, the events out."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any


class Channel:
    """Takes stdin and stdout away from the project and keeps them for the shell.

    Projects print while they start and some read stdin; either would break the protocol. On
    Windows a child that inherits a stdin pipe being read hangs. So both move to descriptors
    that no child inherits, stdin becomes the null device and stdout joins stderr.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self.lifeline = os.dup(0)
        self._events = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, event: str, **fields: Any) -> None:
        """Write one event; a shell that is gone is no error, its lifeline tells us."""
        self.say({"event": event, **fields})

    def say(self, document: dict[str, Any]) -> None:
        """Write any document, in a line."""
        line = json.dumps(document) + "\n"
        try:
            with self._lock:
                os.write(self._events, line.encode())
        except OSError:
            pass

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, in its own thread, when the shell's end of stdin closes."""

        def wait() -> None:
            try:
                while os.read(self.lifeline, 4096):
                    pass
            except OSError:
                pass
            callback()

        threading.Thread(target=wait, name="lifeline", daemon=True).start()
