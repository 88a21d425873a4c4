"""The target's pages over plain HTTP: links, static files, and a form that saves a record."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from checks.backend import HOST, Answer, Backend, TargetFailedError

LINKS = 10
FORMS = 6
POSTED = 12
CSRF_FIELD = "csrfmiddlewaretoken"
# Pages whose very visit may end the session.
AVOIDED = re.compile(r"log-?out|sign-?out", re.IGNORECASE)
TEXTUAL = {"text", "", "search", "tel"}


@dataclass
class Form:
    """A form as a browser would send it."""

    page: str
    method: str
    action: str
    fields: list[dict[str, str]] = field(default_factory=list)

    @property
    def guarded(self) -> bool:
        """Whether the target itself wants a CSRF token with it."""
        return any(f.get("name") == CSRF_FIELD for f in self.fields)

    @property
    def is_safe(self) -> bool:
        """Whether it goes to the target, and neither ends a session nor locks anybody out."""
        here = urlsplit(self.action).netloc == urlsplit(self.page).netloc
        secret = any(f["kind"] == "password" for f in self.fields)
        return here and self.method == "post" and not secret and not AVOIDED.search(self.action)

    @property
    def uploads(self) -> dict[str, tuple[str, bytes]]:
        """A small file for each field that takes one."""
        names = (f.get("name") for f in self.fields if f["kind"] == "file")
        return {name: ("ddk-checks.txt", b"an upload of the checks") for name in names if name}

    @property
    def saves(self) -> bool:
        """Whether it looks like one that saves what a person writes."""
        kinds = {f["kind"] for f in self.fields}
        return (
            self.method == "post"
            and bool(kinds & (TEXTUAL | {"textarea"}))
            and not kinds & {"password", "file"}
            and urlsplit(self.action).netloc == urlsplit(self.page).netloc
        )

    def filled(self, text: str) -> dict[str, str]:
        """Values for every field, `text` wherever one can write."""
        values = {}
        for f in self.fields:
            name, kind = f.get("name"), f["kind"]
            if name and kind not in ("submit", "button", "reset", "image", "file"):
                value = _value(f, kind, text)
                if value is not None and name not in values:
                    values[name] = value
        return values


class Page(HTMLParser):
    """Links, static files and forms of one document."""

    def __init__(self, url: str, markup: str) -> None:
        super().__init__()
        self.url = url
        self.links: list[str] = []
        self.assets: list[str] = []
        self.forms: list[Form] = []
        self.refreshes: list[str] = []
        self._form: Form | None = None
        self._select: dict[str, str] | None = None
        self.feed(markup)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what the tag refers to."""
        a = {name: value or "" for name, value in attributes}
        match tag:
            case "a" if a.get("href"):
                self.links.append(urljoin(self.url, a["href"]))
            case "script" | "img" if a.get("src"):
                self.assets.append(urljoin(self.url, a["src"]))
            case "link" if a.get("href") and "stylesheet" in a.get("rel", ""):
                self.assets.append(urljoin(self.url, a["href"]))
            case "meta" if a.get("http-equiv", "").lower() == "refresh":
                self.refreshes.append(a.get("content", ""))
            case "form":
                action = urljoin(self.url, a.get("action") or self.url)
                self._form = Form(self.url, a.get("method", "get").lower(), action)
                self.forms.append(self._form)
            case "input" | "textarea" if self._form is not None:
                kind = "textarea" if tag == "textarea" else a.get("type", "").lower()
                self._form.fields.append({**a, "kind": kind})
            case "select" if self._form is not None:
                self._select = {**a, "kind": "select", "value": ""}
                self._form.fields.append(self._select)
            case "option" if self._select is not None:
                if not self._select["value"] or "selected" in a:
                    self._select["value"] = a.get("value", "") or self._select["value"]

    def handle_endtag(self, tag: str) -> None:
        """Leave a form or list of choices."""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None


@dataclass
class Round:
    """What was asked for behind the first pages."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)
    """Requests that were answered with 500 or more."""

    def note(self, name: str, ask: Callable[[], Answer]) -> Answer | None:
        """Ask, and note the answer; None where there is none, which is not our matter."""
        with contextlib.suppress(TargetFailedError):
            answer = ask()
            self.asked += 1
            if answer.status >= 500:
                self.failed.append(f"{name} {answer.status}")
            return answer
        return None


class Visitor:
    """A person with a cookie jar, seen from the server."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.cookies: dict[str, str] = {}
        self.dropped: dict[str, str] = {}
        """Names of cookies that a browser would not have, and why."""
        self._paths: dict[str, str] = {}
        self.place = ""
        """Path of the document that was reached last, after any redirects."""

    def get(self, path: str) -> Answer:
        """GET, following up to ten redirects on the same server."""
        return self._follow(self.backend.get(path, cookies=self.sent(path)), path)

    def post(self, form: Form, values: dict[str, str]) -> Answer:
        """Send a form as a browser would."""
        answer = self.backend.request(
            "POST",
            _local(form.action),
            data=values,
            files=form.uploads or None,
            cookies=self.sent(_local(form.action)),
            headers={"Origin": self.backend.origin, "Referer": form.page},
        )
        return self._follow(answer, _local(form.action))

    def go_on(self) -> Round:
        """What a person does next: pages two clicks away, the forms of all pages, with a file
        where one is asked for, and the first page again."""
        done = Round()
        home = self.backend.target.home
        came = self.get(home).status < 500
        seen = visited(self)
        for path in behind(self.backend, seen):
            answer = done.note(f"GET {path}", partial(self.get, path))
            if answer and "html" in answer.headers.get("content-type", ""):
                seen.append(Page(self.backend.origin + self.place, answer.text))
        found = {form.action: form for page in seen for form in page.forms if form.is_safe}
        for form in [*found.values()][:POSTED]:
            values = form.filled(new_text())
            done.note(f"POST {_local(form.action)}", partial(self.post, form, values))
        if came:
            done.note(f"GET {home} again", partial(self.get, home))
        return done

    def page(self, path: str) -> Page:
        """The document at `path`."""
        text = self.get(path).text
        return Page(self.backend.origin + self.place, text)

    def _follow(self, answer: Answer, path: str) -> Answer:
        for _ in range(10):
            self._remember(answer)
            self.place = path
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            url = urljoin(self.backend.origin + path, location)
            if not url.startswith(self.backend.origin + "/"):
                return answer
            path = _local(url)
            answer = self.backend.get(path, cookies=self.sent(path))
        raise TargetFailedError(f"GET {path} goes round in redirects")

    def _remember(self, answer: Answer) -> None:
        for line in answer.headers.get_list("set-cookie"):
            (name, value), *attributes = (
                (part.partition("=")[0].strip(), part.partition("=")[2]) for part in line.split(";")
            )
            says = {key.lower(): value.strip() for key, value in attributes}
            if reason := _why_dropped(name, says):
                self.dropped[name] = reason
            else:
                self.cookies[name], self._paths[name] = value, says.get("path") or "/"

    def sent(self, path: str) -> dict[str, str]:
        """The cookies that a browser takes along to `path` (RFC 6265, 5.1.4)."""
        return {
            name: value
            for name, value in self.cookies.items()
            if f"{path.partition('?')[0]}/".startswith(f"{self._paths[name].rstrip('/')}/")
        }


def _why_dropped(name: str, says: dict[str, str]) -> str:
    """Why a browser keeps no such cookie of http://127.0.0.1; empty where one does."""
    if name.startswith(("__Secure-", "__Host-")):
        return "its name asks for https"
    if says.get("samesite", "").lower() == "none" and "secure" not in says:
        return "SameSite=None without Secure"
    if says.get("domain", HOST).lstrip(".") not in (HOST, "localhost"):
        return f"it is for {says['domain']}"
    return ""


def bootstrap_cookies(backend: Backend) -> dict[str, str]:
    """The cookies of the bootstrap address; empty where it sets none."""
    visitor = Visitor(backend)
    with contextlib.suppress(TargetFailedError):
        visitor.get(f"{backend.target.bootstrap_path}?token={backend.token}&next=/")
    return visitor.cookies


def linked(backend: Backend, page: Page) -> list[str]:
    """Paths on this server that the page links to, in order, without duplicates."""
    paths = []
    for url in page.links:
        if url.startswith(backend.origin + "/") and not AVOIDED.search(url):
            path = _local(url)
            if path not in paths and path != _local(page.url):
                paths.append(path)
    return paths[:LINKS]


def visited(visitor: Visitor, named: str | None = None) -> list[Page]:
    """The landing page, the pages it links to, and the one that is named."""
    home = visitor.page(visitor.backend.target.home)
    paths = [*([named] if named else []), *linked(visitor.backend, home)]
    return [home, *_opened(visitor, paths)]


def _opened(visitor: Visitor, paths: Iterable[str]) -> Iterator[Page]:
    """The documents among them."""
    for path in paths:
        answer = visitor.get(path)
        if "html" in answer.headers.get("content-type", ""):
            yield Page(visitor.backend.origin + visitor.place, answer.text)


def behind(backend: Backend, seen: Sequence[Page]) -> list[str]:
    """Paths two clicks away: the first of the pages does not link to them, the others do."""
    known = {backend.target.home, *linked(backend, seen[0])}
    paths = (path for page in seen[1:] for path in linked(backend, page))
    return [*dict.fromkeys(path for path in paths if path not in known)][:LINKS]


def forms(visitor: Visitor, named: str | None = None) -> Iterator[Form]:
    """Forms that save what a person writes: of the visited pages, then of those behind them."""
    seen = visited(visitor, named)
    yield from (first := _saving(seen, named))
    tried = {form.action for form in first}
    further = _saving(_opened(visitor, behind(visitor.backend, seen)), named)
    yield from (form for form in further if form.action not in tried)


def _saving(seen: Iterable[Page], named: str | None) -> list[Form]:
    """One for each action."""
    found = {form.action: form for page in seen for form in page.forms if form.saves}
    # The page that is named, and those that exist to add something, come first.
    return sorted(
        found.values(),
        key=lambda f: (_local(f.page) != named, not re.search(r"new|add|create", f.action)),
    )[:FORMS]


def new_text() -> str:
    """A word that is nowhere else, and a valid slug."""
    return f"ddk{secrets.token_hex(4)}"


def _value(f: dict[str, str], kind: str, text: str) -> str | None:
    if kind == "hidden" or f.get("name") == CSRF_FIELD:
        return f.get("value", "")
    match kind:
        case "checkbox":
            return f.get("value", "on") if "required" in f else None
        case "select" if "multiple" in f and "required" not in f:
            return None  # nothing needs choosing; a script may show other boxes instead
        case "radio" | "select":
            return f.get("value", "")
        case "email":
            return f"{text}@example.org"
        case "url":
            return f"https://example.org/{text}"
        case "number" | "range":
            return f.get("value") or f.get("min") or "1"
        case "date":
            return f.get("value") or date.today().isoformat()
        case "datetime-local":
            return f.get("value") or f"{date.today().isoformat()}T12:00"
        case "time":
            return f.get("value") or "12:00"
        case "color":
            return f.get("value") or "#123456"
    return text[: int(f["maxlength"])] if f.get("maxlength", "").isdigit() else text


def _local(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
