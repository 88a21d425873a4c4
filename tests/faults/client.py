"""The client: it saves numbered rows over HTTP and keeps the acknowledged numbers itself."""

from __future__ import annotations

import http.client
import json
import os
import threading
from pathlib import Path

HEADER = "X-Desktop-Django-Token"


class Acknowledged:
    """Numbers that were answered with success, in a file that is synced after each."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.last = 0

    def add(self, number: int) -> None:
        """Note one; it is on the disk afterwards."""
        with self.file.open("a") as stream:
            stream.write(f"{number}\n")
            stream.flush()
            os.fsync(stream.fileno())

    def next(self) -> int:
        """A number that was never asked for, acknowledged or not."""
        self.last += 1
        return self.last

    def numbers(self) -> set[int]:
        """All there are."""
        return numbers_in(self.file)


def numbers_in(file: Path) -> set[int]:
    """The whole lines of a file of numbers; a torn last line is nobody's promise."""
    try:
        lines = file.read_text().splitlines(keepends=True)
    except OSError:
        return set()
    return {int(line) for line in lines if line.endswith("\n")}


class Client(threading.Thread):
    """Saves one row after the other until `stop`, or until nobody answers any more."""

    def __init__(self, port: str, token: str, kept: Acknowledged, patient: bool = False) -> None:
        """A `patient` one goes on after an answer that is no success."""
        super().__init__(daemon=True)
        self.port, self.headers, self.kept, self.patient = port, {HEADER: token}, kept, patient
        self.refused = 0
        self._stopping = threading.Event()
        self._saved = threading.Condition()
        self._count = 0
        self._over = False

    def run(self) -> None:
        try:
            self._save()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            with self._saved:
                self._over = True
                self._saved.notify_all()

    def _save(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=60)
        while not self._stopping.is_set():
            number = self.kept.next()
            connection.request("POST", f"/rows/?number={number}", headers=self.headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                self.kept.add(number)
                with self._saved:
                    self._count += 1
                    self._saved.notify_all()
            else:
                self.refused += 1
                if not self.patient:
                    return
        connection.close()

    def saved(self, count: int, seconds: float = 60) -> None:
        """Wait until that many rows are kept (or until it is over)."""
        with self._saved:
            self._saved.wait_for(lambda: self._count >= count or self._over, seconds)

    def stop(self) -> None:
        """Finish the row in flight and end."""
        self._stopping.set()
        self.join(90)


def served_rows(port: str, token: str) -> set[int]:
    """What the running app has. Raises OSError or ValueError if it does not say."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    try:
        connection.request("GET", "/rows/", headers={HEADER: token})
        return set(json.loads(connection.getresponse().read())["rows"])
    finally:
        connection.close()
