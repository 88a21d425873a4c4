"""A small picture of the app's first page, where there is a Chromium to draw it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    Error,
    Page,
    Playwright,
    Route,
    TimeoutError,
    ViewportSize,
    sync_playwright,
)

from skill_scripts.chromium import (
    admit,
    launch,
    launch_for,
    let_sockets_in,
    picture_when_still,
)
from skill_scripts.rehearsal.start import Start

WINDOW = ViewportSize(width=1280, height=720)  # as the checks have it
LOAD_MILLISECONDS = 30_000
QUIET_MILLISECONDS = 2_000


def draw(start: Start, page_path: str, cookies: dict[str, str], file: Path) -> tuple[str, ...]:
    """Write the picture of `page_path` as a PNG; returns the addresses of other hosts that the
    page asked for. Raises DrawingError."""
    asked: dict[str, None] = {}

    def let_through(route: Route) -> None:
        is_admitted = admit(route, start.origin, start.token)
        if not is_admitted and route.request.resource_type in ("stylesheet", "script", "font"):
            asked[route.request.url] = None

    host = urlsplit(start.origin).hostname or ""
    with _page(lambda library: launch_for(library, start.origin)) as page:
        page.context.add_cookies(
            [{"name": name, "value": value, "domain": host, "path": "/"}
             for name, value in cookies.items()]
        )  # fmt: skip
        page.context.route("**/*", let_through)
        let_sockets_in(page.context, start.origin, start.token)
        _photograph(page, start.origin + page_path, file)
    return tuple(asked)


def draw_own(address: str, file: Path) -> None:
    """Write the picture of a page of the project's own server, with what other hosts give to it.
    Raises DrawingError."""
    with _page(launch) as page:
        _photograph(page, address, file)


@contextmanager
def _page(launching: Callable[[Playwright], Browser]) -> Iterator[Page]:
    """A page of a browser. Raises DrawingError for what goes wrong with it."""
    try:
        with sync_playwright() as playwright:
            browser = launching(playwright)
            try:
                context = browser.new_context(
                    viewport=WINDOW, color_scheme="light", service_workers="block"
                )
                yield context.new_page()
            finally:
                browser.close()
    except Error as error:
        raise DrawingError(str(error).strip().splitlines()[0]) from error


def _photograph(page: Page, address: str, file: Path) -> None:
    page.goto(address, wait_until="load", timeout=LOAD_MILLISECONDS)
    with suppress(TimeoutError):  # a page that never rests is drawn as it is
        page.wait_for_load_state("networkidle", timeout=QUIET_MILLISECONDS)
    picture_when_still(page, file)


class DrawingError(Exception):
    """Raised when there is no picture; the text is one line."""
