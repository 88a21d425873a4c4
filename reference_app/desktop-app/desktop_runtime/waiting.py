"""Whether a queue has something to do: until then its worker, a second Django, is not started.

For queues where that can be seen without the project's tasks being loaded. What is to happen by the
clock counts from the moment it is noted, so that its worker is there in time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import databases
from .manifest import Worker
from .queues import CELERY_FILE, FOLDER

PROGRAMS = {"celery": "celery", "qcluster": "django-q", "db_worker": "django.tasks"}
"""The queue that a program works off, where desktop.toml does not say it."""
CLOCKS = {"beat", "-B", "--beat"}


def is_needed(worker: Worker, app_data: Path) -> bool:
    """Whether a worker has something to do; so it is where nobody but itself can tell."""
    look = QUEUES.get(worker.queue or PROGRAMS.get(worker.program, ""))
    if look is None or not CLOCKS.isdisjoint(worker.args):
        return True
    try:
        return look(app_data)
    except Exception:  # of a package in another version: the worker says what is wrong
        return True


def _celery(app_data: Path) -> bool:
    if not (file := app_data / FOLDER / CELERY_FILE).exists():
        return False
    with databases.connect(file, "ro") as connection:
        queues = {queue for (queue,) in connection.execute("SELECT DISTINCT queue FROM message")}
    # Commands to workers and events are for those that run.
    return any(not queue.endswith(".pidbox") and queue[:9] != "celeryev." for queue in queues)


def _django_q(_: Path) -> bool:
    from django_q.models import OrmQ, Schedule

    return OrmQ.objects.exists() or Schedule.objects.exists()


def _django_tasks(_: Path) -> bool:
    from django_tasks_db.models import DBTaskResult

    return DBTaskResult.objects.filter(status__in=["READY", "RUNNING"]).exists()


QUEUES: dict[str, Callable[[Path], bool]] = {
    "celery": _celery,
    "django-q": _django_q,
    "django.tasks": _django_tasks,
}
