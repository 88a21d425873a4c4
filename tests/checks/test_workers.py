"""Checks side by side: who makes which start, and what a person sees meanwhile."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from checks import processes, progress, workers

CHECKS = Path(workers.__file__).parent


def _fixtures() -> set[str]:
    found = set()
    for path in CHECKS.glob("*.py"):
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(each, ast.FunctionDef) and "fixture" in ast.dump(
                ast.Module(each.decorator_list, [])
            ):
                found.add(each.name)
    return found


def test_every_start_is_a_fixture() -> None:
    assert workers.STARTS.keys() <= _fixtures()


def test_a_check_is_named_by_its_criteria_and_its_worker() -> None:
    name = workers.name(["DAT-2", "DAT-4"], ["target", "live", "restarts"])
    nodeid = f"checks/test_dat.py::test_kill[{name}]"
    assert name == "DAT-2,DAT-4@restarts"
    assert workers.judged(nodeid) == ["DAT-2", "DAT-4"]
    assert workers.Scheduling._split_scope(None, nodeid) == "restarts]"


def test_a_check_of_no_start_goes_to_whoever_is_free() -> None:
    nodeid = f"checks/test_adp.py::test_manifest[{workers.name(['ADP-4'], ['target'])}]"
    assert workers.judged(nodeid) == ["ADP-4"]
    assert workers.Scheduling._split_scope(None, nodeid) == nodeid
    assert workers.judged("checks/test_adp.py::test_manifest") == []


def test_two_workers_make_one_start(tmp_path: Path) -> None:
    made, got = [], []

    def make() -> dict[str, int]:
        made.append(1)
        time.sleep(0.05)
        return {"port": 5}

    threads = [
        threading.Thread(target=lambda: got.append(workers.once(tmp_path, "first run", make)))
        for _ in range(3)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(made), got) == (1, [{"port": 5}] * 3)


def test_a_start_that_fails_is_tried_by_the_next(tmp_path: Path) -> None:
    def fail() -> None:
        raise AssertionError("did not become ready")

    for _ in range(2):
        with pytest.raises(AssertionError, match="did not become ready"):
            workers.once(tmp_path, "first run", fail)
    assert workers.once(tmp_path, "first run", lambda: 3) == 3


def test_a_shared_folder_goes_with_what_still_runs_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    left = subprocess.Popen(sleep, env={**os.environ, "APP_DATA": str(folder / "first")})
    try:
        processes.remove(folder)
        assert left.wait(30)
        assert not folder.exists()
    finally:
        left.kill()


def test_the_line_names_what_is_at_work_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = progress.Progress()
    ids = ["a[DAT-25]", "b[DAT-28@pages]", "c[NET-1]"]
    shown.pytest_xdist_node_collection_finished(ids)
    shown.pytest_runtest_logstart("a[DAT-25]")
    shown.pytest_runtest_logstart("b[DAT-28@pages]")
    assert shown.line() == "0 of 3 checks · DAT-25, DAT-28"
    now[0] += 4
    shown.pytest_runtest_logfinish("a[DAT-25]")
    assert shown.line() == "1 of 3 checks · DAT-28 · about 2 s left"
