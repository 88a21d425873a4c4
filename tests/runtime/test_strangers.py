"""Whoever can connect and has no token: how much of the server they can have."""

import contextlib
import http.client
import socket
import time

import pytest
from desktop_runtime.channels import STRANGER_SECONDS, STRANGERS

from .backends import HEADERS, SERVERS, TOKEN, URLS, VIEWS, Backend, make_project

pytestmark = pytest.mark.slow

UPLOAD = """
from django.views.decorators.csrf import csrf_exempt
@csrf_exempt
def upload(request):
    return HttpResponse(f"got {len(request.body)}")
"""
FILES = {
    "app/views.py": VIEWS + UPLOAD,
    "urls.py": URLS + "urlpatterns.append(path('upload/', views.upload))\n",
}
OURS = f"X-Desktop-Django-Token: {TOKEN}"


@pytest.fixture(scope="module", params=SERVERS)
def backend(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    project = make_project(folder / "project", FILES, SERVERS[request.param])
    with Backend(project, folder / "data") as backend:
        yield backend.ready()


def head(backend, *more, method="POST", path="/upload/"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{backend.port}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connect(backend):
    return socket.create_connection(("127.0.0.1", backend.port), 30)


def status_of(client):
    return int(client.recv(65536).split(b" ", 2)[1])


@pytest.mark.parametrize(
    "body", ["Content-Length: 2000000000", "Content-Length: 1", "Transfer-Encoding: chunked"]
)
@pytest.mark.parametrize("token", [(), ("X-Desktop-Django-Token: wrong",), ("Cookie: a=b",)])
@pytest.mark.parametrize("more", [(), ("Expect: 100-continue",)])
def test_a_body_without_the_token_is_refused_at_its_headers(backend, body, token, more):
    with connect(backend) as client:
        client.sendall(head(backend, body, *token, *more))
        assert status_of(client) == 403


def test_what_follows_a_refused_head_is_no_request(backend):
    with connect(backend) as client:
        smuggled = head(backend, OURS, method="GET", path="/?add=smuggled")
        client.sendall(head(backend, "Content-Length: 2000") + smuggled)
        with contextlib.suppress(ConnectionError):
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert answer.count(b"HTTP/1.1") == 1
    assert b"smuggled" not in backend.get("/")[2]


def test_a_body_beyond_the_limit_is_refused_at_its_headers(backend):
    with connect(backend) as client:
        client.sendall(head(backend, OURS, f"Content-Length: {5 << 30}"))
        assert status_of(client) == 413


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: "])
def test_connections_that_prove_nothing_keep_nobody_out(backend, begun):
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(connect(backend)) for _ in range(4 * STRANGERS)]
        for stranger in strangers:
            with contextlib.suppress(ConnectionError):
                stranger.sendall(begun)
        assert backend.get("/")[0] == 200


def test_a_connection_of_ours_outlives_those_of_strangers(backend):
    ours = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=60)
    ours.connect()
    ours.auto_open = 0  # a lost connection is not opened again
    with contextlib.closing(ours), contextlib.ExitStack() as stack:
        for _ in range(2):
            ours.request("GET", "/health/", headers=HEADERS)
            answer = ours.getresponse()
            answer.read()
            assert answer.status == 200
            for _ in range(2 * STRANGERS):
                stack.enter_context(connect(backend))
        assert backend.get("/")[0] == 200


@pytest.mark.parametrize("drip", [pytest.param(b"", marks=pytest.mark.long), b"X-More: 1\r\n"])
def test_a_connection_that_never_asks_is_closed(backend, drip):
    with connect(backend) as client:
        begun = time.monotonic()
        client.settimeout(1)
        client.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                assert time.monotonic() - begun < STRANGER_SECONDS + 60
                client.sendall(drip)
                with contextlib.suppress(TimeoutError):
                    if not client.recv(1):
                        break


@pytest.mark.parametrize("body", [b"x", b"x" * 2_000_000])
def test_a_body_with_the_token_arrives(backend, body):
    with connect(backend) as client:
        expect = "Expect: 100-continue"
        client.sendall(head(backend, OURS, expect, f"Content-Length: {len(body)}"))
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        answer = b""
        while b"got" not in answer:
            answer += client.recv(65536)
        assert f"got {len(body)}".encode() in answer
