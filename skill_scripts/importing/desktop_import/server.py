"""What is different with a server: its driver, one snapshot of all tables, the numbers it gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.db import Error, models
from django.db.utils import load_backend

MYSQL = "mysql"
# PyMySQL speaks like this version of mysqlclient, but its own number is one that Django refuses.
SPOKEN_BY_PYMYSQL = (2, 2, 1, "final", 0)
# The app's tables are made between the begin of the snapshot and its first row, so that no limit of
# the server's on idle sessions may hold.
BEGIN = {
    "postgresql": [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
        "SET LOCAL statement_timeout = 0",
    ],
    MYSQL: [
        "SET SESSION wait_timeout = 86400, net_write_timeout = 3600",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ],
}
OF_MARIADB = (
    "SET SESSION idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0, "
    "max_statement_time = 0"
)
# Without the second, numbers that were given away may be a day old.
OF_MYSQL = "SET SESSION max_execution_time = 0, information_schema_stats_expiry = 0"
NO_SNAPSHOT = """
    SELECT t.table_name FROM information_schema.tables t
    JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = DATABASE() AND e.transactions <> 'YES'
"""
LAST_NUMBERS = """
    SELECT table_name, auto_increment - 1 FROM information_schema.tables
    WHERE table_schema = DATABASE() AND auto_increment > 1
"""


def wrapper(engine: str) -> Callable[..., Any]:
    """What makes connections of a Django engine. Raises ImportError and ImproperlyConfigured."""
    if not engine.endswith(f".{MYSQL}"):
        return load_backend(engine).DatabaseWrapper
    _require_driver()
    base = load_backend(engine)

    class Streaming(base.DatabaseWrapper):
        """Has the server hold the rows until they are asked for; Django's has them all at once."""

        def chunked_cursor(self) -> Any:
            self.ensure_connection()
            with self.wrap_database_errors:
                cursor = self.connection.cursor(self.Database.cursors.SSCursor)
            return self._prepare_cursor(base.CursorWrapper(cursor))

    return Streaming


def _require_driver() -> None:
    """Let PyMySQL stand in for mysqlclient where the project has only that one."""
    with suppress(ImportError):
        import MySQLdb  # noqa: F401

        return
    with suppress(ImportError):
        import pymysql

        pymysql.version_info = SPOKEN_BY_PYMYSQL
        pymysql.install_as_MySQLdb()


def begin_snapshot(connection: Any) -> None:
    """Let all that follows in this transaction see one moment, and write nothing."""
    own = []
    if connection.vendor == MYSQL:
        own = [OF_MARIADB if connection.mysql_is_mariadb else OF_MYSQL]
    with connection.cursor() as cursor:
        for statement in [*own, *BEGIN.get(connection.vendor, ())]:
            cursor.execute(statement)


def is_alive(connection: Any) -> bool:
    """Whether the server still answers; Django's own question lets PyMySQL connect anew."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def without_snapshot(connection: Any) -> set[str]:
    """The tables that others may change while they are read."""
    if connection.vendor != MYSQL:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(NO_SNAPSHOT)
        return {name for (name,) in cursor.fetchall()}


def last_numbers(connection: Any, some: Iterable[type[models.Model]]) -> dict[str, int]:
    """The last number that the server has given to each table, as far as we may ask."""
    if connection.vendor == "postgresql":
        return dict(_of_sequences(connection, some))
    if connection.vendor != MYSQL:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LAST_NUMBERS)
        return {table: int(last) for table, last in cursor.fetchall()}


def _of_sequences(connection: Any, some: Iterable[type[models.Model]]) -> Iterator[tuple[str, int]]:
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for model in some:
            table, key = model._meta.db_table, model._meta.pk
            if not isinstance(key, models.AutoField):
                continue
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [quote(table), key.column])
            (name,) = cursor.fetchone()
            if name:
                cursor.execute(f"SELECT last_value, is_called FROM {name}")
                last, is_called = cursor.fetchone()
                yield table, last if is_called else 0
