"""Starting a shell in a real window, and watching it from its main process and from outside.

A file of ours is loaded into the shell's main process (`electron -r`). It notes what windows do and
carries out a few commands over a loopback connection. No debugger is attached, because one changes
how refused windows and navigations behave.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from checks import scratch_copy
from checks.backend import HOST, TargetFailedError
from checks.limits import ANSWER_SECONDS, START_SECONDS, STOP_SECONDS
from checks.network import NETWORK
from checks.processes import ProcessTree, backends_below
from checks.target import PAYLOAD, Target
from checks.verdicts import NotRun

PROBE = Path(__file__).with_name("shell_probe.cjs")
SHELL = PAYLOAD / "electron"
LINUX = sys.platform == "linux"
ORIGINS = f"http://{HOST}:"
# A camera and a microphone that work, so that only a refusal keeps a page from them.
FLAGS = ("--use-fake-device-for-media-stream",)
# Names by which a parent would steer Electron or Node, or have developer tools opened.
STEERING = ("ELECTRON_", "NODE_", "DESKTOP_DJANGO_")

# Of what a computer says of its network: the backend alone is to be told of the rest.
HEARD_BY_ELECTRON = ("HTTPS_PROXY", "SSL_CERT_FILE")

CONNECT_SECONDS = 60.0
QUIT_SECONDS = 40.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Electron:
    """What opens a shell's folder."""

    program: Path
    modules: Path
    """The node_modules that serve a shell which has none."""


def find_electron(target: Target, program: Path | None) -> Electron:
    """The Electron for the target's shell: `program`, else the one installed with its packages.

    Raises NotRun with what is missing.
    """
    if target.runtime == "packaged":
        raise NotRun("needs a shell that can be looked into (--runtime development or staged)")
    folder = target.root / SHELL
    if not (folder / "package.json").is_file():
        raise NotRun(f"needs a shell: this target has no {SHELL.as_posix()}")
    modules = folder / "node_modules"
    installed = _installed(modules)
    found = program.absolute() if program else installed
    if found is None or not found.is_file():
        raise NotRun(
            f"needs Electron: npm ci and npx install-electron in {SHELL.as_posix()}, "
            "or --electron PROGRAM"
        )
    if not modules.is_dir():
        around = [p for p in found.resolve().parents if p.name == "node_modules"]
        modules = around[-1] if around else modules
    return Electron(found, modules)


def _installed(modules: Path) -> Path | None:
    name = modules / "electron" / "path.txt"
    if not name.is_file():
        return None
    return modules / "electron" / "dist" / name.read_text(encoding="utf-8").strip()


def copied(target: Target, electron: Electron, folder: Path) -> Target:
    """A scratch copy with a shell, whose backend answers under `/ddk-probe/`."""
    if target.runtime == "development":
        copy = scratch_copy.make(target, folder)
    else:
        ignore = shutil.ignore_patterns("node_modules")
        shutil.copytree(target.root / SHELL, folder / SHELL, ignore=ignore)
        copy = scratch_copy.make(target, folder / PAYLOAD / "staged")
    link = folder / SHELL / "node_modules"
    if electron.modules.is_dir() and not link.exists():
        try:
            link.symlink_to(electron.modules, target_is_directory=True)
        except OSError as error:
            raise NotRun(f"needs the right to make symbolic links: {error}") from error
    return copy


class Shell:
    """One launch of the target's shell on one app data folder.

    Used as a context manager; on leaving, it and everything that descends from it is gone.
    """

    def __init__(
        self, project: Path, target: Target, electron: Electron, app_data: Path, home: Path
    ) -> None:
        self.project, self.target, self.electron = project, target, electron
        self.app_data, self.home = app_data, home
        self.log = app_data.parent / f"{app_data.name}-shell-{time.monotonic_ns()}.log"
        self.downloads = home / "Downloads"
        self._asked = 0
        self._unread = b""
        self._server = socket.create_server((HOST, 0))
        self._control: socket.socket | None = None

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Shell:
        try:
            self.process = self._start("-r", str(PROBE))
            self.tree = ProcessTree(self.process)
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if tree := getattr(self, "tree", None):
            tree.end()
        if self._control:
            self._control.close()
        self._server.close()

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        as_root = LINUX and os.geteuid() == 0
        flags = [*FLAGS, "--no-sandbox"] if as_root else FLAGS
        command = [str(self.electron.program), *flags, *options, str(self.project / SHELL)]
        if self.target.runtime == "staged":
            command.append("--staged")
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self.project / SHELL,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _environment(self) -> dict[str, str]:
        inherited = {n: v for n, v in os.environ.items() if not n.upper().startswith(STEERING)}
        own = {
            "HOME": str(self.home),
            # Where Chromium leaves its sockets when it is killed.
            **({"TMPDIR": str(self.home)} if LINUX else {}),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "PYTHON": str(self.target.python),
            "DESKTOP_DJANGO_APP_DATA_DIR": str(self.app_data),
            "DDK_CHECKS_CONTROL": str(self._server.getsockname()[1]),
            "DDK_CHECKS_DOWNLOADS": str(self.downloads),
            **{name: value for name, value in NETWORK.items() if name not in HEARD_BY_ELECTRON},
        }
        return inherited | own | self.target.extra

    def _connect(self) -> None:
        self._server.settimeout(POLL_SECONDS)
        deadline = time.monotonic() + CONNECT_SECONDS
        while self._control is None:
            with contextlib.suppress(TimeoutError):
                self._control, _ = self._server.accept()
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise TargetFailedError(f"the shell did not start: {self.last_words()}")

    def launch_again(self) -> tuple[int | None, list[int]]:
        """Start the shell a second time: its exit code (None: still running after the limit), and
        the backends it started. It is ended."""
        second = self._start()
        backends: set[int] = set()
        deadline = time.monotonic() + CONNECT_SECONDS / 2
        while second.poll() is None and time.monotonic() < deadline:
            backends |= {p.pid for p in backends_below(second.pid)}
            time.sleep(0.02)
        code = second.poll()
        ProcessTree(second).end()
        return code, sorted(backends)

    def quit(self) -> int | None:
        """Ask it to quit as its menu does; the exit code, None when it went on."""
        self.tree.descendants()
        self._send("quit", {})
        return self.exit_code(QUIT_SECONDS)

    def exit_code(self, within: float) -> int | None:
        """The exit code once it has ended; None when it is still running."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(within)
        return None

    def kill(self) -> None:
        """SIGKILL (TerminateProcess on Windows) to the shell alone."""
        self.tree.descendants()
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def backend(self) -> psutil.Process | None:
        """The backend that runs now."""
        return next(iter(backends_below(self.process.pid)), None)

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

    def said(self, text: str) -> bool:
        """Whether a log of the app, or what the shell printed, holds `text`."""
        return any(text.encode() in path.read_bytes() for path in self._logs())

    def _logs(self) -> list[Path]:
        return [p for p in (self.log, *(self.app_data / "logs").glob("*")) if p.is_file()]

    def last_words(self) -> str:
        """The last line it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        end = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        code = self.process.poll()
        return f"{'still running' if code is None else f'exit {code}'}, {end[:200]}"


def until(condition: Callable[[], Any], limit: float, hopeless: Callable[[], bool] = bool) -> Any:
    """The first true value of `condition`; a false one after `limit` seconds, or when hopeless."""
    deadline = time.monotonic() + limit
    while not (value := condition()) and time.monotonic() < deadline and not hopeless():
        time.sleep(POLL_SECONDS)
    return value


def port_of(url: str) -> int | None:
    """The port of an address."""
    return urlsplit(url).port
