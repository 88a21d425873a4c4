"""Which tables are carried over, and writing their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop_import.refusal import Problem, Problems
from desktop_import.values import CHUNK_ROWS, MOST, LostError, columns, digest, writers
from desktop_runtime.data import is_storage_fault
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models, router, transaction
from django.db.utils import DatabaseError

TARGET = DEFAULT_DB_ALIAS
# Who signed in where: worthless elsewhere, and keys to somebody's account on the server.
LEFT_BEHIND = {
    "sessions.session",
    "user_sessions.session",
    "usersessions.usersession",
    "authtoken.token",
    "authtoken.tokenproxy",
    "knox.authtoken",
    "token_blacklist.outstandingtoken",
    "token_blacklist.blacklistedtoken",
    "oauth2_provider.accesstoken",
    "oauth2_provider.refreshtoken",
    "oauth2_provider.grant",
    "oauth2_provider.devicegrant",
    "oauth2_provider.idtoken",
    "socialaccount.socialtoken",
    "rest_framework_api_key.apikey",
    "django_rest_passwordreset.resetpasswordtoken",
    "otp_static.statictoken",
    "axes.accessattempt",
    "axes.accesslog",
    "axes.accessfailurelog",
}
BY_NATURAL_KEY = ("contenttypes.contenttype", "auth.permission")


def why_left(model: type[models.Model]) -> str:
    """Why a model's rows are not carried over, "" if they are."""
    options = model._meta
    if options.proxy:
        return f"a proxy: its rows are those of {options.concrete_model._meta.label}"
    if not options.managed:
        return "unmanaged: no migration makes its table"
    if options.label_lower in LEFT_BEHIND:
        return "sessions and tokens stay where they are"
    database = router.db_for_write(model)
    if database != TARGET or not router.allow_migrate_model(TARGET, model):
        return f"it is kept in the database {database!r}"
    return ""


def carried(names: Iterable[str]) -> tuple[list[type[models.Model]], list[tuple[str, str, str]]]:
    """The models whose rows are carried over, and of the others label, table and reason.

    `names` are the tables of the source.
    """
    there = {*names}
    here = {*connections[TARGET].introspection.table_names()}
    found, left = [], []
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        why = why_left(model)
        if not why and table not in there:
            why = f"the source has no table {table}"
        if not why and table not in here:
            why = f"the app has no table {table}"
        if why:
            left.append((model._meta.label, table, why))
        elif model._meta.label_lower not in BY_NATURAL_KEY:
            found.append(model)
    return found, left


def clear(some: Iterable[type[models.Model]]) -> None:
    """Empty the tables of what migrations have put there: the source has it too, or had."""
    with connections[TARGET].cursor() as cursor:
        for model in some:
            name = connections[TARGET].ops.quote_name(model._meta.db_table)
            cursor.execute(f"DELETE FROM {name}")


@dataclass
class Tally:
    """What has been written of one table, and a sum that does not depend on the order."""

    rows: int = 0
    sum: int = 0

    def add(self, values: list[Any], ready: Sequence[Any]) -> None:
        """Count one more row: its values, and what of them is written."""
        self.rows += 1
        self.sum = (self.sum + digest(values, ready)) % MOST

    @property
    def checksum(self) -> str:
        """The sum as text."""
        return f"{self.sum:016x}"


@dataclass
class Pending:
    """The rows of one table that are not yet written."""

    fields: list[models.Field]
    write: list[Callable[[Any], Any]]
    statement: str
    rows: list[list[Any]] = field(default_factory=list)


class Writer:
    """Writes rows as they are: no signals, no defaults, nothing of `save()`."""

    def __init__(self, problems: Problems, progress: Callable[[str, int], None]) -> None:
        self.problems, self.progress = problems, progress
        self.tallies: dict[type[models.Model], Tally] = {}
        self._pending: dict[type[models.Model], Pending] = {}

    def add(self, model: type[models.Model], values: list[Any]) -> None:
        """Write one row, now or with those that follow."""
        pending = self._of(model)
        pending.rows.append(values)
        if len(pending.rows) >= CHUNK_ROWS:
            self._flush(model, pending)

    def add_unnumbered(self, model: type[models.Model], values: list[Any]) -> Any:
        """Write one row whose key the database makes; returns the key, None if it is refused."""
        self.flush()
        pending = self._of(model)
        place = _key_place(pending.fields)
        with connections[TARGET].cursor() as cursor:
            if ready := self._write_one(cursor, model, pending, values):
                values[place] = cursor.lastrowid
                self.tallies[model].add(values, ready)
                return values[place]
        return None

    def flush(self) -> None:
        """Write what is pending."""
        for model, pending in self._pending.items():
            self._flush(model, pending)

    def _of(self, model: type[models.Model]) -> Pending:
        if model not in self._pending:
            quote = connections[TARGET].ops.quote_name
            fields = columns(model)
            names = ", ".join(quote(each.column) for each in fields)
            marks = ", ".join(["%s"] * len(fields))
            statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"
            self._pending[model] = Pending(fields, writers(model, TARGET), statement)
            self.tallies.setdefault(model, Tally())
        return self._pending[model]

    def _flush(self, model: type[models.Model], pending: Pending) -> None:
        if not pending.rows:
            return
        rows, pending.rows = pending.rows, []
        tally = self.tallies[model]
        try:
            ready = [[w(v) for w, v in zip(pending.write, row, strict=True)] for row in rows]
            with transaction.atomic(using=TARGET), connections[TARGET].cursor() as cursor:
                cursor.executemany(pending.statement, ready)
        except Exception as error:
            _raise_if_disk(error)
            with transaction.atomic(using=TARGET), connections[TARGET].cursor() as cursor:
                ready = [self._write_one(cursor, model, pending, row) for row in rows]
        for row, as_written in zip(rows, ready, strict=True):
            if as_written:
                tally.add(row, as_written)
        self.progress(model._meta.label, tally.rows)

    def _write_one(
        self, cursor: Any, model: type[models.Model], pending: Pending, row: list[Any]
    ) -> list[Any] | None:
        """Write one row; if that fails, note why. What is written, None if nothing."""
        ready = []
        for each, write, value in zip(pending.fields, pending.write, row, strict=True):
            try:
                ready.append(write(value))
            except Exception as error:  # a field of the project's own may raise anything
                self.problems.add(_problem(model, pending.fields, row, each, value, error))
                return None
        try:
            with transaction.atomic(using=TARGET):
                cursor.execute(pending.statement, ready)
        except (DatabaseError, OverflowError, UnicodeError, ValueError, TypeError) as error:
            _raise_if_disk(error)
            number = _blamed(error, pending.fields, ready)
            each, value = (pending.fields[number], row[number]) if number is not None else (None, 0)
            self.problems.add(_problem(model, pending.fields, row, each, value, error))
            return None
        return ready


def key_of(fields: list[models.Field], row: list[Any]) -> str:
    """The primary key of a row as text."""
    keys = [str(v) for f, v in zip(fields, row, strict=True) if f.primary_key]
    return ", ".join(keys) or ", ".join(
        str(v) for f, v in zip(fields, row, strict=True) if f.is_relation
    )


def _key_place(fields: list[models.Field]) -> int:
    return next(number for number, each in enumerate(fields) if each.primary_key)


def _problem(
    model: type[models.Model], fields: list[models.Field], row: list[Any],
    field: models.Field | None, value: Any, error: Exception,
) -> Problem:  # fmt: skip
    kind = "text" if isinstance(value, LostError) else type(value).__name__
    return Problem(
        model._meta.label, key_of(fields, row), field.name if field else "",
        kind if field else "", _reason(error),
    )  # fmt: skip


def _reason(error: Exception) -> str:
    """What was wrong without the value, which may be private."""
    if isinstance(error, LostError | DatabaseError | OverflowError):
        return str(error)
    return type(error).__name__


def _blamed(error: Exception, fields: list[models.Field], ready: list[Any]) -> int | None:
    """The number of the field that the database means, None where it does not say."""
    text = str(error)
    words = text.replace("(", " ").replace(")", " ").split()
    for number, each in enumerate(fields):
        if text.endswith(f".{each.column}") or f'"{each.column}"' in text:
            return number
    found = [n for n, each in enumerate(fields) if each.column in words]
    if len(found) == 1:
        return found[0]
    for number, value in enumerate(ready):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return number
        if isinstance(value, list | dict | tuple | set) or not _is_text(value):
            return number
    return None


def _is_text(value: Any) -> bool:
    """Whether a value is no text, or one that a file can hold."""
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeError:
        return False
    return True


def _raise_if_disk(error: BaseException) -> None:
    if is_storage_fault(error):
        raise error
