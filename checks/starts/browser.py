"""Chromium: Playwright's own where it is installed, else the system's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from playwright import sync_api as playwright

from checks.verdicts import PrerequisiteError

SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextlib.contextmanager
def started() -> Iterator[playwright.Browser]:
    """The browser while the block runs. Raises PrerequisiteError where there is no Chromium."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, "--no-sandbox"] if as_root else FLAGS
    with playwright.sync_playwright() as api:
        own = Path(api.chromium.executable_path)
        if not own.exists() and not SYSTEM_CHROMIUM.exists():
            raise PrerequisiteError("Chromium is not installed: run `playwright install chromium`")
        executable = own if own.exists() else SYSTEM_CHROMIUM
        chromium = api.chromium.launch(executable_path=executable, args=flags)
        yield chromium
        chromium.close()
