"""`launch.py password`: lets the next start ask for a new password, before it shows anything else.

Nothing of the project is loaded, and no password is typed into a terminal or passed on by a shell.
Prints one JSON document.
"""

from __future__ import annotations

from .contract import answer, read_installation
from .data import open_folder, write_private

MARKER = "new-password.json"


def run() -> int:
    """Leave the marker; returns the exit code."""
    return answer(_ask)


def _ask() -> dict[str, str]:
    app_data = read_installation().app_data
    with open_folder(app_data):
        write_private(app_data / MARKER, "{}")
    return {"asked": "at the next start"}
