"""The app: its one main window with the splash, the page or the error, its menu and its end."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import instance
import screens
import toga
from contract import Failed, Gone, News, Progress, Ready, Reported, address_after_restart
from kept import Bounds, place_window
from launching import Launch
from places import application_id
from policies import Leaving
from toga import Command, Group, Key
from toga.constants import WindowState

if sys.platform == "win32":
    from guard_winforms import Guard
elif sys.platform == "darwin":
    from guard_cocoa import Guard
else:
    from guard_gtk import Guard

CRASH_SECONDS = 10.0
STILL_WORKING_SECONDS = 15.0
LONGEST_ADDRESS = 500
GO = Group("Go", order=20)


class Shell(toga.App):
    """Everything here runs in the thread of the window."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.manifest, self.log = launch.manifest, launch.log
        self.is_development = launch.place.mode == "development"
        self.shows_page = False
        self._served: str | None = None
        self._crashed = float("-inf")
        self._may_end = False
        super().__init__(
            formal_name=self.manifest.name,
            app_id=application_id(self.manifest.identifier),
            icon=launch.place.payload / "icons" / "icon",
            author=self.manifest.author,
            version=self.manifest.version,
            description=self.manifest.description,
        )
        Guard.prepare(self._impl.native)

    @property
    def origin(self) -> str | None:
        """Of the backend while it holds its port."""
        return self.launch.backend.origin

    # -- start ------------------------------------------------------------------------------------

    def startup(self) -> None:
        """Called by Toga: show the splash."""
        self.guard = Guard(self, Path())
        self.leaving = Leaving(self._open, self._ask_whether_to_leave, self.log)
        self.splash = screens.Splash(self.manifest)
        kept = self.launch.state.get("window")
        x, y, width, height = place_window(kept, self._screens())
        self.main_window = toga.MainWindow(size=(width, height), position=(x, y))
        self.main_window.on_close = self._close
        self._show(self.splash.box)
        self.main_window.show()
        if isinstance(kept, dict) and kept.get("maximized"):
            self.main_window.state = WindowState.MAXIMIZED
        self.view = self.guard.main_view()
        self._fill_menu()

    async def on_running(self) -> None:
        """Called by Toga once its loop runs."""
        here = self.loop.call_soon_threadsafe
        self.launch.follow(lambda news: here(self._follow, news))
        self.loop.call_later(STILL_WORKING_SECONDS, self._offer_help)
        instance.answer(lambda: here(self.guard.present, self.main_window._impl.native))
        if sys.platform != "win32":
            self.loop.add_signal_handler(signal.SIGTERM, self.end)

    def _screens(self) -> list[Bounds]:
        return [Bounds(*each.origin, *each.size) for each in self.screens]

    def _offer_help(self) -> None:
        self.splash.offer_help({"Retry": self._restart, "Open Logs": self._open_logs})

    def _fill_menu(self) -> None:
        help_menu = Group.HELP
        del self.commands[Command.VISIT_HOMEPAGE]
        self.commands.add(
            Command(self._back, "Back", group=GO, order=1),
            Command(self._home, "Home", group=GO, order=2),
            Command(self._reload, "Reload", shortcut=Key.MOD_1 + "r", group=GO, order=3),
            Command(self._open_data, "Open App Data Folder", group=help_menu, order=1),
            Command(self._open_logs, "Open Logs", group=help_menu, order=2),
        )

    # -- the backend ------------------------------------------------------------------------------

    def _follow(self, news: News) -> None:
        match news:
            case Progress(text):
                self.splash.progress.text = text
            case Ready(origin, cookie):
                self.log(f"ready at {origin}")
                shown = self.view.url or ""
                address = address_after_restart(shown, self._served, origin)
                self._served = origin
                self.guard.let_in(cookie, lambda: self._load(address or self._first_page))
            case Gone():
                self.guard.shut_out()
                self.log("the backend ended")
            case Failed():
                self.log(f"the backend failed: {news.code} {news.message}")
                self._show_error(news)
            case Reported({"event": "not-backed-up", **event}):
                self.log(f"no scheduled backup: {event.get('code')} {event.get('message')}")

    @property
    def _first_page(self) -> str:
        return f"{self.origin}{self.manifest.home}"

    def _load(self, address: str) -> None:
        if self.origin:
            self.view.url = address

    # -- what the window shows --------------------------------------------------------------------

    def _show(self, content: toga.Widget) -> None:
        self.shows_page = False
        self.main_window.content = content

    def show_page(self) -> None:
        """A page of the backend has come."""
        if not self.shows_page:
            self._show(self.view)
            self.shows_page = True
            self.log("page shown")

    def _show_error(self, failure: Failed) -> None:
        actions = {
            "Try Again": self._restart,
            "Open Logs": self._open_logs,
            "Open App Data Folder": self._open_data,
        }
        self._show(screens.error(failure, self.launch.app_data, actions))

    def page_ended(self, reason: str) -> None:
        """The process of the page in the main window has crashed."""
        self.log(f"the page's process ended: {reason}")
        again = time.monotonic() - self._crashed < CRASH_SECONDS
        self._crashed = time.monotonic()
        if again:
            self._show_error(Failed("This page stopped working.", "It may be too large."))
        elif self.origin:
            self._load(self.view.url or self._first_page)

    def child_window(self, view: toga.WebView) -> toga.Window:
        """A hidden window for a page that another one opened."""
        return toga.Window(content=view)

    # -- what a person asks for -------------------------------------------------------------------

    def _restart(self, *_: Any) -> None:
        self._show(self.splash.box)
        self.launch.backend.restart()

    def _back(self, *_: Any) -> None:
        self.guard.back(self.view)

    def _home(self, *_: Any) -> None:
        if self.origin and self.shows_page:
            self._load(self._first_page)

    def _reload(self, *_: Any) -> None:
        if self.origin and self.shows_page:
            self.guard.reload(self.view)

    def _open_data(self, *_: Any) -> None:
        self._open(self.launch.app_data.as_uri())

    def _open_logs(self, *_: Any) -> None:
        self._open(self.launch.logs.as_uri())

    def _open(self, address: str) -> None:
        try:
            self.guard.open(address)
        except Exception as error:  # of whatever the system's library has
            self.log(f"cannot open a link: {error}")

    # -- what a page asks for ---------------------------------------------------------------------

    def leave(self, page: object, address: str) -> None:
        """A page wants to open an address outside of the app."""
        self.loop.create_task(self.leaving.leave(page, address))

    async def _ask_whether_to_leave(self, address: str) -> bool:
        title = f"A page of {self.manifest.name} wants to open an address outside of the app."
        return await self.main_window.dialog(
            toga.QuestionDialog(title, f"{address[:LONGEST_ADDRESS]}\n\nOpen it?")
        )

    def ask_where(self, proposed: Path, chosen: Callable[[Path | None], None]) -> None:
        """Where a download goes; None: nowhere."""

        async def ask() -> None:
            dialog = toga.SaveFileDialog("Save", suggested_filename=proposed)
            chosen(await self.main_window.dialog(dialog))

        self.loop.create_task(ask())

    def tell_of_download(self, file: Path, is_saved: bool) -> None:
        """It has ended."""
        self.log(f"download {'saved' if is_saved else 'failed'}")
        kind = toga.InfoDialog if is_saved else toga.ErrorDialog
        text = f"{file.name} {'was' if is_saved else 'could not be'} saved."
        self.loop.create_task(self.main_window.dialog(kind(text, str(file))))

    # -- end --------------------------------------------------------------------------------------

    def _close(self, *_: Any) -> bool:
        self.request_exit()
        return False

    async def on_exit(self) -> bool:
        """Called by Toga when somebody wants to quit: the page agrees, then the backend ends."""
        if not self._may_end and not self.guard.agree_to_close():
            return False
        self._keep_bounds()
        for window in list(self.windows):
            window.hide()
        await asyncio.to_thread(self.launch.backend.close)
        self.log("ended")
        return True

    def end(self) -> None:
        """End without asking a page."""
        self._may_end = True
        self.request_exit()

    def _keep_bounds(self) -> None:
        window, state = self.main_window, self.launch.state
        if window.state == WindowState.MAXIMIZED:
            bounds = state.get("window") or {}
        else:
            bounds = Bounds(*window.position, *window.size)._asdict()
        state.set("window", {**bounds, "maximized": window.state == WindowState.MAXIMIZED})
