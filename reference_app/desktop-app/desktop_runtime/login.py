"""Signs the one person of a desktop app in, where desktop.toml asks for it.

A request only gets here with a valid token, so it comes from this person's own shell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import _get_backends, get_user_model, login
from django.http import HttpRequest, HttpResponse


class SingleUserMiddleware:
    """Logs the user named by `[login] user` in when nobody is; no user management."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            model = get_user_model()
            user = model._default_manager.filter(
                **{model.USERNAME_FIELD: settings.DESKTOP_LOGIN_USER}
            ).first()
            if user is not None and user.is_active and (backend := _backend_of(user)):
                login(request, user, backend=backend)
        return self.get_response(request)


def _backend_of(user: Any) -> str | None:
    """The first backend that finds this person again; others only judge rights or attempts."""
    for backend, name in _get_backends(return_tuples=True):
        if hasattr(backend, "get_user") and backend.get_user(user.pk) == user:
            return name
    return None
