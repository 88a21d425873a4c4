"""WebView2 on Windows: the same rules as guard_gtk.py. Written for the runners, not proven.

https://learn.microsoft.com/dotnet/api/microsoft.web.webview2.core.corewebview2
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import policies
import System
from kept import HOST
from toga import WebView
from toga_winforms.libs.extensions import CoreWebView2Cookie  # noqa: F401 - loads the assembly
from toga_winforms.widgets.webview import WebView as Backend

if TYPE_CHECKING:
    from contract import Cookie
    from window import Shell

# WebRTC reaches no other server, and nothing goes by a proxy.
ARGUMENTS = "--force-webrtc-ip-handling-policy=disable_non_proxied_udp --no-proxy-server"


class GuardedWebView(WebView):
    """Toga's, which begins with no page of its own."""

    def _create(self) -> Any:
        class Guarded(Backend):
            def set_url(self, value: str | None, future: Any = None) -> None:
                if value:
                    super().set_url(value, future)

        return Guarded(interface=self)


class Guard:
    """All web views of the app: one folder of data, the same rules for each page."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        self.shell = shell
        # Also in the place of what a parent may have asked for, such as a debugger's port.
        os.environ["WEBVIEW2_USER_DATA_FOLDER"] = str((folder / "webview2").absolute())
        os.environ["WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS"] = ARGUMENTS
        self._main: GuardedWebView | None = None
        self._name = ""
        # Else the taskbar knows the window as Python's; the installer's shortcut has the same.
        identify = ctypes.WinDLL("shell32").SetCurrentProcessExplicitAppUserModelID
        identify(ctypes.c_wchar_p(shell.manifest.identifier))

    # -- the app ----------------------------------------------------------------------------------

    @staticmethod
    def prepare(application: Any) -> None:
        """Nothing: the app data folder decides which instance there is."""

    @staticmethod
    def present(window: Any) -> None:
        """Bring a window to the front."""
        window.Activate()

    @staticmethod
    def open(address: str) -> None:
        """Hand an address, or that of a folder, to the system. Raises OSError."""
        os.startfile(address)

    # -- the proof of the launch ------------------------------------------------------------------

    def let_in(self, cookie: Cookie, then: Callable[[], None]) -> None:
        """Give pages the cookie, for this launch alone; it is in no file."""
        assert self._main
        backend = self._main._impl

        def add() -> None:
            self.shut_out()
            manager = backend.native.CoreWebView2.CookieManager
            made = manager.CreateCookie(cookie.name, cookie.value, HOST, "/")
            made.IsHttpOnly = True
            made.SameSite = type(made.SameSite).Strict
            manager.AddOrUpdateCookie(made)
            self._name = cookie.name
            then()

        backend.run_after_initialization(add)

    def shut_out(self) -> None:
        """Take it away: whoever has the port next is not to see it."""
        if self._main and self._name:
            manager = self._main._impl.native.CoreWebView2.CookieManager
            manager.DeleteCookiesWithDomainAndPath(self._name, HOST, "/")
            self._name = ""

    # -- pages ------------------------------------------------------------------------------------

    def main_view(self) -> GuardedWebView:
        """The view of the main window."""
        view = self._main = self._guarded()
        view._impl.run_after_initialization(lambda: self._follow_main(view))
        return view

    @staticmethod
    def back(view: WebView) -> None:
        """To the page before."""
        view._impl.native.GoBack()

    @staticmethod
    def reload(view: WebView) -> None:
        """The same page anew."""
        view._impl.native.Reload()

    def agree_to_close(self) -> bool:
        """A page is not asked."""
        return True

    def _follow_main(self, view: GuardedWebView) -> None:
        core = view._impl.native.CoreWebView2
        core.ContentLoading += lambda *_: self.shell.show_page()
        core.ProcessFailed += lambda _, event: self.shell.page_ended(str(event.ProcessFailedKind))

    def _guarded(self) -> GuardedWebView:
        view = GuardedWebView()
        view._impl.run_after_initialization(lambda: self._guard(view))
        return view

    def _guard(self, view: GuardedWebView) -> None:
        core = view._impl.native.CoreWebView2
        settings = core.Settings
        settings.AreDevToolsEnabled = self.shell.is_development
        settings.AreHostObjectsAllowed = settings.IsWebMessageEnabled = False
        settings.IsPasswordAutosaveEnabled = settings.IsGeneralAutofillEnabled = False
        core.NavigationStarting += lambda _, event: self._judge(view, event)
        core.FrameNavigationStarting += self._judge_frame
        core.NewWindowRequested += lambda _, event: self._new_window(view, event)
        core.PermissionRequested += self._refuse
        core.DownloadStarting += self._download

    def _judge(self, view: GuardedWebView, event: Any) -> None:
        verdict = policies.navigation_verdict(event.Uri, self.shell.origin)
        if verdict != "allow":
            event.Cancel = True
            self._refuse_page(view, event, verdict)

    def _judge_frame(self, _core: Any, event: Any) -> None:
        if policies.window_verdict(event.Uri, self.shell.origin) != "allow":
            event.Cancel = True
            self.shell.log(f"refused a frame of {policies.without_query(event.Uri)}")

    def _refuse_page(self, view: GuardedWebView, event: Any, verdict: policies.Verdict) -> None:
        if verdict == "external":
            if event.IsUserInitiated:
                self.shell.leaving.note_input(view)
            self.shell.leave(view, event.Uri)
        else:
            self.shell.log(f"refused to go to {policies.without_query(event.Uri)}")

    def _refuse(self, _core: Any, event: Any) -> None:
        self.shell.log(f"refused permission: {event.PermissionKind}")
        event.State = type(event.State).Deny

    def _new_window(self, view: GuardedWebView, event: Any) -> None:
        event.Handled = True
        verdict = policies.window_verdict(event.Uri, self.shell.origin)
        if verdict != "allow":
            self._refuse_page(view, event, verdict)
            return
        waiting = event.GetDeferral()
        child = self._guarded()
        window = self.shell.child_window(child)
        window.show()  # a hidden control is never initialized

        def hand_over() -> None:
            core = child._impl.native.CoreWebView2
            core.WindowCloseRequested += lambda *_: window.close()
            event.NewWindow = core
            waiting.Complete()

        child._impl.run_after_initialization(hand_over)

    def _download(self, _core: Any, event: Any) -> None:
        operation = event.DownloadOperation
        if not policies.is_download_allowed(operation.Uri, self.shell.origin):
            self.shell.log("refused a download")
            event.Cancel = True
            return
        waiting = event.GetDeferral()
        event.Handled = True

        def chosen(file: Path | None) -> None:
            event.Cancel = file is None
            if file:
                event.ResultFilePath = str(file)

                def changed(*_: Any) -> None:
                    state = str(operation.State)
                    if state != "InProgress":
                        self.shell.tell_of_download(file, state == "Completed")

                operation.StateChanged += System.EventHandler[System.Object](changed)
            waiting.Complete()

        self.shell.ask_where(Path(event.ResultFilePath), chosen)
