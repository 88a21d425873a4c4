"""Celery's broker in a file: kombu's virtual transport on SQLite.

A message is in the file until it is acknowledged, so that a killed worker loses what a server's
would lose and nothing else. kombu's own transports on files take a message out when they hand it
over, or never (docs/decisions.md).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual

from .contract import read_installation
from .queues import CELERY_FILE, FOLDER

SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY, tag TEXT UNIQUE, queue TEXT, priority INTEGER, body TEXT,
    taken INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS waiting ON message (taken, priority DESC, number);
CREATE TABLE IF NOT EXISTS binding (
    exchange TEXT, routing_key TEXT, pattern TEXT, queue TEXT,
    UNIQUE (exchange, routing_key, pattern, queue));
"""
LOCK_TIMEOUT_SECONDS = 20
POLL_SECONDS = 0.25
ROOM_SECONDS = 0.01
# Commands to workers and their answers, and events: each for one reader.
PRIVATE = ("%.pidbox", "celeryev.%")

room = 0
"""How many tasks this worker runs at once; it takes no more than it has room for."""
takes_all = False
"""Whether this worker, as the only one, serves every queue that code sends to."""
_resumed: set[str] = set()
_local = threading.local()


def _database() -> sqlite3.Connection:
    """This thread's connection."""
    if not hasattr(_local, "database"):
        file = Path(read_installation().app_data) / FOLDER / CELERY_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        _local.database = sqlite3.connect(file, LOCK_TIMEOUT_SECONDS, isolation_level=None)
        _local.database.executescript(SCHEMA)
    return _local.database


def _is_private(queue: str) -> bool:
    return queue.endswith(".pidbox") or queue.startswith("celeryev.")


class QoS(virtual.QoS):
    """Takes a message only for a task that can begin at once: what waits, waits in the file."""

    def can_consume(self) -> bool:
        """Whether there is room; waits a moment for it."""
        if not super().can_consume():
            return False
        if not (room and self.prefetch_count):
            return True
        from celery.worker import state

        until = time.monotonic() + POLL_SECONDS
        while len(state.reserved_requests) >= room:
            if time.monotonic() > until:
                return False
            time.sleep(ROOM_SECONDS)
        return True

    def ack(self, delivery_tag: str) -> None:
        """The message is done with."""
        _database().execute("DELETE FROM message WHERE tag = ?", (delivery_tag,))
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Back into its queue, or gone."""
        super().reject(delivery_tag, requeue)
        if not requeue:
            _database().execute("DELETE FROM message WHERE tag = ?", (delivery_tag,))


class Channel(virtual.Channel):
    """Queues and bindings as rows."""

    QoS = QoS
    supports_fanout = True

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        tag = message["properties"]["delivery_tag"] = self._next_delivery_tag()
        _database().execute(
            "INSERT INTO message (tag, queue, priority, body) VALUES (?, ?, ?, ?)",
            (tag, queue, self._get_message_priority(message), json.dumps(message)),
        )

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        where, values = "queue = ?", (queue,)
        if takes_all and not _is_private(queue):
            where, values = "NOT (queue LIKE ? OR queue LIKE ?)", PRIVATE
        select = f"SELECT number, body FROM message WHERE taken = 0 AND {where}"
        database = _database()
        row = database.execute(f"{select} ORDER BY priority DESC, number", values).fetchone()
        if row is None:
            raise Empty
        number, body = row
        taken = "UPDATE message SET taken = 1 WHERE number = ? AND taken = 0"
        if not database.execute(taken, (number,)).rowcount:
            raise Empty
        return json.loads(body)

    def _restore(self, message: virtual.Message) -> None:
        tag = message.delivery_tag
        _database().execute("UPDATE message SET taken = 0 WHERE tag = ?", (tag,))

    def basic_consume(self, queue: str, *arguments: Any, **options: Any) -> None:
        """Begin to take messages; first, what a worker that was killed had taken is free again."""
        if queue not in _resumed:
            where = "1" if takes_all and not _resumed else "queue = ?"
            values = () if where == "1" else (queue,)
            _database().execute(f"UPDATE message SET taken = 0 WHERE {where}", values)
            _resumed.add(queue)
        super().basic_consume(queue, *arguments, **options)

    def _size(self, queue: str) -> int:
        count = "SELECT count(*) FROM message WHERE queue = ? AND taken = 0"
        return _database().execute(count, (queue,)).fetchone()[0]

    def _purge(self, queue: str) -> int:
        delete = "DELETE FROM message WHERE queue = ? AND taken = 0"
        return _database().execute(delete, (queue,)).rowcount

    def _delete(self, queue: str, exchange: str, *_: Any, **__: Any) -> None:
        self._purge(queue)
        place = (queue, exchange)
        _database().execute("DELETE FROM binding WHERE queue = ? AND exchange = ?", place)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        row = (exchange, routing_key or "", pattern or "", queue)
        _database().execute("INSERT OR IGNORE INTO binding VALUES (?, ?, ?, ?)", row)

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """Who gets what is sent to an exchange, whichever process has said so."""
        select = "SELECT routing_key, pattern, queue FROM binding WHERE exchange = ?"
        return _database().execute(select, (exchange,)).fetchall()

    def _put_fanout(self, exchange: str, message: dict[str, Any], *_: Any, **__: Any) -> None:
        for _, _, queue in self.get_table(exchange):
            self._put(queue, message)


class Transport(virtual.Transport):
    """What `desktop://` means."""

    Channel = Channel
    driver_type = driver_name = "desktop"
    polling_interval = POLL_SECONDS
    connection_errors = (*virtual.Transport.connection_errors, sqlite3.OperationalError)
    implements = virtual.Transport.implements.extend(
        exchange_type=frozenset(["direct", "topic", "fanout"])
    )

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Not for as long as Celery wants, which looks for the end only in between."""
        super().drain_events(connection, timeout and min(timeout, POLL_SECONDS))

    def driver_version(self) -> str:
        """For Celery's banner."""
        return sqlite3.sqlite_version
