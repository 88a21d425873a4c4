"""Lets an app's `ready()` that needs the tables wait until they are there.

Django calls `ready()` before migrations can run, since receivers of their signals are connected
there. On a server somebody has migrated before; here the first start does it. What fails on the
database then is called again once the databases are prepared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_waiting: list[Callable[[], None]] = []


def install() -> None:
    """Before `django.setup()`: watch every app's `ready()`."""
    from django.apps import AppConfig
    from django.db import DatabaseError

    create = AppConfig.create.__func__

    def create_watched(cls: type[AppConfig], entry: str) -> Any:
        config = create(cls, entry)
        ready = config.ready

        def ready_or_wait() -> None:
            try:
                ready()
            except DatabaseError:
                _waiting.append(ready)

        config.ready = ready_or_wait
        return config

    AppConfig.create = classmethod(create_watched)


def call_waiting() -> None:
    """The databases are prepared: what still fails is a fault of the project."""
    while _waiting:
        _waiting.pop(0)()
