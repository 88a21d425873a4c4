"""What surrounds the program of a worker: it takes up what the one before it left, and gives back
what it cannot finish.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import clock
from .contract import Installation
from .manifest import Worker
from .queues import FOLDER

CRON = f"{__package__}.cronjobs"
MINUTE = timedelta(minutes=1)
LONGEST_AWAY = timedelta(days=31)

_huey_tasks: dict[str, Any] = {}
"""What Huey's consumer runs at the moment."""


def take_up(worker: Worker, installation: Installation) -> None:
    """Before the program begins; nothing else works on its queue."""
    if worker.module == "celery":
        from . import celeryapp

        celeryapp.take_up(worker)
    elif worker.program == "run_huey":
        _take_up_huey(worker, installation.app_data / FOLDER / "huey-schedule")
    elif worker.program == "qcluster":
        from django.utils import timezone
        from django_q.models import OrmQ

        OrmQ.objects.update(lock=timezone.now())
    elif worker.program == "rqworker":
        _take_up_rq(worker)
    elif worker.module == CRON:
        clock.skipped = frozenset(worker.skip_missed)


def leave() -> Iterator[str]:
    """At the end of the grace: give back what runs, and say what that is.

    The app was closed and nothing has failed, so that it begins again at the next start.
    """
    if state := sys.modules.get("celery.worker.state"):
        from . import celeryapp

        yield from celeryapp.leave(state)
    for task in [*_huey_tasks.values()]:
        from huey.contrib.djhuey import HUEY

        HUEY.enqueue(task)
        yield f"{task.name} [{task.id}]"
    if "django_tasks_db.management.commands.db_worker" in sys.modules:
        from django_tasks_db.models import DBTaskResult

        running = DBTaskResult.objects.filter(status="RUNNING")
        yield from [f"{each.task_path} [{each.id}]" for each in running]
        running.update(status="READY", started_at=None)
    if "django_q.management.commands.qcluster" in sys.modules:
        from django.utils import timezone
        from django_q.models import OrmQ

        # It takes others too; with one worker, only the first of them has begun.
        taken = OrmQ.objects.filter(lock__gt=timezone.now()).order_by("lock")[:1]
        yield from [f"{each.func()} [{each.task_id()}]" for each in taken]
    if "django_rq.management.commands.rqworker" in sys.modules:
        yield from _give_back_rq()
    yield from [*clock.running]


def _take_up_rq(worker: Worker) -> None:
    """Let go of what a killed worker still holds: the schedules, at which RQ looks again in 10
    minutes, and jobs that it had just taken and not begun, which RQ would call failed."""
    from django.conf import settings
    from django_rq import get_queue

    for name in {*settings.RQ_QUEUES} & {*worker.command}:
        queue = get_queue(name)
        queue.connection.delete(f"rq:scheduler-lock:{name}")
        while queue.connection.lmove(f"{queue.key}:intermediate", queue.key, "RIGHT", "LEFT"):
            pass


def _give_back_rq() -> Iterator[str]:
    from django.conf import settings
    from django_rq import get_queue

    for queue in map(get_queue, settings.RQ_QUEUES):
        registry = queue.started_job_registry
        running = queue.connection.zrange(registry.key, 0, -1)
        queue.connection.delete(registry.key)
        for entry in running:  # JOB, from RQ 2 on JOB:EXECUTION
            if job := queue.fetch_job(entry.decode().partition(":")[0]):
                queue.enqueue_job(job, at_front=True)
                yield f"{job.func_name} [{job.id}]"


def _take_up_huey(worker: Worker, seen: Path) -> None:
    from huey import signals
    from huey.contrib.djhuey import HUEY

    HUEY.signal(signals.SIGNAL_EXECUTING)(
        lambda _, task, *__: _huey_tasks.__setitem__(task.id, task)
    )
    ends = (signals.SIGNAL_COMPLETE, signals.SIGNAL_ERROR, signals.SIGNAL_CANCELED,
            signals.SIGNAL_LOCKED, signals.SIGNAL_RETRYING)  # fmt: skip
    HUEY.signal(*ends)(lambda _, task, *__: _huey_tasks.pop(task.id, None))
    HUEY.read_periodic = _making_up(HUEY, HUEY.read_periodic, seen, worker.skip_missed)


def _making_up(
    huey: Any, read: Callable[[Any], list[Any]], seen: Path, skipped: tuple[str, ...]
) -> Callable[[Any], list[Any]]:
    """Huey's look at what is due this minute; the first one adds what fell due while the app was
    closed, once each. `seen` is touched at every look."""
    is_first = True

    def read_periodic(now: datetime | None = None) -> list[Any]:
        nonlocal is_first
        now = now or huey._get_timestamp()
        due = [*read(now)]
        if is_first and seen.exists() and "*" not in skipped:
            last = datetime.fromtimestamp(seen.stat().st_mtime, UTC if huey.utc else None)
            begin = max(last.replace(tzinfo=None) + MINUTE, now - LONGEST_AWAY)
            missed = [begin + number * MINUTE for number in range((now - begin) // MINUTE)]
            known = {*skipped, *(task.name for task in due)}
            due += [
                task
                for task in huey._registry.periodic_tasks
                if task.name not in known and any(map(task.validate_datetime, missed))
            ]
        is_first = False
        seen.touch()
        return due

    return read_periodic
