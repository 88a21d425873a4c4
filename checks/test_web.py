"""WEB: the pages a person sees, in a real Chromium."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import pytest
from playwright import sync_api as playwright

from checks import pages, records
from checks.backend import HOST, Answer, Backend
from checks.pages import Form
from checks.rehearsal import own_faults
from checks.starts.first_run import FirstRun
from checks.target import Target
from checks.verdicts import OTHER_HOSTS, NotApplicable, NotTested, Record, Seen

# A page that hangs is a finding, one that polls for ever is not.
LOAD_MS = 30_000
QUIET_MS = 1_000
FIELD_MS = 20_000
SAVE_SECONDS = 20
# Instead of an error without content Chromium shows a page of its own, a moment later.
EMPTY_ERROR, OWN_ERROR_PAGE = "ERR_HTTP_RESPONSE_CODE_FAILURE", "chrome-error://chromewebdata/"
HANDED = "left to a web server"
PARTS = {"stylesheet", "script", "font"}
# Also what a policy keeps the page from asking for.
NAMED_PARTS = """() => [
    ...[...document.querySelectorAll('link[rel~=stylesheet]')].map(each => each.href),
    ...[...document.scripts].map(each => each.src)]"""


@dataclass
class Visits:
    """What Chromium met on the landing page and the pages it links to."""

    statuses: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """Styles, scripts and fonts of other hosts, asked for or only named."""
    requests: int = 0
    content: bool = False
    policy: str = ""
    pictures: dict[str, str] = field(default_factory=dict)
    """JPEGs in base64 by path, where the report wants them."""
    problem: str = ""
    """Why the landing page did not load; empty when it did."""


@pytest.fixture(scope="session")
def window(browser: playwright.Browser, live: Backend, target: Target) -> Iterator[Window]:
    """One window, as the shell's."""
    with opened_window(browser, live) as window:
        yield window


@contextlib.contextmanager
def opened_window(browser: playwright.Browser, backend: Backend) -> Iterator[Window]:
    """A window with cookies of its own: it adds the token for the backend's origin only."""
    context = browser.new_context(service_workers="block")
    context.set_default_timeout(LOAD_MS)
    window = Window(context.new_page(), backend)
    context.route("**/*", window.let_through)
    if backend.target.serves_asgi:
        # Handshakes of websockets pass no route: they bring the cookie.
        query = f"?token={backend.token}&next=/"
        context.request.get(f"{backend.origin}{backend.target.bootstrap_path}{query}")
    yield window
    context.close()


class Window:
    """A page that plays the shell's part and takes notes."""

    def __init__(self, page: playwright.Page, backend: Backend) -> None:
        self.page = page
        self.backend = backend
        self.notes = Visits()
        self.answer: playwright.Response | None = None
        page.on("pageerror", lambda error: self._note(self.notes.errors, str(error)))
        page.on("console", self._console)
        page.on("response", self._response)
        page.on("requestfailed", self._failed)

    def let_through(self, route: playwright.Route) -> None:
        """Add the token for the backend, refuse every other origin at once."""
        request = route.request
        if _origin(request.url) == self.backend.origin:
            header = {self.backend.target.header.lower(): self.backend.token}
            route.continue_(headers={**request.headers, **header})
        else:
            self._note(self.notes.external, request.url.split("?")[0])
            if request.resource_type in PARTS:
                self._note(self.notes.parts, request.url)
            route.abort()

    def visit(self, path: str) -> playwright.Response | None:
        """Load a page and wait until it is quiet, for a moment at most."""
        before = len(self.notes.errors)
        try:
            response = self.page.goto(self.backend.origin + path, wait_until="load")
        except playwright.Error as error:
            if EMPTY_ERROR not in error.message:
                raise
            with contextlib.suppress(playwright.TimeoutError):
                self.page.wait_for_url(OWN_ERROR_PAGE, timeout=QUIET_MS)
            return self.answer
        with contextlib.suppress(playwright.TimeoutError):
            self.page.wait_for_load_state("networkidle", timeout=QUIET_MS)
        if response and response.status >= 500:
            # A failed page is WEB-5's matter, and what Django's error page says in the console too.
            del self.notes.errors[before:]
        for url in self.page.evaluate(NAMED_PARTS):
            if url.startswith("http") and _origin(url) != self.backend.origin:
                self._note(self.notes.parts, url)
        return response

    def _note(self, notes: list[str], text: str) -> None:
        if text not in notes:
            notes.append(text)

    def _console(self, message: playwright.ConsoleMessage) -> None:
        place, text = message.location.get("url", ""), message.text
        # What a refused foreign request leaves in the console, or a script says of it, is WEB-4's
        # matter, and what a failed request of its own leaves is WEB-3's.
        ours = _origin(place) == self.backend.origin and "Failed to load resource" not in text
        if message.type == "error" and ours and not any(u in text for u in self.notes.external):
            self._note(self.notes.errors, f"{urlsplit(place).path}: {text}")

    def _response(self, response: playwright.Response) -> None:
        self.notes.requests += 1
        if response.request.is_navigation_request():
            self.answer = response
        if response.status >= 400 and not response.request.is_navigation_request():
            self._note(self.notes.failed, f"{urlsplit(response.url).path} {response.status}")

    def _failed(self, request: playwright.Request) -> None:
        foreign = _origin(request.url) != self.backend.origin
        # Leaving a page ends what it was still loading.
        is_expected = any(each in (request.failure or "") for each in ("ERR_ABORTED", EMPTY_ERROR))
        if not foreign and not is_expected:
            self._note(self.notes.failed, f"{urlsplit(request.url).path} {request.failure}")


@pytest.fixture(scope="session")
def visits(window: Window, target: Target, pytestconfig: pytest.Config) -> Visits:
    """The landing page and the pages it links to."""
    notes = window.notes
    pictured = pytestconfig.option.report_html is not None
    try:
        response = window.visit(target.home)
    except playwright.Error as error:
        notes.problem = error.message.splitlines()[0]
        return notes
    notes.statuses[target.home] = response.status if response else 0
    if pictured:
        notes.pictures[target.home] = _picture(window.page)
    notes.policy = response.headers.get("content-security-policy", "") if response else ""
    notes.content = window.page.evaluate(
        "() => !!document.body && (document.body.innerText.trim() !== ''"
        " || !!document.querySelector('img, svg, canvas, video, iframe'))"
    )
    here = pages.Page(window.page.url, "")
    here.links = _links(window)
    for path in pages.linked(window.backend, here):
        try:
            response = window.visit(path)
        except playwright.Error as error:
            # A link may be a download.
            if "Download is starting" not in error.message:
                notes.statuses[path] = 599
            continue
        notes.statuses[path] = response.status if response else 0
        if pictured:
            notes.pictures[path] = _picture(window.page)
    return notes


@pytest.fixture(scope="session")
def inside(browser: playwright.Browser, live: Backend, visits: Visits) -> Visits:
    """The admin and the pages it links to, seen by somebody with an account, after `visits`."""
    notes = Visits()
    if visits.problem:
        return notes
    try:
        admin = records.open_admin(live.target, live.app_data)
    except NotTested:
        return notes
    with opened_window(browser, live) as window:
        window.notes = notes
        with contextlib.suppress(playwright.Error):
            _log_in(window, admin)
            here = pages.Page(window.page.url, "")
            here.links = _links(window)
            for path in [admin, *pages.linked(live, here)]:
                with contextlib.suppress(playwright.Error):  # a link may be a download
                    window.visit(path)
    return notes


@pytest.fixture(scope="session")
def own(pytestconfig: pytest.Config) -> frozenset[str]:
    """Paths that the target's own server cannot answer either."""
    return own_faults(pytestconfig.option.rehearsal)


@pytest.mark.criterion("WEB-1")
def test_landing_page(
    visits: Visits,
    target: Target,
    seen: Seen,
    record_property: Record,
) -> None:
    """Renders its landing page."""
    for path, picture in visits.pictures.items():
        record_property(f"picture:{path}", picture)
    assert not visits.problem, f"{target.home}: {visits.problem}"
    status = visits.statuses[target.home]
    assert status < 400, f"{target.home} answered {status}, expected less than 400"
    assert visits.content, f"{target.home} is an empty document"
    seen(f"{target.home} {status}")


@pytest.mark.criterion("WEB-2")
def test_no_errors(visits: Visits, seen: Seen) -> None:
    """Raises no script or console errors."""
    _loaded(visits)
    first = visits.errors[0][:150] if visits.errors else ""
    assert not visits.errors, f"pages raised {len(visits.errors)} errors, the first: {first}"
    seen(f"{len(visits.statuses)} pages")


@pytest.mark.criterion("WEB-3")
def test_no_failed_requests(visits: Visits, own: frozenset[str], seen: Seen) -> None:
    """Serves all static files of its pages."""
    _loaded(visits)
    failed = [each for each in visits.failed if each.rpartition(" ")[0] not in own]
    assert not failed, f"{len(failed)} requests failed: {', '.join(failed[:3])}"
    seen(f"{visits.requests} requests{_named(visits.failed)}")


@pytest.mark.criterion("WEB-4")
def test_no_external_requests(visits: Visits, inside: Visits, seen: Seen) -> None:
    """Makes no request to another origin."""
    _loaded(visits)
    external = {*visits.external, *inside.external}
    places = ", ".join(sorted({*map(_origin, external)}))
    assert not places, f"{len(external)} requests were refused: {places}"
    seen("none")


@pytest.mark.criterion("WEB-5")
def test_linked_pages(visits: Visits, target: Target, own: frozenset[str], seen: Seen) -> None:
    """Serves the pages linked from the landing page."""
    _loaded(visits)
    broken = {path: status for path, status in visits.statuses.items() if _fails(status)}
    theirs = [path for path in broken if urlsplit(path).path in own and path != target.home]
    ours = [f"{path} {status}" for path, status in broken.items() if path not in theirs]
    assert not ours, f"linked pages answered {', '.join(ours)}"
    seen(f"{len(visits.statuses) - 1} links{_named(theirs)}")


def _named(faults: Iterable[str]) -> str:
    listed = ", ".join(faults)
    return f"; the project's own faults: {listed}" if listed else ""


def _fails(status: int) -> bool:
    """Whether following a link ended in nothing; 405 is a page that a link cannot open."""
    return status >= 500 or status == 405


@pytest.mark.criterion("WEB-6")
@pytest.mark.usefixtures("visits")  # are made before anybody signs in
def test_form(window: Window, live: Backend, first_run: FirstRun, seen: Seen) -> None:
    """Saves a form sent in the browser."""
    way = first_run.way or records.find_in_admin(
        live, records.open_admin(live.target, live.app_data)
    )
    text = pages.new_text()
    try:
        if way.admin:
            _log_in(window, way.admin)
        window.visit(way.page)
        form = next(
            f for f in pages.Page(window.page.url, window.page.content()).forms if _is(f, way)
        )
        _fill_and_send(window.page, form, text)
    except StopIteration:
        raise AssertionError(f"{way} is not there in the browser") from None
    except playwright.Error as error:
        raise AssertionError(f"{way}: {error.message.splitlines()[0]}") from None
    deadline = time.monotonic() + SAVE_SECONDS
    while not records.is_kept(live.app_data, text):
        assert time.monotonic() < deadline, f"{way} saved nothing"
        window.page.wait_for_timeout(100)
    seen(way)


@pytest.mark.criterion("WEB-12")
def test_cookies(live: Backend, seen: Seen) -> None:
    """Sets cookies that a browser keeps and sends back."""
    visitor = pages.Visitor(live)
    documents = [*pages.visited(visitor), visitor.page("/admin/login/")]
    guarded = [f for page in documents for f in page.forms if f.guarded and f.method == "post"]
    refused = []
    for form in guarded[:3]:
        answer = visitor.post(form, form.filled(pages.new_text()))
        if answer.status == 403 and "CSRF" in answer.text:
            refused.append(form.action.removeprefix(live.origin))
    dropped = ", ".join(f"{name} ({reason})" for name, reason in visitor.dropped.items())
    assert not dropped, f"a browser drops {dropped}"
    assert not refused, f"POST {refused[0]} lacks the CSRF cookie that its page had set"
    if not visitor.cookies:
        raise NotApplicable("no visited page sets a cookie")
    seen(f"{', '.join(visitor.cookies)}; {len(guarded[:3])} forms accepted")


@pytest.mark.criterion("WEB-7")
def test_debug_off(live: Backend, seen: Seen) -> None:
    """Shows no technical error page."""
    answer = live.get("/ddk-unknown/")
    for sign in ("DEBUG = True", "URLconf", "Traceback"):
        assert sign not in answer.text, f"GET /ddk-unknown/ shows {sign!r}"
    seen(f"GET /ddk-unknown/ {answer.status}")


@pytest.mark.criterion("WEB-8")
def test_policy(visits: Visits, seen: Seen) -> None:
    """Carries a Content-Security-Policy."""
    _loaded(visits)
    missing = [d for d in ("frame-ancestors", "object-src", "base-uri") if d not in visits.policy]
    assert not missing, f"the policy lacks {', '.join(missing)}: {visits.policy or 'no policy'}"
    seen(visits.policy[:90])


@pytest.fixture(scope="session")
def uploads(opened: Backend) -> dict[str, Answer]:
    """What uploads of a copy of the target are answered with, by name."""
    found = opened.probe("uploads")
    paths = {name: urlsplit(urljoin(opened.origin, url)) for name, url in found.items()}
    if any(f"{each.scheme}://{each.netloc}" != opened.origin for each in paths.values()):
        raise NotApplicable("its uploads have no address on this server")
    headers = {"Accept-Encoding": "gzip, br"}
    answers = {name: opened.get(each.path, headers=headers) for name, each in paths.items()}
    if all(answer.status == 404 for answer in answers.values()):
        raise NotApplicable("its uploads have no address on this server")
    return answers


@pytest.mark.criterion("WEB-9")
def test_upload(uploads: dict[str, Answer], seen: Seen) -> None:
    """Answers an upload with its own content."""
    # As they were saved; an answer that is encoded on its way has been decoded.
    report, compressed = uploads["report.csv"], uploads["report.csv.gz"]
    assert report.body == b"a report\n" * 1000, (
        f"report.csv beside report.csv.gz was answered {report.status} with something else"
    )
    own = compressed.body.startswith(b"\x1f\x8b") or compressed.body == b"another report\n"
    assert own, f"report.csv.gz was answered {compressed.status} with something else"
    seen("report.csv beside report.csv.gz")


@pytest.mark.criterion("WEB-10")
def test_uploaded_document(uploads: dict[str, Answer], seen: Seen) -> None:
    """Runs no scripts of uploaded documents."""
    for name in ("page.html", "page.xhtml", "feed.xml", "drawing.svg"):
        headers = uploads[name].headers
        policies = headers.get_list("content-security-policy", split_commas=True)
        directives = {part.strip() for policy in policies for part in policy.split(";")}
        attachment = headers.get("content-disposition", "").startswith("attachment")
        assert "sandbox" in directives or attachment, (
            f"{name} is shown as {headers.get('content-type')} without a sandbox"
        )
        sniffed = headers.get("x-content-type-options", "").lower() != "nosniff"
        assert not sniffed, f"{name} lacks X-Content-Type-Options: nosniff"
    seen("HTML, XHTML, XML and SVG in a sandbox")


@pytest.mark.criterion("WEB-11")
def test_parts_of_pages(
    visits: Visits, inside: Visits, target: Target, seen: Seen, record_property: Record
) -> None:
    """Serves the styles, scripts and fonts of its pages."""
    _loaded(visits)
    parts = [*dict.fromkeys((*visits.parts, *inside.parts))]
    skip = target.manifest.get("offline", {}).get("skip", {})
    bare = [url for url in parts if not _is_skipped(url, skip)]
    record_property(OTHER_HOSTS, bare)
    assert not bare, f"{len(bare)} come from other hosts: {', '.join(bare[:3])}"
    skipped = f"; {len(parts)} left out by [offline] skip" if parts else ""
    seen(f"none of another host{skipped}")


def _is_skipped(url: str, skip: dict[str, str]) -> bool:
    """Whether an entry is this address, with or without its query, its beginning or its host."""
    whole = _without_scheme(url)
    bare = whole.partition("?")[0]
    names = {whole, bare, bare.removesuffix("/"), bare.partition("/")[0]}
    entries = map(_without_scheme, skip)
    return any(each in names or (each.endswith("/") and bare.startswith(each)) for each in entries)


def _without_scheme(url: str) -> str:
    return url.removeprefix("https://").removeprefix("http://")


@pytest.mark.criterion("WEB-13")
def test_handed_over(opened: Backend, seen: Seen) -> None:
    """Sends a file that is left to a web server."""
    for name in ("X-Sendfile", "X-Accel-Redirect"):
        answer = opened.get(f"/ddk-probe/handed/?by={name}")
        if answer.status != 501:  # refused, which a person sees
            assert answer.text == HANDED, f"{name} sent another file, of {len(answer.body)} bytes"
    seen(f"{name} {answer.status}")


@pytest.mark.criterion("WEB-14")
def test_visit_goes_on(opened: Backend, own: frozenset[str], seen: Seen) -> None:
    """Answers behind the first click, and to who returns."""
    done = pages.Visitor(opened).go_on()
    theirs = [each for each in done.failed if _is_one_of(each, own)]
    failed = [each for each in done.failed if each not in theirs]
    assert not failed, f"{len(failed)} failed: {', '.join(failed[:3])}"
    seen(f"{done.asked} requests{_named(theirs)}")


def _is_one_of(request: str, own: frozenset[str]) -> bool:
    """Whether a noted request opened one of the paths, or sent a form to it."""
    method, address = request.split()[:2]
    path = urlsplit(address).path
    return (path if method == "GET" else f"{method} {path}") in own


@pytest.mark.criterion("WEB-15")
def test_application_around_django(opened: Backend, seen: Seen) -> None:
    """Asks what the project has put around Django."""
    found = opened.probe("around")
    if "none" in found:
        raise NotApplicable(found["none"])
    assert found["asked"], "WSGI_APPLICATION names an application around Django: it is not asked"
    seen("WSGI_APPLICATION is asked")


@pytest.mark.criterion("WEB-16")
def test_site(opened: Backend, seen: Seen) -> None:
    """Names its own address as its site."""
    found = opened.probe("site")
    if "none" in found:
        raise NotApplicable(found["none"])
    own = urlsplit(opened.origin).netloc
    names = (own, own.replace(HOST, "localhost"))
    assert found["domain"] in names, f"the Sites framework says {found['domain']}, not {own}"
    seen(found["domain"])


def _links(window: Window) -> list[str]:
    return window.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")


def _loaded(visits: Visits) -> None:
    assert not visits.problem, f"the landing page did not load: {visits.problem}"


def _picture(page: playwright.Page) -> str:
    return base64.b64encode(page.screenshot(type="jpeg", quality=60)).decode()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _log_in(window: Window, admin: str) -> None:
    window.visit(admin)
    password = window.page.locator("[name=password]")
    if password.count():  # else the target has signed its one user in
        window.page.locator("[name=username]").fill(records.USER, timeout=FIELD_MS)
        password.fill(records.PASSWORD, timeout=FIELD_MS)
        password.press("Enter")
        window.page.wait_for_load_state("load")


def _is(form: Form, way: records.Way) -> bool:
    return form.saves and urljoin("/", urlsplit(form.action).path) == urlsplit(way.action).path


def _fill_and_send(page: playwright.Page, form: Form, text: str) -> None:
    number = page.evaluate(
        """path => [...document.forms].findIndex(form =>
            form.method === 'post' &&
            new URL(form.getAttribute('action') || '', location).pathname === path)""",
        urlsplit(form.action).path,
    )
    place = page.locator("form").nth(number)
    kinds = {f.get("name"): f["kind"] for f in form.fields}
    for name, value in form.filled(text).items():
        box = place.locator(f'[name="{name}"]').first
        match kinds[name]:
            case "hidden":
                continue
            case "select":
                box.select_option(value, timeout=FIELD_MS)
            case "checkbox" | "radio":
                box.check(timeout=FIELD_MS)
            case _:
                box.fill(value, timeout=FIELD_MS)
    place.locator("[type=submit], button:not([type])").first.click(timeout=FIELD_MS)
