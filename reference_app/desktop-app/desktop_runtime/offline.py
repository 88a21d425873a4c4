"""Styles, scripts and fonts of other hosts, served from `desktop-app/offline`.

Their exact addresses become paths of the app in what it answers: pages, styles and scripts. Such a
path is the address without its scheme, so that what a file names relative to itself is found.
Loaded only where something is kept.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from whitenoise.base import WhiteNoise

from .files import RangedFile
from .guard import Application, Environ, Headers, StartResponse

MANIFEST = "manifest.json"
PREFIX = "/desktop-offline/"
PAGES = {"text/html", "application/xhtml+xml"}
TEXTS = {*PAGES, "text/css", "text/javascript", "application/javascript"}
# What a browser says it wants a text for (https://www.w3.org/TR/fetch-metadata/).
DESTINATIONS = {"document", "frame", "iframe", "script", "style", "worker"}
POLICIES = ("content-security-policy", "content-security-policy-report-only")
# A page that is made piece by piece waits for the end of an element, but not for ever.
LONGEST_ELEMENT = 1 << 20

IN_TAG = rb"(?:\"[^\"]*\"|'[^']*'|[^>\"'])*"
# Comments and what a person edits stay; of scripts and styles the text counts as well.
# Begins with one letter, which is what makes the search fast.
ELEMENT = re.compile(
    rb"<(?:!--.*?-->|textarea\b.*?</textarea|(?P<meta>meta\b" + IN_TAG + rb">)"
    rb"|(?P<link>link\b" + IN_TAG + rb">)"
    rb"|(?P<tag>(?P<name>script|style)\b" + IN_TAG + rb">)(?P<text>.*?)(?=</(?P=name)))",
    re.I | re.S,
)
UNFINISHED = re.compile(rb"<(?:!--|textarea|link|script|style|meta)\b|<[^>]{0,10}\Z", re.I)
DATA = re.compile(rb"type\s*=\s*[\"']?[\w/+.-]*json\b", re.I)
META_POLICY = re.compile(rb"(?<=content=\")[^\"]*", re.I)


class Offline:
    """A WSGI layer around the project and its static files."""

    def __init__(self, application: Application, folder: Path) -> None:
        self.application = application
        text = (folder / MANIFEST).read_bytes()
        content = json.loads(text)
        self.files = {
            _bare(each["address"]): (str(folder / each["file"]), each["type"])
            for each in content["files"]
        }
        self.hosts = {each.partition("/")[0] for each in self.files}
        self.marks = [host.encode() for host in self.hosts]
        self.address = _pattern([*self.files, *map(_bare, content["folders"])])
        self.changed = {
            old.encode(): each["changed"].encode()
            for each in content["files"]
            if "changed" in each
            for old in each.get("integrity", ())
        }
        # Of the same answer with other addresses in it a browser must not say that it has it.
        self.mark = f'-{sha256(text).hexdigest()[:8]}"'

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if path.startswith(PREFIX):
            return self._serve(path.removeprefix(PREFIX), environ, start_response)
        if settings.MEDIA_URL != "/" and path.startswith(settings.MEDIA_URL):
            return self.application(environ, start_response)
        self._ask_for_whole(environ, path)
        given: list[Any] = []
        answer = self.application(environ, lambda *start: given.extend(start))
        status, headers, *rest = given
        kind = self._kind(status, headers)
        if not kind:
            start_response(status, headers, *rest)
            return answer
        names = {name.lower() for name, _ in headers}
        headers = [self._header(name, value) for name, value in headers]
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response(status, _without(headers, "content-length"), *rest)
            return answer
        if kind in PAGES and "content-length" not in names:
            start_response(status, headers, *rest)
            return _Stream(self, answer)
        whole = b"".join(answer)
        _close(answer)
        text = self.page(whole) if kind in PAGES else self.text(whole)
        if text != whole:
            # A name with the hash of the original must not be kept for ever.
            headers = [*_without(headers, "cache-control"), ("Cache-Control", "no-cache")]
        headers = [*_without(headers, "content-length"), ("Content-Length", str(len(text)))]
        start_response(status, headers, *rest)
        return [text]

    def page(self, text: bytes) -> bytes:
        """A page, or whole elements of one, with the app's own addresses."""
        return ELEMENT.sub(self._element, text) if self._may_name(text) else text

    def text(self, text: bytes) -> bytes:
        """A style or a script with the app's own addresses."""
        return self.address.sub(PREFIX.encode(), text) if self._may_name(text) else text

    def _may_name(self, text: bytes) -> bool:
        return any(mark in text for mark in self.marks)

    def _element(self, match: re.Match[bytes]) -> bytes:
        if match["meta"]:
            is_policy = b"content-security-policy" in match["meta"].lower()
            return META_POLICY.sub(self._meta, match[0]) if is_policy else match[0]
        tag = match["link"] or match["tag"]
        if not tag:
            return match[0]
        own = b"<" + self.text(tag)
        for old, new in self.changed.items():
            own = own.replace(old, new)
        content = match["text"] or b""
        return own + (content if DATA.search(tag) else self.text(content))

    def _meta(self, match: re.Match[bytes]) -> bytes:
        return self._policy(match[0].decode("latin-1")).encode("latin-1")

    def _serve(self, name: str, environ: Environ, start_response: StartResponse) -> Any:
        query = environ.get("QUERY_STRING", "")
        found = self.files.get(f"{name}?{query}") if query else None
        found = found or self.files.get(name)
        if not found:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        path, kind = found
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        headers = [("Content-Type", f"{kind}{charset}"), ("Cache-Control", "no-cache")]
        return WhiteNoise.serve(RangedFile(path, headers), environ, start_response)

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

    def _header(self, name: str, value: str) -> tuple[str, str]:
        match name.lower():
            case "etag" if value.endswith('"'):
                return name, value[:-1] + self.mark
            case policy if policy in POLICIES:
                return name, ",".join(map(self._policy, value.split(",")))
        return name, value

    def _policy(self, policy: str) -> str:
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


class _Stream:
    """A page that is made piece by piece: passed on as soon as an element is whole."""

    def __init__(self, offline: Offline, answer: Iterable[bytes]) -> None:
        self.offline, self.answer = offline, answer

    def __iter__(self) -> Iterator[bytes]:
        held = b""
        for piece in self.answer:
            held += piece
            end = self._end(held)
            if end:
                yield self.offline.page(held[:end])
                held = held[end:]
        if held:
            yield self.offline.page(held)

    def close(self) -> None:
        """Let the project close what it opened for the answer."""
        _close(self.answer)

    @staticmethod
    def _end(held: bytes) -> int:
        """How far the elements are whole."""
        start = 0
        for match in ELEMENT.finditer(held):
            start = match.end()
        unfinished = UNFINISHED.search(held, start)
        if not unfinished or len(held) - unfinished.start() > LONGEST_ELEMENT:
            return len(held)
        return unfinished.start()


def _pattern(addresses: Iterable[str]) -> re.Pattern[bytes]:
    """Matches what comes before one of the addresses, and only before the whole of it."""
    names = (re.escape(each).replace(r"\&", "(?:&amp;|&#38;|&)") for each in sorted(addresses))
    whole = rf"(?:{'|'.join(names)})(?!\?(?!#)|[\w.~/%@+=&:$!*-])"
    return re.compile(rf"(?<![\w:/.-])(?:https?:)?//(?={whole})".encode())


def _bare(address: str) -> str:
    """An address without its scheme."""
    return address.partition("//")[2]


def _without(headers: Headers, left_out: str) -> Headers:
    return [(name, value) for name, value in headers if name.lower() != left_out]


def _close(answer: Iterable[bytes]) -> None:
    if hasattr(answer, "close"):
        answer.close()
