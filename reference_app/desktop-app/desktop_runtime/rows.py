"""The rows of all models as JSON: as they are at one moment, past what managers and signals do.

`manage.py loaddata` reads them. What Django's own `dumpdata` leaves out or shortens is there: every
digit of a time, rows that a manager hides, and the tables of many-to-many fields as they are.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.serializers.json import DjangoJSONEncoder
from django.core.serializers.python import Serializer
from django.db import DEFAULT_DB_ALIAS, connections, models, router

from .contract import BackendError, Exit
from .data import is_storage_fault, not_writable
from .migrations import project_databases
from .portable import DJANGO_TABLES

CHUNK_ROWS = 1000
# Every database numbers them for itself; rows that refer to them say what they are called.
BY_NAME = ("contenttypes.contenttype", "auth.permission")
NOT_DATA = {"django_migrations"}


class Snapshot:
    """The databases of the project as they are when it is made. Others may write; this process only
    reads, to its end."""

    def __init__(self) -> None:
        self.files = project_databases()
        self.used: dict[str, set[str]] = {}
        for alias in self.files:
            with connections[alias].cursor() as cursor:
                # Not BEGIN IMMEDIATE, as for requests: that would hold up the app.
                cursor.execute("BEGIN")
                cursor.execute("SELECT count(*) FROM sqlite_master")

    def tables(self) -> Iterator[Table]:
        """Every table of a model, in each database that has it."""
        for alias in self.files:
            there = self._there(alias)
            used = self.used.setdefault(alias, {*NOT_DATA})
            for model in apps.get_models(include_auto_created=True):
                name = model._meta.db_table
                if model._meta.proxy or there.get(name) != "t":
                    continue
                if settings.DATABASE_ROUTERS and not router.allow_migrate_model(alias, model):
                    continue
                if not issubclass(model, AbstractBaseSession):
                    used.add(name)
                    yield Table(model, alias)

    def left(self) -> list[str]:
        """Tables with rows that are not written: those of sessions, and of no model."""
        return sorted(
            name
            for alias, used in self.used.items()
            for name, kind in self._there(alias).items()
            if kind == "t" and name not in used and self._has_rows(alias, name)
        )

    def _there(self, alias: str) -> dict[str, str]:
        with connections[alias].cursor() as cursor:
            found = connections[alias].introspection.get_table_list(cursor)
        return {each.name: each.type for each in found}

    def _has_rows(self, alias: str, name: str) -> bool:
        quoted = connections[alias].ops.quote_name(name)
        with connections[alias].cursor() as cursor:
            return bool(cursor.execute(f"SELECT 1 FROM {quoted} LIMIT 1").fetchone())


class Table:
    """The rows of one model in one database."""

    def __init__(self, model: type[models.Model], alias: str) -> None:
        self.model, self.alias, self.rows = model, alias, 0
        self.label = model._meta.label
        # loaddata takes the word before the ending for the database.
        self.name = self.label if alias == DEFAULT_DB_ALIAS else f"{self.label}.{alias}"
        self.is_djangos = model._meta.db_table.startswith(DJANGO_TABLES)

    @cached_property
    def expected(self) -> int:
        """How many rows there are."""
        return self._all().count()

    def _all(self) -> models.QuerySet:
        return models.QuerySet(self.model, using=self.alias).order_by("pk")

    def texts(self) -> Iterator[bytes]:
        """A list of objects, one a line. Raises `BackendError` (16 or 17)."""
        writer = RowWriter(self.alias)
        begin = "["
        try:
            for row in self._all().iterator(chunk_size=CHUNK_ROWS):
                writer.serialize([row], use_natural_primary_keys=_is_by_name(self.model))
                yield f"{begin}\n{json.dumps(writer.said, cls=Exact, ensure_ascii=False)}".encode(
                    errors="backslashreplace"
                )
                begin = ","
                self.rows += 1
        except Exception as error:  # a field of the project's own may raise anything
            if isinstance(error, OSError) or is_storage_fault(error):
                raise not_writable(project_databases()[self.alias], error) from error
            raise BackendError(
                Exit.PROJECT_FAILED,
                f"A row of {self.label} cannot be written as JSON: {type(error).__name__}: {error}",
                "Report this to those who made the app. Back Up… has these data too.",
            ) from error
        yield (b"" if self.rows else b"[") + b"\n]\n"


class RowWriter(Serializer):
    """Writes one row after another as Django's serializer does, the columns of its own table."""

    said: Mapping[str, Any]

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def end_object(self, obj: models.Model) -> None:
        """Keep the object."""
        self.said = self.get_dump_object(obj)

    def handle_field(self, obj: models.Model, field: models.Field) -> None:
        """Leave what the database computes to the database."""
        if not getattr(field, "generated", False):
            super().handle_field(obj, field)

    def handle_fk_field(self, obj: models.Model, field: models.Field) -> None:
        """Say what a content type or a permission is called, as far as it is there."""
        super().handle_fk_field(obj, field)
        other = field.remote_field.model
        if _is_by_name(other):
            names = self.permissions if other._meta.app_label == "auth" else self.content_types
            value = getattr(obj, field.attname)
            self._current[field.name] = names.get(value, value)

    def handle_m2m_field(self, obj: models.Model, field: models.Field) -> None:
        """Its table is written for itself."""

    @cached_property
    def content_types(self) -> dict[int, list[str]]:
        """The natural keys by number."""
        return self._names("contenttypes", "ContentType", "app_label", "model")

    @cached_property
    def permissions(self) -> dict[int, list[str]]:
        """The same of permissions."""
        kind = ("content_type__app_label", "content_type__model")
        return self._names("auth", "Permission", "codename", *kind)

    def _names(self, app: str, name: str, *fields: str) -> dict[int, list[str]]:
        rows = models.QuerySet(apps.get_model(app, name), using=self.alias)
        return {key: names for key, *names in rows.values_list("pk", *fields)}


class Exact(DjangoJSONEncoder):
    """Keeps what Django's cuts off: it writes times in milliseconds."""

    def default(self, value: Any) -> Any:
        """Times with every digit."""
        if isinstance(value, (datetime.datetime, datetime.time)):
            return value.isoformat()
        return super().default(value)


def _is_by_name(model: type[models.Model]) -> bool:
    return model._meta.concrete_model._meta.label_lower in BY_NAME
