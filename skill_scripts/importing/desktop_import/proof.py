"""After the copying: what is there is what was read, and nothing refers to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_import.refusal import Problem, Problems, RefusedError, listed
from desktop_import.tables import TARGET, Tally
from desktop_import.values import columns, read, ready_for, writers
from django.apps import apps
from django.db import connections, models


def tallies_agree(
    written: Mapping[type[models.Model], Tally], unnumbered: frozenset[type[models.Model]]
) -> None:
    """Read every table again and compare. Raises RefusedError with the tables that differ."""
    wrong = []
    for model, tally in written.items():
        found = Tally()
        fields, write = columns(model), writers(model, TARGET)
        for values in read(model, TARGET):
            ready = ready_for(values, write)
            if model in unnumbered:
                values = [None if f.primary_key else v for f, v in zip(fields, values, strict=True)]
            found.add(values, ready)
        if found != tally:
            wrong.append(
                f"{model._meta.label}: {tally.rows} rows {tally.checksum} were read, "
                f"{found.rows} rows {found.checksum} are there"
            )
    if wrong:
        raise RefusedError(
            "DDK-IMP-10", listed("tables are not as in the source", wrong, len(wrong))
        )


def foreign_keys_hold() -> int:
    """Check every foreign key of the database; how many columns have one. Raises RefusedError."""
    by_table = {m._meta.db_table: m for m in apps.get_models(include_auto_created=True)}
    problems = Problems()
    checked = 0
    with connections[TARGET].cursor() as cursor:
        for table in connections[TARGET].introspection.table_names(cursor):
            quoted = connections[TARGET].ops.quote_name(table)
            keys = cursor.execute(f"PRAGMA foreign_key_list({quoted})").fetchall()
            checked += len(keys)
            by_number = {number: column for number, _, _, column, *_ in keys}
            found = cursor.execute(f"PRAGMA foreign_key_check({quoted})").fetchall()
            for _, row, parent, number in found:
                column = by_number[number]
                problems.add(_dangling(by_table.get(table), table, row, parent, column))
    problems.refuse("DDK-IMP-09", "rows refer to rows that are not in the source:")
    return checked


def _dangling(
    model: type[models.Model] | None, table: str, row: int | None, parent: str, column: str
) -> Problem:
    if model is None or row is None:
        return Problem(table, str(row), column, "", f"no such row in {parent}")
    field = next(f for f in columns(model) if f.column == column)
    quote = connections[TARGET].ops.quote_name
    with connections[TARGET].cursor() as cursor:
        keys = [quote(f.column) for f in model._meta.local_concrete_fields if f.primary_key]
        listed_keys = ", ".join(keys) or "rowid"
        cursor.execute(f"SELECT {listed_keys} FROM {quote(table)} WHERE rowid = %s", [row])
        key = ", ".join(map(str, cursor.fetchone()))
    return Problem(model._meta.label, key, field.name, "", f"no such row in {parent}")


def as_tables(
    written: Mapping[type[models.Model], Tally], numbered: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The table of the report."""
    rows = [
        {"model": label, "rows": count, "checksum": "by natural key"}
        for label, count in numbered.items()
    ]
    rows += [
        {"model": model._meta.label, "rows": tally.rows, "checksum": tally.checksum}
        for model, tally in written.items()
    ]
    return sorted(rows, key=lambda each: each["model"])
