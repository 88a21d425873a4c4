"""Values of fields: how they are read from any database, written to SQLite, and compared."""

from __future__ import annotations

import datetime
import decimal
import enum
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connections, models
from django.db.models import BooleanField, ExpressionWrapper, F, Func, Q

CHUNK_ROWS = 1000
# SQLite keeps a decimal as a binary fraction, of which these many digits are right.
SQLITE_DIGITS = decimal.Context(prec=15)
MOST = 1 << 64


class JsonNull:
    """The value `null` inside a JSON column, which is not the NULL of the database."""


JSON_NULL = JsonNull()


PLAIN = (
    type(None), JsonNull, enum.Enum, bool, int, float, decimal.Decimal, datetime.date,
    datetime.time, datetime.timedelta, bytes, bytearray, memoryview, dict, list, str,
)  # fmt: skip


class LostError(ValueError):
    """Raised for a value that the database has and Django reads as nothing, or cannot be kept."""


def columns(model: type[models.Model]) -> list[models.Field]:
    """The fields that have a column of their own in the model's table and may be written."""
    return [f for f in model._meta.local_concrete_fields if not getattr(f, "generated", False)]


def table_of(model: type[models.Model], alias: str) -> models.QuerySet:
    """All rows of the model's own table, past managers of the project that hide some."""
    return models.QuerySet(model, using=alias).order_by()


def read(model: type[models.Model], alias: str, **filters: Any) -> Iterator[list[Any]]:
    """The rows of a table as lists of Python values in the order of `columns`, in bounded memory.

    Raises what the project's fields raise.
    """
    fields = columns(model)
    unclear = [n for n, field in enumerate(fields) if _is_unclear(field, alias)]
    flags = {
        f"_is_null_{number}": ExpressionWrapper(
            Q(**{f"{fields[number].attname}__isnull": True}), output_field=BooleanField()
        )
        for number in unclear
    }
    # Where the app has JSON, the server's column may be an array: projects choose by the database.
    as_json = {
        f"_json_{field.attname}": Func(F(field.attname), function="to_jsonb", output_field=field)
        for field in fields
        if isinstance(field, models.JSONField) and connections[alias].vendor == "postgresql"
    }
    query = table_of(model, alias).filter(**filters).annotate(**flags, **as_json)
    names = [n if (n := f"_json_{field.attname}") in as_json else field.attname for field in fields]
    for row in query.values_list(*names, *flags).iterator(chunk_size=CHUNK_ROWS):
        values = list(row[: len(fields)])
        for number, is_null in zip(unclear, row[len(fields) :], strict=True):
            if values[number] is None and not is_null:
                values[number] = _behind_none(fields[number])
        yield values


def _is_unclear(field: models.Field, alias: str) -> bool:
    """Whether None may stand for something else than NULL."""
    if isinstance(field, models.JSONField):
        return True
    # Read as None: by Django a text that is no time, by mysqlclient the day 0000-00-00.
    times = (models.DateField, models.TimeField)
    return connections[alias].vendor in ("sqlite", "mysql") and isinstance(field, times)


def _behind_none(field: models.Field) -> Any:
    return JSON_NULL if isinstance(field, models.JSONField) else LostError("it is no date or time")


def writers(model: type[models.Model], alias: str) -> list[Callable[[Any], Any]]:
    """For each of `columns`, what makes a value of Python one for the database."""
    return [_writer(field, connections[alias]) for field in columns(model)]


def _writer(field: models.Field, connection: Any) -> Callable[[Any], Any]:
    needs_json = isinstance(field, models.JSONField) and not field.null

    def write(value: Any) -> Any:
        if isinstance(value, LostError):
            raise value
        if value is JSON_NULL or (value is None and needs_json):
            return "null"
        require_kept(value)
        return field.get_db_prep_save(value, connection=connection)

    return write


def ready_for(values: list[Any], write: Sequence[Callable[[Any], Any]]) -> list[Any]:
    """Of values that are no plain ones what their fields write; of the others nothing."""
    return [None if isinstance(v, PLAIN) else w(v) for v, w in zip(values, write, strict=True)]


def require_kept(value: Any) -> None:
    """Raise LostError for a number that SQLite would round or drop without a word."""
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise LostError("SQLite has no such number")
        if SQLITE_DIGITS.create_decimal_from_float(float(value)) != value:
            raise LostError("SQLite keeps 15 digits of a decimal")
    elif isinstance(value, float) and value != value:
        raise LostError("SQLite has no such number")


def digest(values: list[Any], ready: Sequence[Any]) -> int:
    """A number for the row that does not depend on the database it is in.

    An object of the project's own class counts as what its field writes of it, which is in `ready`:
    what it says of itself may be a page, or an address in memory.
    """
    text = "\x1f".join(
        normal(value if isinstance(value, PLAIN) else written)
        for value, written in zip(values, ready, strict=True)
    )
    hashed = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(hashed.digest(), "big")


def normal(value: Any) -> str:
    """One spelling for values that mean the same."""
    match value:
        case None:
            return "-"
        case JsonNull():
            return "json:null"
        case enum.Enum():
            return normal(value.value)
        case bool():
            return f"bool:{value}"
        case int():
            return f"int:{int(value)}"
        case float():
            return f"float:{value!r}"
        case decimal.Decimal():
            return f"decimal:{value.normalize() + 0:f}" if value.is_finite() else f"decimal:{value}"
        case datetime.datetime() if value.tzinfo:
            return f"time:{value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat()}Z"
        case datetime.datetime() | datetime.date() | datetime.time():
            return f"time:{value.isoformat()}"
        case datetime.timedelta():
            return f"span:{value // datetime.timedelta(microseconds=1)}"
        case bytes() | bytearray() | memoryview():
            return f"bytes:{bytes(value).hex()}"
        case dict() | list():
            return f"json:{json.dumps(value, sort_keys=True, default=str)}"
        case str():
            return f"str:{len(value)}:{value}"
    return f"{type(value).__name__}:{value}"
