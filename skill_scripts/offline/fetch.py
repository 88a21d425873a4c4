"""Fetches one address: bounded in size, time and redirects, and only what it is said to be."""

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from skill_scripts.offline.addresses import OTHER

LARGEST_FILE = 16_000_000  # bytes
SILENCE_SECONDS = 10  # without a byte
LIMIT_SECONDS = 60  # for the whole file
MOST_REDIRECTS = 5
# Google Fonts answers with what it believes the asking browser to read.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"  # noqa: E501


class FetchError(Exception):
    """Raised when an address cannot be fetched; the text is one line."""


class UnreachableError(FetchError):
    """Raised when there is no way to the host, so that no other address of it need be tried."""


@dataclass(frozen=True)
class Fetched:
    """A file, and what is known about it."""

    content: bytes
    type: str  # as its sender calls it, "" if it does not
    source: str  # where it came from in the end
    version: str = ""
    licence: str = ""  # its name
    notice: bytes = b""  # its text


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MOST_REDIRECTS
    max_repeats = 1


def fetch(address: str, kind: str, largest: int = LARGEST_FILE) -> Fetched:
    """The file at `address`, expected to be a `kind`. Raises FetchError."""
    opener = urllib.request.build_opener(_Redirects)
    request = urllib.request.Request(
        address, headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    )
    deadline = time.monotonic() + LIMIT_SECONDS
    try:
        with opener.open(request, timeout=SILENCE_SECONDS) as answer:
            kinds = answer.headers.get("Content-Type", "")
            version = answer.headers.get("x-jsd-version", "")
            content = _read(answer, largest, deadline)
            source = answer.url
    except urllib.error.HTTPError as error:
        # What urllib says of a redirect that it does not follow.
        if "infinite loop" in str(error.reason):
            raise FetchError("redirects in a circle") from error
        if "is not allowed" in str(error.reason):
            raise FetchError("leads to something that is not a web address") from error
        raise FetchError(f"answers {error.code}") from error
    except TimeoutError as error:
        raise UnreachableError(f"is silent for {SILENCE_SECONDS} s") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise UnreachableError(f"is silent for {SILENCE_SECONDS} s") from error
        raise UnreachableError(f"cannot be reached ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"breaks off ({type(error).__name__}: {error})") from error
    kinds = kinds.partition(";")[0].strip().lower()
    if kind != OTHER and (kinds == "text/html" or is_page(content)):
        raise FetchError(f"answers with a page instead of a {kind}")
    if not content:
        raise FetchError("answers with nothing")
    return Fetched(content, kinds, source, version)


def is_page(content: bytes) -> bool:
    """Whether it is an HTML document, whatever it is called."""
    return (
        content.lstrip(b"\xef\xbb\xbf \t\r\n")[:14]
        .lower()
        .startswith((b"<!doctype html", b"<html"))
    )


def _read(answer: http.client.HTTPResponse, largest: int, deadline: float) -> bytes:
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > largest:
        raise FetchError(f"is {int(announced) / 1e6:.0f} MB; at most {largest / 1e6:.0f} are kept")
    blocks, size = [], 0
    while block := answer.read1(1 << 16):
        blocks.append(block)
        size += len(block)
        if size > largest:
            raise FetchError(f"is larger than {largest / 1e6:.0f} MB")
        if time.monotonic() > deadline:
            raise FetchError(f"is not there after {LIMIT_SECONDS} s")
    if announced.isdigit() and size < int(announced):
        raise FetchError(f"breaks off after {size} of {announced} bytes")
    return b"".join(blocks)
