"""WebKitGTK: its windows, and what their pages may do.

Its own sandbox confines the processes of pages (bubblewrap and seccomp). No script and no message
handler of ours is in a page.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Soup", "3.0")
gi.require_version("WebKit2", "4.1")
import policies  # noqa: E402
from gi.repository import Gdk, Gio, GLib, Soup, WebKit2  # noqa: E402 - of these versions
from kept import HOST  # noqa: E402
from toga import WebView  # noqa: E402
from toga_gtk.widgets.webview import WebView as Backend  # noqa: E402

if TYPE_CHECKING:
    from contract import Cookie
    from window import Shell

Kind = WebKit2.PolicyDecisionType
NOBODY = "http://127.0.0.1:9"  # discard; to listen there takes an administrator
# By which a parent opens an inspector, or ends the sandbox.
STEERING = ("WEBKIT_INSPECTOR_", "WEBKIT_DISABLE_SANDBOX")
INPUT_EVENTS = ("button-press-event", "key-press-event", "touch-event")


class GuardedWebView(WebView):
    """Toga's, around a native view that has its settings and signals already."""

    def __init__(self, native: Any) -> None:
        self._native = native
        super().__init__()

    def _create(self) -> Any:
        native = self._native

        class Guarded(Backend):
            def create(self) -> None:
                self.native = native

            def set_url(self, value: str | None, future: Any = None) -> None:
                if value:  # an empty one would end what a new window has begun to load
                    native.load_uri(value)

        return Guarded(interface=self)


class Guard:
    """All web views of the app: one context, one jar for cookies, the same rules for each page."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        self.shell = shell
        if not shell.is_development:
            for name in [name for name in os.environ if name.startswith(STEERING)]:
                del os.environ[name]
        data = WebKit2.WebsiteDataManager(
            base_data_directory=str(folder / "webkit"),
            base_cache_directory=str(folder / "webkit-cache"),
        )
        self.data = data
        self._reach(None)
        self.context = WebKit2.WebContext(website_data_manager=data)
        self.context.set_sandbox_enabled(True)
        self.context.connect("download-started", self._download)
        self.cookies = data.get_cookie_manager()
        storage = WebKit2.CookiePersistentStorage.SQLITE
        self.cookies.set_persistent_storage(str(folder / "cookies.sqlite"), storage)
        self._cookie: Any = None
        self._children: dict[Any, Any] = {}

    # -- the app ----------------------------------------------------------------------------------

    @staticmethod
    def prepare(application: Any) -> None:
        """Which instance there is, the app data folder decides, not D-Bus."""
        application.set_flags(Gio.ApplicationFlags.NON_UNIQUE)

    @staticmethod
    def present(window: Any) -> None:
        """Bring a window to the front."""
        window.deiconify()
        window.present_with_time(Gdk.CURRENT_TIME)

    @staticmethod
    def open(address: str) -> None:
        """Hand an address, or that of a folder, to the system. Raises an error of GLib."""
        Gio.AppInfo.launch_default_for_uri(address, None)

    # -- the way to the backend -------------------------------------------------------------------

    def _reach(self, origin: str | None) -> None:
        """Let every process of WebKit reach this origin and nothing else, connections that are
        made beforehand included: all others go by a proxy that is not there."""
        own = [origin.removeprefix("http://")] if origin else []
        settings = WebKit2.NetworkProxySettings.new(NOBODY, own)
        self.data.set_network_proxy_settings(WebKit2.NetworkProxyMode.CUSTOM, settings)

    def let_in(self, cookie: Cookie, then: Callable[[], None]) -> None:
        """Give pages the cookie, for this launch alone; it is in no file."""
        self.shut_out()
        self._reach(self.shell.origin)
        self._cookie = Soup.Cookie.new(cookie.name, cookie.value, HOST, "/", -1)
        self._cookie.set_http_only(True)
        self._cookie.set_same_site_policy(Soup.SameSitePolicy.STRICT)
        self.cookies.add_cookie(self._cookie, None, lambda *_: then())

    def shut_out(self) -> None:
        """Take it away: whoever has the port next is not to see it."""
        self._reach(None)
        if self._cookie:
            self.cookies.delete_cookie(self._cookie, None, None)
            self._cookie = None

    @staticmethod
    def back(view: WebView) -> None:
        """To the page before."""
        view._impl.native.go_back()

    @staticmethod
    def reload(view: WebView) -> None:
        """The same page anew."""
        view._impl.native.reload()

    # -- pages ------------------------------------------------------------------------------------

    def main_view(self) -> GuardedWebView:
        """The view of the main window."""
        view = self._guarded(WebKit2.WebView(web_context=self.context))
        view.connect("load-changed", self._loaded)
        view.connect("close", lambda _: self.shell.end())
        view.connect("web-process-terminated", self._terminated)
        return GuardedWebView(view)

    def _guarded(self, view: Any) -> Any:
        settings = view.get_settings()
        settings.set_enable_developer_extras(self.shell.is_development)
        settings.set_allow_top_navigation_to_data_urls(False)
        settings.set_enable_webrtc(False)
        settings.set_enable_media_stream(False)
        settings.set_javascript_can_open_windows_automatically(True)  # _create decides
        colour = Gdk.RGBA()
        colour.parse(self.shell.manifest.background)
        view.set_background_color(colour)
        view.connect("decide-policy", self._decide)
        view.connect("create", self._create)
        view.connect("permission-request", self._refuse)
        view.connect("query-permission-state", self._refuse_query)
        for name in INPUT_EVENTS:
            view.connect(name, self._note_input)
        return view

    def _loaded(self, view: Any, event: Any) -> None:
        if event == WebKit2.LoadEvent.COMMITTED:
            self.shell.show_page()

    def _terminated(self, view: Any, reason: Any) -> None:
        self.shell.page_ended(reason.value_nick)

    def _note_input(self, view: Any, _event: Any) -> bool:
        self.shell.leaving.note_input(view)
        return False

    def _decide(self, view: Any, decision: Any, kind: Any) -> bool:
        if kind == Kind.RESPONSE:
            return False
        to = decision.get_navigation_action().get_request().get_uri()
        if to.startswith("data:"):  # a file or a frame: WebKit shows none in place of a page
            return False
        is_window = kind == Kind.NEW_WINDOW_ACTION or to in policies.EMPTY
        judge = policies.window_verdict if is_window else policies.navigation_verdict
        verdict = judge(to, self.shell.origin)
        if verdict == "allow":
            decision.use()
            return True
        decision.ignore()
        self._refuse_page(view, to, verdict)
        self._abandon(view)
        return True

    def _refuse_page(self, view: Any, to: str, verdict: policies.Verdict) -> None:
        if verdict == "external":
            self.shell.leave(view, to)
        else:
            self.shell.log(f"refused to go to {policies.without_query(to)}")

    def _refuse(self, _view: Any, request: Any) -> bool:
        self.shell.log(f"refused permission: {type(request).__name__}")
        request.deny()
        return True

    def _refuse_query(self, _view: Any, query: Any) -> bool:
        query.finish(WebKit2.PermissionState.DENIED)
        return True

    def agree_to_close(self) -> bool:
        """Ask the page, which may ask the person; False: `shell.end` is called if they agree."""
        view = self.shell.view._impl.native
        if not self.shell.shows_page or not view.get_is_web_process_responsive():
            return True
        view.try_close()
        return False

    # -- new windows ------------------------------------------------------------------------------

    def _create(self, view: Any, action: Any) -> Any:
        to = action.get_request().get_uri() or ""
        verdict = policies.window_verdict(to, self.shell.origin)
        if verdict != "allow":
            self._refuse_page(view, to, verdict)
            return None
        child = self._guarded(WebKit2.WebView.new_with_related_view(view))
        window = self._children[child] = self.shell.child_window(GuardedWebView(child))
        if to in policies.EMPTY:
            child.connect("ready-to-show", lambda _: window.show())
        child.connect("load-changed", self._child_loaded)
        child.connect("close", self._close)
        child.connect("destroy", self._forget)
        child.connect("notify::title", lambda *_: setattr(window, "title", child.get_title()))
        return child

    def _child_loaded(self, child: Any, event: Any) -> None:
        if event == WebKit2.LoadEvent.COMMITTED and child in self._children:
            self._children[child].show()

    def _abandon(self, view: Any) -> None:
        """Close a new window that is not going to show anything."""
        if view in self._children and not self._children[view].visible:
            GLib.idle_add(self._close, view)

    def _close(self, child: Any) -> None:
        if window := self._children.get(child):
            window.close()

    def _forget(self, child: Any) -> None:
        self._children.pop(child, None)
        self.shell.leaving.forget(child)

    # -- downloads --------------------------------------------------------------------------------

    def _download(self, _context: Any, download: Any) -> None:
        if view := download.get_web_view():
            self._abandon(view)
        if not policies.is_download_allowed(download.get_request().get_uri(), self.shell.origin):
            self.shell.log("refused a download")
            download.cancel()
            return
        download.set_allow_overwrite(True)  # the person is asked
        download.connect("decide-destination", self._ask_where)

    def _ask_where(self, download: Any, suggested: str) -> bool:
        folder = GLib.get_user_special_dir(GLib.UserDirectory.DIRECTORY_DOWNLOAD)
        proposed = Path(folder or Path.home()) / policies.safe_file_name(suggested)

        def chosen(file: Path | None) -> None:
            if file is None:
                download.cancel()
                return
            download.connect("failed", lambda *_: self.shell.tell_of_download(file, False))
            download.connect("finished", lambda _: self.shell.tell_of_download(file, True))
            download.set_destination(file.as_uri())

        self.shell.ask_where(proposed, chosen)
        return True
