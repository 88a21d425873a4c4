"""`launch.py password`: lets the next start ask for a new password, before it shows anything else.

Nothing of the project is loaded, and no password is typed into a terminal or passed on by a shell.
"""

from __future__ import annotations

import sys

from .contract import BackendError, Exit, read_installation
from .data import open_folder, write_private

MARKER = "new-password.json"


def run(arguments: list[str]) -> int:
    """Leave the marker; returns the exit code."""
    try:
        if arguments:
            raise BackendError(
                Exit.CONFIGURATION,
                "password takes no further words.",
                "The next start asks whose password it is to be.",
            )
        app_data = read_installation().app_data
        with open_folder(app_data):
            write_private(app_data / MARKER, "{}")
    except BackendError as failure:
        print(f"DDK-RUN-{failure.code}: {failure.message}\n{failure.hint}", file=sys.stderr)
        return failure.code
    print("The next start asks for a new password.")
    return Exit.CLEAN
