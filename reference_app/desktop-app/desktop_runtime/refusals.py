"""Where the browser of a cookie session says what the second policy kept its pages from.

A shell that cannot look at requests learns of them here alone; the log has a line for each place.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterable

from .guard import REFUSALS_PATH, Application, Environ, StartResponse

# No page of another origin can send this type (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
KIND = "application/csp-report"
LARGEST_BYTES = 16 << 10
LONGEST = 200
PLACES = 100  # at most so many are written down within
SECONDS = 60
UNPRINTABLE = re.compile(r"[^\x21-\x7e]+")

logger = logging.getLogger(__name__)


class Refusals:
    """Answers what browsers send there, and leaves all else to `application`."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.told: set[str] = set()
        self.since = time.monotonic()
        self.noting = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != REFUSALS_PATH:
            return self.application(environ, start_response)
        is_noted = environ["REQUEST_METHOD"] == "POST" and self._note(environ)
        status = "204 No Content" if is_noted else "400 Bad Request"
        start_response(status, [("Content-Length", "0"), ("Cache-Control", "no-store")])
        return [b""]

    def _note(self, environ: Environ) -> bool:
        """Write it down; False when it is no report."""
        if environ.get("CONTENT_TYPE", "").partition(";")[0] != KIND:
            return False
        try:
            # What is cut off is no JSON.
            report = json.loads(environ["wsgi.input"].read(LARGEST_BYTES))["csp-report"]
            place, page = _place(report["blocked-uri"]), _place(report["document-uri"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        with self.noting:
            self._tell(place, page)
        return True

    def _tell(self, place: str, page: str) -> None:
        if time.monotonic() - self.since > SECONDS:
            self.told, self.since = set(), time.monotonic()
        if place in self.told or len(self.told) > PLACES:
            return
        self.told.add(place)
        if len(self.told) > PLACES:
            logger.warning("more requests of pages were refused than are written down")
        else:
            logger.warning("refused request of the page %s to %s", page, place)


def _place(address: str) -> str:
    """Without what may be secret, or would be a line of its own in the log."""
    return UNPRINTABLE.sub("", re.split("[?#]", address, maxsplit=1)[0])[:LONGEST]
