"""Content types and permissions: every database numbers its own, and rows refer to the numbers.

The app's are given the numbers of the source, so that whatever refers to them, also a plain number
that no foreign key declares, means the same as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop_import.tables import TARGET, why_left
from desktop_import.values import columns, table_of
from django.apps import apps
from django.db import connections, models

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Numbered:
    """A row of the source: its number (None in a dump by natural keys) and what it is."""

    number: int | None
    key: Key
    values: Mapping[str, Any]


def content_types() -> type[models.Model] | None:
    """The model, None where the project does not use it."""
    return _model("contenttypes", "ContentType")


def permissions() -> type[models.Model] | None:
    """The model, None where the project does not use it."""
    return _model("auth", "Permission")


def _model(app: str, name: str) -> type[models.Model] | None:
    model = apps.get_model(app, name) if apps.is_installed(f"django.contrib.{app}") else None
    return None if model is None or why_left(model) else model


def key_of_content_type(row: Mapping[str, Any]) -> Key:
    """What a content type is called."""
    return row["app_label"], row["model"]


def key_of_permission(row: Mapping[str, Any]) -> Key:
    """What a permission is called, once content types are numbered."""
    return row["content_type_id"], row["codename"]


def take_over(
    model: type[models.Model], source: Iterable[Numbered], key: Callable[[Mapping[str, Any]], Key]
) -> int:
    """Number the app's rows as in the source and add those it lacks; how many the source has."""
    rows = [*source]
    names = [each.attname for each in columns(model)]
    here = {key(row): row["id"] for row in table_of(model, TARGET).values(*names)}
    wanted = {each.key: each.number for each in rows if each.number is not None}
    changed = _new_numbers(here, wanted)
    _renumber(model, {old: new for old, new in changed.items() if old != new})
    manager = table_of(model, TARGET)
    for each in rows:
        number = each.number if each.number is not None else changed.get(here.get(each.key, 0))
        if each.key in here:
            manager.filter(pk=number).update(**each.values)
        else:
            given = {} if number is None else {"id": number}
            manager.create(**given, **each.values)
    return len(rows)


def _new_numbers(here: Mapping[Key, int], wanted: Mapping[Key, int]) -> dict[int, int]:
    """For each number of the app the one it gets; no two the same, none that the source uses."""
    taken = {*wanted.values()}
    free = max([*here.values(), *taken, 0]) + 1
    changed = {}
    for key, old in here.items():
        new = wanted.get(key)
        if new is None and old in taken:
            new, free = free, free + 1
        changed[old] = old if new is None else new
    return changed


def _renumber(model: type[models.Model], changed: Mapping[int, int]) -> None:
    """Change the numbers in the table and in all that refer to it, by way of negative ones so that
    no two rows have the same in between."""
    if not changed:
        return
    quote = connections[TARGET].ops.quote_name
    places = [(model._meta.db_table, model._meta.pk.column), *_referring(model)]
    with connections[TARGET].cursor() as cursor:
        for table, column in places:
            t, c = quote(table), quote(column)
            cursor.executemany(
                f"UPDATE {t} SET {c} = %s WHERE {c} = %s", [(-n, o) for o, n in changed.items()]
            )
            cursor.execute(f"UPDATE {t} SET {c} = -{c} WHERE {c} < 0")


def _referring(model: type[models.Model]) -> Iterable[tuple[str, str]]:
    tables = {*connections[TARGET].introspection.table_names()}
    for other in apps.get_models(include_auto_created=True):
        if other._meta.proxy or other._meta.db_table not in tables:
            continue
        for field in columns(other):
            remote = field.remote_field and field.remote_field.model
            if remote and remote._meta.concrete_model is model:
                yield other._meta.db_table, field.column
