"""Files that the project leaves to the server in front of it: X-Sendfile and X-Accel-Redirect.

There is no such server here. Browsers would get an empty file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from .guard import Application, Environ, Headers, StartResponse

NAMES = {"x-sendfile", "x-accel-redirect"}
# What is said of the empty answer, and no longer true of the file.
SPENT = {*NAMES, "content-length", "etag", "last-modified"}
ServeFile = Callable[[str, Headers, Environ, StartResponse], Iterable[bytes]]


def taken_over(application: Application, serve: ServeFile) -> Application:
    """The application, with `serve` in the place of the server that it expects."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        handed: Headers = []

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            if not hands_over(status, headers):
                return start_response(status, headers, *rest)
            handed.extend(headers)
            return lambda _data: None

        body = application(environ, start)
        if not handed:
            return body
        if hasattr(body, "close"):
            body.close()
        return take_over(handed, serve, environ, start_response)

    return answer


def hands_over(status: str, headers: Headers) -> bool:
    """Whether an answer of the project is left to the server in front of it."""
    return status.startswith("200") and any(name.lower() in NAMES for name, _ in headers)


def take_over(
    headers: Headers, serve: ServeFile, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """The file that the answer with these headers names."""
    name, value = next(each for each in headers if each[0].lower() in NAMES)
    if path := _find(unquote(value)):
        kept = [each for each in headers if each[0].lower() not in SPENT]
        return serve(str(path), kept, {**environ, "REQUEST_METHOD": "GET"}, start_response)
    text = f"{name} names {value}, which is not among the uploads of this app."
    logging.getLogger(__name__).error("%s: %s", environ.get("PATH_INFO"), text)
    start_response("501 Not Implemented", [("Content-Type", "text/plain; charset=utf-8")])
    return [text.encode()]


def _find(named: str) -> Path | None:
    """The upload that a path, or an address inside the server that was, stands for."""
    root = Path(settings.MEDIA_ROOT)
    protected = Path(getattr(settings, "SENDFILE_ROOT", None) or root)
    inner = named.removeprefix(getattr(settings, "SENDFILE_URL", None) or "/").lstrip("/")
    shared = named.removeprefix(settings.MEDIA_URL).lstrip("/")
    # `location /protected/ { alias …/media/; }`
    aliased = named.lstrip("/").partition("/")[2]
    for path in (Path(named), protected / inner, root / shared, root / aliased):
        inside = any(path.resolve().is_relative_to(place.resolve()) for place in (root, protected))
        if inside and path.is_file():
            return path
    return None
