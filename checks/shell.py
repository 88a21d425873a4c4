"""Starting a shell in a real window, and what the criteria ask of its launch and of its window.

Two drivers answer: hooked.py by a file loaded into Electron's main process, outside.py for any
shell, by its windows, its processes and a page of the scratch copy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from checks import scratch_copy
from checks.backend import HOST
from checks.network import NETWORK
from checks.processes import MARK, ProcessTree, backends_below
from checks.target import PAYLOAD, Target
from checks.verdicts import NotRun

SHELL = PAYLOAD / "electron"
LINUX = sys.platform == "linux"
ORIGINS = f"http://{HOST}:"
# A camera and a microphone that work, so that only a refusal keeps a page from them.
FLAGS = ("--use-fake-device-for-media-stream",)
# Names by which a parent would steer Electron or Node, or have developer tools opened.
STEERING = ("ELECTRON_", "NODE_", "DESKTOP_DJANGO_")
# Where programs keep data in the home folder that a shell is lent.
DATA_HOME = "data"

# Of what a computer says of its network: the backend alone is to be told of the rest.
HEARD_BY_SHELL = ("HTTPS_PROXY", "SSL_CERT_FILE")

SECOND_SECONDS = 30.0
# How long something has that should not happen, and how often as long as a page that should load.
SETTLE_SECONDS = 0.25
SETTLE_LOADS = 2
QUIT_SECONDS = 40.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Electron:
    """What opens a shell's folder."""

    program: Path
    modules: Path
    """The node_modules that serve a shell which has none."""
    is_chromium = True

    def command(self, project: Path, target: Target, *options: str) -> list[str]:
        """The command line that opens the shell of `project`."""
        staged = ["--staged"] if target.runtime == "staged" else []
        return [str(self.program), *flags(), *options, str(project / SHELL), *staged]


def flags() -> tuple[str, ...]:
    """What any Electron is started with."""
    return (*FLAGS, "--no-sandbox") if is_root() and LINUX else FLAGS


def is_root() -> bool:
    """Whether this is root, for whom Chromium has no sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def find_electron(target: Target, program: Path | None) -> Electron:
    """The Electron for the target's shell: `program`, else the one installed with its packages.

    Raises NotRun with what is missing.
    """
    if target.runtime == "packaged":
        raise NotRun("a packaged shell cannot be looked into: needs --shell-driver outside")
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


def copied(target: Target, electron: Electron | None, folder: Path) -> Target:
    """A scratch copy with a shell, whose backend answers under `/ddk-probe/`."""
    if target.runtime == "development" or electron is None:
        copy = scratch_copy.make(target, folder)
    else:
        ignore = shutil.ignore_patterns("node_modules")
        shutil.copytree(target.root / SHELL, folder / SHELL, ignore=ignore)
        copy = scratch_copy.make(target, folder / PAYLOAD / "staged")
    link = folder / SHELL / "node_modules"
    if electron and electron.modules.is_dir() and not link.exists():
        try:
            link.symlink_to(electron.modules, target_is_directory=True)
        except OSError as error:
            raise NotRun(f"needs the right to make symbolic links: {error}") from error
    return copy


@dataclass(frozen=True)
class Appeared:
    """How the first windows came; seconds since the start."""

    splash: float | None
    """When something other than the page was visible, before the page; None: at no time."""
    window: float
    """When the page was visible."""
    painted: bool
    """Whether no window was visible for long without anything in it."""


@dataclass(frozen=True)
class Unasked:
    """What came of addresses that a page went to without a click."""

    asked: int | None
    """How many a person was asked about; None where that cannot be seen."""
    opened: list[str]
    """What the system was asked to open all the same."""
    most: int
    """How many questions were open at once."""


class Window(ABC):
    """The main window, which checks can bring to a neutral page."""

    shell: Shell
    port: int
    picture: str = ""
    """Of the window as it was first: JPEG or PNG in base64; empty where there is none."""
    bridges: tuple[dict[str, list[str]], ...]
    """What pages may see of the shell: names and their functions."""
    queries: tuple[str, ...] = ()
    """Permissions for which the shell is asked when a page queries them."""
    load_seconds = 0.0
    """How long the neutral page took to load the last time."""

    @property
    def origin(self) -> str:
        """Of the backend."""
        return f"{ORIGINS}{self.port}"

    @property
    def page(self) -> str:
        """Address of the neutral page."""
        return f"{self.origin}/ddk-probe/page/"

    def settle(self) -> None:
        """Give the shell time for what it should not do: more where pages load slowly."""
        time.sleep(max(SETTLE_SECONDS, SETTLE_LOADS * self.load_seconds))

    @abstractmethod
    def appeared(self) -> Appeared:
        """How the first windows of this launch came."""

    @abstractmethod
    def neutral(self) -> Window:
        """Show the neutral page and nothing else."""

    @abstractmethod
    def visit(self, path: str) -> None:
        """Show another page of the probe."""

    @abstractmethod
    def show(self, path: str) -> None:
        """Go to what the probe has there, which never says that it is shown."""

    @abstractmethod
    def run(self, script: str, *arguments: Any, limit: float = ..., clicked: bool = True) -> Any:
        """The value of an expression in the page, called with `arguments` if there are any; as if
        a person had clicked there unless `clicked` is false. Raises TargetFailedError."""

    @abstractmethod
    def is_at(self, address: str) -> bool:
        """Whether the window shows this address."""

    @abstractmethod
    def has_moved(self) -> bool:
        """Whether it shows no page of its first backend any more."""

    @abstractmethod
    def notice_of(self, death: psutil.Process) -> float:
        """Wait until the shell knows that this backend has died; when it surely did, in seconds
        since the epoch."""

    @abstractmethod
    def strayed(self) -> str:
        """Where the window went from the neutral page, or a new one came to; empty: nowhere.
        After that it shows the neutral page again."""

    @abstractmethod
    def handed(self) -> list[str]:
        """What the system was asked to open, but for folders."""

    @abstractmethod
    def folders(self) -> list[str]:
        """Folders that the system was asked to show."""

    @abstractmethod
    def count(self) -> int:
        """How many windows there are."""

    @abstractmethod
    def leave_unasked(self, addresses: list[str]) -> Unasked:
        """Let the page go to each address without a click."""

    @abstractmethod
    def red(self) -> int:
        """How many pixels of the window are red."""

    @abstractmethod
    def saved(self, name: str) -> bytes:
        """A file that a page let the shell save, agreed to where it asks; empty until then."""

    @abstractmethod
    def unconfined(self) -> str:
        """What keeps a page's process from being confined; empty: it is. Raises NotRun."""

    @abstractmethod
    def loaded(self) -> None:
        """Wait until the page is there as long as a shell may show it anew."""

    @abstractmethod
    def reloaded(self) -> bool:
        """Whether the page is there and its backend answers it."""

    @abstractmethod
    def explanation(self) -> tuple[str, str]:
        """While there is no backend: what a window says, and a picture of it; or empty texts."""

    @abstractmethod
    def watch_focus(self) -> Callable[[], bool]:
        """What tells whether the window has been given the focus after this call."""


class Shell(ABC):
    """One launch of the target's shell on one app data folder.

    Used as a context manager; on leaving, it and everything that descends from it is gone.
    """

    mark = ""
    """Carried by all its processes where it is not empty."""

    def __init__(self, project: Path, target: Target, app_data: Path, home: Path) -> None:
        self.project, self.target = project, target
        self.app_data, self.home = app_data, home
        self.log = home.parent / f"{app_data.name}-shell-{time.monotonic_ns()}.log"

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Shell:
        try:
            self.process = self._start(self._command(first=True))
            self.tree = ProcessTree(self.process, self.mark)
            self._started()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if tree := getattr(self, "tree", None):
            tree.end()

    @abstractmethod
    def _command(self, first: bool) -> list[str]:
        """The command line of a first launch or of one beside it."""

    @abstractmethod
    def _started(self) -> None:
        """Called once the process runs."""

    @abstractmethod
    def window(self) -> Window:
        """The window with a page of the backend, once it is visible. Raises TargetFailedError."""

    @abstractmethod
    def quit(self) -> int | None:
        """Ask it to quit as a person does; the exit code, None when it went on."""

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL (TerminateProcess on Windows) to the shell alone."""

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self.project / SHELL if (self.project / SHELL).is_dir() else self.project,
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
            "XDG_DATA_HOME": str(self.home / DATA_HOME),
            "PYTHON": str(self.target.python),
            "DESKTOP_DJANGO_APP_DATA_DIR": str(self.app_data),
            **({MARK: self.mark} if self.mark else {}),
            **{name: value for name, value in NETWORK.items() if name not in HEARD_BY_SHELL},
        }
        return inherited | own | self.target.extra

    def launch_again(self) -> tuple[int | None, list[int]]:
        """Start the shell a second time: its exit code (None: still running after the limit), and
        the backends it started. It is ended."""
        second = self._start(self._command(first=False))
        backends: set[int] = set()
        deadline = time.monotonic() + SECOND_SECONDS
        while second.poll() is None and time.monotonic() < deadline:
            backends |= {p.pid for p in backends_below(second.pid)}
            time.sleep(0.02)
        code = second.poll()
        ProcessTree(second).end()
        return code, sorted(backends)

    def exit_code(self, within: float) -> int | None:
        """The exit code once it has ended; None when it is still running."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(within)
        return None

    def backend(self) -> psutil.Process | None:
        """The backend that runs now."""
        return next(iter(backends_below(self.process.pid)), None)

    # -- what it says ----------------------------------------------------------------------------

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
