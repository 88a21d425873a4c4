"""APScheduler: the jobs of a scheduler that an app starts run in the backend alone, once its data
are prepared.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .overlay import after_import

MODULE = "apscheduler.schedulers.background"

_held: list[Any] = []


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
            return start(self, paused=True)

        module.BackgroundScheduler.start = start_held

    after_import(MODULE, patch)


def let_go() -> None:
    """In the backend: the databases are as the jobs expect them."""
    for scheduler in _held:
        scheduler.resume()
