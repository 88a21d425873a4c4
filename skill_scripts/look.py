"""Makes pictures of an adapted project's pages as a new user sees them, and lists what they lack.

The app runs on data of its own that is thrown away. The window plays the shell's part: it adds the
token to requests of the backend's address, and no other address can be reached, so that the token
is in no page, no address and no file.
"""

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright import sync_api as playwright

from skill_scripts.backend import Backend
from skill_scripts.chromium import admit, launch_for, let_sockets_in, picture_when_still
from skill_scripts.dependencies import environment
from skill_scripts.desktop_toml import Manifest
from skill_scripts.errors import KitError
from skill_scripts.filling import NoFormError, complaint, send_form
from skill_scripts.findings.surveyed import Progress
from skill_scripts.rehearsal.visitor import linked
from skill_scripts.run import read_adapted, serve

FIRST_ACCOUNT = "/desktop-auth/first-account/"
LINKS = 5
WINDOW = playwright.ViewportSize(width=1280, height=800)
# Milliseconds
LOAD_LIMIT = 30_000
QUIET_LIMIT = 2_000


@dataclass
class Picture:
    """One page as it was seen."""

    page: str  # that was asked for
    file: str  # "" where the browser drew nothing
    place: str = ""  # where that led
    status: int = 0
    did: str = ""  # the form that was sent first
    lacks: list[str] = field(default_factory=list)  # refused, failed, and what the console says

    @property
    def is_good(self) -> bool:
        """Whether there is a page to look at."""
        return bool(self.file) and 0 < self.status < 400


@dataclass
class Look:
    """The pictures, and where they are."""

    folder: Path
    pictures: list[Picture] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {"folder": str(self.folder), "pictures": [asdict(each) for each in self.pictures]}


def look(
    path: Path,
    *,
    pages: Sequence[str] = (),
    forms: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Look:
    """Picture `pages` of the adapted project in folder `path`, by default its first page and those
    that it links to; before that fill and send the form of each page in `forms`.

    Raises KitError DDK-ADP-09 if the project is not adapted, DDK-STA-01 if it does not start and
    DDK-LOK-01 without a browser.
    """
    root, settings = read_adapted(path)
    result = Look(environment.CACHE / "pictures" / settings["app"]["identifier"])
    shutil.rmtree(result.folder, ignore_errors=True)
    result.folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(
        prefix="desktop-django-", ignore_cleanup_errors=True
    ) as scratch:

        def follow(backend: Backend) -> dict[str, Any] | None:
            return _see(backend, settings, result, pages, forms, progress)

        progress("starting the app on new data")
        serve(root, settings, Path(scratch), follow)
    return result


def _see(
    backend: Backend,
    settings: Manifest,
    result: Look,
    pages: Sequence[str],
    forms: Sequence[str],
    progress: Progress,
) -> dict[str, Any] | None:
    """Wait for the backend, then look; its failure if it does not come up."""
    events = backend.events()
    for event in events:
        if event["event"] == "failed":
            return event
        if event["event"] == "ready":
            break
    else:
        return None
    threading.Thread(target=lambda: [*events], daemon=True).start()
    home = settings["app"]["home"]
    with _window(backend) as window:
        window.come_in(home)
        for each in forms:
            progress(f"sending the form of {each}")
            window.picture(result, each, send=True)
        wanted = list(pages) or [home, *([] if forms else window.links(home))]
        for each in wanted:
            progress(f"looking at {each}")
            window.picture(result, each)
    return None


class Window:
    """A browser's page that takes notes."""

    def __init__(self, page: playwright.Page, backend: Backend) -> None:
        self.page, self.origin = page, backend.origin
        self.notes: list[str] = []
        self.status = 0  # of the page that is shown
        page.on("pageerror", lambda error: self._note(f"script: {str(error).splitlines()[0]}"))
        page.on("console", self._console)
        page.on("response", self._response)
        page.on("requestfailed", self._failed)
        page.context.route("**/*", lambda route: admit(route, backend.origin, backend.token))
        let_sockets_in(page.context, backend.origin, backend.token)

    def visit(self, path: str) -> None:
        """Load a page until it is quiet."""
        self.notes, self.status = [], 0
        try:
            self.page.goto(f"{self.origin}/{path.removeprefix('/')}", wait_until="load")
        except playwright.Error as error:
            self._note(f"page: {error.message.splitlines()[0]}")
        self._settle()

    def come_in(self, home: str) -> None:
        """Make the account of whoever uses the computer alone, where the first launch asks."""
        self.visit(home)
        if urlsplit(self.page.url).path == FIRST_ACCOUNT:
            send_form(self.page, self.page.locator("form:has(input[name=kind][value=alone])"))
            self._settle()

    def links(self, home: str) -> list[str]:
        """The first pages that the first page links to."""
        self.visit(home)
        found = self.page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)")
        return [each for each in linked(found, self.origin) if each != home][:LINKS]

    def picture(self, result: Look, path: str, *, send: bool = False) -> None:
        """Visit a page, send its form if asked to, and keep what is seen then."""
        self.visit(path)
        did = ""
        if send:
            try:
                did = send_form(self.page)
            except (NoFormError, playwright.Error) as error:
                self._note(f"form: {str(error).splitlines()[0]}")
            self._settle()
            if text := complaint(self.page):
                self._note(f"form: {text}")
        name = "-".join(filter(None, urlsplit(path).path.split("/"))) or "home"
        file = f"{len(result.pictures) + 1:02}-{name[:60]}.png"
        try:
            picture_when_still(self.page, result.folder / file)
        except playwright.Error as error:  # a busy machine may show nothing in time
            file = ""
            self._note(f"picture: {error.message.splitlines()[0]}")
        place = self.page.url.removeprefix(self.origin)
        result.pictures.append(Picture(path, file, place, self.status, did, self.notes))

    def _settle(self) -> None:
        with suppress(playwright.TimeoutError):
            self.page.wait_for_load_state("networkidle", timeout=QUIET_LIMIT)

    def _is_own(self, address: str) -> bool:
        return address.startswith(f"{self.origin}/")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _console(self, message: playwright.ConsoleMessage) -> None:
        # What a failed request leaves there is noted with the request.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self._note(f"console: {message.text.splitlines()[0]}")

    def _response(self, response: playwright.Response) -> None:
        if response.request.is_navigation_request() and response.frame == self.page.main_frame:
            self.status = response.status
        elif response.status >= 400:
            self._note(f"failed: {response.url.removeprefix(self.origin)} {response.status}")

    def _failed(self, request: playwright.Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.status = 0
        if not self._is_own(request.url):
            self._note(f"refused: {request.url.partition('?')[0]}")
        elif "ERR_ABORTED" not in (request.failure or ""):  # leaving a page ends what it loads
            self._note(f"failed: {request.url.removeprefix(self.origin)} {request.failure}")


@contextmanager
def _window(backend: Backend) -> Iterator[Window]:
    """A browser's window on the app. Raises KitError DDK-LOK-01 if there is none."""
    with playwright.sync_playwright() as library:
        try:
            browser = launch_for(library, backend.origin)
        except playwright.Error as error:
            said = error.message.strip().splitlines()[0]
            raise KitError("DDK-LOK-01", f"the browser does not start: {said}") from error
        context = browser.new_context(
            viewport=WINDOW, color_scheme="light", service_workers="block"
        )
        context.set_default_timeout(LOAD_LIMIT)
        try:
            yield Window(context.new_page(), backend)
        finally:
            browser.close()
