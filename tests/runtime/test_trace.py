"""The timeline that DESKTOP_DJANGO_TRACE asks for."""

import json
import os
import subprocess
import sys

import pytest

from tests.runtime.conftest import PAYLOAD

NOTE = """
from desktop_runtime import trace
trace.came("one")
asked = trace.first_request(lambda request: request)
assert [asked(1), asked(2)] == [1, 2]
"""


@pytest.fixture
def noting(tmp_path):
    def run(file: str) -> tuple[str, list[dict]]:
        """What it said, and what is in the file."""
        environment = {**os.environ, "PYTHONPATH": str(PAYLOAD), "DESKTOP_DJANGO_TRACE": file}
        done = subprocess.run(
            [sys.executable, "-c", NOTE],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        written = tmp_path / file if file else None
        if not (written and written.is_file()):
            return done.stderr, []
        return done.stderr, json.loads(written.read_text(encoding="utf-8").rstrip(",\n") + "]")

    return run


def test_two_processes_write_in_one_file(noting):
    noting("trace.json")
    said, events = noting("trace.json")
    assert said == ""
    assert [event["name"] for event in events] == ["process_name", "one", "first request"] * 2
    spans = [event for event in events if event["ph"] == "X"]
    assert len({event["pid"] for event in spans}) == 2
    for before, after in zip(spans[::2], spans[1::2], strict=True):
        assert before["ts"] + before["dur"] == pytest.approx(after["ts"], abs=1)
        assert 0 < before["tdur"] < 10_000_000


def test_nothing_is_written_unasked(noting, tmp_path):
    assert noting("") == ("", [])
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named_once(noting):
    said, events = noting("nowhere/trace.json")
    assert events == []
    assert said.startswith("there will be no timeline: ")
    assert said.count("\n") == 1
