"""A page of the runtime's own, behind the guard and in front of everything of the project.

Plain HTML that works without JavaScript, under a policy that lets it load nothing. Its forms carry
a secret of this launch, which only a page of this origin can read.
"""

from __future__ import annotations

import io
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections
from django.db.models import Model
from django.http import HttpResponse, HttpResponseRedirect
from django.template import Context, Engine
from django.utils.crypto import constant_time_compare
from django.utils.translation import get_language

from .guard import Application, Environ, StartResponse
from .login import ENTERING
from .manifest import Manifest

PREFIX = "/desktop-auth/"
TEMPLATES = Engine(dirs=[Path(__file__).with_name("pages")])
STALE = "The app was started again in the meantime. Please send it once more."


class SeeOther(HttpResponseRedirect):
    """The answer to a form: what comes next is another page, to be fetched by GET."""

    status_code = 303


class OwnPage(ABC):
    """Shown before anything else as long as it is wanted; subclasses say what it does."""

    name = ""

    def __init__(self, application: Application, manifest: Manifest) -> None:
        self.application, self.manifest = application, manifest
        self.path = f"{PREFIX}{self.name}/"
        self.secret = secrets.token_urlsafe(32)
        self.sending = threading.Lock()
        self.done = False

    @abstractmethod
    def is_wanted(self) -> bool:
        """Whether it is still to be shown."""

    @abstractmethod
    def context(self, data: Any = None) -> dict[str, Any]:
        """What its template shows; its forms are bound to `data`."""

    @abstractmethod
    def accept(self, data: Any) -> Model | HttpResponse:
        """Do what was sent: the user who comes in by that, or an answer."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        is_here = environ.get("PATH_INFO") == self.path
        if self.done and not is_here:
            return self.application(environ, start_response)
        try:
            self.done = self.done or not self.is_wanted()
            if self.done and not is_here:
                return self.application(environ, start_response)
            answer = self._answer(environ) if is_here else SeeOther(self.path)
        finally:
            connections.close_all()  # this thread's; no request of Django's does it here
        if isinstance(answer, Model):
            return self.application(self._entering(environ, answer), start_response)
        answer["Content-Length"] = str(len(answer.content))
        start_response(f"{answer.status_code} {answer.reason_phrase}", [*answer.items()])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.content]

    def _answer(self, environ: Environ) -> Model | HttpResponse:
        if self.done:
            return SeeOther(self.manifest.home)
        request = WSGIRequest(environ)
        if request.method != "POST":
            return self.show()
        try:
            data = request.POST
        except SuspiciousOperation:
            return HttpResponse("That is no form of this page.", status=400)
        if not constant_time_compare(data.get("secret", ""), self.secret):
            return self.show(problem=STALE, status=403)
        # Whoever clicks twice means it once.
        with self.sending:
            if not self.is_wanted():
                self.done = True
                return SeeOther(self.manifest.home)
            answer = self.accept(data)
            self.done = not self.is_wanted()
            return answer

    def show(self, data: Any = None, problem: str = "", status: int = 200) -> HttpResponse:
        """The page, with what is wrong in `data`."""
        nonce = secrets.token_urlsafe(16)
        own = {"nonce": nonce, "secret": self.secret, "path": self.path, "problem": problem}
        own |= {"app": self.manifest.name, "language": get_language()}
        page = TEMPLATES.get_template(f"{self.name}.html")
        text = page.render(Context({**own, **self.context(data)}))
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'"
        policy += "; base-uri 'none'; frame-ancestors 'none'"
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        answer = HttpResponse(text, "text/html; charset=utf-8", status)
        for each, value in headers.items():
            answer[each] = value
        return answer

    def _entering(self, environ: Environ, user: Model) -> Environ:
        """A request for the first page, on which `login` signs the user in: with the project's own
        sessions, behind its own middleware."""
        path, _, query = self.manifest.home.partition("?")
        return environ | {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query,
            "CONTENT_TYPE": "", "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO(), ENTERING: user,
        }  # fmt: skip
