"""The rows of a database: of a copy of an SQLite file, or of a server in one snapshot."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from desktop_import import numbering, server, tables
from desktop_import.numbering import Numbered
from desktop_import.refusal import Problem, Problems, RefusedError
from desktop_import.tables import TARGET, Writer
from desktop_import.values import columns, normal, read, table_of
from desktop_runtime.data import is_storage_fault
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, Error, connections, models, transaction
from django.db.backends.signals import connection_created
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

SOURCE = "desktop_import_source"
SQLITE = "django.db.backends.sqlite3"
PAGES = 4096  # of SQLite, copied before anybody else gets the file
BOOKKEEPING = {"django_migrations", "sqlite_sequence"}


class Database:
    """Rows of an SQLite file or a server, read with the project's models under the alias SOURCE."""

    def __init__(
        self,
        request: Mapping[str, Any],
        scratch: Path,
        project: Path,
        retired: frozenset[str],
    ) -> None:
        self.request, self.scratch, self.project = request, scratch, project
        self.retired = retired
        self.notes: list[str] = []
        self.sequences: dict[str, int] = {}
        self.left: list[tuple[str, str, str]] = []
        self.models: list[type[models.Model]] = []
        self._open = contextlib.ExitStack()
        self._is_open = False

    @property
    def unnumbered(self) -> frozenset[type[models.Model]]:
        """Tables whose rows get new keys: none, a database has them."""
        return frozenset()

    def open(self, progress: Callable[[str], None]) -> None:
        """Take the snapshot and see whether it is this project's. Raises RefusedError."""
        if self.request["kind"] == "sqlite":
            progress("copying the database")
            settings = {"ENGINE": SQLITE, "NAME": str(self._copy_file())}
            self._connect(settings)
            self._judge()
            if self._plan():
                progress("migrating the copy")
                connections[SOURCE].close()
                self._migrate(settings["NAME"])
            self._open.enter_context(transaction.atomic(using=SOURCE))
            return
        progress("connecting to the server")
        self._connect(self.request["database"])
        self._open.enter_context(transaction.atomic(using=SOURCE))
        with _readable():
            server.begin_snapshot(connections[SOURCE])
            self._judge()
        if behind := self._plan():
            raise RefusedError(
                "DDK-IMP-06", "the server's database has yet to apply " + _some(behind),
                migrations=behind[:20],
            )  # fmt: skip

    def close(self) -> None:
        """End the snapshot; nothing was written."""
        if not self._is_open:
            return
        with contextlib.suppress(Error):
            self._open.close()
            connections[SOURCE].close()

    def count(self) -> int:
        """Choose what is carried over; how many rows it has."""
        with _readable():
            self.models, self.left = tables.carried(self._tables())
            self._require_columns()
            unsafe = server.without_snapshot(connections[SOURCE])
            rows = sum(table_of(model, SOURCE).count() for model in self.models)
        if some := sorted(m._meta.db_table for m in self.models if m._meta.db_table in unsafe):
            self.notes.append(
                f"the server has no snapshot of {_some(some)}: stop what writes there"
            )
        return rows

    def cleared(self) -> list[type[models.Model]]:
        """The tables that the source replaces."""
        return self.models

    def number(self) -> dict[str, int]:
        """Give content types and permissions the numbers they have here; their counts."""
        there = self._tables()
        counts = {}
        for model, key in (
            (numbering.content_types(), numbering.key_of_content_type),
            (numbering.permissions(), numbering.key_of_permission),
        ):
            if model is None or model._meta.db_table not in there:
                continue
            names = [each.attname for each in columns(model)]
            found = [*table_of(model, SOURCE).values(*names)]
            rows = [Numbered(r["id"], key(r), {n: r[n] for n in names if n != "id"}) for r in found]
            counts[model._meta.label] = numbering.take_over(model, rows, key)
        return counts

    def copy(self, writer: Writer) -> None:
        """Read every row and give it to the writer; rows that cannot be read are problems."""
        for model in self.models:
            if not self._copy_table(model, writer):
                _find_unreadable(model, writer.problems)
            writer.flush()

    def _copy_table(self, model: type[models.Model], writer: Writer) -> bool:
        """Whether all rows of the table could be read; what the writer raises is not ours."""
        rows = read(model, SOURCE)
        failed = ""
        while not failed:
            try:
                values = next(rows, None)
            except Exception as error:  # of a driver, a field, a converter
                failed = str(error).strip() or type(error).__name__
                continue
            if values is None:
                return True
            writer.add(model, values)
        self.require_alive(failed)  # the exception, gone by now, had held the cursor
        return False

    def require_alive(self, error: str) -> None:
        """Raise RefusedError if `error` came because the server has gone."""
        if not server.is_alive(connections[SOURCE]):
            raise RefusedError("DDK-IMP-12", f"the server stopped answering: {error}")

    def after(self) -> None:
        """Let the app's next rows get numbers that no row of the source ever had."""
        self.sequences |= server.last_numbers(connections[SOURCE], self.models)
        with connections[TARGET].cursor() as cursor:
            for model in self.models:
                table = model._meta.db_table
                last = self.sequences.get(table, 0)
                if not last or not isinstance(model._meta.pk, models.AutoField):
                    continue
                cursor.execute(
                    "UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s", [last, table]
                )
                if not cursor.rowcount:
                    cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [table, last])

    def left_rows(self) -> Iterator[tuple[str, int | None, str]]:
        """What stays behind: name, rows, reason; tables of no model too."""
        there = self._tables()
        owned = {m._meta.db_table for m in apps.get_models(include_auto_created=True)}
        carried = {m._meta.db_table for m in self.models}
        for label, table, why in self.left:
            is_shared = table in carried  # a proxy's
            yield label, None if is_shared or table not in there else self._rows(table), why
        for table in sorted(there - owned - BOOKKEEPING):
            yield table, self._rows(table), "no model of the project has this table"

    def _tables(self) -> set[str]:
        """The tables of the source, in the spelling of the models."""
        connection = connections[SOURCE]
        there = {*connection.introspection.table_names()}
        if not connection.features.ignores_table_name_case:
            return there
        names = {m._meta.db_table for m in apps.get_models(include_auto_created=True)}
        spelt = {name.lower(): name for name in names}
        return {spelt.get(name.lower(), name) for name in there}

    def _rows(self, table: str) -> int:
        quoted = connections[SOURCE].ops.quote_name(table)
        with connections[SOURCE].cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {quoted}")
            return cursor.fetchone()[0]

    def _copy_file(self) -> Path:
        """A copy of the file as it is in one moment, with what its log holds."""
        source, copy = Path(self.request["file"]), self.scratch / "source.sqlite3"
        try:
            with (
                contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
                contextlib.closing(sqlite3.connect(copy)) as new,
            ):
                old.execute("SELECT count(*) FROM sqlite_master").fetchone()
                old.backup(new, pages=PAGES)
                new.execute("PRAGMA journal_mode=DELETE")
                # Rows that break a constraint are no damage; they are named when they are written.
                new.execute("PRAGMA ignore_check_constraints=ON")
                for (answer,) in new.execute("PRAGMA quick_check"):
                    if answer != "ok" and not answer.startswith("NULL value in "):
                        raise sqlite3.DatabaseError(answer)
                names = {name for (name,) in new.execute("SELECT name FROM sqlite_master")}
                if "sqlite_sequence" in names:
                    self.sequences = dict(new.execute("SELECT name, seq FROM sqlite_sequence"))
        except sqlite3.DatabaseError as error:
            if is_storage_fault(error):
                raise
            raise RefusedError(
                "DDK-IMP-03", f"{source.name}: {error}", source=str(source)
            ) from error
        return copy

    def _connect(self, settings: Mapping[str, Any]) -> None:
        """Open the source under its alias, which is in no settings: nobody else meets it."""
        base = {**connections[TARGET].settings_dict, "OPTIONS": {}, "CONN_MAX_AGE": 0}
        kept = connection_created.receivers
        connection_created.receivers = []  # what the project does to its own connections
        connection_created.sender_receivers_cache.clear()
        try:
            make = server.wrapper(settings["ENGINE"])
            connections[SOURCE] = make({**base, **settings}, SOURCE)
            connections[SOURCE].ensure_connection()
            self._is_open = True
        except (ImportError, ImproperlyConfigured) as error:
            text = f"{settings['ENGINE']} has no driver here: {str(error).splitlines()[0]}"
            raise RefusedError("DDK-IMP-12", text) from error
        except Error as error:
            raise RefusedError("DDK-IMP-12", str(error).strip()) from error
        finally:
            connection_created.receivers = kept
            connection_created.sender_receivers_cache.clear()

    def _judge(self) -> None:
        """Raise RefusedError unless it is a database of this project, and not a newer one."""
        there = self._tables()
        own = {
            model._meta.db_table
            for model in apps.get_models()
            if _is_own(model, self.project) and not tables.why_left(model)
        }
        if "django_migrations" not in there or (own and not own & there):
            lacks = sorted(own - there)[:3] or ["django_migrations"]
            raise RefusedError("DDK-IMP-04", f"it has no table {', '.join(lacks)}", lacks=lacks)
        loader = MigrationExecutor(connections[SOURCE]).loader
        known = {*loader.disk_migrations}
        for migration in loader.disk_migrations.values():
            known |= {*migration.replaces}
        with_migrations = {app for app, _ in loader.disk_migrations}
        applied = MigrationRecorder(connections[SOURCE]).applied_migrations()
        if not applied:
            raise RefusedError("DDK-IMP-04", "it has tables and no rows: no migration is applied")
        unknown = sorted(
            f"{app}.{name}"
            for app, name in applied
            if app in with_migrations
            and (app, name) not in known
            and not {app, f"{app}.{name}"} & self.retired
        )
        if unknown:
            raise RefusedError("DDK-IMP-05", f"it has {_some(unknown)}", migrations=unknown[:20])

    def _plan(self) -> list[str]:
        """The migrations it lacks, of apps that it has."""
        executor = MigrationExecutor(connections[SOURCE])
        has = {app for app, _ in executor.loader.applied_migrations}
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        return [f"{each.app_label}.{each.name}" for each, _ in plan if each.app_label in has]

    def _migrate(self, file: str) -> None:
        """Bring the copy to the code's state, as the default database, which migrations mean."""
        default = connections[DEFAULT_DB_ALIAS]
        own = default.settings_dict["NAME"]
        default.close()
        default.settings_dict["NAME"] = file
        try:
            call_command(
                "migrate", interactive=False, verbosity=0, run_syncdb=True, skip_checks=True
            )
            self.notes.append("the source was older: a copy of it was migrated first")
        except Exception as error:
            text = f"a copy of it could not be migrated: {type(error).__name__}: {error}"
            raise RefusedError("DDK-IMP-13", text) from error
        finally:
            default.close()
            default.settings_dict["NAME"] = own

    def _require_columns(self) -> None:
        connection = connections[SOURCE]
        with connection.cursor() as cursor:
            for model in self.models:
                table = model._meta.db_table
                described = connection.introspection.get_table_description(cursor, table)
                there = {each.name for each in described}
                lacks = [f.column for f in columns(model) if f.column not in there]
                if lacks:
                    text = f"its table {table} has no column {', '.join(lacks)}"
                    raise RefusedError("DDK-IMP-04", text, table=table, columns=lacks)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Raises RefusedError where the source does not let us read."""
    try:
        yield
    except Error as error:
        raise RefusedError("DDK-IMP-12", str(error).strip()) from error


def _is_own(model: type[models.Model], project: Path) -> bool:
    path = Path(apps.get_app_config(model._meta.app_label).path)
    inside = path.is_relative_to(project) and path.relative_to(project).parts
    return bool(inside) and "site-packages" not in inside


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _find_unreadable(model: type[models.Model], problems: Problems) -> None:
    """Read row by row, then field by field, and note what cannot be read."""
    before = problems.count
    for key in [*table_of(model, SOURCE).values_list("pk", flat=True)]:
        try:
            next(read(model, SOURCE, pk=key), None)
        except Exception as error:
            name = _unreadable_field(model, key)
            why = f"the source's value cannot be read ({type(error).__name__})"
            problems.add(Problem(model._meta.label, normal(key).partition(":")[2], name, "", why))
    if problems.count == before:
        problems.add(Problem(model._meta.label, "?", "", "", "its rows cannot be read"))


def _unreadable_field(model: type[models.Model], key: Any) -> str:
    for field in columns(model):
        try:
            [*table_of(model, SOURCE).filter(pk=key).values_list(field.attname)]
        except Exception:
            return field.name
    return ""
