"""What every request meets before anything of the project: host, token, health, bootstrap.

A layer around the application and no Django middleware: nothing a project puts in front of its
middleware, and no file server, answers a request that did not come from our shell. The rules are
the same for both protocols; `Guard` is their face for WSGI, asgi.py has the other.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from .contract import Address

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]

TOKEN_HEADER = "HTTP_X_DESKTOP_DJANGO_TOKEN"
BOOTSTRAP_PATH = "/desktop-auth/bootstrap/"
REFUSALS_PATH = "/desktop-auth/refusals/"
BY_COOKIE = "desktop.by_cookie"  # in a request that was let through: whether a cookie did it
# An <object> may show the project's own files, such as a PDF, and what a page made itself.
CONTENT_POLICY = "frame-ancestors 'self'; object-src 'self' blob: data:; base-uri 'self'"

# A path on this origin. Browsers read // and /\ as another host, and drop control characters
# before they look (https://url.spec.whatwg.org/#url-parsing).
SAFE_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


class Answer(NamedTuple):
    """What the guard says in the project's place."""

    status: str
    headers: Headers
    body: bytes


class Rules:
    """Who is answered, whatever the protocol: requests are WSGI's environ, as in PEP 3333."""

    def __init__(self, address: Address, health_path: str) -> None:
        self.health_path = health_path
        self.hosts = {f"127.0.0.1:{address.port}", f"localhost:{address.port}"}
        self.token = address.token.encode("ascii")
        # The cookie proves knowledge of the token without carrying it. Cookies are shared by
        # all ports of a host, hence the port in its name.
        self.cookie = f"desktop_session_{address.port}"
        self.session = hmac.new(self.token, b"desktop-session", hashlib.sha256).hexdigest()
        sockets = " ".join(f"ws://{host}" for host in sorted(self.hosts))
        anything = "'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
        self.origin_policy = (
            f"default-src {anything}; connect-src {anything} {sockets}; form-action 'self'; "
            # Not report-to: Chromium keeps those for a minute, and WebKit has it since 16.4 alone.
            f"report-uri {REFUSALS_PATH}"
        )

    def judge(self, environ: Environ) -> Answer | None:
        """The answer to the shell's own paths and to strangers; None lets the request through.

        What identified the shell is taken out of it.
        """
        if environ.get("HTTP_HOST", "").lower() not in self.hosts:
            return _answer("400 Bad Request", "Unknown host.")
        path = environ.get("PATH_INFO", "")
        if path == BOOTSTRAP_PATH:
            return self._bootstrap(environ)
        cookies = _split_cookies(environ.get("HTTP_COOKIE", ""))
        if not self._is_shell(environ, cookies):
            return _answer("403 Forbidden", "This app answers its own window only.")
        environ[BY_COOKIE] = environ.pop(TOKEN_HEADER, None) is None
        environ["HTTP_COOKIE"] = "; ".join(c for c in cookies if not c.startswith(self.cookie))
        if path == self.health_path:
            policy = self._within_origin(environ)
            return _answer("200 OK", '{"status":"ready"}', "application/json", policy)
        return None

    def judge_socket(self, environ: Environ) -> Answer | None:
        """The same for the handshake of a websocket: browsers let any page open one, and name the
        page's origin."""
        refused = self.judge(environ)
        if refused is None and environ.get("HTTP_ORIGIN", "") not in self.origins:
            return _answer("403 Forbidden", "This app answers its own pages only.")
        return refused

    @property
    def origins(self) -> set[str]:
        """Those of the app's pages."""
        return {f"http://{host}" for host in self.hosts}

    def admits(self, environ: Environ) -> bool:
        """Whether these headers come from our shell, so that the body is worth reading."""
        return self._is_shell(environ, _split_cookies(environ.get("HTTP_COOKIE", "")))

    def policies(self, environ: Environ, headers: Headers) -> Headers:
        """Headers of the project, with a desktop app's modest policies where it sets none."""
        headers = [*headers]
        present = {name.lower() for name, _ in headers}
        if "content-security-policy" not in present:
            headers.append(("Content-Security-Policy", CONTENT_POLICY))
        if "x-content-type-options" not in present:
            headers.append(("X-Content-Type-Options", "nosniff"))
        return headers + self._within_origin(environ)

    def _is_shell(self, environ: Environ, cookies: list[str]) -> bool:
        if TOKEN_HEADER in environ:
            return _equal(environ[TOKEN_HEADER], self.token)
        expected = f"{self.cookie}={self.session}".encode()
        return any(_equal(cookie, expected) for cookie in cookies)

    def _within_origin(self, environ: Environ) -> Headers:
        """Keep the pages of a browser that holds our cookie from sending it to our neighbours.

        Cookies and SameSite know no ports: a picture on another port of this host would take it
        along. So these pages ask no other origin for anything, whatever the project allows them.
        """
        return [("Content-Security-Policy", self.origin_policy)] if environ[BY_COOKIE] else []

    def _bootstrap(self, environ: Environ) -> Answer:
        """For shells that cannot send headers: exchange the token for a cookie.

        The page moves on without a click; a redirect started from another page would lose a
        SameSite=Strict cookie.
        """
        query = parse_qs(environ.get("QUERY_STRING", ""), encoding="latin-1")
        if not _equal(query.get("token", [""])[0], self.token):
            return _answer("403 Forbidden", "This app answers its own window only.")
        following = query.get("next", ["/"])[0]
        if not SAFE_PATH.fullmatch(following):
            following = "/"
        page = (
            '<!doctype html><meta charset="utf-8"><title>…</title>'
            f'<meta http-equiv="refresh" content="0; url={html.escape(following)}">'
        )
        cookie = f"{self.cookie}={self.session}; HttpOnly; SameSite=Strict; Path=/"
        policies = [
            ("Set-Cookie", cookie),
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ]
        return _answer("200 OK", page, "text/html", policies)


class Guard(Rules):
    """The rules in front of a WSGI application."""

    def __init__(self, application: Application, address: Address, health_path: str) -> None:
        super().__init__(address, health_path)
        self.application = application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if answer := self.judge(environ):
            start_response(answer.status, answer.headers)
            return [answer.body]

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            return start_response(status, self.policies(environ, headers), *rest)

        return self.application(environ, start)


def _equal(given: str, expected: bytes) -> bool:
    """Constant-time comparison; WSGI strings are latin-1 (PEP 3333)."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected)


def _split_cookies(header: str) -> list[str]:
    return [cookie.strip() for cookie in header.split(";") if cookie.strip()]


def _answer(
    status: str, text: str, kind: str = "text/plain", headers: Headers | None = None
) -> Answer:
    body = text.encode()
    own = [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Answer(status, own + (headers or []), body)
