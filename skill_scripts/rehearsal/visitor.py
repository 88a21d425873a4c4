"""A person who opens pages of a started project: through the token, with cookies."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from skill_scripts.backend import TOKEN_HEADER

ANSWER_SECONDS = 30
MOST_REDIRECTS = 8
LARGEST_PAGE = 4_000_000  # bytes
REDIRECTS = (301, 302, 303, 307, 308)
WORD = "deskword"  # for whatever one can write
# What the page that asks for the first account says of what the project raised.
UNACCEPTED = re.compile(r"The account could not be made: (.*?)\. Nothing was kept", re.DOTALL)
OWN_PAGES = "/desktop-auth/"  # of the runtime: they ask for the first account
OWN_PATHS = (OWN_PAGES, "/desktop-offline/")  # that the project's own server does not know
# Pages whose very visit may end the session or change something.
AVOIDED = re.compile(r"log-?out|sign-?out|delete|remove", re.IGNORECASE)
ANYTHING = {"number": "1", "range": "1", "date": "2001-02-03", "datetime-local": "2001-02-03T04:05",
            "time": "04:05", "tel": "+12025550100", "url": "https://example.org/",
            "color": "#123456"}  # fmt: skip
PASSWORD = "Quite1-long-and-odd"
SENDS_NOTHING = ("submit", "button", "reset", "image", "file")


@dataclass
class Form:
    """A form as a browser would send it."""

    page: str
    action: str
    method: str
    fields: list[dict[str, str]] = field(default_factory=list)  # attributes, and their kind

    @property
    def passwords(self) -> int:
        """How many passwords it asks for."""
        return sum(each["kind"] == "password" for each in self.fields)

    @property
    def is_safe(self) -> bool:
        """Whether it goes to the same server, and neither ends a session nor locks anybody out."""
        here = urlsplit(self.action).netloc == urlsplit(self.page).netloc
        is_plain = not self.passwords and not AVOIDED.search(self.action)
        return here and self.method == "post" and is_plain

    @property
    def files(self) -> dict[str, tuple[str, bytes]]:
        """A small file for each field that takes one."""
        names = (each.get("name") for each in self.fields if each["kind"] == "file")
        return {name: ("file.txt", b"a file") for name in names if name}

    def filled(self, word: str, *, ticked: bool = False) -> dict[str, str]:
        """A value for every field, `word` wherever one can write; `ticked`: with every box."""
        values: dict[str, str] = {}
        for each in self.fields:
            name, kind = each.get("name"), each["kind"]
            is_left = kind == "checkbox" and not ticked and "required" not in each
            if name and name not in values and kind not in SENDS_NOTHING and not is_left:
                values[name] = _value(each, word)
        return values


def _value(asked: dict[str, str], word: str) -> str:
    kind, own = asked["kind"], asked.get("value", "")
    if kind in ("hidden", "radio", "select", "checkbox"):
        return own or ("on" if kind == "checkbox" else "")
    if kind == "password":
        return PASSWORD
    if own or kind in ANYTHING:
        return own or ANYTHING[kind]
    longest = asked.get("maxlength", "")
    is_mail = kind == "email" or "mail" in asked.get("name", "")
    text = f"{word}@example.org" if is_mail else word
    return text[: int(longest)] if longest.isdigit() else text


class Document(HTMLParser):
    """What a page leads to, loads and asks."""

    def __init__(self, address: str, markup: str) -> None:
        super().__init__()
        self.address = address
        self.links: list[str] = []
        self.parts: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select: dict[str, str] | None = None
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag refers to."""
        a = {name: value or "" for name, value in attrs}
        match tag:
            case "a" if a.get("href"):
                self.links.append(urljoin(self.address, a["href"]))
            case "script" | "img" | "source" | "video" | "audio" if a.get("src"):
                self.parts.append(urljoin(self.address, a["src"]))
            case "link" if a.get("href") and {"stylesheet", "icon"} & {*a.get("rel", "").split()}:
                self.parts.append(urljoin(self.address, a["href"]))
            case "form":
                action = urljoin(self.address, a.get("action") or self.address)
                self._form = Form(self.address, action, a.get("method", "get").lower())
                self.forms.append(self._form)
            case "input" | "textarea" if self._form:
                self._form.fields.append({**a, "kind": a.get("type", "text").lower()})
            case "select" if self._form:
                self._select = {**a, "kind": "select", "value": ""}
                self._form.fields.append(self._select)
            case "option" if self._select is not None:
                if not self._select["value"] or "selected" in a:
                    self._select["value"] = a.get("value", "") or self._select["value"]

    def handle_endtag(self, tag: str) -> None:
        """Leave a form or a list of choices."""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None


@dataclass(frozen=True)
class Answer:
    """What came of opening a page."""

    path: str
    status: int  # 0: it did not come in time, or led round in a circle
    place: str  # where it led
    kind: str = ""  # of its content
    text: str = field(default="", repr=False)

    @property
    def is_page(self) -> bool:
        """Whether a person sees something."""
        return self.status < 400 and self.status > 0 and self.kind == "text/html" and self.is_filled

    @property
    def is_filled(self) -> bool:
        """Whether there is more than an empty document."""
        body = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", self.text)
        return bool(re.sub(r"<[^>]+>", " ", body).strip()) or "<script" in self.text


class Visitor:
    """Opens pages until its time is over."""

    def __init__(self, origin: str, token: str, seconds: float) -> None:
        self.origin = origin
        self.refused = ""  # why the project made no first account
        self.deadline = time.monotonic() + seconds
        self.client = httpx.Client(
            base_url=self.origin,
            headers={TOKEN_HEADER: token, "Accept": "text/html,*/*"},
            timeout=ANSWER_SECONDS,
            trust_env=False,
            verify=False,  # plain http on this computer; a list of authorities takes its time
        )

    @property
    def has_time(self) -> bool:
        """Whether another page may be opened."""
        return time.monotonic() < self.deadline

    def open(self, path: str) -> Answer:
        """The page at `path`, redirects followed; with the first account made where one is asked
        for."""
        answer = self._follow("GET", path)
        if answer.place.startswith(OWN_PAGES):
            document = self.document(answer)
            alone = next((form for form in document.forms if not form.passwords), None)
            if alone:
                said = UNACCEPTED.search(self.send(alone, alone.filled(WORD, ticked=True)).text)
                self.refused = unescape(said[1]) if said else ""
                return self._follow("GET", path)
        return answer

    def send(self, form: Form, values: dict[str, str]) -> Answer:
        """What a form is answered with, redirects followed."""
        return self._follow("POST", local(form.action), values, form)

    def document(self, answer: Answer) -> Document:
        """The page's links and parts."""
        return Document(self.origin + answer.place, answer.text)

    def linked(self, document: Document) -> list[str]:
        """Paths of the same server that the page leads to, each once, in their order."""
        return linked(document.links, self.origin)

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def _follow(
        self,
        method: str,
        path: str,
        values: dict[str, str] | None = None,
        form: Form | None = None,
    ) -> Answer:
        place = path
        try:
            for _ in range(MOST_REDIRECTS):
                headers = {"Origin": self.origin, "Referer": form.page} if form else None
                files = form.files or None if form else None
                with self.client.stream(
                    method, place, data=values, files=files, headers=headers
                ) as got:
                    location = got.headers.get("location", "")
                    if got.status_code not in REDIRECTS or not location:
                        return _answer(path, place, got)
                address = urljoin(self.origin + place, location)
                if not address.startswith(f"{self.origin}/"):
                    return Answer(path, got.status_code, address)
                place, method, values, form = local(address), "GET", None, None
        except httpx.HTTPError:
            return Answer(path, 0, place)
        return Answer(path, 0, place)


def _answer(path: str, place: str, got: httpx.Response) -> Answer:
    content = b""
    for block in got.iter_bytes():
        content += block
        if len(content) > LARGEST_PAGE:
            break
    kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(path, got.status_code, place, kind, content.decode("utf-8", "replace"))


def linked(addresses: Iterable[str], origin: str) -> list[str]:
    """Paths on `origin` that one may visit, each once, in their order."""
    found = dict.fromkeys(local(each) for each in addresses if each.startswith(f"{origin}/"))
    return [each for each in found if not AVOIDED.search(each)]


def local(address: str) -> str:
    """Path and query of an address."""
    parts = urlsplit(address)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
