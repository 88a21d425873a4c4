"""Signs people in without a password: the one person of a desktop app, where desktop.toml names
them or they have chosen it, and whoever has just made an account.

A request only gets here with a valid token, so it comes from this person's own shell.
"""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.contrib.auth import _get_backends, get_user_model, login
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.deprecation import MiddlewareMixin

from .data import read_json, remove, write_private

ENTERING = "desktop.entering"  # in a request that comes from a page of our own: its user


def is_on() -> bool:
    """Whether the middleware below is there."""
    return hasattr(settings, "DESKTOP_JUST_ME")


def keep(user: Model | None) -> None:
    """From now on `user`, or nobody, is signed in at every launch."""
    if user is not None:
        write_private(Path(settings.DESKTOP_JUST_ME), json.dumps({"user": str(user.pk)}))
    elif is_on():
        remove(Path(settings.DESKTOP_JUST_ME))


class SingleUserMiddleware(MiddlewareMixin):
    """Logs that user in when nobody is; no user management."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Before the view, of either kind."""
        given = getattr(request, "scope", request.META)  # ASGI, WSGI
        if user := given.pop(ENTERING, None):
            _log_in(request, user)
            return HttpResponseRedirect(request.get_full_path())
        if not request.user.is_authenticated:
            user = _the_one()
            if user is not None and user.is_active:
                _log_in(request, user)
        return None


def _the_one() -> Model | None:
    model = get_user_model()
    if name := settings.DESKTOP_LOGIN_USER:
        return model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    kept = read_json(Path(settings.DESKTOP_JUST_ME)) or {}
    return model._default_manager.filter(pk=kept["user"]).first() if "user" in kept else None


def _log_in(request: HttpRequest, user: Model) -> None:
    """By a backend that finds the user again: some only judge rights or count attempts."""
    for backend, name in _get_backends(return_tuples=True):
        if hasattr(backend, "get_user") and backend.get_user(user.pk) == user:
            login(request, user, backend=name)
            return
