import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django_tasks_db.models import DBTaskResult
from tasks_demo import tasks
from tasks_demo.management.commands.routine_worker import requeue_interrupted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SHORTEST_SECONDS", 0)
    monkeypatch.setattr(tasks, "LONGEST_SECONDS", 0)


def work_off() -> None:
    call_command("routine_worker", batch=True, verbosity=0)


def enqueue(**fields: object) -> DBTaskResult:
    result = tasks.run_routine.enqueue("Cloud slalom").db_result
    DBTaskResult.objects.filter(pk=result.pk).update(**fields or {"status": "READY"})
    return result


def test_no_routine_yet(client: Client) -> None:
    page = client.get("/routines/").text
    assert "No routine yet" in page
    assert "empty-routines" in page


def test_start_enqueues_one_task_and_returns_at_once(client: Client) -> None:
    response = client.post("/routines/start/")
    assert response.headers["Location"] == "/routines/"
    assert DBTaskResult.objects.get().status == "READY"
    assert ">Waiting<" in client.get("/routines/").text


def test_start_needs_a_post_with_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get("/routines/start/").status_code == 405
    assert client.post("/routines/start/").status_code == 403


def test_worker_runs_the_task_and_its_praise_is_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "REFUSALS", 0)
    monkeypatch.setattr(tasks, "PRAISE", ["Flawless."])
    enqueue()
    work_off()
    page = client.get("/routines/rows/").text
    assert ">Done<" in page
    assert "Flawless." in page


def test_a_refusal_shows_its_message_and_no_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "REFUSALS", 1)
    monkeypatch.setattr(tasks, "EXCUSES", ["The wind turned: north."])
    enqueue()
    work_off()
    page = client.get("/routines/rows/").text
    assert ">Refused<" in page
    assert "The wind turned: north." in page
    assert "Traceback" not in page


def test_rows_are_polled_without_the_page_around_them(client: Client) -> None:
    response = client.get("/routines/rows/")
    assert "<html" not in response.text
    assert "no-store" in response.headers["Cache-Control"]


def test_running_task_pulses(client: Client) -> None:
    enqueue(status="RUNNING")
    assert "pulse-RUNNING" in client.get("/routines/rows/").text


def test_task_left_running_by_a_dead_worker_is_run_again() -> None:
    left = enqueue(status="RUNNING", worker_ids=["dead"])
    work_off()
    left.refresh_from_db()
    assert left.status in {"SUCCESSFUL", "FAILED"}
    assert left.worker_ids[0] == "dead"
    assert len(left.worker_ids) == 2


@pytest.mark.parametrize("stopped", ["builtins.SystemExit", "builtins.KeyboardInterrupt"])
def test_task_dropped_while_the_worker_was_stopped_is_queued_again(stopped: str) -> None:
    dropped = enqueue(status="FAILED", exception_class_path=stopped)
    assert requeue_interrupted() == 1
    dropped.refresh_from_db()
    assert (dropped.status, dropped.finished_at) == ("READY", None)


def test_only_interrupted_tasks_are_queued_again() -> None:
    enqueue(status="READY")
    enqueue(status="SUCCESSFUL")
    enqueue(status="FAILED", exception_class_path="tasks_demo.tasks.RoutineRefusedError")
    assert requeue_interrupted() == 0


def environment(database: Path, **extra: str) -> dict[str, str]:
    """For a process of its own, on a database of its own."""
    settings_file = database.parent / "scratch_settings.py"
    settings_file.write_text(
        f"from config.settings.local import *\nDATABASES['default']['NAME'] = r'{database}'\n",
        encoding="utf-8",
    )
    path = os.pathsep.join([str(database.parent), str(settings.BASE_DIR)])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "DJANGO_SETTINGS_MODULE": "scratch_settings",
        **extra,
    }


def manage(*arguments: str, env: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", *arguments]
    run = subprocess.run(
        command, cwd=settings.BASE_DIR, env=env, check=True, capture_output=True, text=True
    )
    return run.stdout


STATUS = "from django_tasks_db.models import DBTaskResult as D; print(D.objects.get().status)"
ENQUEUE = "from tasks_demo.tasks import run_routine; run_routine.enqueue('Mane braiding')"
SLOW = "from tasks_demo import tasks; tasks.SHORTEST_SECONDS = tasks.LONGEST_SECONDS = 60\n"


def status(env: dict[str, str]) -> str:
    return manage("shell", "-v0", "-c", STATUS, env=env).strip()


@pytest.fixture
def working(tmp_path: Path) -> Iterator[tuple[subprocess.Popen, dict[str, str]]]:
    """A worker process in the middle of a task that would take a minute, and its environment."""
    env = environment(tmp_path / "db.sqlite3")
    manage("migrate", "-v0", env=env)
    manage("shell", "-v0", "-c", ENQUEUE, env=env)
    run_worker = f"{SLOW}from django.core.management import call_command as c; c('routine_worker')"
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v0", "-c", run_worker],
        cwd=settings.BASE_DIR,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while status(env) == "READY":
        assert time.monotonic() < deadline
    yield worker, env
    worker.kill()
    worker.wait()


def test_killed_worker_loses_nothing(working: tuple) -> None:
    worker, env = working
    worker.kill()
    worker.wait()
    assert status(env) == "RUNNING"
    manage("routine_worker", "--batch", env=env)
    assert status(env) in {"SUCCESSFUL", "FAILED"}


@pytest.mark.skipif(sys.platform == "win32", reason="terminate() kills on Windows")
def test_stopped_worker_drops_its_task_at_once_and_leaves_it_queued(working: tuple) -> None:
    worker, env = working
    worker.terminate()
    assert worker.wait(timeout=30) == 0
    assert status(env) == "READY"


VISIT = """
from django.apps import apps
from django.test import Client

client = Client(headers={"host": "localhost"})
page = client.get("/")
assert page.status_code == 200
assert b"Stardust" in page.content
assert b"Stable Routines" not in page.content
assert client.post("/items/new/", {"title": "Comet", "status": "done"}).status_code == 302
assert client.get("/routines/").status_code == 404
assert not apps.is_installed("django_tasks_db")
print("visited")
"""


def test_items_work_without_the_demo(tmp_path: Path) -> None:
    env = environment(tmp_path / "db.sqlite3", TASKS_DEMO="0")
    manage("migrate", "-v0", env=env)
    manage("seed_items", env=env)
    assert "visited" in manage("shell", "-v0", "-c", VISIT, env=env)
