"""A small picture of the app's first page, where there is a Chromium to draw it."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Error, Route, TimeoutError, sync_playwright

from skill_scripts.chromium import admit, launch_for, let_sockets_in
from skill_scripts.rehearsal.start import Start

WINDOW = {"width": 1200, "height": 800}
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

    try:
        with sync_playwright() as playwright:
            browser = launch_for(playwright, start.origin)
            try:
                context = browser.new_context(viewport=WINDOW, service_workers="block")
                host = urlsplit(start.origin).hostname or ""
                context.add_cookies(
                    [{"name": name, "value": value, "domain": host, "path": "/"}
                     for name, value in cookies.items()]
                )  # fmt: skip
                context.route("**/*", let_through)
                let_sockets_in(context, start.origin, start.token)
                page = context.new_page()
                page.goto(start.origin + page_path, wait_until="load", timeout=LOAD_MILLISECONDS)
                with suppress(TimeoutError):  # a page that never rests is drawn as it is
                    page.wait_for_load_state("networkidle", timeout=QUIET_MILLISECONDS)
                page.screenshot(path=file, animations="disabled")
            finally:
                browser.close()
    except Error as error:
        raise DrawingError(str(error).strip().splitlines()[0]) from error
    return tuple(asked)


class DrawingError(Exception):
    """Raised when there is no picture; the text is one line."""
