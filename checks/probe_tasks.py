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


class RQ:
    """Its worker, with its scheduler."""

    def __init__(self) -> None:
        import django_rq
        from django.conf import settings

        name = next(iter(sorted(settings.RQ_QUEUES, key=lambda name: name != "default")))
        self.queue = django_rq.get_queue(name)

    def send(self, name: str, seconds: float) -> str:
        return self.queue.enqueue("ddk_tasks.work", name, seconds, job_timeout=-1).id

    def schedule(self) -> None:
        self.queue.enqueue_in(timedelta(seconds=1), "ddk_tasks.work", "scheduled")

    def kept(self, number: str) -> str:
        return self.queue.fetch_job(number).return_value()


class Dramatiq:
    """Its worker; results only where the project keeps some."""

    def __init__(self) -> None:
        import dramatiq
        from dramatiq.results import Results

        kinds = dramatiq.get_broker().middleware
        self.keeps = any(isinstance(each, Results) for each in kinds)
        options = {"store_results": True} if self.keeps else {}
        self.actor = dramatiq.actor(actor_name="ddk_work", **options)(work)

    def send(self, name: str, seconds: float) -> str:
        return self.actor.send(name, seconds).message_id

    def schedule(self) -> None:
        self.actor.send_with_options(args=("scheduled",), delay=1000)

    def kept(self, number: str) -> str:
        if not self.keeps:
            return DISABLED
        from dramatiq.results import ResultMissing

        try:
            return self.actor.message().copy(message_id=number).get_result()
        except ResultMissing:
            return ""


def soon_done() -> None:
    """A job of cron."""
    work("scheduled")


def lasting() -> None:
    """One that is at work when the app closes."""
    work("last", 600)


class Cron:
    """The jobs of django-crontab or django-cron, two more, each minute."""

    def __init__(self) -> None:
        from django.conf import settings

        jobs = (soon_done, lasting)
        if "django_crontab" in settings.INSTALLED_APPS:
            ours = [("* * * * *", f"ddk_tasks.{job.__name__}") for job in jobs]
            settings.CRONJOBS = [*getattr(settings, "CRONJOBS", []), *ours]
            return
        from django_cron import CronJobBase, Schedule

        for job in jobs:
            body = {
                "code": f"ddk_{job.__name__}",
                "schedule": Schedule(run_every_mins=1),
                "do": lambda _, job=job: job(),
            }
            globals()[f"Ddk{job.__name__}"] = type(job.__name__, (CronJobBase,), body)
        ours = [f"ddk_tasks.Ddk{job.__name__}" for job in jobs]
        settings.CRON_CLASSES = [*getattr(settings, "CRON_CLASSES", []), *ours]


QUEUES = {"celery": Celery, "huey": Huey, "django-q": DjangoQ, "django.tasks": DjangoTasks,
          "rq": RQ, "dramatiq": Dramatiq, "cron": Cron}  # fmt: skip
queue = QUEUES[ASKED["queue"]]()
