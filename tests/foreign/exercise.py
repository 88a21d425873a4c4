"""Public applications at work: what a person does there starts a task, or speaks by a websocket.

    python -m tests.foreign.exercise [--only NAME,…] [--folder DIR]

Runs from the checkout's root with the development environment, on POSIX. Each application is
obtained and adapted, unless `--folder` holds it from a run before. While its workers are halted a
page must answer and the result must not come: then it is the worker that brings it. A second task
waits for halted workers when the backend gets SIGKILL; the next start must run it, once, and know
the result of the first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from checks import database
from checks.backend import HOST, Answer, Backend
from checks.pages import CSRF_FIELD, Form, Visitor, new_text
from checks.target import open_target
from checks.websocket import WebSocket

from .person import PASSWORD
from .projects import PROJECTS
from .table import Journey

RESULT_SECONDS = 90  # a machine at work; some look for tasks every ten seconds
QUIET_SECONDS = 3.0
ENDED_SECONDS = 20.0


@dataclass(frozen=True)
class Task:
    """`start` does what a person does, with a text that nobody used before, and returns what
    `results` counts the results by."""

    start: Callable[[Person, str], str]
    results: Callable[[Person, str], int]


@dataclass(frozen=True)
class Talk:
    """`place` is the path of a websocket for somebody who may open it; `act` has it say a text."""

    place: Callable[[Person], str]
    act: Callable[[WebSocket, Person, str], None]


def main() -> int:
    """Exercise one application after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAMES", help="comma-separated names")
    parser.add_argument("--folder", type=Path, help="keep the adapted applications here")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [*{*TASKS, *TALKS}]
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
    if not (journey.target / "desktop-app").is_dir():
        journey.obtain()
        journey.adapt()
    app = App(journey.target)
    with tempfile.TemporaryDirectory() as data, web() as site:
        app.data, app.site = Path(data) / "data", site
        try:
            return "; ".join(app.run(TASKS.get(name), TALKS.get(name)))
        except AssertionError as error:
            return f"FAIL: {error}"


class App:
    """An adapted application, on data of its own."""

    data: Path

    def __init__(self, root: Path) -> None:
        self.target = open_target(root)

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


class Person(Visitor):
    """Somebody in the window, and a site elsewhere that they know."""

    def __init__(self, backend: Backend, site: str) -> None:
        super().__init__(backend)
        self.site = site

    def send(
        self,
        page: str,
        action: str,
        values: dict[str, str],
        file: tuple[str, str, str] | None = None,
    ) -> Answer:
        """Send the form of `page` that has most of these fields, with a file as the field, its name
        and what is in it; where none has any, what a script of the page would send."""
        names = {*values, *([file[0]] if file else ())}
        script = Form("", "post", "")
        found = max(
            (script, *self.page(page).forms),
            key=lambda form: len(names & {each.get("name") for each in form.fields}),
        )
        hidden = {each["name"]: each.get("value", "") for each in found.fields
                  if each["kind"] == "hidden" and "name" in each}  # fmt: skip
        origin, token = self.backend.origin, {CSRF_FIELD: self.cookies.get("csrftoken", "")}
        files = {file[0]: (file[1], file[2].encode())} if file else {}
        form = Sent(origin + page, "post", origin + action, files=files)
        answer = self.post(form, {**token, **hidden, **values})
        assert answer.status < 400, f"{action} answered {answer.status}: {answer.text[:200]}"
        return answer

    def rows(self, query: str, *values: str) -> int:
        """What a query of the app's database counts."""
        with database.opened(database.main_file(self.backend.app_data)) as connection:
            return connection.execute(query, values).fetchone()[0]


@dataclass
class Sent(Form):
    """A form whose values and files are given."""

    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def uploads(self) -> dict[str, tuple[str, bytes]]:
        return self.files


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


# -- what a person does in each of them -----------------------------------------------------------


def linkding_refresh(person: Person, text: str) -> str:
    """A bookmark of a page, whose title the app loads anew."""
    url = f"{person.site}/{text}"
    person.send(
        "/bookmarks/new", "/bookmarks/new", {"url": url, "title": "not yet", "tag_string": ""}
    )
    number = person.rows("SELECT max(id) FROM bookmarks_bookmark")
    chosen = {"bulk_execute": "", "bulk_action": "bulk_refresh", "bookmark_id": str(number)}
    person.send("/bookmarks", "/bookmarks/action", chosen)
    return text


def yamtrack_import(person: Person, text: str) -> str:
    """A list of one film."""
    number = int(time.monotonic() * 1000)
    film = {
        **dict.fromkeys(("season_number", "episode_number", "start_date", "end_date"), ""),
        "media_id": number, "source": "manual", "media_type": "movie", "title": text,
        "image": "https://www.example.org/film.png", "score": 7, "progress": 1,
        "status": "Completed", "repeats": 0, "notes": "",
    }  # fmt: skip
    lines = (",".join(map(str, each)) for each in (film, film.values()))
    person.send("/profile", "/import/yamtrack", {}, ("yamtrack_csv", "films.csv", "\n".join(lines)))
    return text


def rq_contact(person: Person, text: str) -> str:
    """A message; the page that thanks for it asks how its job is doing."""
    message = {"name": text, "email": "me@example.org", "subject": text, "message": text}
    return re.search(r"/taskstatus/[\w-]+", person.send("/", "/", message).text)[0]


def appointment_staff(person: Person, text: str) -> str:
    """A colleague, who gets a mail."""
    page = "/en/app-admin/create-new-staff-member/"
    colleague = {"first_name": text, "last_name": text, "email": f"{text}@example.org"}
    person.send(page, page, colleague)
    return text


def appointment_mails(person: Person, text: str) -> int:
    """Mails lie in files, several in one."""
    folder = person.backend.app_data / "outbox"
    return sum(each.read_text().count(f"To: {text}@") for each in folder.glob("*"))


def paperless_upload(person: Person, text: str) -> str:
    """A document, which is read and filed."""
    upload = "/api/documents/post_document/"
    person.send("/", upload, {"title": text}, ("document", f"{text}.txt", text))
    return text


def mini_chat(person: Person) -> str:
    """A group of one, and its room."""
    account = {"username": "owner", "email": "me@example.org", "password": PASSWORD}
    if not person.rows("SELECT count(*) FROM auth_user"):
        person.send("/register/", "/register/", account)
    person.send("/login/", "/login/", account)
    person.send("/create-group/", "/create-group/", {"name": "group"})
    return f"/ws{person.place}"


def say_message(socket: WebSocket, _: Person, text: str) -> None:
    """As most rooms want it."""
    socket.say(json.dumps({"message": text}))


TASKS = {
    "linkding": Task(
        linkding_refresh,
        lambda person, text: person.rows(
            "SELECT count(*) FROM bookmarks_bookmark WHERE title = ?", f"Page {text}"
        ),
    ),
    "yamtrack": Task(
        yamtrack_import,
        lambda person, text: person.rows(
            "SELECT count(*) FROM app_movie JOIN app_item ON item_id = app_item.id WHERE title = ?",
            text,
        ),
    ),
    "rq-contact-form": Task(
        rq_contact, lambda person, path: person.get(path).json()["status"] == "finished"
    ),
    "appointment": Task(appointment_staff, appointment_mails),
    "paperless": Task(
        paperless_upload,
        lambda person, text: person.get(f"/api/documents/?title__icontains={text}").json()["count"],
    ),
}
TALKS = {
    "mini-chat": Talk(mini_chat, say_message),
    "paperless": Talk(
        lambda _: "/ws/status/", lambda _, person, text: paperless_upload(person, text)
    ),
}


if __name__ == "__main__":
    sys.exit(main())
