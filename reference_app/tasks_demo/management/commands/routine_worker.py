import sys
from argparse import ArgumentParser
from types import FrameType

from django.core.management.base import BaseCommand
from django.db.models import Q
from django.utils.crypto import get_random_string
from django_tasks_db.compat import (
    DEFAULT_TASK_BACKEND_ALIAS,
    DEFAULT_TASK_QUEUE_NAME,
    TaskResultStatus,
)
from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

SECONDS_BETWEEN_LOOKS = 0.5

# How the worker records a task it was told to drop: stopped from outside, not failed.
STOPPED = ["builtins.KeyboardInterrupt", "builtins.SystemExit"]


def requeue_interrupted() -> int:
    """Queue again what a worker left unfinished; return how many tasks that were.

    Right only while no worker is at work: nothing can be running then, whatever the table says.
    """
    interrupted = Q(status=TaskResultStatus.RUNNING) | Q(
        status=TaskResultStatus.FAILED, exception_class_path__in=STOPPED
    )
    return DBTaskResult.objects.filter(interrupted).update(
        status=TaskResultStatus.READY,
        started_at=None,
        finished_at=None,
        exception_class_path="",
        traceback="",
    )


class PromptWorker(Worker):
    """Drops its task when told to stop, for nobody wants to wait for an app to quit."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        self.running = False
        sys.exit(0)


class Command(BaseCommand):
    help = "Run the database worker, interrupted tasks first. Run one at a time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", action="store_true", help="End when the queue is empty.")

    def handle(self, *, batch: bool, verbosity: int, **options) -> None:
        DatabaseWorker(stdout=self.stdout).configure_logging(verbosity)
        worker = PromptWorker(
            queue_names=[DEFAULT_TASK_QUEUE_NAME],
            excluded_queue_names=[],
            interval=SECONDS_BETWEEN_LOOKS,
            batch=batch,
            backend_name=DEFAULT_TASK_BACKEND_ALIAS,
            startup_delay=False,
            max_tasks=None,
            worker_id=get_random_string(32),
        )
        worker.configure_signals()
        requeue_interrupted()  # a worker that was killed could not
        try:
            worker.run()
        finally:
            requeue_interrupted()
