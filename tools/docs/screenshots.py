"""Take the pictures of the documentation from the real app, a real report and the real site.

    python -m tools.docs.screenshots app report  into docs/assets/screenshots/
    python -m tools.docs.screenshots site        the built site, into report/site/ (not committed)

`report` runs the checks on the reference app, which takes a minute or two.
"""

from __future__ import annotations

import html
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

KIT = Path(__file__).resolve().parents[2]
PICTURES = KIT / "docs" / "assets" / "screenshots"
SITE_PICTURES = KIT / "report" / "site"
SIZE = {"width": 1200, "height": 750}
PORT = 21_999
REPORT_STYLE = """
    body { margin: 0; background: #0f2a33; color: #dfeef0; }
    pre { margin: 0; padding: 24px; font: 15px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
    .pass { color: #7fe0a8; } .other { color: #f4c76b; }
"""


def main(wanted: list[str]) -> int:
    """Take the pictures named; the result is the exit code."""
    takers = {"app": take_app, "report": take_report, "site": take_site}
    if not wanted or set(wanted) - set(takers):
        print(__doc__)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if is_root() else []
        )
        for name in wanted:
            for scheme in ("light", "dark"):
                context = browser.new_context(color_scheme=scheme, viewport=SIZE)
                takers[name](context.new_page(), scheme)
                context.close()
        browser.close()
    return 0


def chromium() -> str | None:
    """The system's Chromium; None lets Playwright take its own."""
    found = [
        path for path in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(path).exists()
    ]
    return found[0] if found else None


def is_root() -> bool:
    """Chromium's sandbox does not work for root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def take_app(page: Page, scheme: str) -> None:
    """The list of the reference app."""
    with running_app() as address:
        page.goto(address)
        page.wait_for_url(f"http://127.0.0.1:{PORT}/")
        page.wait_for_load_state("networkidle")
        save(page, PICTURES / f"app-{scheme}.png")


@contextmanager
def running_app() -> Iterator[str]:
    """The reference app on fresh data; the value opens its first page."""
    token = secrets.token_urlsafe(32)
    project = KIT / "reference_app"
    with tempfile.TemporaryDirectory(prefix="desktop-django-") as folder:
        values = {
            "HOST": "127.0.0.1",
            "PORT": str(PORT),
            "AUTH_TOKEN": token,
            "APP_DATA_DIR": folder,
            "BUNDLE_DIR": str(project),
            "RUNTIME_MODE": "development",
        }
        launcher = project / "desktop-app" / "launch.py"
        flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={folder}/pycache"]
        backend = subprocess.Popen(
            [sys.executable, *flags, str(launcher)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {f"DESKTOP_DJANGO_{name}": each for name, each in values.items()},
        )
        try:
            for line in backend.stdout:
                if json.loads(line)["event"] == "ready":
                    break
            query = urlencode({"token": token, "next": "/"})
            yield f"http://127.0.0.1:{PORT}/desktop-auth/bootstrap/?{query}"
        finally:
            backend.stdin.close()
            backend.wait(30)


def take_report(page: Page, scheme: str) -> None:
    """Part of the table that a run of the checks ends with."""
    if scheme == "dark":
        return  # a terminal has one look
    command = [sys.executable, "-m", "skill_scripts", "check", str(KIT / "reference_app")]
    lines = subprocess.run(command, cwd=KIT, capture_output=True, text=True).stdout.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("target "))
    head = lines[start].replace(str(KIT), "…")
    families = ("NET", "TOK", "DAT", "WIN-1")
    shown = [line for line in lines[start + 1 : -1] if line.startswith(families)]
    body = "\n".join(coloured(line[:118]) for line in [head, *shown, "…", lines[-1]])
    page.set_viewport_size({"width": 1180, "height": 400})
    page.set_content(f"<style>{REPORT_STYLE}</style><pre>{body}</pre>")
    save(page, PICTURES / "report.png", whole=True)


def coloured(line: str) -> str:
    """A line of the report with the colour its verdict has in a terminal."""
    text = html.escape(line)
    return text.replace(" pass ", ' <span class="pass">pass</span> ', 1).replace(
        " not run here ", ' <span class="other">not run here</span> ', 1
    )


def take_site(page: Page, scheme: str) -> None:
    """Three pages of the built site, opened from the file system."""
    for name in ("index", "tutorial", "reference/criteria"):
        page.goto((KIT / "site" / f"{name}.html").as_uri())
        save(page, SITE_PICTURES / f"{name.rpartition('/')[2]}-{scheme}.png")


def save(page: Page, path: Path, whole: bool = False) -> None:
    """Write what the page shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=whole)
    print(path.relative_to(KIT).as_posix())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
