"""The layers around a project that is served by ASGI: guard, files, own pages, changed addresses.

What they do is written for WSGI's environ; here requests and answers are carried between the two.
Loaded only where [django] server = "asgi".
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.db import connections

from . import handover
from .files import Files
from .guard import Application, Environ, Headers, Rules, StartResponse
from .limits import ENDLESS, LARGEST_BODY
from .login import ENTERING
from .ownpages import PREFIX
from .rewriting import Rewriting, Whole

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CONNECTION = "desktop.connection"  # in a scope: what the server keeps of it, see asgiserver.py
BLOCKS = 32  # of a file, read at one go; WhiteNoise makes them of 8 KiB
LARGEST_FORM = 1 << 20
CLOSING = [("Connection", "close")]
NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Passed:
    """The answer of a layer that leaves a request to the project."""

    def __init__(self, environ: Environ) -> None:
        self.environ = environ


def passed(environ: Environ, _start_response: StartResponse) -> Any:
    """Stands behind the layers in the project's place."""
    return Passed(environ)


class Served:
    """The project behind everything that answers before it."""

    def __init__(
        self, rules: Rules, front: Application, files: Files, layers: Sequence[Rewriting],
        project: Any,
    ) -> None:  # fmt: skip
        self.rules, self.front, self.layers, self.project = rules, front, layers, project
        self.hand_over = files.serve_handed
        self.streams: set[asyncio.Task[Any]] = set()
        """Requests whose answers end only when the client leaves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope.pop(CONNECTION, None)
        if scope["type"] not in ("http", "websocket"):
            return await self.project(scope, receive, send)
        environ = _environ(scope)
        if scope["type"] == "websocket":
            if self.rules.judge_socket(environ):
                await receive()
                return await send({"type": "websocket.close"})
            return await self.project(_scope(scope, environ), receive, send)
        answer = self.rules.judge(environ)
        is_ours = not answer or answer.status.startswith("200")
        if is_ours and connection:
            connection.settle()
        if answer:
            # The rest of what a stranger sends is not waited for.
            closing = [] if is_ours else CLOSING
            await send(_start(answer.status, answer.headers + closing))
            return await send({**NOTHING, "body": answer.body})
        if int(environ.get("CONTENT_LENGTH", 0)) > LARGEST_BODY:
            await send(_start("413 Request Entity Too Large", CLOSING))
            return await send(NOTHING)
        request = _Request(self, scope, environ, receive, send, connection)
        with _Thread() as request.thread:
            return await request.answer()


class _Request:
    """One request that was let in, on its way through the layers and back."""

    def __init__(
        self, served: Served, scope: Scope, environ: Environ, receive: Receive, send: Send,
        connection: Any,
    ) -> None:  # fmt: skip
        self.served, self.scope, self.environ = served, scope, environ
        self._receive, self._send, self.connection = receive, send, connection
        self.asked = [layer for layer in reversed(served.layers) if layer.ask(environ)][::-1]
        self.changes: list[Any] = []
        self.held: tuple[str, Headers] | None = None  # until the body has been changed
        self.body = b""
        self.handed: Headers = []
        self.received = 0  # bytes
        self.is_received = self.is_form = False
        self.is_answered = asyncio.Event()

    async def answer(self) -> None:
        """By a file or a page of ours, else by the project."""
        environ = self.environ
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith(PREFIX):
            environ["wsgi.input"] = io.BytesIO(await self._form())
            self.is_form = True
        answer = await self._call(self.served.front, environ)
        if isinstance(answer, Passed):
            scope = _scope(self.scope, answer.environ)
            self.task = asyncio.current_task()
            try:
                await self.served.project(scope, self._hear, self._project_says)
            finally:
                self.served.streams.discard(self.task)
                self.is_answered.set()

    async def _call(self, application: Application, *arguments: Any) -> Any:
        """Call what is written for WSGI, in a thread, and send what it answers."""
        given: list[Any] = []

        def begin() -> tuple[Any, Iterator[bytes], bytes, bool]:
            answer = application(*arguments, lambda *start: given.extend(start))
            if isinstance(answer, Passed):
                return answer, iter(()), b"", True
            pieces = iter(answer)
            return answer, pieces, *_take(pieces)

        answer, pieces, piece, is_last = await asyncio.to_thread(begin)
        if isinstance(answer, Passed):
            return answer
        try:
            await self._say(_start(*given[:2]))
            while not is_last:
                await self._say({**NOTHING, "body": piece, "more_body": True})
                piece, is_last = await asyncio.to_thread(_take, pieces)
            await self._say({**NOTHING, "body": piece})
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return answer

    async def _form(self) -> bytes:
        body = b""
        while (message := await self._receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > LARGEST_FORM:
                break
        return body

    async def _hear(self) -> Message:
        """What the project receives: a request whose client has left may still save."""
        if self.is_form:  # a page of ours has read it
            self.is_form = False
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if self.received > LARGEST_BODY:  # it came in pieces, without its length
                return {"type": "http.disconnect"}
            self.is_received = not message.get("more_body")
        elif self.is_received:
            await self.is_answered.wait()
        return message

    async def _project_says(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            status, headers = _status(message["status"]), _decoded(message.get("headers", ()))
            if handover.hands_over(status, headers):
                self.handed = headers
                return
            kind = next((v for name, v in headers if name.lower() == "content-type"), "")
            if kind.startswith(ENDLESS):
                self.served.streams.add(self.task)
                self.thread.release()
                if self.connection:
                    self.connection.is_endless = True
            await self._say(message)
            self.is_answered.set()
        elif not self.handed:
            await self._say(message)
        elif not message.get("more_body"):
            take_over = handover.take_over
            await self._call(take_over, self.handed, self.served.hand_over, self.environ)

    async def _say(self, message: Message) -> None:
        """Send an answer, of whomever, through the layers."""
        if message["type"] == "http.response.start":
            status, headers = _status(message["status"]), _decoded(message.get("headers", ()))
            for layer in self.asked:
                headers, change = layer.respond(self.environ, status, headers)
                self.changes += [change] if change else []
            if self.changes and isinstance(self.changes[0], Whole):
                self.held = status, headers
                return
            await self._send(_start(status, self.served.rules.policies(self.environ, headers)))
        elif message["type"] == "http.response.body":
            await self._send_body(message.get("body", b""), not message.get("more_body"))

    async def _send_body(self, body: bytes, is_last: bool) -> None:
        if self.held:
            self.body += body
            if not is_last:
                return
            (status, headers), body = self.held, self.body
            for change in self.changes:
                headers, body = change.finish(headers, body)
            headers = self.served.rules.policies(self.environ, headers)
            await self._send(_start(status, headers))
        else:
            for change in self.changes:
                body = change.take(body, is_last)
        await self._send({**NOTHING, "body": body, "more_body": not is_last})


class _Thread:
    """The thread in which Django runs what is synchronous of one request.

    asgiref would wait for its end, and everybody with it: a view may sleep in it. And it would keep
    it as long as a stream is open.
    """

    def __enter__(self) -> _Thread:
        self._context = ThreadSensitiveContext()
        self._token = SyncToAsync.thread_sensitive_context.set(self._context)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        SyncToAsync.thread_sensitive_context.reset(self._token)

    def release(self) -> None:
        """Let it end; what still asks for it gets a new one."""
        if executor := SyncToAsync.context_to_thread_executor.pop(self._context, None):
            executor.submit(connections.close_all)
            executor.shutdown(wait=False)


def _environ(scope: Scope) -> Environ:
    """A request as PEP 3333 has it. Names with `_` are left out: they would pass for others."""
    environ: Environ = {
        "REQUEST_METHOD": scope.get("method", "GET"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _decoded(scope["headers"]):
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ


def _scope(scope: Scope, environ: Environ) -> Scope:
    """What the project gets: the request as the layers have left it."""
    headers = [
        (key.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith(("HTTP_", "CONTENT_")) and value
    ]
    changed: Scope = {"headers": headers}
    if ENTERING in environ:
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"].encode()
        changed |= {"method": environ["REQUEST_METHOD"], "path": path, "query_string": query}
        changed |= {"raw_path": quote(path).encode(), ENTERING: environ[ENTERING]}
    return scope | changed


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _status(code: int) -> str:
    with contextlib.suppress(ValueError):
        return f"{code} {HTTPStatus(code).phrase}"
    return f"{code} "


def _start(status: str, headers: Headers) -> Message:
    return {
        "type": "http.response.start",
        "status": int(status[:3]),
        "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers],
    }


def _take(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The next part of an answer, and whether it was the last."""
    taken = [*islice(pieces, BLOCKS)]
    return b"".join(taken), len(taken) < BLOCKS
