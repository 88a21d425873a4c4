"""Saving a record the way a person does: through a form of the target, else through its admin."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from checks import database, pages
from checks.backend import Backend, manage
from checks.pages import Form, Page, Visitor
from checks.target import Target

ADMIN = "/admin/"
ADMIN_FORM = "/admin/auth/group/add/"
USER, PASSWORD = "ddk-checks", "a password of the checks 7!"


@dataclass(frozen=True)
class Way:
    """How a record can be saved: the page whose form does it."""

    page: str
    action: str
    through_admin: bool = False

    def __str__(self) -> str:
        return f"the form at {self.page}"


def find(backend: Backend) -> Way | None:
    """Try the target's forms until one saves what is written into it."""
    visitor = Visitor(backend)
    for form in pages.forms(visitor):
        way = Way(urlsplit(form.page).path, form.action.removeprefix(backend.origin))
        if save(backend, way, pages.new_text()):
            return way
    return None


def find_admin(backend: Backend) -> Way | None:
    """The admin's form for a group, where an account for it can be used."""
    way = Way(ADMIN_FORM, ADMIN_FORM, through_admin=True)
    return way if save(backend, way, pages.new_text()) else None


def has_admin(backend: Backend) -> bool:
    """Whether the target has Django's admin where it usually is."""
    return any(
        any(f["kind"] == "password" for f in form.fields)
        for form in Visitor(backend).page(ADMIN).forms
    )


def add_account(target: Target, app_data: Path) -> bool:
    """An account for the admin, made by the target's own management command."""
    environment = {
        "DJANGO_SUPERUSER_USERNAME": USER,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SUPERUSER_EMAIL": "checks@example.org",
    }
    command = ("createsuperuser", "--noinput")
    return manage(target, app_data, *command, environment=environment) is not None


def save(backend: Backend, way: Way, text: str) -> bool:
    """Save a record with `text`; whether it stands in the database within a second."""
    if not send(backend, way, text):
        return False
    deadline = time.monotonic() + 1
    while not (kept := is_kept(backend.app_data, text)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return kept


def is_kept(app_data: Path, text: str) -> bool:
    """Whether a database in the app data folder holds `text`."""
    return any(database.holds(path, text) for path in database.files(app_data))


def send(backend: Backend, way: Way, text: str) -> bool:
    """Send the form with `text`; whether it was accepted."""
    visitor = Visitor(backend)
    if way.through_admin:
        _log_in(visitor)
    page = visitor.page(way.page)
    form = next((f for f in page.forms if _is(f, way, backend)), None)
    if form is None:
        return False
    return visitor.post(form, form.filled(text)).status < 400


def _log_in(visitor: Visitor) -> None:
    page: Page = visitor.page(ADMIN)
    for form in page.forms:
        if any(f["kind"] == "password" for f in form.fields):
            visitor.post(form, form.filled("") | {"username": USER, "password": PASSWORD})


def _is(form: Form, way: Way, backend: Backend) -> bool:
    return form.saves and form.action.removeprefix(backend.origin) == way.action
