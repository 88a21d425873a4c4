"""What a person does in public applications to start a task, or to be heard by a websocket."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from checks import database
from checks.backend import Answer, Backend
from checks.pages import CSRF_FIELD, Form, Visitor
from checks.websocket import WebSocket

from .person import PASSWORD


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
        """Send the form of `page` that has most of these fields, with a file as the field,
        its name and what is in it; where none has any, what a script of the page would send."""
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
