"""Several programs, each bounded in time, and a table of how they ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

from tools.places import WINDOWS
from tools.programs import stop

LONGEST_STEP = 180 * 60  # seconds; twice what the longest one takes on two busy cores
LAST_WORDS = 60  # seconds that a step which is ended has to say how far it came

Steps = dict[str, list[str]]
"""Commands by the name that the table gives them."""


@dataclass(frozen=True)
class Result:
    """How a step ended."""

    name: str
    code: int
    seconds: float


def run_all(steps: Steps, meanwhile: Steps | None = None, alone: Steps | None = None) -> int:
    """Run every step, whatever the others say, and end with a table of them.

    Those of `meanwhile` run beside the others, and say what they have to say afterwards. A step
    that failed and that `alone` names is judged by that command, which runs when nothing else
    does: what fails only on a busy machine is told, and is no fault.
    """
    alone = alone or {}
    with tempfile.TemporaryFile() as kept, ThreadPoolExecutor(1) as pool:
        beside = pool.submit(_run, meanwhile or {}, kept)
        results = _run(steps, None)
        results += beside.result()
        kept.seek(0)
        sys.stdout.write(kept.read().decode(errors="replace"))
    failed = [result.name for result in results if result.code and result.name in alone]
    again = {each.name: each for each in _run({name: alone[name] for name in failed}, None)}
    print("\n== summary")
    for result in results:
        verdict = "passed" if result.code == 0 else "FAILED"
        if second := again.get(result.name):
            verdict = "FAILED twice" if second.code else "passed alone, not beside others"
        print(f"  {result.name:16} {verdict} {result.seconds:7.1f} s", flush=True)
    return 1 if any(again.get(result.name, result).code for result in results) else 0


def _run(steps: Steps, output: IO[bytes] | None) -> list[Result]:
    results = []
    for name, command in steps.items():
        title = f"\n== {name}\n"
        if output:
            output.write(title.encode())
            output.flush()
        else:
            print(title, end="", flush=True)
        begun = time.monotonic()
        code = run_bounded(command, output)
        results.append(Result(name, code, time.monotonic() - begun))
    return results


def run_bounded(command: list[str], output: IO[bytes] | None = None) -> int:
    """Like `run`, but a step that hangs is ended with all it started, and counts as failed.

    It is interrupted first, as by Ctrl-C: pytest then tells its results and what was running.
    `output` gets what it says; without one that is said here.
    """
    program = shutil.which(command[0]) or command[0]
    step = subprocess.Popen(
        [program, *command[1:]],
        start_new_session=True,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
    )
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
