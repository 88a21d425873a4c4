"""APScheduler: the jobs of a scheduler that an app starts run in the backend alone, once its data
are prepared.
"""

from __future__ import annotations

import logging
import time
from types import ModuleType
from typing import Any

from .overlay import after_import

MODULE = "apscheduler.schedulers.background"
LOOK_SECONDS = 0.05

logger = logging.getLogger(__name__)

_held: list[Any] = []
_running: dict[str, str] = {}
"""What jobs are at work: their names, by number."""


def hold() -> None:
    """A scheduler that starts while the apps become ready is paused, whichever process this is.

    A command that starts one means it.
    """

    def patch(module: ModuleType) -> None:
        start = module.BackgroundScheduler.start

        def start_held(self: Any, *arguments: Any, **options: Any) -> None:
            from django.apps import apps

            if apps.ready or arguments or options:
                return start(self, *arguments, **options)
            _held.append(self)
            self.add_listener(lambda event: _note(self, event))
            return start(self, paused=True)

        module.BackgroundScheduler.start = start_held

    after_import(MODULE, patch)


def let_go() -> None:
    """In the backend: the databases are as the jobs expect them."""
    for scheduler in _held:
        scheduler.resume()


def _note(scheduler: Any, event: Any) -> None:
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED

    if event.code == EVENT_JOB_SUBMITTED:
        job = scheduler.get_job(event.job_id)  # none where this was its last time
        _running[event.job_id] = job.name if job else event.job_id
    elif event.code in (EVENT_JOB_ERROR, EVENT_JOB_EXECUTED):
        _running.pop(event.job_id, None)


def end() -> None:
    """Begin no job any more; those that run may go on."""
    for scheduler in _held:
        if scheduler.running:
            scheduler.pause()  # a project ends it itself, and once only


def wait(deadline: float) -> None:
    """Until these have ended, or `deadline` by the monotonic clock; then say which have not."""
    while _running and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    for name in [*_running.values()]:
        logger.warning("cut off, runs again when it is due: the job %s of APScheduler", name)
