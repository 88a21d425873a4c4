"""The Chromium that draws for the kit: Playwright's own, or the system's."""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route

from skill_scripts.backend import HOST, TOKEN_HEADER, bootstrap_address

MOST_PICTURES = 12
BETWEEN_MILLISECONDS = 300
# Whether what is in the middle belongs to something that stays there and is as large as the window.
IS_COVERED = """() => {
    let each = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
    while (each && getComputedStyle(each).position !== "fixed") each = each.parentElement;
    const size = each?.getBoundingClientRect();
    return Boolean(size) && size.width >= innerWidth && size.height >= innerHeight;
}"""


def launch(library: Playwright, *flags: str) -> Browser:
    """A browser. Raises playwright's Error if there is none or it does not start."""
    as_root = sys.platform == "linux" and os.geteuid() == 0
    return library.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[*flags, *(["--no-sandbox"] if as_root else [])],
    )


def launch_for(library: Playwright, origin: str) -> Browser:
    """One that reaches no address but the app's, also where a page of the app redirects to."""
    return launch(
        library,
        f"--proxy-server=http://{HOST}:1",  # where nothing listens
        f"--proxy-bypass-list=<-loopback>;{urlsplit(origin).netloc}",
    )


def let_sockets_in(context: BrowserContext, origin: str, token: str) -> None:
    """Give a browser the app's cookie: handshakes of websockets pass no route."""
    context.request.get(bootstrap_address(origin, token, "/"))


def picture_when_still(page: Page, file: Path) -> None:
    """Write the picture of a page that no longer changes and that nothing covers, or what there is
    of it after a while: many show a spinner over themselves for seconds, and fade in by a script.
    Raises playwright's Error."""
    picture = b""
    for _ in range(MOST_PICTURES):
        before, picture = picture, page.screenshot(animations="disabled")
        if picture == before and not page.evaluate(IS_COVERED):
            break
        page.wait_for_timeout(BETWEEN_MILLISECONDS)
    file.write_bytes(picture)


def admit(route: Route, origin: str, token: str) -> bool:
    """Let a request of the app's address pass, with the token, and refuse any other."""
    is_own = route.request.url.startswith(f"{origin}/")
    if is_own:
        route.continue_(headers={**route.request.headers, TOKEN_HEADER.lower(): token})
    else:
        route.abort()
    return is_own
