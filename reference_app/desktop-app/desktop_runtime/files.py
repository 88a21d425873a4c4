"""Static files and uploads, served before Django sees the request."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from wsgiref.headers import Headers as HeaderTable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from whitenoise.base import WhiteNoise
from whitenoise.responders import Response, SlicedFile, StaticFile

from . import handover
from .guard import CONTENT_POLICY, Application, Environ, Headers, StartResponse

HASHED_NAME = re.compile(r"\.[0-9a-f]{8,}\.")
# What a browser shows as a document of this origin, scripts included.
ACTIVE = re.compile(r"text/html|.*[/+](xml|xsl)")
POLICY = "Content-Security-Policy"
POLICY_MIDDLEWARE = re.compile(r"csp|content_?security_?policy", re.I)
NOT_FOUND = Response(HTTPStatus.NOT_FOUND, [("Content-Length", "0")], None)


class Files(WhiteNoise):
    """Looks files up when they are asked for: scanning 10,000 files costs 0.4 s at start."""

    def __init__(self, application: Application, packaged: bool) -> None:
        application = handover.taken_over(application, self.serve_handed)
        super().__init__(application, autorefresh=True, max_age=0, allow_all_origins=False)
        self.packaged = packaged
        places = {settings.STATIC_URL: self._static, settings.MEDIA_URL: self._media}
        # One may lie below the other: the longer prefix is asked first.
        self.places = sorted(places.items(), key=lambda place: -len(place[0]))
        self.uploads = f"{settings.MEDIA_ROOT}{os.sep}"
        self.policies = [*_policy_middleware()]

    def serve(self, static_file: Any, environ: Environ, start_response: StartResponse) -> Any:
        """Answer with the file; a document gets the policies that the project gives its pages."""

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            if ACTIVE.match(dict(headers).get("Content-Type", "")):
                answers = [middleware(WSGIRequest(environ)) for middleware in self.policies]
                headers += [(POLICY, a.headers[POLICY]) for a in answers if POLICY in a.headers]
            return start_response(status, headers, *rest)

        return super().serve(static_file, environ, start)

    def serve_handed(
        self, path: str, headers: Headers, environ: Environ, start_response: StartResponse
    ) -> Any:
        """An upload that the project names in its answer, under the headers of that answer."""
        if ACTIVE.match(HeaderTable(headers).get("Content-Type", "")):
            headers.append((POLICY, f"{CONTENT_POLICY}; sandbox"))
        return super().serve(RangedFile(path, headers), environ, start_response)

    def find_file(self, url: str) -> Any:
        """The file at an address; None leaves it to the project."""
        try:
            return super().find_file(url)
        except OSError:  # a name that this system cannot have: Django would fail on it as well
            return SimpleNamespace(get_response=lambda *_: NOT_FOUND)

    def candidate_paths_for_url(self, url: str) -> Iterator[str]:
        for prefix, place in self.places:
            if url.startswith(prefix):
                yield from place(url.removeprefix(prefix))

    def _static(self, name: str) -> Iterator[str]:
        if not self.packaged and (found := _source_of(name)):
            yield found
        yield from self._inside(settings.STATIC_ROOT, name)
        # Some projects keep in git what a front-end build or collectstatic left there.
        yield from self._inside(settings.DESKTOP_OWN_STATIC_ROOT, name)
        yield from self._inside(getattr(settings, "DESKTOP_RENDERED_STATIC_ROOT", None), name)

    def _media(self, name: str) -> Iterator[str]:
        yield from self._inside(settings.MEDIA_ROOT, name)

    def _inside(self, root: str | Path | None, name: str) -> Iterator[str]:
        if root is None:
            return
        # WhiteNoise compares strings and wants the folder with its separator.
        folder, path = f"{root}{os.sep}", f"{root}{os.sep}{name}"
        if self.path_is_child_of(path, folder) and _is_file(path):
            yield path

    def find_file_at_path(self, path: str, url: str) -> StaticFile:
        """No upload is a compressed variant of another."""
        if path.startswith(self.uploads):
            return self.get_static_file(path, url)
        return super().find_file_at_path(path, url)

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        """A file with its headers; an uploaded document runs no scripts and is of no origin."""
        headers = HeaderTable([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        if not path.startswith(self.uploads):
            variants = {"gzip": f"{path}.gz", "br": f"{path}.br"}
            return RangedFile(path, headers.items(), encodings=variants)
        if ACTIVE.match(headers["Content-Type"]):
            headers[POLICY] = f"{CONTENT_POLICY}; sandbox"
        return RangedFile(path, headers.items())

    def immutable_file_test(self, path: str, url: str) -> bool:
        static = self.packaged and url.startswith(settings.STATIC_URL)
        return static and bool(HASHED_NAME.search(url)) and not path.startswith(self.uploads)


class RangedFile(StaticFile):
    """Any part of a file, one byte too."""

    def get_range_response(
        self, range_header: str, base_headers: Headers, file_handle: BinaryIO | None
    ) -> Response:
        """WhiteNoise takes a range of one byte for an empty one."""
        size = int(dict(base_headers)["Content-Length"])
        start, end = self.get_byte_range(range_header, size)
        if start != end:
            return super().get_range_response(range_header, base_headers, file_handle)
        headers = [header for header in base_headers if header[0] != "Content-Length"]
        headers += [("Content-Range", f"bytes {start}-{end}/{size}"), ("Content-Length", "1")]
        part = file_handle and SlicedFile(file_handle, start, end)
        return Response(HTTPStatus.PARTIAL_CONTENT, headers, part)


def _policy_middleware() -> Iterator[Callable[[HttpRequest], HttpResponse]]:
    for name in filter(POLICY_MIDDLEWARE.search, settings.MIDDLEWARE):
        try:
            yield import_string(name)(lambda _request: HttpResponse())
        except MiddlewareNotUsed:
            continue


def _is_file(path: str) -> bool:
    """Raises `OSError` where the name is longer than the system's may be."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:
            raise
        return False


def _source_of(name: str) -> str | None:
    """In development files are served from where they are edited."""
    from django.contrib.staticfiles import finders
    from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation

    try:
        return finders.find(name) or None
    except (ImproperlyConfigured, SuspiciousFileOperation, ValueError):
        return None
