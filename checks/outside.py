"""Judging any shell from outside: nothing of ours is in its processes.

A page of the scratch copy does what the suite asks for (probe_agent.py), windows are looked at and
used by X11 on a display of their own, and programs stand in for those by which the system opens
addresses and folders.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil

from checks.backend import TargetFailedError
from checks.limits import ANSWER_SECONDS, START_SECONDS, STOP_SECONDS, crowd
from checks.shell import (
    POLL_SECONDS,
    QUIT_SECONDS,
    Appeared,
    Electron,
    Shell,
    Unasked,
    Window,
    is_root,
    until,
)
from checks.target import Target
from checks.verdicts import NotRun

if TYPE_CHECKING:
    from checks.application import Packaged
    from checks.x11 import Screen

AGENT = "ddk_probe_agent"
# What opens an address or a folder on Linux, by whichever way a shell asks for it.
OPENERS = ("xdg-open", "xdg-email", "gio", "gvfs-open", "kde-open", "gnome-open", "x-www-browser")
SCHEMES = ("http", "https", "mailto", "ftp", "file", "smb", "ms-settings", "chrome")
HANDLER = "ddk-checks.desktop"
GROUND = (0x00, 0xBB, 0x77)  # of the agent's pages
GROUND_SHARE = 0.2

# The first page takes this long, and no window may be blank for nearly as long: on a busy machine
# one that was painted before it was shown is blank for seconds, and the page takes longer there.
FIRST_PAGE_SECONDS = 4.0
MOST_CROWDED = 5.0
BLANK_SHARE = 0.75
# A page asks about twice a second, and less often on a busy machine.
FRESH_SECONDS = 3.0
SILENT_SECONDS = 8.0
SAMPLE_SECONDS = 0.1
CLICK_SECONDS = 1.0
BACK_SECONDS = 3.0
LASTING_SECONDS = 3.0
BUSY_SECONDS = 2.0
FOLLOWS_SECONDS = 30.0


# What is asked for as no page is the project's; written here, its scripts run and ours go on.
OWN_PAGE = """(async () => {
    const page = await (await fetch(location.href)).text();
    const loaded = new Promise(done => addEventListener("load", done));
    document.open();
    document.write(page);
    document.close();
    await Promise.race([loaded, new Promise(done => setTimeout(done, 3000))]);
})()"""


class Outside:
    """What all launches have in common: the display, the stand-ins, the folder of the agent."""

    def __init__(
        self, target: Target, opener: Electron | Packaged | None, folder: Path, display: str
    ) -> None:
        """What `opener` opens; the command of the target's `[shell]` where there is none."""
        from checks.x11 import Screen  # Linux alone has the package

        self.opener = opener
        self.display = display
        self.screen = Screen(display)
        self.agent = target.cwd / AGENT
        self.agent.mkdir()
        (self.agent / "home").write_text(target.home, encoding="utf-8")
        self.programs = folder / "standins"
        self._opened = folder / "opened.txt"
        self._opened.touch()
        self._number = 0
        self._stand_in()

    def close(self) -> None:
        """Leave the display."""
        self.screen.close()

    def _stand_in(self) -> None:
        self.programs.mkdir()
        text = f'#!/bin/sh\nprintf "%s\\n" "$@" >> {shlex.quote(str(self._opened))}\n'
        for name in OPENERS:
            (self.programs / name).write_text(text, encoding="utf-8")
            (self.programs / name).chmod(0o755)
        applications = self.programs / "data" / "applications"
        applications.mkdir(parents=True)
        command = f"Exec={self.programs / OPENERS[0]} %U"
        entry = f"[Desktop Entry]\nType=Application\nName=Stand-in\n{command}\n"
        (applications / HANDLER).write_text(entry, encoding="utf-8")
        kinds = [f"x-scheme-handler/{scheme}" for scheme in SCHEMES]
        lines = [f"{kind}={HANDLER}\n" for kind in (*kinds, "inode/directory")]
        text = "[Default Applications]\n" + "".join(lines)
        (applications / "mimeapps.list").write_text(text, encoding="utf-8")

    def variables(self) -> dict[str, str]:
        """By which a shell finds the display and the stand-ins."""
        here = os.pathsep.join((str(self.programs), os.environ.get("PATH", os.defpath)))
        data = os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share")
        return {
            "DISPLAY": self.display,
            "PATH": here,
            "BROWSER": str(self.programs / OPENERS[0]),
            "XDG_DATA_DIRS": f"{self.programs / 'data'}:{data}",
            "GDK_BACKEND": "x11",
        }

    def opened(self) -> list[str]:
        """What the stand-ins were asked for."""
        return self._opened.read_text(encoding="utf-8").splitlines()

    # -- the agent ----------------------------------------------------------------------------

    def pages(self, since: float = 0.0) -> list[dict[str, Any]]:
        """Pages that have just asked for a script, and after the time `since`; the latest first."""
        found = []
        for path in self.agent.glob("page-*.json"):
            page = json.loads(path.read_bytes())
            if page["at"] > max(since, time.time() - FRESH_SECONDS):
                found.append(page)
        return sorted(found, key=lambda page: page["at"], reverse=True)

    def ask(self, page: str, script: str, clicked: bool) -> int:
        """Let a page run a script; the number of its answer."""
        self._number += 1
        asked = {"number": self._number, "page": page, "script": script, "clicked": clicked}
        part = self.agent / "asked.part"
        part.write_text(json.dumps(asked), encoding="utf-8")
        part.replace(self.agent / "asked.json")
        return self._number

    def is_taken(self, number: int) -> bool:
        """Whether the page has the script."""
        return (self.agent / f"taken-{number}").exists()

    def answer(self, number: int) -> dict[str, Any] | None:
        """What came of it; None as long as nothing did."""
        with contextlib.suppress(FileNotFoundError):
            return json.loads((self.agent / f"answer-{number}.json").read_bytes())
        return None


class OutsideShell(Shell):
    """A launch that is watched from its start."""

    def __init__(
        self, project: Path, target: Target, app_data: Path, home: Path, outside: Outside
    ) -> None:
        super().__init__(project, target, app_data, home)
        self.outside = outside
        self.mark = secrets.token_hex(8)
        self.main = 0
        """The window with the page, once it is known."""
        self.samples: list[tuple[float, dict[int, str]]] = []
        """Seconds since the start, and what each window showed: "page", "blank", "other"."""

    def _command(self, first: bool) -> list[str]:
        if self.outside.opener:
            return self.outside.opener.command(self.project, self.target)
        return self.target.shell_command

    def _environment(self) -> dict[str, str]:
        return super()._environment() | self.outside.variables()

    def __enter__(self) -> OutsideShell:
        self._ended = threading.Event()
        self.first_page_seconds = FIRST_PAGE_SECONDS * min(crowd(), MOST_CROWDED)
        delay = self.outside.agent / "delay"
        delay.write_text(str(self.first_page_seconds), encoding="utf-8")
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        super().__exit__()

    def _started(self) -> None:
        self.samples.clear()
        threading.Thread(target=self._sample, args=(time.monotonic(),), daemon=True).start()

    def _sample(self, started: float) -> None:
        from checks.x11 import Screen

        with contextlib.closing(Screen(self.outside.display)) as screen:
            while not self._ended.wait(SAMPLE_SECONDS):
                kinds = {window: _kind(screen, window) for window in screen.windows()}
                self.samples.append((time.monotonic() - started, kinds))
                if "page" in kinds.values():
                    return

    def window(self) -> OutsideWindow:
        """The main window, once the page is on the screen. Raises TargetFailedError."""
        return OutsideWindow(self)

    def restart(self) -> None:
        """End it at once and launch it anew."""
        self.__exit__()
        self.__enter__()

    def quit(self) -> int | None:
        """Close its windows; the exit code, None when it went on."""
        self.tree.descendants()
        for window in self.outside.screen.windows():
            self.outside.screen.ask_to_close(window)
        return self.exit_code(QUIT_SECONDS)

    def kill(self) -> None:
        """SIGKILL to the process that has the window."""
        self.tree.descendants()
        owner = self.outside.screen.process(self.main)
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(owner or self.process.pid)
            process.kill()
            process.wait(STOP_SECONDS)


def _kind(screen: Screen, window: int) -> str:
    picture = screen.picture(window)
    if picture.share(*GROUND) > GROUND_SHARE:
        return "page"
    return "blank" if picture.is_blank else "other"


class OutsideWindow(Window):
    """The main window, as a person has it, with a page that answers."""

    # A shell need not offer anything; what it offers beyond this is not documented.
    bridges = ({}, {"desktop": ["openAppDataFolder"]})

    def __init__(self, shell: OutsideShell) -> None:
        self.shell = shell
        self.outside, self.screen = shell.outside, shell.outside.screen
        self._document = ""
        self._find()

    def _find(self) -> None:
        """Take the page that has come, and the window that shows it."""

        def found() -> bool:
            shown = [w for w in self.screen.windows() if _kind(self.screen, w) == "page"]
            pages = self.outside.pages()
            if shown and pages:
                self.shell.main = shown[0]
                self._adopt(pages[0])
            return bool(shown and pages)

        if not until(found, START_SECONDS, lambda: self.shell.process.poll() is not None):
            raise TargetFailedError(
                f"the shell showed no page of the backend: {self.shell.last_words()}"
            )

    def _adopt(self, page: dict[str, Any]) -> None:
        self._document = page["page"]
        self.port = urlsplit(page["place"]).port

    def _current(self, since: float = 0.0) -> dict[str, Any] | None:
        """The page that is asked, if it is still there and has asked `since` then."""
        pages = self.outside.pages(since)
        return next((page for page in pages if page["page"] == self._document), None)

    @property
    def picture(self) -> str:
        """With the project's own first page, in the place of the one that answers."""
        with contextlib.suppress(TargetFailedError):
            self.run(OWN_PAGE, clicked=False)
            self.settle()
            return self._pictured(self.shell.main)
        return ""

    def _pictured(self, window: int) -> str:
        return base64.b64encode(self.screen.picture(window).png()).decode()

    def _others(self) -> list[int]:
        return [window for window in self.screen.windows() if window != self.shell.main]

    def appeared(self) -> Appeared:
        """By what was on the screen, sample by sample."""
        samples = self.shell.samples
        until(lambda: samples and "page" in samples[-1][1].values(), ANSWER_SECONDS)
        seconds = {
            kind: next((at for at, kinds in samples if kind in kinds.values()), None)
            for kind in ("other", "page")
        }
        begun: dict[int, float] = {}
        longest = 0.0
        for at, kinds in samples:
            blank = {window for window, kind in kinds.items() if kind == "blank"}
            begun = {window: begun.get(window, at) for window in blank}
            longest = max(longest, *(at - since for since in begun.values()), 0.0)
        is_painted = longest < self.shell.first_page_seconds * BLANK_SHARE
        return Appeared(seconds["other"], seconds["page"] or 0.0, is_painted)

    # -- pages --------------------------------------------------------------------------------

    def neutral(self) -> OutsideWindow:
        """Close the other windows and go there; launch the shell anew where no page answers."""
        self._close_others()
        now = time.time()
        if pages := until(lambda: self.outside.pages(since=now), SILENT_SECONDS):
            self._adopt(pages[0])
        else:
            self._back()
        self._go(self.page)
        return self

    def visit(self, path: str) -> None:
        """Go to another page of the probe."""
        self._go(f"{self.origin}/ddk-probe/{path}")

    def show(self, path: str) -> None:
        """By a script that nobody waits for."""
        script = f"void (location.href = '{self.origin}/ddk-probe/{path}')"
        self.outside.ask(self._document, script, clicked=False)

    def _go(self, address: str) -> None:
        started, before = time.time(), self._document
        # As a shell may have it, nobody has clicked: it leads nowhere but to the own origin.
        self.outside.ask(before, f"void location.replace({json.dumps(address)})", clicked=False)

        def there() -> dict[str, Any] | None:
            pages = self.outside.pages(started)
            return next((p for p in pages if p["place"] == address and p["page"] != before), None)

        if not (page := until(there, ANSWER_SECONDS)):
            raise TargetFailedError(f"the window did not come to {address}")
        self._adopt(page)
        self.load_seconds = time.time() - started

    def _back(self) -> None:
        if self.shell.main in self.screen.windows():
            now = time.time()
            self.screen.key(self.shell.main, "Alt_L", "Left")
            if until(lambda: self.outside.pages(since=now), BACK_SECONDS):
                self._find()
                return
        self.shell.restart()
        self._find()

    def _close_dialogs(self) -> None:
        for window in self._others():
            if self.screen.is_dialog(window):
                self.screen.ask_to_close(window)

    def _close_others(self) -> None:
        def closed() -> bool:
            for window in self._others():
                self.screen.ask_to_close(window)
            return not self._others()

        until(closed, BACK_SECONDS)

    def run(
        self, script: str, *arguments: Any, limit: float = ANSWER_SECONDS, clicked: bool = True
    ) -> Any:
        """By the page itself, in a click of the mouse where it should be one's."""
        call = f"({', '.join(map(json.dumps, arguments))})" if arguments else ""
        number = self.outside.ask(self._document, f"({script}){call}", clicked)
        deadline = time.monotonic() + limit
        due = 0.0
        while (answer := self.outside.answer(number)) is None:
            now = time.monotonic()
            if now > deadline:
                raise TargetFailedError("the page did not answer in time")
            if clicked and now > due and self.outside.is_taken(number):
                time.sleep(POLL_SECONDS)  # until the script has been read
                self._close_dialogs()  # they keep the mouse from it
                self.screen.click(self.shell.main)
                due = now + CLICK_SECONDS
            time.sleep(POLL_SECONDS)
        if "error" in answer:
            raise TargetFailedError(f"the page could not do that: {answer['error'][:200]}")
        return answer.get("value")

    def is_at(self, address: str) -> bool:
        """Whether a page there answers."""
        return any(page["place"] == address for page in self.outside.pages())

    def has_moved(self) -> bool:
        """By a page of another origin, which asks its own backend."""
        return any(urlsplit(page["place"]).port != self.port for page in self.outside.pages())

    def notice_of(self, death: psutil.Process) -> float:
        """It has started another one."""

        def follows() -> bool:
            now = self.shell.backend()
            return now is not None and now != death

        until(follows, FOLLOWS_SECONDS)
        return time.time()

    def strayed(self) -> str:
        """By whether the page still answers, and by what other windows show."""
        asked = time.time()
        page = until(lambda: self._current(since=asked), SILENT_SECONDS)
        shown = [window for window in self._others() if _kind(self.screen, window) != "blank"]
        others = self._others()
        if shown:
            where = "something else, in a new window"
        elif page is None:
            where = "something that is no page of the backend"
        else:
            where = "" if page["place"] == self.page else page["place"]
        if where or others:
            self.neutral()
        return where

    def loaded(self) -> None:
        """Wait until it is on the screen."""
        self.settle()
        self._find()

    def reloaded(self) -> bool:
        """Whether a page answers whose address does."""
        for page in self.outside.pages():
            self._adopt(page)
            with contextlib.suppress(TargetFailedError):
                script = "fetch(location.href).then(({ ok }) => ok)"
                return bool(self.run(script, limit=5, clicked=False))
        return False

    # -- the system ---------------------------------------------------------------------------

    def handed(self) -> list[str]:
        """What the stand-ins were asked for, but for folders."""
        return [text for text in self.outside.opened() if not _folder(text)]

    def folders(self) -> list[str]:
        """Folders that the stand-ins were asked for."""
        return [folder for text in self.outside.opened() if (folder := _folder(text))]

    def count(self) -> int:
        """How many windows are visible."""
        return len(self.screen.windows())

    def leave_unasked(self, addresses: list[str]) -> Unasked:
        """Nobody agrees: every new window counts as a question, and is closed at the end."""
        # Anew, as a window that nobody has touched yet.
        self.shell.restart()
        self._find()
        self.neutral()
        before, most = len(self.outside.opened()), 0
        for address in addresses:
            with contextlib.suppress(TargetFailedError):
                self.run(f"void (location.href = {json.dumps(address)})", clicked=False, limit=5)
            self.settle()
            most = max(most, len(self._others()))
        opened = [text for text in self.outside.opened()[before:] if text in addresses]
        self._close_others()
        return Unasked(None, opened, most)

    def red(self) -> int:
        """On the screen."""
        return self.screen.picture(self.shell.main).red

    def saved(self, name: str) -> bytes:
        """Wherever in the home folder; a question where to is answered by Return."""
        for file in self.shell.home.rglob(name):
            self._close_dialogs()  # that tell of it
            return file.read_bytes()
        for window in filter(self.screen.is_dialog, self._others()):
            self.screen.key(window, "Return")
        return b""

    def unconfined(self) -> str:
        """By the process that works while the page does: seccomp, or namespaces of its own."""
        if self.outside.opener and self.outside.opener.is_chromium and is_root():
            raise NotRun("cannot be judged as root: Chromium then runs without its sandbox")
        before = {each: _worked(each) for each in self.shell.tree.descendants()}
        end = f"performance.now() + {BUSY_SECONDS * 1000}"
        self.neutral().run(f"(() => {{ const end = {end}; while (performance.now() < end); }})()")
        worked = {each: _worked(each) - before.get(each, 0.0) for each in self._below()}
        process = max(worked, key=worked.__getitem__, default=None)
        if process is None:
            return "no process of the page was found"
        return "" if _is_confined(process) else f"{process.name()} runs pages and is not confined"

    def _below(self) -> Iterator[psutil.Process]:
        own = self.shell.backend()
        backends = {own, *(own.children(recursive=True) if own else ())}
        return (each for each in self.shell.tree.descendants() if each not in backends)

    def explanation(self) -> tuple[str, str]:
        """That something else than the page stays: what it says cannot be read from outside."""
        deadline = time.monotonic() + LASTING_SECONDS
        while time.monotonic() < deadline:
            kinds = {_kind(self.screen, window) for window in self.screen.windows()}
            if self.shell.backend() or kinds != {"other"}:
                return "", ""
            time.sleep(SAMPLE_SECONDS)
        shown = next(iter(self.screen.windows()))
        text = "something else than the page; its text is not read from outside"
        return text, self._pictured(shown)

    def watch_focus(self) -> Callable[[], bool]:
        """By whether it takes the keyboard from a window of ours."""
        self.screen.take_focus()
        return self.screen.focused


def _folder(text: str) -> str:
    """The folder that is named by its path or address; empty: it is no folder."""
    path = url2pathname(urlsplit(text).path) if text.startswith("file:") else text
    return path if Path(path).is_absolute() and Path(path).is_dir() else ""


def _worked(process: psutil.Process) -> float:
    """Seconds of its processor time."""
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def _is_confined(process: psutil.Process) -> bool:
    own, its = Path("/proc/self"), Path("/proc") / str(process.pid)
    if "\nSeccomp:\t2\n" in (its / "status").read_text(encoding="utf-8"):
        return True
    spaces = ("ns/net", "ns/pid")
    return any((own / each).readlink() != (its / each).readlink() for each in spaces)
