"""A person who opens pages of a started project: through the token, with cookies."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from skill_scripts.backend import TOKEN_HEADER

ANSWER_SECONDS = 30
MOST_REDIRECTS = 8
LARGEST_PAGE = 4_000_000  # bytes
REDIRECTS = (301, 302, 303, 307, 308)
OWN_PAGES = "/desktop-auth/"  # of the runtime: they ask for the first account
OWN_PATHS = (OWN_PAGES, "/desktop-offline/")  # that the project's own server does not know
# Pages whose very visit may end the session or change something.
AVOIDED = re.compile(r"log-?out|sign-?out|delete|remove", re.IGNORECASE)
ANYTHING = {"email": "me@example.org", "number": "1", "date": "2001-02-03", "tel": "+12025550100",
            "url": "https://example.org/"}  # fmt: skip


@dataclass
class Form:
    """A form and the values it would send as it stands."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    asks_password: bool = False


class Document(HTMLParser):
    """What a page leads to, loads and asks."""

    def __init__(self, address: str, markup: str) -> None:
        super().__init__()
        self.address = address
        self.links: list[str] = []
        self.parts: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
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
                self._form = Form(urljoin(self.address, a.get("action") or self.address))
                self.forms.append(self._form)
            case "input" | "textarea" if self._form and a.get("name"):
                kind = a.get("type", "text").lower()
                self._form.asks_password |= kind == "password"
                self._form.values[a["name"]] = a.get("value") or ANYTHING.get(kind, "me")

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._form = None


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
            alone = next((form for form in document.forms if not form.asks_password), None)
            if alone:
                self._follow("POST", local(alone.action), alone.values)
                return self._follow("GET", path)
        return answer

    def document(self, answer: Answer) -> Document:
        """The page's links and parts."""
        return Document(self.origin + answer.place, answer.text)

    def linked(self, document: Document) -> list[str]:
        """Paths of the same server that the page leads to, each once, in their order."""
        return linked(document.links, self.origin)

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def _follow(self, method: str, path: str, values: dict[str, str] | None = None) -> Answer:
        place = path
        try:
            for _ in range(MOST_REDIRECTS):
                headers = {"Origin": self.origin} if values else None
                with self.client.stream(method, place, data=values, headers=headers) as got:
                    location = got.headers.get("location", "")
                    if got.status_code not in REDIRECTS or not location:
                        return _answer(path, place, got)
                address = urljoin(self.origin + place, location)
                if not address.startswith(f"{self.origin}/"):
                    return Answer(path, got.status_code, address)
                place, method, values = local(address), "GET", None
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
