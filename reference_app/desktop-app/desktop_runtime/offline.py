"""Styles, scripts and fonts of other hosts, served from `desktop-app/offline`.

Their exact addresses become paths of the app in what it answers: pages, styles and scripts. Such a
path is the address without its scheme, so that what a file names relative to itself is found.
Loaded only where something is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from whitenoise.base import WhiteNoise

from .files import RangedFile
from .guard import Application, Environ, StartResponse
from .rewriting import IN_TAG, UNTOUCHED, WITH_TEXT, Rewriting, bare

MANIFEST = "manifest.json"
PREFIX = "/desktop-offline/"
META_POLICY = re.compile(rb"(?<=content=\")[^\"]*", re.I)


class Kept:
    """What is kept, by address without its scheme."""

    def __init__(self, folder: Path) -> None:
        self.version = (folder / MANIFEST).read_bytes()
        content = json.loads(self.version)
        self.files = {
            bare(each["address"]): (str(folder / each["file"]), each["type"])
            for each in content["files"]
        }
        self.folders = [*map(bare, content["folders"])]
        self.hosts = {each.partition("/")[0] for each in self.files}
        self.changed = {
            old.encode(): each["changed"].encode()
            for each in content["files"]
            if "changed" in each
            for old in each.get("integrity", ())
        }

    def in_front(self, application: Application) -> Application:
        """With the files answered before the project."""

        def answer(environ: Environ, start_response: StartResponse) -> Any:
            ours = self.serve if is_kept(environ) else application
            return ours(environ, start_response)

        return answer

    def serve(self, environ: Environ, start_response: StartResponse) -> Any:
        """One of the files."""
        path = environ["PATH_INFO"].removeprefix(PREFIX)
        name = path.encode("latin-1").decode("utf-8", "replace")
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


class Offline(Rewriting):
    """A layer around the project and its static files."""

    # Comments and what a person edits stay; of scripts and styles the text counts as well.
    # Begins with one letter, which is what makes the search fast.
    element = re.compile(
        rb"<(?:" + UNTOUCHED + rb"|(?P<meta>meta\b" + IN_TAG + rb">)"
        rb"|(?P<link>link\b" + IN_TAG + rb">)|" + WITH_TEXT + rb")",
        re.I | re.S,
    )
    unfinished = re.compile(rb"<(?:!--|textarea|link|script|style|meta)\b|<[^>]{0,10}\Z", re.I)

    def __init__(self, application: Application, kept: Kept) -> None:
        super().__init__(application, kept.hosts, kept.version)
        self.address = _pattern([*kept.files, *kept.folders])
        self.changed = kept.changed

    def ask(self, environ: Environ) -> bool:
        """The kept files themselves are as their pages expect them."""
        return not is_kept(environ) and super().ask(environ)

    def in_text(self, text: bytes) -> bytes:
        """Put our path where a kept address stands."""
        return self.address.sub(PREFIX.encode(), text)

    def in_element(self, match: re.Match[bytes]) -> bytes:
        """The same, and the `integrity` that belongs to it."""
        if match["meta"]:
            is_policy = b"content-security-policy" in match["meta"].lower()
            return META_POLICY.sub(self._meta, match[0]) if is_policy else match[0]
        tag = match["link"] or match["tag"]
        if not tag:
            return match[0]
        own = b"<" + self.text(tag)
        for old, new in self.changed.items():
            own = own.replace(old, new)
        return own + self.content(match, tag)

    def _meta(self, match: re.Match[bytes]) -> bytes:
        return self.policy(match[0].decode("latin-1")).encode("latin-1")


def is_kept(environ: Environ) -> bool:
    """Whether a kept file is asked for."""
    return environ.get("PATH_INFO", "").startswith(PREFIX)


def _pattern(addresses: Iterable[str]) -> re.Pattern[bytes]:
    """Matches what comes before one of the addresses, and only before the whole of it."""
    names = (re.escape(each).replace(r"\&", "(?:&amp;|&#38;|&)") for each in sorted(addresses))
    whole = rf"(?:{'|'.join(names)})(?!\?(?!#)|[\w.~/%@+=&:$!*-])"
    return re.compile(rf"(?<![\w:/.-])(?:https?:)?//(?={whole})".encode())
