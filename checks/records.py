"""Saving a record the way a person does: through a form of the target, else through its admin."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from checks import database, pages
from checks.backend import Backend, manage
from checks.pages import Form, Page, Visitor
from checks.target import Target
from checks.verdicts import NotTested

ADMIN = "/admin/"  # where it is if the target cannot be asked
ASK_FOR_ADMIN = """
from django.urls import NoReverseMatch, reverse
try:
    page = reverse("admin:index")
except NoReverseMatch:
    page = ""
print(f"ddk-admin {page};")
"""
# Both a name and a mail address: either may be what users are called by.
USER, PASSWORD = "ddk-checks@example.org", "a password of the checks 7!"
ASK_FOR_ACCOUNT = f"""
from django.contrib.auth import get_user_model
users = get_user_model()
account = users._base_manager.filter(**{{users.USERNAME_FIELD: {USER!r}}})
print(f"ddk-account {{account.exists()}};")
"""

# For users who need more than a name, a mail address and a password, and for Django before 3.0.
MAKE_ACCOUNT = f"""
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
users = get_user_model()
values = {{}}
for name in dict.fromkeys((users.USERNAME_FIELD, *users.REQUIRED_FIELDS)):
    for each in ({USER!r}, "ddk", "1", "2001-02-03", "+12025550100"):
        try:
            values[name] = users._meta.get_field(name).clean(each, None)
            break
        except ValidationError:
            continue
users._default_manager.create_superuser(**values, password={PASSWORD!r})
print("ddk-account True;")
"""


@dataclass(frozen=True)
class Way:
    """How a record can be saved: the page whose form does it."""

    page: str
    action: str
    admin: str = ""
    """First page of the admin, where the form belongs to it."""
    creates: bool = True
    """Each sending makes a record; False where it changes one that is there."""

    def __str__(self) -> str:
        return f"the form at {self.page}"


def find(backend: Backend, named: str | None = None) -> Way | None:
    """Try the target's forms, first those of the page `named`, until one saves what is written.

    If none does, a page that was named is still the way: it is what fails then.
    """
    visitor = Visitor(backend)
    for form in pages.forms(visitor, named):
        way = Way(urlsplit(form.page).path, form.action.removeprefix(backend.origin))
        first = pages.new_text()
        if save(backend, way, first):
            save(backend, way, pages.new_text())
            return replace(way, creates=is_kept(backend.app_data, first))
    return Way(named, named) if named else None


def open_admin(target: Target, app_data: Path) -> str:
    """First page of the target's admin, for which there is an account now; whoever the target
    signs in needs none.

    Raises NotTested where there is no admin or no account can be made.
    """
    nothing = "no visited page has a form that saves"
    said = manage(target, app_data, "shell", "--command", ASK_FOR_ADMIN, environment={})
    found = re.search(r"ddk-admin (\S*);", said or "")
    admin = found[1] if found else ADMIN
    if not admin:
        raise NotTested(f"{nothing}, and the target has no admin")
    if not add_account(target, app_data) and not target.signs_in:
        raise NotTested(f"{nothing}; no account for the admin can be made")
    return admin


def find_in_admin(backend: Backend, admin: str) -> Way:
    """Try the admin's forms for something new, first the one for a group, until one saves.

    Raises NotTested if none does.
    """
    visitor = Visitor(backend)
    _log_in(visitor, admin)
    usual = f"{admin}auth/group/add/"
    links = (urlsplit(link).path for link in visitor.page(admin).links)
    others = [path for path in dict.fromkeys(links) if path.endswith("/add/") and path != usual]
    for path in [usual, *others][: pages.FORMS]:
        way = Way(path, path, admin)
        if save(backend, way, pages.new_text()):
            return way
    raise NotTested("neither a form of the pages nor one of the admin saved a record")


def add_account(target: Target, app_data: Path) -> bool:
    """An account for the admin, made by the target's own management command, else by the manager
    of its users, unless it is there."""
    environment = {
        "DJANGO_SUPERUSER_USERNAME": USER,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SUPERUSER_EMAIL": USER,
    }
    command = ("createsuperuser", "--noinput", "--skip-checks")
    if manage(target, app_data, *command, environment=environment) is not None:
        return True
    said = (
        manage(target, app_data, "shell", "--command", each, environment={})
        for each in (ASK_FOR_ACCOUNT, MAKE_ACCOUNT)
    )
    return any("ddk-account True;" in (each or "") for each in said)


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
    if way.admin:
        _log_in(visitor, way.admin)
    page = visitor.page(way.page)
    form = next((f for f in page.forms if _is(f, way, backend)), None)
    if form is None:
        return False
    return visitor.post(form, form.filled(text)).status < 400


def _log_in(visitor: Visitor, admin: str) -> None:
    page: Page = visitor.page(admin)
    for form in page.forms:
        if any(f["kind"] == "password" for f in form.fields):
            visitor.post(form, form.filled("") | {"username": USER, "password": PASSWORD})


def _is(form: Form, way: Way, backend: Backend) -> bool:
    return form.saves and form.action.removeprefix(backend.origin) == way.action
