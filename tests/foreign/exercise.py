"""Public applications at work: what a person does there starts a task, or speaks by a websocket.

    python -m tests.foreign.exercise [--only NAME,…] [--folder DIR]

Runs from the checkout's root with the development environment, on POSIX. Each application is
obtained and adapted, unless `--folder` holds it from a run before. While its workers are halted a
page must answer and the result must not come: then it is the worker that brings it. A second task
waits for halted workers when everything is killed; the next start must run it, once, and know the
result of the first. At the end the backend alone is killed, and nothing may stay.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from checks.backend import HOST, Backend
from checks.pages import new_text
from checks.target import open_target
from checks.websocket import WebSocket

from .applications import TALKS, TASKS, Person, Talk, Task
from .projects import PROJECTS, UnobtainableError
from .table import Journey, StepError

RESULT_SECONDS = 90  # a machine at work; some look for tasks every ten seconds
QUIET_SECONDS = 3.0
ENDED_SECONDS = 20.0


def main() -> int:
    """Exercise one application after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted({*TASKS, *TALKS})
    parser.add_argument("--only", metavar="NAMES", help=f"comma-separated, of {', '.join(names)}")
    parser.add_argument("--folder", type=Path, help="keep the adapted applications here")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else names
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for project in PROJECTS:
            if project.name in wanted:
                folder = (options.folder or Path(scratch)) / project.name
                said = exercise(project.name, folder)
                failed |= "FAIL" in said
                print(f"{project.name}: {said}", flush=True)
    return int(failed)


def exercise(name: str, folder: Path) -> str:
    """What was seen, in one line."""
    journey = Journey(next(each for each in PROJECTS if each.name == name), folder, is_brief=True)
    try:
        if not (journey.target / "desktop-app").is_dir():
            journey.obtain()
            journey.adapt()
        with tempfile.TemporaryDirectory() as scratch, web() as site:
            app = App(journey.target, Path(scratch) / "data", site)
            return "; ".join(app.run(TASKS.get(name), TALKS.get(name)))
    except UnobtainableError as error:
        return f"not here: {error}"
    except (AssertionError, StepError) as error:
        return f"FAIL: {error}"


class App:
    """An adapted application, on data of its own, and a site that its person knows."""

    def __init__(self, root: Path, data: Path, site: str) -> None:
        self.target, self.data, self.site = open_target(root), data, site

    def run(self, task: Task | None, talk: Talk | None) -> Iterator[str]:
        """Before the kill, and after it."""
        first = second = heard = ""
        with Backend(self.target, self.data) as backend:
            person = self.enter(backend)
            if talk:
                heard = self.talk(person, talk)
            if task:
                wait("a worker", lambda: workers(backend))
                time.sleep(QUIET_SECONDS)  # they load the project
                with halted(backend):
                    begun = time.monotonic()
                    first = task.start(person, new_text())
                    answered = time.monotonic() - begun
                    time.sleep(QUIET_SECONDS)
                    assert not task.results(person, first), "the page itself ran its task"
                took = wait("the first result", lambda: task.results(person, first))
                yield f"page answered in {answered:.1f} s, result by the worker {took:.1f} s later"
            with halted(backend):
                if task:
                    second = task.start(person, new_text())
                backend.tree.end()
        with Backend(self.target, self.data) as backend:
            person = self.enter(backend)
            if task:
                count = task.results(person, first)
                assert count == 1, f"the result from before the kill is there {count} times"
                took = wait("the second result", lambda: task.results(person, second))
                time.sleep(QUIET_SECONDS)
                count = task.results(person, second)
                assert count == 1, f"the task that waited ran {count} times"
                yield f"first result kept, the waiting task done {took:.1f} s after the next start"
            if talk:
                yield f"websocket: {heard}; after the kill {self.talk(person, talk)}"
            backend.kill()
            left, seconds = backend.tree.gone_within(ENDED_SECONDS)
            assert not left, f"left after a kill of the backend: {left}"
            yield f"backend killed alone, nothing left after {seconds:.1f} s"

    def enter(self, backend: Backend) -> Person:
        """Whoever opens the window."""
        person = Person(backend.ready(), self.site)
        person.get(self.target.home)
        return person

    def talk(self, person: Person, talk: Talk) -> str:
        """Open the websocket as a page of the app does, and wait for an answer with the text."""
        path, text, backend = talk.place(person), new_text(), person.backend
        cookies = "; ".join(f"{name}={value}" for name, value in person.sent(path).items())
        headers = {"X-Desktop-Django-Token": backend.token, "Origin": backend.origin}
        headers |= {"Cookie": cookies}
        with WebSocket(backend.port, path, headers, RESULT_SECONDS) as socket:
            assert socket.is_open, f"the handshake of {path} was answered with {socket.status}"
            talk.act(socket, person, text)
            with contextlib.suppress(TimeoutError):
                while text not in (said := str(socket.hear())):
                    assert said.startswith("{"), f"{path} said nothing of it, then {said}"
                return "heard"
        raise AssertionError(f"{path} said nothing of it")


def workers(backend: Backend) -> list[psutil.Process]:
    """Every process of a worker: all but the server of a queue and what keeps that, for Celery may
    rename its own."""
    below = backend.tree.descendants()
    server = {each.pid for each in below if "rediskeeper" in " ".join(each.cmdline())}
    return [each for each in below if not {each.pid, each.ppid()} & server]


@contextlib.contextmanager
def halted(backend: Backend) -> Iterator[None]:
    """While no worker does anything."""
    stopped = workers(backend)
    for each in stopped:
        each.suspend()
    try:
        yield
    finally:
        for each in stopped:
            with contextlib.suppress(psutil.Error):
                each.resume()


def wait(what: str, look: Callable[[], object]) -> float:
    """Look until it is there; the seconds that took."""
    begun = time.monotonic()
    while not look():
        waited = time.monotonic() - begun
        assert waited < RESULT_SECONDS, f"{what} did not come within {RESULT_SECONDS} s"
        time.sleep(0.2)
    return time.monotonic() - begun


@contextlib.contextmanager
def web() -> Iterator[str]:
    """The address of a site on this machine whose pages are called like their paths."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<title>Page {urlsplit(self.path).path[1:]}</title>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
