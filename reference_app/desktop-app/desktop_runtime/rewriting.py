"""Answers whose addresses are changed on their way to a page: a layer around the project."""

from __future__ import annotations

import abc
import mimetypes
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any

from django.conf import settings

from .guard import Application, Environ, Headers, StartResponse

PAGES = {"text/html", "application/xhtml+xml"}
TEXTS = {*PAGES, "text/css", "text/javascript", "application/javascript"}
# What a browser says it wants a text for (https://www.w3.org/TR/fetch-metadata/).
DESTINATIONS = {"document", "frame", "iframe", "script", "style", "worker"}
POLICIES = ("content-security-policy", "content-security-policy-report-only")
# A page that is made piece by piece waits for the end of an element, but not for ever.
LONGEST_ELEMENT = 1 << 20

IN_TAG = rb"(?:\"[^\"]*\"|'[^']*'|[^>\"'])*"
# Pieces of an `element`: what stays as it is, and the elements whose text counts as well.
UNTOUCHED = rb"!--.*?-->|textarea\b.*?</textarea"
WITH_TEXT = rb"(?P<tag>(?P<name>script|style)\b" + IN_TAG + rb">)(?P<text>.*?)(?P<end></(?P=name))"
DATA = re.compile(rb"type\s*=\s*[\"']?[\w/+.-]*json\b", re.I)


class Rewriting(abc.ABC):
    """A layer that changes what pages, styles and scripts of the project name.

    Left alone: text, what a person edits, data, downloads and uploads; somebody may save them.
    """

    element: re.Pattern[bytes]  # what of a page may name an address
    unfinished: re.Pattern[bytes]  # the beginning of one at the end of a piece

    def __init__(self, application: Application, hosts: Iterable[str], version: bytes) -> None:
        self.application = application
        self.hosts = {*hosts}
        self.marks = [host.encode() for host in self.hosts]
        # Of the same answer with other addresses in it a browser must not say that it has it.
        self.mark = f'-{sha256(version).hexdigest()[:8]}"'

    @abc.abstractmethod
    def in_text(self, text: bytes) -> bytes:
        """A style or a script, or a whole tag, with other addresses."""

    @abc.abstractmethod
    def in_element(self, match: re.Match[bytes]) -> bytes:
        """The same of an element of a page."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self.ask(environ):
            return self.application(environ, start_response)
        given: list[Any] = []
        answer = self.application(environ, lambda *start: given.extend(start))
        status, headers, *rest = given
        headers, change = self.respond(environ, status, headers)
        if not isinstance(change, Whole):
            start_response(status, headers, *rest)
            return _Stream(change, answer) if change else answer
        whole = b"".join(answer)
        _close(answer)
        headers, text = change.finish(headers, whole)
        start_response(status, headers, *rest)
        return [text]

    def ask(self, environ: Environ) -> bool:
        """Ask the project for what can be changed; whether the answer may be."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if settings.MEDIA_URL != "/" and path.startswith(settings.MEDIA_URL):
            return False
        self._ask_for_whole(environ, path)
        return True

    def respond(
        self, environ: Environ, status: str, headers: Headers
    ) -> tuple[Headers, Whole | Pieces | None]:
        """The headers of an answer that was asked for, and what becomes of its body."""
        kind = self._kind(status, headers)
        if not kind:
            return headers, None
        names = {name.lower() for name, _ in headers}
        headers = [self.header(name, value) for name, value in headers]
        if environ["REQUEST_METHOD"] == "HEAD":
            return _without(headers, "content-length"), None
        if kind in PAGES and "content-length" not in names:
            return headers, Pieces(self)
        return headers, Whole(self.page if kind in PAGES else self.text)

    def page(self, text: bytes) -> bytes:
        """A page, or whole elements of one, with other addresses."""
        return self.element.sub(self.in_element, text) if self._may_name(text) else text

    def text(self, text: bytes) -> bytes:
        """A style or a script with other addresses."""
        return self.in_text(text) if self._may_name(text) else text

    def content(self, match: re.Match[bytes], tag: bytes) -> bytes:
        """What follows the tag of a script or a style in its element, to its end."""
        text = match["text"] or b""
        return (text if DATA.search(tag) else self.text(text)) + (match["end"] or b"")

    def header(self, name: str, value: str) -> tuple[str, str]:
        """A header of an answer that is changed."""
        match name.lower():
            case "etag" if value.endswith('"'):
                return name, value[:-1] + self.mark
            case policy if policy in POLICIES:
                return name, ",".join(map(self.policy, value.split(",")))
        return name, value

    def _may_name(self, text: bytes) -> bool:
        return any(mark in text for mark in self.marks)

    def _ask_for_whole(self, environ: Environ, path: str) -> None:
        """Only whole and plain texts can be changed; on one machine compressing only costs."""
        environ["HTTP_ACCEPT_ENCODING"] = "identity"
        is_text = (
            environ.get("HTTP_SEC_FETCH_DEST") in DESTINATIONS
            or mimetypes.guess_type(path)[0] in TEXTS
        )
        known = environ.get("HTTP_IF_NONE_MATCH", "")
        if self.mark in known:
            environ["HTTP_IF_NONE_MATCH"] = known.replace(self.mark, '"')
        elif is_text:
            for name in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"):
                environ.pop(name, None)
        if is_text:
            environ.pop("HTTP_RANGE", None)

    def _kind(self, status: str, headers: Headers) -> str:
        """The type of an answer that may name addresses, "" for what passes as it is."""
        values = {name.lower(): value for name, value in headers}
        kind = values.get("content-type", "").partition(";")[0].strip().lower()
        is_whole = not status.startswith(("204", "206", "304"))
        is_shown = not values.get("content-disposition", "").lower().startswith("attachment")
        is_plain = values.get("content-encoding", "identity").lower() == "identity"
        return kind if kind in TEXTS and is_whole and is_shown and is_plain else ""

    def policy(self, policy: str) -> str:
        """The project's own policy, which allows the app what it allowed the hosts."""
        directives = []
        for directive in policy.split(";"):
            words = directive.split()
            if "'self'" not in words and any(map(self._allows, words[1:])):
                directive = f"{directive.rstrip()} 'self'"
            directives.append(directive)
        return ";".join(directives)

    def _allows(self, source: str) -> bool:
        """Whether a source of a policy stands for one of the hosts."""
        if source in ("*", "https:", "http:"):
            return True
        host = re.sub(r"^https?://", "", source).partition("/")[0]
        if host.startswith("*."):
            return any(each.endswith(host[1:]) for each in self.hosts)
        return host in self.hosts


class Whole:
    """A body that is changed when all of it is there."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self.change = change

    def finish(self, headers: Headers, whole: bytes) -> tuple[Headers, bytes]:
        """The changed body, and the headers that go with it."""
        text = self.change(whole)
        if text != whole:
            # A name with the hash of the original must not be kept for ever.
            headers = [*_without(headers, "cache-control"), ("Cache-Control", "no-cache")]
        return [*_without(headers, "content-length"), ("Content-Length", str(len(text)))], text


class Pieces:
    """A page that is made piece by piece: passed on as soon as an element is whole."""

    def __init__(self, layer: Rewriting) -> None:
        self.layer, self.held = layer, b""

    def take(self, piece: bytes, is_last: bool = False) -> bytes:
        """What of the page can be passed on, now that one more piece is there."""
        held = self.held + piece
        end = len(held) if is_last else self._end(held)
        self.held = held[end:]
        return self.layer.page(held[:end])

    def _end(self, held: bytes) -> int:
        """How far the elements are whole."""
        start = 0
        for match in self.layer.element.finditer(held):
            start = match.end()
        unfinished = self.layer.unfinished.search(held, start)
        if not unfinished or len(held) - unfinished.start() > LONGEST_ELEMENT:
            return len(held)
        return unfinished.start()


class _Stream:
    def __init__(self, pieces: Pieces, answer: Iterable[bytes]) -> None:
        self.pieces, self.answer = pieces, answer

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.answer:
            if ready := self.pieces.take(piece):
                yield ready
        if rest := self.pieces.take(b"", is_last=True):
            yield rest

    def close(self) -> None:
        """Let the project close what it opened for the answer."""
        _close(self.answer)


def bare(address: str) -> str:
    """An address without its scheme."""
    return address.partition("//")[2]


def _without(headers: Headers, left_out: str) -> Headers:
    return [(name, value) for name, value in headers if name.lower() != left_out]


def _close(answer: Iterable[bytes]) -> None:
    if hasattr(answer, "close"):
        answer.close()
