"""TOK: who may talk to the backend."""

from __future__ import annotations

import contextlib
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urljoin, urlsplit

import psutil
import pytest
from playwright import sync_api as playwright

from checks import files, pages, source
from checks.backend import HOST, Answer, Backend, TargetFailedError, new_token
from checks.foreign import Foreign
from checks.pages import Page, Visitor, bootstrap_cookies
from checks.shell import Window, until
from checks.starts.launches import Place
from checks.starts.probed import Probed
from checks.starts.restarts import Restarts
from checks.target import Target
from checks.verdicts import NotApplicable, NotRun, OwnFaultError, Seen

FOREIGN = "evil.example"
DESTINATIONS = (
    f"https://{FOREIGN}/",
    f"//{FOREIGN}/",
    f"///{FOREIGN}/",
    f"\\\\{FOREIGN}/",
    f"/\\{FOREIGN}/",
    f"\\/{FOREIGN}/",
    f"https:{FOREIGN}",
    f"http:/{FOREIGN}",
    f"/\t/{FOREIGN}/",
    f"/\n/{FOREIGN}/",
    f"\x01//{FOREIGN}/",
    f" //{FOREIGN}/",
    f"http://127.0.0.1@{FOREIGN}/",
    "javascript:alert(1)",
    "data:text/html,x",
    f"/x\r\nLocation: https://{FOREIGN}/",
    f'/"><meta http-equiv="refresh" content="0; url=https://{FOREIGN}/">',
)

# Asks the backend without pause, and says when.
POLL = """(() => {
    const ask = () => fetch(`/ddk-probe/asked/?at=${Date.now()}`).catch(() => {});
    setInterval(ask, 20);
    return true;
})()"""

RESTART_SECONDS = 60.0
TAKE_SECONDS = 2.0
TRIES = 3


@pytest.fixture(scope="session")
def paths(live: Backend, target: Target) -> list[str]:
    """One path of each kind: page, static file, media, health, admin, unknown."""
    visitor = Visitor(live)
    assets = [
        urlsplit(url).path
        for page in pages.visited(visitor)
        for url in page.assets
        if url.startswith(live.origin + "/")
    ]
    return [
        target.home,
        *(assets[:1] or ["/static/admin/css/base.css"]),
        "/media/ddk-unknown.png",
        target.health_path,
        "/admin/",
        "/admin/login/",
        "/ddk-unknown/",
        "/favicon.ico",
    ]


@pytest.mark.criterion("TOK-1")
def test_no_token(live: Backend, paths: list[str], seen: Seen) -> None:
    """Refuses every path without the token."""
    for path in paths:
        for method in ("GET", "HEAD", "POST"):
            status = live.request(method, path, token=None).status
            assert status == 403, f"{method} {path} answered {status}, expected 403"
    seen(f"{len(paths)} paths by GET, HEAD and POST: 403")


@pytest.mark.criterion("TOK-2")
def test_wrong_token(live: Backend, target: Target, seen: Seen) -> None:
    """Refuses a token that is almost right."""
    token = live.token
    cookie = next(iter(bootstrap_cookies(live)), "desktop_session")
    variants = {
        "shortened": token[:-1],
        "its first 8 characters": token[:8],
        "its first character": token[:1],
        "lengthened": token + "x",
        "doubled": token + token,
        "other letter case": token.swapcase(),
        "another": new_token(),
        "empty": "",
        "with a space inside": f"{token[:5]} {token[5:]}",
        "not ASCII": "tökén" * 8,
        "not UTF-8": b"\xff\xfe" * 16,
        "with a zero byte": token + "\0",
    }
    for name, value in variants.items():
        value = value if isinstance(value, bytes) else value.encode()
        for field in (f"{target.header}: %s".encode(), f"Cookie: {cookie}=%s".encode()):
            for path in (target.home, target.health_path):
                request = (
                    b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s\r\n\r\n"
                )
                status = live.raw(request % (path.encode(), live.port, field % value))
                # A server may refuse the zero byte as no HTTP at all.
                wanted = (400, 403) if b"\0" in value else (403,)
                assert status in wanted, (
                    f"{path} with a token {name} answered {status}, expected 403"
                )
    seen(f"{len(variants)} variants in header and cookie: 403")


@pytest.mark.criterion("TOK-3")
def test_right_token(live: Backend, target: Target, seen: Seen) -> None:
    """Serves requests with the token header."""
    health, home = live.get(target.health_path).status, live.get(target.home).status
    assert health == 200, f"GET {target.health_path} answered {health}, expected 200"
    assert home < 400, f"GET {target.home} answered {home}, expected less than 400"
    seen(f"GET {target.home} {home}")


@pytest.mark.criterion("TOK-4")
def test_bootstrap(live: Backend, target: Target, seen: Seen) -> None:
    """Sets a guarded cookie at the bootstrap address."""
    address = target.bootstrap_path
    for wrong in (new_token(), live.token[:-1], "", "tökén"):
        status = live.get(f"{address}?token={quote(wrong)}&next=/", token=None).status
        assert status == 403, f"{address} with a wrong token answered {status}, expected 403"
    answer = live.get(f"{address}?token={live.token}&next={quote(target.home)}", token=None)
    assert answer.status == 200, f"{address} answered {answer.status}, expected a 200 page"
    set_cookie = answer.headers.get("set-cookie", "")
    attributes = [part.strip().lower() for part in set_cookie.split(";")]
    assert attributes[0], "the bootstrap page sets no cookie"
    for attribute in ("httponly", "samesite=strict"):
        assert attribute in attributes, f"the cookie lacks {attribute}: {'; '.join(attributes[1:])}"
    assert live.token not in set_cookie, "the cookie holds the token itself"
    destination = _destination(live, answer.text, answer.headers.get("location", ""))
    assert destination, "the bootstrap page moves on to nothing"
    assert live.token not in destination, "the address it moves on to holds the token"
    cookies = bootstrap_cookies(live)
    status = live.get(target.home, token=None, cookies=cookies).status
    assert status < 400, f"GET {target.home} with the cookie answered {status}"
    seen("HttpOnly; SameSite=Strict; then " + urlsplit(destination).path)


@pytest.mark.criterion("TOK-5")
def test_bootstrap_destination(live: Backend, target: Target, seen: Seen) -> None:
    """Moves on to its own paths only."""
    for wanted in DESTINATIONS:
        query = f"?token={live.token}&next={quote(wanted, safe='')}"
        answer = live.get(target.bootstrap_path + query, token=None)
        if answer.status >= 400:
            continue
        place = _destination(live, answer.text, answer.headers.get("location", ""))
        assert place.startswith(live.origin + "/"), f"next={wanted!r} moves on to {place}"
        markup = Page(live.origin, answer.text)
        outside = [u for u in markup.links if not u.startswith(live.origin + "/")]
        assert not outside, f"next={wanted!r} links to {outside[0]}"
        assert not markup.assets and len(markup.refreshes) <= 1, f"next={wanted!r} is markup"
    answer = live.get(
        f"{target.bootstrap_path}?token={live.token}&next={quote('/ä b/?c=d&e')}", token=None
    )
    place = _destination(live, answer.text, answer.headers.get("location", ""))
    assert place.startswith(live.origin + "/"), f"a path of its own moves on to {place}"
    seen(f"{len(DESTINATIONS)} hostile destinations stay on this server")


@pytest.mark.criterion("TOK-6")
def test_query(live: Backend, target: Target, paths: list[str], seen: Seen) -> None:
    """Accepts no token in the query elsewhere."""
    names = ("token", "auth_token", "access_token", target.header)
    for path in paths:
        for name in names:
            status = live.get(f"{path}?{name}={live.token}", token=None).status
            assert status == 403, f"GET {path}?{name}=… answered {status}, expected 403"
    seen(f"{len(paths)} paths, {len(names)} names: 403")


@pytest.mark.criterion("TOK-7")
def test_secret(live: Backend, probed: Probed, target: Target, seen: Seen) -> None:
    """Keeps the token out of pages, files and children."""
    visitor = Visitor(live)
    home = visitor.page(target.home)
    for path in (target.home, *pages.linked(live, home), "/ddk-unknown/", target.health_path):
        answer = visitor.get(path)
        assert live.token not in answer.text, f"GET {path} shows the token"
        assert live.token not in str(answer.headers.raw), f"a header of GET {path} shows the token"
    bootstrap_cookies(live)
    for folder, token in ((live.app_data, live.token), (probed.app_data, probed.token)):
        held = files.containing(folder, token)
        assert not held, f"the token is in {held[0]} of the app data folder"
    assert live.token.encode() not in live.log.read_bytes(), "the token is in standard error"
    for process in live.tree.descendants():
        with _gone():
            told = [*process.cmdline(), *process.environ().values()]
            assert live.token not in " ".join(told), f"descendant {process.pid} was told the token"
    inside = {"the backend's own": probed.info, "a child's": probed.child}
    for whose, answer in inside.items():
        values = answer.get("environment", {}).values()
        assert probed.token not in " ".join(values), f"the token is in {whose} environment"
    seen("not in pages, files, logs, descendants")


@pytest.mark.criterion("TOK-8")
def test_old_token(restarts: Restarts, seen: Seen) -> None:
    """Refuses the token of an earlier launch."""
    header, cookie = restarts.old_header, restarts.old_cookie
    assert header == 403, f"the old token answered {header}, expected 403"
    assert cookie in (403, None), f"the old cookie answered {cookie}, expected 403"
    assert restarts.new_header == 200, f"the new token answered {restarts.new_header}"
    seen("old header 403, old cookie " + (str(cookie) if cookie else "none was set"))


@pytest.mark.criterion("TOK-9")
def test_csrf(live: Backend, target: Target, seen: Seen) -> None:
    """Refuses a post without Django's CSRF token."""
    visitor = Visitor(live)
    documents = [*pages.visited(visitor), visitor.page("/admin/login/")]
    guarded = [f for page in documents for f in page.forms if f.guarded and f.method == "post"]
    if not guarded:
        raise NotApplicable("no visited page has a form with a CSRF field")
    refused = []
    for form in guarded[:3]:
        values = form.filled(pages.new_text())
        del values[pages.CSRF_FIELD]
        path = form.action.removeprefix(live.origin)
        answer = live.request("POST", path, data=values, cookies=visitor.cookies)
        if _redirects_anyway(live, path, answer, visitor.cookies):
            continue
        if answer.status == 404 and _is_absent(live, path, visitor.cookies):
            continue
        said = f"POST {path} without it answered {answer.status}, expected 403"
        if answer.status != 403 and not source.names(target, "CsrfViewMiddleware"):
            raise OwnFaultError(f"{said}; the project's settings have no CsrfViewMiddleware")
        assert answer.status == 403, said
        refused.append(path)
    if not refused:
        raise NotApplicable("no form of it reaches Django: no such address, or always a redirect")
    seen(f"POST {refused[-1]} 403")


class _Neighbour(ThreadingHTTPServer):
    """Another server of this computer, which notes what it is sent."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Listener)
        self.requests: list[tuple[str, str]] = []
        """First line and headers, as they came."""


class _Listener(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests.append((self.path, f"{self.requestline}\n{self.headers}"))
        self.send_response(204)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 -- the base class's name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.criterion("TOK-11")
def test_neighbour(opened: Backend, browser: playwright.Browser, seen: Seen) -> None:
    """Gives its proof to no other server of this computer."""
    cookies = bootstrap_cookies(opened)
    proofs = [opened.token, *cookies.values()]
    assert cookies, "the bootstrap address sets no cookie"
    with _Neighbour() as neighbour:
        threading.Thread(target=neighbour.serve_forever, daemon=True).start()
        context = browser.new_context(service_workers="block")
        try:
            page = context.new_page()
            following = quote(f"/ddk-probe/neighbours/?port={neighbour.server_port}")
            address = f"{opened.target.bootstrap_path}?token={opened.token}&next={following}"
            page.goto(opened.origin + address)
            page.wait_for_url("**/ddk-probe/neighbours/**")
            page.wait_for_load_state("networkidle")
        except playwright.Error as error:
            raise TargetFailedError(error.message.splitlines()[0]) from None
        finally:
            context.close()
            neighbour.shutdown()
    told = [path for path, text in neighbour.requests if any(proof in text for proof in proofs)]
    assert not told, f"another server received the proof of the launch: {', '.join(told)}"
    seen(f"{len(neighbour.requests)} requests of a page reached a neighbour")


def _redirects_anyway(live: Backend, path: str, answer: Answer, cookies: dict[str, str]) -> bool:
    """Whether middleware sends every request for `path` to the same place: nothing was accepted."""
    location = answer.headers.get("location")
    if not location:
        return False
    return live.get(path, cookies=cookies).headers.get("location") == location


def _is_absent(live: Backend, path: str, cookies: dict[str, str]) -> bool:
    """Whether the app has no such address: a form may name one of another server."""
    return live.get(path, cookies=cookies).status == 404


class _gone:  # noqa: N801 -- reads as a phrase
    """Ignore processes that end while they are looked at."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, psutil.Error)


def _destination(live: Backend, markup: str, location: str) -> str:
    """Where a browser would go next, computed as browsers do; empty when nowhere."""
    page = Page(live.origin + live.target.bootstrap_path, markup)
    found = page.refreshes and re.match(
        r"\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?(.*)", page.refreshes[0], re.I | re.S
    )
    target = location or (found[1].strip().strip("'\"") if found else "")
    # Browsers strip control characters at the ends and tabs and line ends anywhere, and take
    # a backslash for a slash.
    target = re.sub(r"[\t\r\n]", "", target.strip("".join(map(chr, range(33))))).replace("\\", "/")
    if not target:
        return ""
    if re.match(r"https?:", target, re.I):
        scheme, _, rest = target.partition(":")
        # Other than the page's own scheme, `scheme:x` is absolute however many slashes follow.
        target = f"{scheme.lower()}://{rest.lstrip('/')}"
    elif target.startswith("//"):
        target = "//" + target.lstrip("/")
    return urljoin(page.url, target)


@dataclass(frozen=True)
class Taken:
    """What came of a backend's port that another server took when the backend had died."""

    heads: list[str]
    """Requests that reached this server and began once the death could be known."""
    tokens: tuple[str, str]
    """Of the backend that died, and of the next one; empty without a next one."""


@pytest.fixture
def taken(place: Place) -> Taken:
    """A launch whose page asks without pause while its backend dies and its port is taken."""
    with place.launch("taken port") as shell:
        return _take_port(shell.window().neutral())


def _take_port(window: Window) -> Taken:
    shell, server = window.shell, None
    window.run(POLL, clicked=False)
    for _ in range(TRIES):
        killed = until(shell.backend, RESTART_SECONDS)
        token = _token(killed)
        killed.kill()
        if server := until(lambda: _on(window.port), TAKE_SECONDS):
            break
        # The next backend was there before us: on a busy machine we are late.
        until(window.reloaded, RESTART_SECONDS)
        window.neutral().run(POLL, clicked=False)
    if not server:
        raise NotRun("the port could not be taken before the next backend had it")
    known = window.notice_of(killed) * 1000
    until(window.has_moved, RESTART_SECONDS)
    server.close()
    later = [h for h in server.heads if float(h.partition("?at=")[2].split(" ")[0] or 0) > known]
    return Taken(later, (token, _token(shell.backend())))


def _on(port: int) -> Foreign | None:
    with contextlib.suppress(OSError):
        return Foreign(port)
    return None


def _token(backend: psutil.Process | None) -> str:
    with contextlib.suppress(psutil.Error):
        return backend.environ().get("DESKTOP_DJANGO_AUTH_TOKEN", "") if backend else ""
    return ""


@pytest.mark.criterion("TOK-10")
def test_taken_port(taken: Taken, target: Target, seen: Seen) -> None:
    """Gives no token to who takes a dead backend's port."""
    before, after = taken.tokens
    proofs = (f"\n{target.header.lower()}:", "desktop_session_", before.lower())
    told = [h for h in taken.heads if any(proof and proof in h.lower() for proof in proofs)]
    assert not told, f"whoever took the port got the proof by {told[0].splitlines()[0]}"
    assert after != before, "the next backend has the token of the one that died"
    seen("sent to nobody, and another one for the next backend")
