"""Addresses that were the app's own before, such as `http://localhost:8000`: they lead to it.

Loaded only where desktop.toml names some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .guard import Application
from .rewriting import IN_TAG, UNTOUCHED, WITH_TEXT, Rewriting, bare


class OwnAddresses(Rewriting):
    """A layer around the project that puts the app's present origin in their place."""

    # The value of a field is a person's own; of scripts and styles the text counts as well.
    element = re.compile(
        rb"<(?:" + UNTOUCHED + rb"|(?:input|option)\b" + IN_TAG + rb">|" + WITH_TEXT + rb"|"
        rb"(?P<other>(?!script|style|textarea)[a-z]" + IN_TAG + rb">))",
        re.I | re.S,
    )
    unfinished = re.compile(rb"<(?:!--|textarea|script|style)\b|<[^>]*\Z", re.I)

    def __init__(self, application: Application, addresses: Iterable[str], here: str) -> None:
        hosts = {bare(each) for each in addresses}
        super().__init__(application, hosts, f"{sorted(hosts)} {here}".encode())
        self.here = b"//" + here.encode()
        named = "|".join(map(re.escape, sorted(hosts)))
        self.address = re.compile(rf"(?:\b(http|ws)s?:)?//(?:{named})(?![\w.:@-])".encode())

    def header(self, name: str, value: str) -> tuple[str, str]:
        """A redirect may lead to one."""
        if name.lower() == "location":
            return name, self.in_text(value.encode("latin-1")).decode("latin-1")
        return super().header(name, value)

    def in_text(self, text: bytes) -> bytes:
        """Put our origin where one of the addresses stands."""
        return self.address.sub(
            lambda found: (found[1] + b":" if found[1] else b"") + self.here, text
        )

    def in_element(self, match: re.Match[bytes]) -> bytes:
        """The same in a tag, and in the text of a script or a style."""
        tag = match["tag"] or match["other"]
        if not tag:
            return match[0]
        return b"<" + self.text(tag) + self.content(match, tag)
