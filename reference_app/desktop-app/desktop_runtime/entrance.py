"""How the first person comes in, and whoever has forgotten their password.

Where desktop.toml says so and nobody has an account, a page asks for the first one. After
`launch.py password` another asks for a new password. Neither exists at any other time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse

from . import accounts, login, passwords
from .contract import Installation
from .data import remove
from .guard import Application
from .manifest import Manifest
from .ownpages import OwnPage, SeeOther

KIND, ALONE, LEAVE = "kind", "alone", "leave"
UNACCEPTED = (
    "The account could not be made: {}. Nothing was kept. If other values do not help, tell the "
    "people who made this app."
)


def in_front(
    application: Application, installation: Installation, manifest: Manifest
) -> Application:
    """Put the pages that are needed in front of the project."""
    marker = installation.app_data / passwords.MARKER
    if marker.exists():
        application = NewPasswordPage(application, manifest, marker)
    if manifest.asks_for_first_account:
        application = FirstAccountPage(application, manifest)
    return application


class FirstAccountPage(OwnPage):
    """Makes the first account; never again once there is a user."""

    name = "first-account"

    def __init__(self, application: Application, manifest: Manifest) -> None:
        super().__init__(application, manifest)
        if self.is_wanted():
            self.context()  # a model that cannot be asked for is noticed now, not by a person
            login.keep(None)  # what is left of an account that is gone

    def is_wanted(self) -> bool:
        return not accounts.exist()

    def context(self, data: Any = None) -> dict[str, Any]:
        is_alone = data is not None and data.get(KIND) == ALONE
        forms = {
            "alone": accounts.alone_form()(data if is_alone else None, auto_id="alone-%s"),
            "named": accounts.named_form()(None if is_alone else data, auto_id="named-%s"),
        }
        return {**forms, "wrong": any(form.errors for form in forms.values())}

    def accept(self, data: Any) -> Model | HttpResponse:
        is_alone = data.get(KIND) == ALONE
        form = (accounts.alone_form() if is_alone else accounts.named_form())(data)
        if not form.is_valid():
            return self.show(data, status=422)
        filled = form.cleaned_data
        values = accounts.own_values() if is_alone else {}
        values |= {name: filled[name] for name in form._meta.fields}
        password = None if is_alone else filled["password1"]

        def follow(made: Model) -> None:
            accounts.settle(made, self.manifest)
            login.keep(made if is_alone else None)

        try:
            user = accounts.make(values, password, follow)
        except accounts.UnacceptedError as error:
            login.keep(None)
            return self.show(data, problem=UNACCEPTED.format(error), status=422)
        return user or SeeOther(self.manifest.home)


class NewPasswordPage(OwnPage):
    """Sets a password without asking for the old one, once."""

    name = "new-password"

    def __init__(self, application: Application, manifest: Manifest, marker: Path) -> None:
        super().__init__(application, manifest)
        self.marker = marker

    def is_wanted(self) -> bool:
        if self.marker.exists() and not accounts.exist():
            remove(self.marker)
        return self.marker.exists()

    def context(self, data: Any = None) -> dict[str, Any]:
        form = accounts.ResetForm(data)
        return {"form": form, "wrong": bool(form.errors)}

    def accept(self, data: Any) -> Model | HttpResponse:
        home = SeeOther(self.manifest.home)
        if data.get(KIND) == LEAVE:
            remove(self.marker)
            return home
        form = accounts.ResetForm(data)
        if not form.is_valid():
            return self.show(data, status=422)
        with transaction.atomic(using=form.user._state.db):
            user = form.save()
            login.keep(None)  # who wants a password is asked for it
        remove(self.marker)
        return user if login.is_on() else home
