"""A step of a journey that does not come to its end."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from .table import StepError, run_whole

STARTS_ANOTHER = """
import pathlib, subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(other.pid))
time.sleep(60)
"""


def test_a_step_that_takes_too_long_is_named_and_nothing_of_it_lives_on(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(StepError, match=r"^adapt is not finished in 2 s$"):
        run_whole("adapt", [sys.executable, "-c", STARTS_ANOTHER, str(note)], seconds=2)
    assert not psutil.pid_exists(int(note.read_text()))


def test_what_a_step_wrote_and_how_it_ended() -> None:
    assert run_whole("adapt", [sys.executable, "-c", "print(1); exit(3)"]) == (3, "1\n")
