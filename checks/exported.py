"""All data as files that other programs read: loaded by the target's own Django, and compared."""

from __future__ import annotations

import json
from pathlib import Path

from checks import portable
from checks.target import Target

# Numbers of these differ from one database to the next; rows refer to them by name.
ROWS = """
import hashlib, json
from django.apps import apps
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import connection, models
BY_NAME = {"contenttypes.contenttype", "auth.permission"}

def tables():
    there = {*connection.introspection.table_names()}
    for model in apps.get_models(include_auto_created=True):
        own = not model._meta.proxy and model._meta.db_table in there
        if own and model._meta.label_lower not in BY_NAME:
            if not issubclass(model, AbstractBaseSession):
                yield model

def refers_by_number(field):
    other = field.remote_field and field.remote_field.model
    return other and other._meta.label_lower in BY_NAME

def digest(model):
    names = [f.attname for f in model._meta.local_concrete_fields if not refers_by_number(f)]
    rows = sorted(map(repr, models.QuerySet(model).order_by().values_list(*names)))
    return [len(rows), hashlib.sha256("\\n".join(rows).encode("utf-8", "replace")).hexdigest()]
"""
SAY = "print('\\n' + json.dumps({m._meta.label: digest(m) for m in tables()}))"
# What migrations and the project's own handlers make in a new database makes room first.
LOAD = """
from django.core.management import call_command
from django.db.models.signals import ModelSignal
with connection.constraint_checks_disabled(), connection.cursor() as cursor:
    for model in tables():
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
ModelSignal.send = lambda *_, **__: []
call_command("loaddata", *FILES, verbosity=0)
"""


def rows(target: Target, app_data: Path) -> dict[str, list[object]]:
    """How many rows each model has, and a digest of them."""
    return _asked(target, app_data, ROWS + SAY)


def loaded(target: Target, app_data: Path, folder: Path) -> dict[str, list[object]]:
    """The same of a new installation, once it has the rows of an export instead of its own."""
    first = [f"{each}.json" for each in ("contenttypes.ContentType", "auth.Permission")]
    found = sorted(folder.glob("rows/*.json"), key=lambda file: file.name not in first)
    files = f"FILES = {[*map(str, found)]!r}"
    return _asked(target, app_data, f"{ROWS}\n{files}\n{LOAD}\n{SAY}")


def _asked(target: Target, app_data: Path, code: str) -> dict[str, list[object]]:
    with portable.start(target, app_data, "manage", "shell", "-c", code) as child:
        output = child.communicate(timeout=portable.SILENCE_SECONDS)[0].decode("utf-8", "replace")
    try:
        return dict(json.loads(output.splitlines()[-1]))
    except (ValueError, IndexError):
        raise AssertionError(
            f"the rows cannot be read: launch.py manage shell ended with {child.returncode}"
        ) from None
