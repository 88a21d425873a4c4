"""WKWebView on macOS: the same rules as guard_gtk.py. Written for the runners, not proven.

https://developer.apple.com/documentation/webkit/wknavigationdelegate. macOS itself confines the
processes of pages.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import policies
from kept import HOST
from rubicon.objc import (
    NSURL,
    CGRectMake,
    NSDictionary,
    NSURLRequest,
    ObjCBlock,
    ObjCClass,
    objc_id,
    objc_method,
    objc_property,
)
from toga import WebView
from toga_cocoa.widgets.webview import TogaWebView
from toga_cocoa.widgets.webview import WebView as Backend

if TYPE_CHECKING:
    from contract import Cookie
    from window import Shell

NSHTTPCookie = ObjCClass("NSHTTPCookie")
WKWebViewConfiguration = ObjCClass("WKWebViewConfiguration")
CANCEL, ALLOW, DOWNLOAD = 0, 1, 2  # WKNavigationActionPolicy, WKNavigationResponsePolicy
DENY = 2  # WKPermissionDecision
CLICKED = 0  # WKNavigationType


class GuardedNative(TogaWebView):
    """Its own delegate; what it is asked, `guard` answers."""

    guard = objc_property(object, weak=True)

    @objc_method
    def webView_decidePolicyForNavigationAction_decisionHandler_(
        self, view, action, handler
    ) -> None:
        ObjCBlock(handler, None, int)(self.guard.decide(self, action))

    @objc_method
    def webView_decidePolicyForNavigationResponse_decisionHandler_(
        self, view, response, handler
    ) -> None:
        policy = ALLOW if response.canShowMIMEType else DOWNLOAD
        ObjCBlock(handler, None, int)(policy)

    @objc_method
    def webView_didCommitNavigation_(self, view, navigation) -> None:
        self.guard.committed(self)

    @objc_method
    def webViewWebContentProcessDidTerminate_(self, view) -> None:
        self.guard.shell.page_ended("crashed")

    @objc_method
    def webView_createWebViewWithConfiguration_forNavigationAction_windowFeatures_(
        self, view, configuration, action, features
    ) -> objc_id:
        return self.guard.create(self, configuration, action)

    @objc_method
    def webViewDidClose_(self, view) -> None:
        self.guard.close(self)

    @objc_method
    def webView_requestMediaCapturePermissionForOrigin_initiatedByFrame_type_decisionHandler_(
        self, view, origin, frame, kind: int, handler
    ) -> None:
        ObjCBlock(handler, None, int)(DENY)

    @objc_method
    def webView_navigationAction_didBecomeDownload_(self, view, action, download) -> None:
        download.delegate = self

    @objc_method
    def webView_navigationResponse_didBecomeDownload_(self, view, response, download) -> None:
        download.delegate = self

    @objc_method
    def download_decideDestinationUsingResponse_suggestedFilename_completionHandler_(
        self, download, response, suggested, handler
    ) -> None:
        self.guard.download(download, str(suggested), ObjCBlock(handler, None, objc_id))


class GuardedWebView(WebView):
    """Toga's, around a native view that has its delegate already."""

    def __init__(self, native: Any) -> None:
        self._native = native
        super().__init__()

    def _create(self) -> Any:
        native = self._native

        class Guarded(Backend):
            def create(self) -> None:
                self.native = native
                self.native.interface, self.native.impl = self.interface, self
                self.loaded_future = None
                self.add_constraints()

            def set_url(self, value: str | None, future: Any = None) -> None:
                if value:
                    request = NSURLRequest.requestWithURL(NSURL.URLWithString(value))
                    native.loadRequest(request)

        return Guarded(interface=self)


class Guard:
    """All web views of the app: one jar for cookies, the same rules for each page."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        self.shell = shell
        self._configuration = WKWebViewConfiguration.alloc().init()
        self._jar = self._configuration.websiteDataStore.httpCookieStore
        self._cookie: Any = None
        self._children: dict[Any, Any] = {}

    # -- the app ----------------------------------------------------------------------------------

    @staticmethod
    def prepare(application: Any) -> None:
        """What told macOS which application this is is not for the programs that it opens."""
        os.environ.pop("CFProcessPath", None)

    @staticmethod
    def present(window: Any) -> None:
        """Bring a window to the front."""
        window.makeKeyAndOrderFront(None)

    @staticmethod
    def open(address: str) -> None:
        """Hand an address, or that of a folder, to the system."""
        subprocess.run(["/usr/bin/open", address], check=True)

    # -- the proof of the launch ------------------------------------------------------------------

    def let_in(self, cookie: Cookie, then: Callable[[], None]) -> None:
        """Give pages the cookie, for this launch alone; it is in no file."""
        self.shut_out()
        values = {
            "Name": cookie.name,
            "Value": cookie.value,
            "Domain": HOST,
            "Path": "/",
            "Discard": "TRUE",
            "SameSite": "strict",
            "HttpOnly": "TRUE",
        }
        properties = NSDictionary.dictionaryWithDictionary(values)
        self._cookie = NSHTTPCookie.cookieWithProperties(properties)
        self._jar.setCookie(self._cookie, completionHandler=lambda: then())

    def shut_out(self) -> None:
        """Take it away: whoever has the port next is not to see it."""
        if self._cookie:
            self._jar.deleteCookie(self._cookie, completionHandler=None)
            self._cookie = None

    # -- pages ------------------------------------------------------------------------------------

    def main_view(self) -> GuardedWebView:
        """The view of the main window."""
        return GuardedWebView(self._guarded(self._configuration))

    @staticmethod
    def back(view: WebView) -> None:
        """To the page before."""
        view._impl.native.goBack()

    @staticmethod
    def reload(view: WebView) -> None:
        """The same page anew."""
        view._impl.native.reload()

    def agree_to_close(self) -> bool:
        """A page is not asked."""
        return True

    def _guarded(self, configuration: Any) -> Any:
        frame = CGRectMake(0, 0, 0, 0)
        native = GuardedNative.alloc().initWithFrame(frame, configuration=configuration)
        native.guard = self
        native.navigationDelegate = native.UIDelegate = native
        native.inspectable = self.shell.is_development
        return native

    def committed(self, view: Any) -> None:
        """A page has come: show its window."""
        if view in self._children:
            self._children[view].show()
        else:
            self.shell.show_page()

    def decide(self, view: Any, action: Any) -> int:
        """Where a page, or a frame of one, may go."""
        to = str(action.request.URL.absoluteString)
        if action.shouldPerformDownload:
            return DOWNLOAD
        is_frame = action.targetFrame and not action.targetFrame.isMainFrame
        judge = policies.window_verdict if is_frame else policies.navigation_verdict
        verdict = judge(to, self.shell.origin)
        if verdict != "allow":
            self._refuse_page(view, action, to, verdict)
        return ALLOW if verdict == "allow" else CANCEL

    def _refuse_page(self, view: Any, action: Any, to: str, verdict: policies.Verdict) -> None:
        if verdict == "external":
            if action.navigationType == CLICKED:
                self.shell.leaving.note_input(view)
            self.shell.leave(view, to)
        else:
            self.shell.log(f"refused to go to {policies.without_query(to)}")

    def create(self, view: Any, configuration: Any, action: Any) -> Any:
        """The view of a new window; None where there is none."""
        address = action.request.URL
        to = str(address.absoluteString) if address else ""
        verdict = policies.window_verdict(to, self.shell.origin)
        if verdict != "allow":
            self._refuse_page(view, action, to, verdict)
            return None
        child = self._guarded(configuration)
        window = self._children[child] = self.shell.child_window(GuardedWebView(child))
        if to in policies.EMPTY:
            window.show()
        return child

    def close(self, view: Any) -> None:
        """A page has closed its window."""
        if window := self._children.pop(view, None):
            self.shell.leaving.forget(view)
            window.close()

    def download(self, download: Any, suggested: str, answer: Callable[[Any], None]) -> None:
        """Let a person choose where a file goes."""
        source = str(download.originalRequest.URL.absoluteString)
        if not policies.is_download_allowed(source, self.shell.origin):
            self.shell.log("refused a download")
            answer(None)
            return

        def chosen(file: Path | None) -> None:
            if file:
                file.unlink(missing_ok=True)  # the person agreed; WebKit overwrites nothing
            answer(NSURL.fileURLWithPath(str(file)) if file else None)

        folder = Path.home() / "Downloads"
        self.shell.ask_where(folder / policies.safe_file_name(suggested), chosen)
