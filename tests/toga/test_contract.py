"""The supervisor of the Toga shell, with a backend that keeps the contract and nothing else."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import contract
import pytest
from contract import Failed, Gone, Progress, Ready, Supervisor
from kept import State
from places import Command, allowed_environment

FAKE = Path(__file__).with_name("fake_backend.py")
LIMIT_SECONDS = 30.0

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the backend made up here leads a process group"
)


class Follower:
    """What a supervisor tells."""

    def __init__(self) -> None:
        self.news: list = []

    def of(self, kind: type) -> list:
        return [each for each in self.news if isinstance(each, kind)]

    def wait(self, kind: type, count: int = 1):
        """The latest of at least `count` of that kind."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(self.of(kind)) < count:
            assert time.monotonic() < deadline, f"there was no {kind.__name__}: {self.news}"
            time.sleep(0.01)
        return self.of(kind)[-1]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """What makes a supervisor of a backend of these manners."""
    monkeypatch.setattr(contract, "BACKOFF_SECONDS", (0.01,))
    made = []

    def supervisor(*manners, python=sys.executable, grace=LIMIT_SECONDS):
        own = {"DESKTOP_DJANGO_APP_DATA_DIR": str(tmp_path)}
        environment = allowed_environment(os.environ, []) | own
        command = Command((python, str(FAKE), str(tmp_path), *manners), tmp_path, environment)
        follower = Follower()
        state, log = State(tmp_path / "shell.json"), tmp_path / "logs" / "backend.log"
        found = Supervisor(command, "/health/", log, state, follower.news.append, grace)
        made.append(found)
        found.start()
        return found, follower

    yield supervisor
    for each in made:
        each.close()


def test_it_is_ready_once_the_backend_answers(make, tmp_path):
    supervisor, follower = make()
    ready = follower.wait(Ready)
    port = json.loads((tmp_path / "shell.json").read_text())["port"]
    assert ready.origin == supervisor.origin == f"http://127.0.0.1:{port}"
    assert ready.cookie.name == f"desktop_session_{port}"
    assert Progress("Preparing your data (1 of 3), about 2 minutes left") in follower.news


def test_closing_lets_it_end_in_peace(make, tmp_path):
    supervisor, follower = make()
    follower.wait(Ready)
    supervisor.close()
    assert (tmp_path / "clean").exists()
    assert supervisor.origin is None
    assert not follower.of(Gone)


def test_what_does_not_end_is_ended_by_force(make, tmp_path):
    supervisor, follower = make("deaf", grace=0.2)
    follower.wait(Ready)
    begun = time.monotonic()
    supervisor.close()
    assert time.monotonic() - begun < LIMIT_SECONDS
    assert not (tmp_path / "clean").exists()


def test_after_the_last_of_several_crashes_it_says_why(make):
    supervisor, follower = make()
    for count in range(1, contract.MAX_RESTARTS + 2):
        follower.wait(Ready, count)
        os.kill(supervisor._run.process.pid, signal.SIGKILL)
        follower.wait(Gone, count)
        assert supervisor.origin is None
    assert "several times" in follower.wait(Failed).message
    cookies = {each.cookie for each in follower.of(Ready)}
    assert len(cookies) == contract.MAX_RESTARTS + 1, "a token served two backends"
    assert len({each.origin for each in follower.of(Ready)}) == 1


def test_a_taken_port_is_left_for_another(make, tmp_path):
    _supervisor, follower = make("taken")
    follower.wait(Ready)
    assert (tmp_path / "starts").read_text() == "xx"
    assert not follower.of(Failed)


def test_the_end_of_an_earlier_run_is_waited_for(make):
    _, follower = make("running")
    follower.wait(Ready)
    assert Progress("Waiting for the previous run to end") in follower.news


def test_who_runs_for_good_is_told_of(make, monkeypatch):
    monkeypatch.setattr(contract, "PREVIOUS_RUN_SECONDS", 0.0)
    _, follower = make("running")
    assert follower.wait(Failed).code == "DDK-RUN-12"


def test_a_failure_is_told_as_the_backend_says_it(make):
    _, follower = make("failing")
    failed = follower.wait(Failed)
    assert (failed.message, failed.hint, failed.code) == ("No.", "Do.", "DDK-RUN-14")
    assert failed.report == "For you."


def test_an_end_without_a_word_is_told_with_the_log(make):
    _, follower = make("silent")
    failed = follower.wait(Failed)
    assert failed.message == "The application could not start (exit code 17)."
    assert failed.log == "Traceback: of a project"


def test_a_missing_python_is_told(make):
    _, follower = make(python="/nowhere/python")
    assert "/nowhere/python" in follower.wait(Failed).hint


def test_a_restart_has_the_same_port_and_another_token(make):
    supervisor, follower = make()
    first = follower.wait(Ready)
    supervisor.restart()
    second = follower.wait(Ready, 2)
    assert second.origin == first.origin
    assert second.cookie != first.cookie
    assert not follower.of(Gone)


def test_the_backend_sees_the_contract_and_nothing_else(make, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("LC_TIME", "C")
    _, follower = make()
    follower.wait(Ready)
    seen = json.loads((tmp_path / "environment.json").read_text())
    assert seen["DESKTOP_DJANGO_HOST"] == "127.0.0.1"
    assert len(seen["DESKTOP_DJANGO_AUTH_TOKEN"]) >= 32
    assert seen["LC_TIME"] == "C"
    assert "PYTHONPATH" not in seen
