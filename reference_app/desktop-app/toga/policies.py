"""What pages may do. Pure verdicts; the guard of each web view carries them out."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Verdict = Literal["allow", "external", "deny"]

# The address is what a page can send out by it, unseen.
INPUT_SECONDS = 5.0
EMPTY = ("", "about:blank", "about:srcdoc")
LOOPBACK = re.compile(
    r"(localhost|.+\.localhost|127(\.\d+){3}|0\.0\.0\.0|::\d?|::ffff:.+)\.?", re.IGNORECASE
)
RESERVED = re.compile(r'[\x00-\x1f<>:"|?*/]')


def _parse(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def is_own(address: str, origin: str | None) -> bool:
    """Whether it is a page of the backend, or made by one (blob:)."""
    parts = _parse(address.removeprefix("blob:"))
    return bool(origin and parts and f"{parts.scheme}://{parts.netloc}" == origin)


def _is_external(address: str) -> bool:
    parts = _parse(address)
    if not parts:
        return False
    if parts.scheme == "mailto":
        return True
    # Other services of this computer are nobody's link: the system's browser would call them.
    has_person = "@" in parts.netloc
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and not has_person and not LOOPBACK.fullmatch(parts.hostname or "")


def navigation_verdict(to: str, origin: str | None) -> Verdict:
    """For a page that goes to another address; "external" is for the system's programs."""
    if is_own(to, origin):
        return "allow"
    return "external" if _is_external(to) else "deny"


def window_verdict(to: str, origin: str | None) -> Verdict:
    """For a new window: an empty one belongs to its opener, which writes a receipt into it."""
    return "allow" if to in EMPTY else navigation_verdict(to, origin)


def is_download_allowed(address: str, origin: str | None) -> bool:
    """Files come from the backend or out of one of its pages."""
    return is_own(address, origin) or bool(origin and address.startswith("data:"))


def safe_file_name(suggested: str) -> str:
    """A bare file name, whatever the server suggested."""
    name = RESERVED.sub("_", suggested.replace("\\", "/").rpartition("/")[2])
    return name if name.strip(".") else "download"


def without_query(address: str) -> str:
    """An address for the log: what may be secret is left out."""
    return re.split("[?#]", address, maxsplit=1)[0][:200]


class Leaving:
    """Whether a page may send a person to another program: after their own input, or when they
    agree. Each input opens one address at most, and one question is open at a time."""

    def __init__(
        self,
        open_address: Callable[[str], None],
        ask: Callable[[str], Awaitable[bool]],
        report: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._ask, self._report, self._now = open_address, ask, report, now
        self._inputs: dict[object, float] = {}
        self._is_asking = False

    def note_input(self, page: object) -> None:
        """A person has pressed a key or a button there; pages cannot imitate it."""
        self._inputs[page] = self._now()

    def forget(self, page: object) -> None:
        """It is closed."""
        self._inputs.pop(page, None)

    async def leave(self, page: object, address: str) -> None:
        """Open `address` as `page` asks for it, or do not."""
        if self._now() - self._inputs.pop(page, float("-inf")) < INPUT_SECONDS:
            self._open(address)
        elif self._is_asking:
            self._report(f"refused to open {without_query(address)}: another question is open")
        else:
            self._report(f"asks whether to open {without_query(address)}")
            self._is_asking = True
            try:
                if await self._ask(address):
                    self._open(address)
            finally:
                self._is_asking = False
