from argparse import ArgumentParser

from django.db.models import Q
from django_tasks_db.compat import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker
from django_tasks_db.models import DBTaskResult

# How the worker records a task it was told to drop: stopped from outside, not failed by itself.
STOPPED = ["builtins.KeyboardInterrupt", "builtins.SystemExit"]


def requeue_interrupted() -> int:
    """Queue again what an earlier worker left unfinished; return how many tasks that were.

    Right only before the one worker starts: nothing can be running then, whatever the table says.
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


class Command(DatabaseWorker):
    help = "Take up interrupted tasks, then run the database worker. Run one at a time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        # Reloading would run the worker in a second process that outlives its supervisor, and a
        # single worker on one computer has no herd to wait for.
        parser.set_defaults(reload=False, startup_delay=False, interval=0.5)

    def handle(self, **options) -> None:
        if interrupted := requeue_interrupted():
            self.stdout.write(f"Took up {interrupted} interrupted task(s) again.")
        super().handle(**options)
