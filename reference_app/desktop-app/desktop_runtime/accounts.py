"""Accounts as the project's own user model wants them: asked for in a form, made by its manager."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import models, router, transaction
from django.forms.renderers import DjangoTemplates

from .manifest import Manifest

# For the one person of a computer; the second where the model wants an address.
OWN_NAMES = ("me", "me@localhost")

Values = dict[str, Any]
Then = Callable[[models.Model], None]


def exist() -> bool:
    """Whether there is somebody who signs in, whoever made them. A user who never has, without a
    password or rights, is the project's own: django-guardian makes an anonymous one."""
    model = get_user_model()
    users = model._base_manager.using(router.db_for_write(model))
    if {"password", "last_login", "is_superuser"} <= {each.name for each in model._meta.fields}:
        has_none = models.Q(password="") | models.Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        users = users.exclude(has_none, last_login=None, is_superuser=False)
    return users.exists()


class UnacceptedError(Exception):
    """The project could not make the account; nothing of it was kept."""


def make(values: Values, password: str | None, then: Then) -> models.Model | None:
    """Make the first account, a superuser; None if there is a user by now.

    Without a password nobody can sign in by one. `then` belongs to the same transaction. Raises
    `UnacceptedError`.
    """
    model = get_user_model()
    database = router.db_for_write(model)
    try:
        with transaction.atomic(using=database):
            if exist():
                return None
            users = model._base_manager.using(database)
            earlier = [*users.values_list("pk", flat=True)]
            manager = model._default_manager.db_manager(database)
            # Some managers insist on a password, and some forget to return whom they made.
            manager.create_superuser(**values, password=password or secrets.token_urlsafe(32))
            user = users.exclude(pk__in=earlier).earliest("pk")
            if password is None:
                user.set_unusable_password()
            if not user.is_active:
                user.is_active = True
            user.save()
            then(user)
            return user
    except Exception as error:
        raise UnacceptedError(f"{type(error).__name__}: {error}") from error


def settle(user: models.Model, manifest: Manifest) -> None:
    """Run the project's commands that need its first user; then put the user into the groups."""
    for command in manifest.first_run_after_login:
        call_command(*command)
    for name in manifest.login_groups:
        user.groups.add(user.groups.model.objects.get(name=name))


def asked_fields() -> list[models.Field]:
    """What the project's `createsuperuser` asks for, but for the password."""
    model = get_user_model()
    names = dict.fromkeys([model.USERNAME_FIELD, *model.REQUIRED_FIELDS])
    return [model._meta.get_field(name) for name in names]


def own_values() -> Values:
    """What need not be asked where the account is for whoever uses this computer."""
    return dict(_own_values())


def _own_values() -> Iterator[tuple[str, Any]]:
    for field in asked_fields():
        is_name = field.name == get_user_model().USERNAME_FIELD
        if field.blank and not is_name:
            yield field.name, field.get_default()
        elif is_name or isinstance(field, models.EmailField):
            for value in OWN_NAMES:
                with suppress(ValidationError):
                    yield field.name, field.clean(value, None)
                    break


class _Shown:
    """Says what belongs to which field, and begins with the first that needs another value."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # The project's own renderer may want a style sheet, or a template of its own.
        super().__init__(*arguments, renderer=DjangoTemplates(), **options)
        wrong = [name for name in self.fields if name in self.errors]
        for name, field in self.fields.items():
            if isinstance(field, forms.DateField):
                field.widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
            place, attributes = self[name].auto_id, field.widget.attrs
            attributes.pop("autofocus", None)
            if name == get_user_model().USERNAME_FIELD:
                attributes |= {"autocomplete": "username", "autocapitalize": "none"}
            described = [f"{place}-help"] if field.help_text else []
            if name in wrong:
                described.append(f"{place}-error")
                attributes |= {"aria-invalid": "true", "autofocus": name == wrong[0]}
            if described:
                attributes["aria-describedby"] = " ".join(described)


class _AloneForm(_Shown, forms.ModelForm):
    pass


class _NamedForm(
    _Shown,
    getattr(auth_forms, "BaseUserCreationForm", auth_forms.UserCreationForm),  # since Django 4.2
):
    pass


def _users() -> dict[str, models.Model]:
    return {str(user.pk): user for user in get_user_model()._base_manager.order_by("pk")}


class ResetForm(_Shown, auth_forms.SetPasswordForm):
    """A new password for one of the users."""

    field_order = ("user",)
    user = forms.ChoiceField(
        choices=lambda: [(key, user.get_username()) for key, user in _users().items()]
    )

    def __init__(self, data: Any = None) -> None:
        users = _users()
        chosen = users.get(data.get("user", "")) if data else None
        super().__init__(chosen or next(iter(users.values())), data)


def named_form() -> type[forms.ModelForm]:
    """Everything `createsuperuser` asks for."""
    return _form(_NamedForm, asked_fields())


def alone_form() -> type[forms.ModelForm]:
    """The same without what `own_values` knows; mostly it asks for nothing."""
    known = own_values()
    return _form(_AloneForm, [field for field in asked_fields() if field.name not in known])


def _form(form: type[forms.ModelForm], fields: list[models.Field]) -> type[forms.ModelForm]:
    """A model form brings the validators and messages of the fields."""
    names = [field.name for field in fields]
    return forms.modelform_factory(get_user_model(), form=form, fields=names)
