"""Tasks of the checks, in a scratch copy of the target, for the queue that it has.

A file beside this one names the queue, and the folder in which each task notes what happens to it.
Standard library, Django and the target's own queue only.
"""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

ASKED = json.loads(Path(__file__).with_name("ddk_probe_tasks").read_text(encoding="utf-8"))
FOLDER = Path(ASKED["folder"])
DISABLED = "disabled"


def note(event: str, name: str) -> None:
    """One line about a task."""
    with (FOLDER / "notes").open("a", encoding="utf-8") as notes:
        notes.write(f"{event} {name} {os.getpid()}\n")


def work(name: str, seconds: float = 0) -> str:
    """Take so long, unless the checks have lost patience with those that do."""
    note("begin", name)
    until = time.monotonic() + seconds
    while time.monotonic() < until and not (FOLDER / "go").exists():
        time.sleep(0.05)
    note("end", name)
    return f"kept {name}"


def enqueued(name: str, seconds: float = 0) -> str:
    """The same under a name that becomes a task of django.tasks."""
    return work(name, seconds)


class Celery:
    """Its own worker and beat."""

    def __init__(self) -> None:
        from celery import _state, shared_task

        self.task = shared_task(name="ddk_tasks.work")(work)
        _state.connect_on_app_finalize(self.add)
        for app in _state._get_active_apps():
            if app.finalized:
                self.add(app)

    def add(self, app) -> None:  # noqa: ANN001 -- of Celery's own type
        """Have beat send a task every second."""
        task = app.signature("ddk_tasks.work")
        app.add_periodic_task(1.0, task, args=("scheduled",), name="ddk-probe")

    def send(self, name: str, seconds: float) -> str:
        return self.task.delay(name, seconds).id

    def schedule(self) -> None:
        """It is there from the start."""

    def kept(self, number: str) -> str:
        if type(self.task.backend).__name__ == "DisabledBackend":
            return DISABLED
        return self.task.AsyncResult(number).result


class Huey:
    """Its consumer."""

    def __init__(self) -> None:
        from huey import crontab
        from huey.contrib import djhuey

        self.huey = djhuey.HUEY
        self.task = djhuey.task(name="ddk_work")(work)
        djhuey.periodic_task(crontab(), name="ddk_scheduled")(lambda: work("scheduled"))

    def send(self, name: str, seconds: float) -> str:
        task = self.task.s(name, seconds)
        self.huey.enqueue(task)
        return task.id

    def schedule(self) -> None:
        """It is there from the start, each minute."""

    def kept(self, number: str) -> str:
        return self.huey.result(number, preserve=True) if self.huey.results else DISABLED


class DjangoQ:
    """Its cluster."""

    def send(self, name: str, seconds: float) -> str:
        from django_q.tasks import async_task

        return async_task("ddk_tasks.work", name, seconds)

    def schedule(self) -> None:
        from django_q.models import Schedule

        Schedule.objects.create(
            func="ddk_tasks.work",
            args="'scheduled'",
            schedule_type=Schedule.ONCE,
            next_run=timezone.now(),
        )

    def kept(self, number: str) -> str:
        from django_q.tasks import result

        return result(number)


class DjangoTasks:
    """The worker of the backend in the database."""

    def __init__(self) -> None:
        try:
            from django.tasks import default_task_backend, task
        except ImportError:
            from django_tasks import default_task_backend, task

        self.backend = default_task_backend
        # The worker finds it under this name.
        globals()["enqueued"] = self.task = task(enqueued)

    def send(self, name: str, seconds: float) -> str:
        return self.task.enqueue(name, seconds).id

    def schedule(self) -> None:
        self.task.using(run_after=timezone.now() + timedelta(seconds=1)).enqueue("scheduled")

    def kept(self, number: str) -> str:
        found = self.backend.get_result(number)
        return found.return_value if found.is_finished else ""


QUEUES = {"celery": Celery, "huey": Huey, "django-q": DjangoQ, "django.tasks": DjangoTasks}
queue = QUEUES[ASKED["queue"]]()
