"""How long the suite waits, and how much it keeps, before it says that something hangs.

A start may be long (hundreds of migrations) but not silent, and a busy machine is no fault of the
target: these limits are for what hangs. Two come from SPEC.md: those of a killed shell and of a
stop while starting.
"""

from __future__ import annotations

import psutil

SILENCE_SECONDS = 60.0
START_SECONDS = 240.0
ANSWER_SECONDS = 30.0
STOP_SECONDS = 20.0
STOP_WHILE_STARTING_SECONDS = 10.0
KILLED_SHELL_SECONDS = 5.0
# For workers that start with the app, but leave its first page some time; others do not come.
WORKERS_SECONDS = 2.0
# For the end of a start whose end nobody looks at.
POLITE_SECONDS = 5.0

BODY_BYTES = 8 * 1024 * 1024
EVENTS_BYTES = 4 * 1024 * 1024


def crowd() -> float:
    """How many programs want to run for each processor; at least 1."""
    return max(1.0, psutil.getloadavg()[0] / (psutil.cpu_count() or 1))
