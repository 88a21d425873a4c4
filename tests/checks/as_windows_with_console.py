"""A pytest plugin: as `as_windows`, but every process has a window."""

import psutil

from checks import test_win
from tests.checks import as_windows  # noqa: F401 - it asks for the criteria

test_win.visible_windows = lambda: ((pid, "python.exe") for pid in psutil.pids())
