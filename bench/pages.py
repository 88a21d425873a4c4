"""How fast pages come: of the app, of `runserver`, and of the two servers without anything of ours.

    python bench/pages.py [--rounds N] [--json FILE]

The list page of the reference app, from four servers on the same settings and data that run side
by side and are asked in turn: over kept connections and with a new one for each page, by one client
and by eight. Two figures for each: milliseconds until a client has its page, and milliseconds of
processor that the server spends on it, which other work on the machine disturbs less. Both as
ratios to `runserver` in the same round.

`runserver` sends head and body apart; on a kept connection the second waits for the delayed
acknowledgement of the first (40 ms on Linux).
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

# Run as a file, the checkout is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.launching import HANG_SECONDS, NotReadyError, Place, Running, backend, launched
from bench.showing import show

PROJECT = Path(__file__).resolve().parent.parent / "reference_app"
APP, RUNSERVER = "app", "runserver"
PAGES = 24  # of each client in a round
WARM_UP_ROUNDS = 2
CLIENTS = (1, 8)

WAITRESS = """
from django.core.wsgi import get_wsgi_application
from waitress import serve
serve(get_wsgi_application(), host="127.0.0.1", port={port})
"""
UVICORN = """
import uvicorn
from django.core.asgi import get_asgi_application
uvicorn.run(get_asgi_application(), host="127.0.0.1", port={port}, http="h11", loop="asyncio",
            log_level="warning", access_log=False, lifespan="off")
"""
COMMANDS = {
    RUNSERVER: ["runserver", "--noreload", "{port}"],
    "waitress alone": ["shell", "-c", WAITRESS],
    "uvicorn alone": ["shell", "-c", UVICORN],
}


@contextmanager
def command(place: Place, words: list[str]) -> Iterator[Running]:
    """A management command that serves, under the app's settings, once it accepts."""

    def ready(running: Running) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", running.port)):
                return
            time.sleep(0.02)
        raise NotReadyError(f"{words[0]} does not answer")

    launch = str(PROJECT / "desktop-app" / "launch.py")
    with launched(place, [launch, "manage", *words], ready, place.environment) as running:
        try:
            yield running
        finally:
            running.process.terminate()


class Client:
    """Asks for one page again and again, with little of its own between two of them."""

    def __init__(self, running: Running, keep: bool) -> None:
        self.port, self.keep = running.port, keep
        self.connection: socket.socket | None = None
        self.request = (
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n"
            f"X-Desktop-Django-Token: {running.token}\r\n\r\n"
        ).encode()

    def pages(self, count: int) -> None:
        """Fetch so many. Raises `NotReadyError` if one is not answered with 200."""
        for _ in range(count):
            connection = self.connection or socket.create_connection(("127.0.0.1", self.port))
            connection.sendall(self.request)
            self._read(connection)
            if self.keep:
                self.connection = connection
            else:
                connection.close()
        if self.connection:
            self.connection.close()
            self.connection = None

    def _read(self, connection: socket.socket) -> None:
        data = b""
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            if end and len(body) >= _length(head):
                return
            part = connection.recv(1 << 16)
            if not part:
                raise NotReadyError(f"cut off after {data[:60]!r}")
            data += part


def _length(head: bytes) -> int:
    status, *lines = head.split(b"\r\n")
    if status.split()[1] != b"200":
        raise NotReadyError(f"the list page does not answer 200: {status!r}")
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise NotReadyError("the list page does not say how long it is")


def ask(running: Running, keep: bool, clients: int) -> tuple[float, float]:
    """Milliseconds until a client has a page, and of the server's processor for it."""
    spent, started = running.processor_seconds(), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(Client(running, keep).pages, PAGES) for _ in range(clients)]:
            done.result()
    seconds = time.perf_counter() - started
    processor = running.processor_seconds() - spent
    return seconds / PAGES * 1000, processor / PAGES / clients * 1000


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds by what was measured and server."""
    figures: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as servers:
        place = Place(PROJECT, Path(sys.executable), Path(scratch, "data"), Path(scratch, "code"))
        begin: dict[str, Callable[[], AbstractContextManager[Running]]] = {
            APP: lambda: backend(place)
        }
        for name, words in COMMANDS.items():
            begin[name] = lambda words=words: command(place, words)
        running = {name: servers.enter_context(each()) for name, each in begin.items()}
        for number in range(-WARM_UP_ROUNDS, rounds):
            for keep in (True, False):
                for clients in CLIENTS:
                    how = "kept" if keep else "new"
                    title = f"{how} connections, {clients} client{'s' * (clients > 1)}"
                    for name, each in running.items():
                        answer, processor = ask(each, keep, clients)
                        if number >= 0:
                            for kind, value in (("answer", answer), ("processor", processor)):
                                found = figures.setdefault(f"{title}: {kind}", {})
                                found.setdefault(name, []).append(value)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    figures = measure(options.rounds)
    for title, found in figures.items():
        print(f"\n{title}")
        show(found, RUNSERVER, "ms", None)
    if options.json:
        import json

        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
