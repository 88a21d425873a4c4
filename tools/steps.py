"""Several programs one after another, each bounded in time, and a table of how they ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time

from tools.places import WINDOWS
from tools.programs import stop

LONGEST_STEP = 75 * 60  # seconds; about twice what the longest one takes on two cores
LAST_WORDS = 60  # seconds that a step which is ended has to say how far it came


def run_all(steps: dict[str, list[str]]) -> int:
    """Run every step, whatever the others say, and end with a table of them."""
    results = []
    for name, command in steps.items():
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        code = run_bounded(command)
        results.append((name, code, time.monotonic() - begun))
    print("\n== summary")
    for name, code, seconds in results:
        print(f"  {name:16} {'passed' if code == 0 else 'FAILED'} {seconds:7.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


def run_bounded(command: list[str]) -> int:
    """Like `run`, but a step that hangs is ended with all it started, and counts as failed.

    It is interrupted first, as by Ctrl-C: pytest then tells its results and what was running.
    """
    program = shutil.which(command[0]) or command[0]
    step = subprocess.Popen([program, *command[1:]], start_new_session=True)
    try:
        return step.wait(LONGEST_STEP)
    except subprocess.TimeoutExpired:
        if not WINDOWS:  # which can interrupt a console only as a whole
            step.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                step.wait(LAST_WORDS)
        return stop(f"{command[0]} did not end within {LONGEST_STEP // 60} minutes")
    finally:
        if step.poll() is None and WINDOWS:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(step.pid)], capture_output=True)
        elif step.poll() is None:
            os.killpg(step.pid, signal.SIGKILL)
