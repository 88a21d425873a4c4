"""Judging the kit's Electron shell from its main process.

A file of ours is loaded there (`electron -r`). It notes what windows do and carries out a few
commands over a loopback connection. No debugger is attached, because one changes how refused
windows and navigations behave.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from checks.backend import HOST, TargetFailedError
from checks.limits import ANSWER_SECONDS, START_SECONDS, STOP_SECONDS
from checks.shell import (
    ORIGINS,
    POLL_SECONDS,
    QUIT_SECONDS,
    SETTLE_SECONDS,
    Appeared,
    Electron,
    Shell,
    Unasked,
    Window,
    port_of,
    until,
)
from checks.target import Target

PROBE = Path(__file__).with_name("shell_probe.cjs")
# Electron answers navigator.permissions.query without asking the shell before this version.
ASKS_FOR_QUERIES = 12
QUERIES = ("camera", "microphone", "geolocation", "notifications", "midi")

CONNECT_SECONDS = 60.0
INPUT_SECONDS = 5.0
QUESTION_SECONDS = 2.0
NOTICE_SECONDS = 0.5


class HookedShell(Shell):
    """A launch that carries out what it is asked."""

    def __init__(
        self, project: Path, target: Target, electron: Electron, app_data: Path, home: Path
    ) -> None:
        super().__init__(project, target, app_data, home)
        self.electron = electron
        self.downloads = home / "Downloads"
        self._asked = 0
        self._unread = b""
        self._server = socket.create_server((HOST, 0))
        self._control: socket.socket | None = None

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._control:
            self._control.close()
        self._server.close()

    def _command(self, first: bool) -> list[str]:
        options = ("-r", str(PROBE)) if first else ()
        return self.electron.command(self.project, self.target, *options)

    def _environment(self) -> dict[str, str]:
        own = {
            "DDK_CHECKS_CONTROL": str(self._server.getsockname()[1]),
            "DDK_CHECKS_DOWNLOADS": str(self.downloads),
        }
        return super()._environment() | own

    def _started(self) -> None:
        self._server.settimeout(POLL_SECONDS)
        deadline = time.monotonic() + CONNECT_SECONDS
        while self._control is None:
            with contextlib.suppress(TimeoutError):
                self._control, _ = self._server.accept()
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise TargetFailedError(f"the shell did not start: {self.last_words()}")

    def quit(self) -> int | None:
        """Ask it to quit as its menu does; the exit code, None when it went on."""
        self.tree.descendants()
        self._send("quit", {})
        return self.exit_code(QUIT_SECONDS)

    def kill(self) -> None:
        """SIGKILL (TerminateProcess on Windows) to the shell alone."""
        self.tree.descendants()
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def window(self) -> HookedWindow:
        """The main window, once it is visible. Raises TargetFailedError."""
        return HookedWindow(self)

    # -- what it shows ------------------------------------------------------------------------

    def _send(self, command: str, given: dict[str, Any]) -> int:
        self._asked += 1
        line = json.dumps({"id": self._asked, "command": command, "given": given})
        try:
            self._control.sendall(f"{line}\n".encode())
        except OSError:
            raise TargetFailedError(f"the shell has ended: {self.last_words()}") from None
        return self._asked

    def ask(self, command: str, limit: float = ANSWER_SECONDS, **given: Any) -> Any:
        """Have shell_probe.cjs do something; what it answers.

        Raises TargetFailedError when it has ended, does not answer in time, or could not do it.
        """
        number = self._send(command, given)
        deadline = time.monotonic() + limit
        while (answer := json.loads(self._line(command, deadline)))["id"] != number:
            pass
        if "error" in answer:
            raise TargetFailedError(f"the window could not {command}: {answer['error'][:200]}")
        return answer.get("value")

    def _line(self, command: str, deadline: float) -> bytes:
        while b"\n" not in self._unread:
            self._control.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                block = self._control.recv(1 << 20)
            except TimeoutError:
                raise TargetFailedError(f"the window did not {command} in time") from None
            except OSError:
                block = b""
            if not block:
                raise TargetFailedError(f"the shell has ended: {self.last_words()}")
            self._unread += block
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def look(self) -> dict[str, Any]:
        """All windows, and the notes of shell_probe.cjs."""
        return self.ask("look")

    def run(
        self, window: int, script: str, limit: float = ANSWER_SECONDS, gesture: bool = True
    ) -> Any:
        """The value of a script in a page, as if a person had clicked unless `gesture` is false."""
        return self.ask("run", limit, window=window, script=script, gesture=gesture)

    def main_window(self, limit: float = START_SECONDS) -> dict[str, Any]:
        """The window with a page of the backend, once it is visible. Raises TargetFailedError."""

        def found() -> dict[str, Any] | None:
            windows = self.look()["windows"]
            return next((w for w in windows if w["visible"] and w["url"].startswith(ORIGINS)), None)

        if window := until(found, limit, lambda: self.process.poll() is not None):
            return window
        raise TargetFailedError(f"the shell showed no page of the backend: {self.last_words()}")


class HookedWindow(Window):
    """The main window, as Electron's main process has it."""

    bridges = ({"desktop": ["openAppDataFolder"]},)

    def __init__(self, shell: HookedShell) -> None:
        self.shell = shell
        window = shell.main_window()
        self.number: int = window["id"]
        self.port = port_of(window["url"])
        look = shell.look()
        self._first = look["notes"]["shown"]
        if int(look["electron"].split(".")[0]) >= ASKS_FOR_QUERIES:
            self.queries = QUERIES
        until(lambda: not self._state()["busy"], ANSWER_SECONDS)
        with contextlib.suppress(TargetFailedError):
            self.picture = shell.ask("picture", window=self.number)

    def _state(self) -> dict[str, Any]:
        windows = {w["id"]: w for w in self.shell.look()["windows"]}
        assert self.number in windows, "the main window is gone"
        return windows[self.number]

    def appeared(self) -> Appeared:
        """By the notes of what was shown."""
        first, *_ = self._first
        main = next((s for s in self._first if s["window"] == self.number), first)
        splash = None if first["url"].startswith(self.origin) else first["ms"] / 1000
        return Appeared(splash, main["ms"] / 1000, first is not main and main["painted"])

    def neutral(self) -> HookedWindow:
        """Close the other windows and load the page."""
        self._state()
        for window in self.shell.look()["windows"]:
            if window["id"] != self.number:
                self.shell.ask("close", window=window["id"])
        started = time.monotonic()
        self.shell.ask("load", window=self.number, url=self.page)
        self.load_seconds = time.monotonic() - started
        return self

    def visit(self, path: str) -> None:
        """Load another page of the probe."""
        self.shell.ask("load", window=self.number, url=f"{self.origin}/ddk-probe/{path}")

    def show(self, path: str) -> None:
        """By a script in the page: the viewer's page never finishes loading."""
        self.run(f"void (location.href = '{self.origin}/ddk-probe/{path}')")

    def run(
        self, script: str, *arguments: Any, limit: float = ANSWER_SECONDS, clicked: bool = True
    ) -> Any:
        """By executeJavaScript."""
        call = f"({', '.join(map(json.dumps, arguments))})" if arguments else ""
        return self.shell.run(self.number, f"({script}){call}", limit, clicked)

    def is_at(self, address: str) -> bool:
        """By the window's address."""
        return self._state()["url"] == address

    def has_moved(self) -> bool:
        """By the addresses of all windows."""
        windows = {w["id"]: w["url"] for w in self.shell.look()["windows"]}
        return not windows.get(self.number, "").startswith(f"{self.origin}/")

    def notice_of(self, death: psutil.Process) -> float:
        """Its main process was told of the death before it could answer."""
        self.shell.look()
        return time.time() + NOTICE_SECONDS

    def strayed(self) -> str:
        """By the addresses of all windows."""
        # A window that was opened for a refused redirect may be there, with nothing in it.
        windows = {w["id"]: w["url"] for w in self.shell.look()["windows"]}
        away = [url for url in windows.values() if url and not url.startswith(f"{self.origin}/")]
        where = windows.get(self.number)
        if len(windows) > 1 or where != self.page:
            self.neutral()
        if away:
            return away[0]
        return "" if where == self.page else where or "an empty page"

    def handed(self) -> list[str]:
        """What openExternal was called with."""
        return self.shell.look()["notes"]["opened"]

    def folders(self) -> list[str]:
        """What openPath was called with."""
        return self.shell.look()["notes"]["folders"]

    def count(self) -> int:
        """How many windows Electron has."""
        return len(self.shell.look()["windows"])

    def leave_unasked(self, addresses: list[str]) -> Unasked:
        """Questions are held for a while, then agreed to."""
        shell = self.shell
        time.sleep(INPUT_SECONDS)
        shell.ask("hold", ms=QUESTION_SECONDS * 1000)
        for address in addresses:
            self.run(f"void (location.href = {json.dumps(address)})", clicked=False)
            self.settle()
        until(lambda: not shell.look()["notes"]["asking"], ANSWER_SECONDS)
        shell.ask("hold", ms=0)
        notes = shell.look()["notes"]
        asked = [a for a in addresses if any(a in text for text in notes["said"])]
        silent = [a for a in addresses if a in notes["opened"] and a not in asked]
        return Unasked(len(asked), silent, notes["most"])

    def red(self) -> int:
        """By a capture of the page."""
        return self.shell.ask("red", window=self.number)

    def saved(self, name: str) -> bytes:
        """From the folder that the hook chose."""
        file = self.shell.downloads / name
        return file.read_bytes() if file.is_file() else b""

    def unconfined(self) -> str:
        """By the preferences of every window."""
        self.neutral().run(f"void window.open({json.dumps(self.page)})")
        self.settle()
        wanted = {"sandbox": True, "contextIsolation": True, "nodeIntegration": False}
        for window in self.shell.look()["notes"]["preferences"]:
            found = {name: window.get(name) for name in wanted}
            if found != wanted:
                return f"{window['url']} has {json.dumps(found)}"
        self.neutral()
        return ""

    def reloaded(self) -> bool:
        """Whether a page is there whose address answers."""
        with contextlib.suppress(TargetFailedError):
            return bool(self.run("fetch(location.href).then(({ ok }) => ok)", limit=5))
        return False

    def loaded(self) -> None:
        """Wait until it loads no more."""
        self.settle()  # the shell may show the page anew
        until(lambda: not self._state()["busy"], START_SECONDS)

    def explanation(self) -> tuple[str, str]:
        """The text of a page of the shell's own."""
        for window in self.shell.look()["windows"]:
            if window["visible"] and not window["url"].startswith(("http", "chrome-error:")):
                with contextlib.suppress(TargetFailedError):
                    return self._explanation(window["id"])
        return "", ""

    def _explanation(self, number: int) -> tuple[str, str]:
        reading = "document.body.innerText.trim()"
        text = self.shell.run(number, reading, 5)
        time.sleep(SETTLE_SECONDS)  # the reason comes after the page
        if not text or text != self.shell.run(number, reading, 5):
            return "", ""
        return text, self.shell.ask("picture", window=number)

    def watch_focus(self) -> Callable[[], bool]:
        """By the calls of focus()."""
        before = self.shell.look()["notes"]["focused"]
        return lambda: self.shell.look()["notes"]["focused"] > before
