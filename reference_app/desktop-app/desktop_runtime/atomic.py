"""Under ATOMIC_REQUESTS a page that only reads takes no lock.

Transactions begin with BEGIN IMMEDIATE, so that nobody overtakes what reads and then writes. With
one around every request, each page would wait for all others, and for the slowest of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import django
from django.core.handlers.base import BaseHandler
from django.db import OperationalError, connections
from django.http import HttpRequest

READING = ("GET", "HEAD", "OPTIONS")


def install() -> None:
    """Before the first request. Until 5.1 Django's transactions take no lock (layers.py)."""
    if django.VERSION < (5, 1):
        return
    make_atomic = BaseHandler.make_view_atomic

    def make_view_atomic(handler: BaseHandler, view: Callable[..., Any]) -> Callable[..., Any]:
        atomic = make_atomic(handler, view)
        if atomic is view:
            return view

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method in READING:
                try:
                    with _without_lock(getattr(view, "_non_atomic_requests", ())):
                        return atomic(request, *args, **kwargs)
                except OperationalError as error:
                    if not _was_overtaken(error):
                        raise
            return atomic(request, *args, **kwargs)

        return answer

    BaseHandler.make_view_atomic = make_view_atomic


@contextmanager
def _without_lock(not_atomic: Any) -> Iterator[None]:
    """Transactions that begin here take the lock with their first statement that writes."""
    used = [
        connection
        for connection in connections.all()
        if connection.settings_dict["ATOMIC_REQUESTS"] and connection.alias not in not_atomic
    ]
    for connection in used:
        connection.ensure_connection()  # sets the mode that its options name
    modes = [(connection, connection.transaction_mode) for connection in used]
    try:
        for connection in used:
            connection.transaction_mode = None
        yield
    finally:
        for connection, mode in modes:
            connection.transaction_mode = mode


def _was_overtaken(error: OperationalError) -> bool:
    """Whether it read, wanted to write, and somebody else had written in between."""
    return getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_BUSY")
