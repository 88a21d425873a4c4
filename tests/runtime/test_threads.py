"""waitress answers with as many threads as are needed, and no more."""

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from desktop_runtime.channels import Channel
from desktop_runtime.contract import Address
from desktop_runtime.guard import Guard
from desktop_runtime.server import PIECE_BYTES, THREADS, WsgiServer

from .backends import HEADERS, TOKEN

TOGETHER = 6  # requests that a browser sends at a time


class Site:
    """Says which thread answers; at /together, once all are there."""

    def __init__(self):
        self.all_there = threading.Barrier(TOGETHER)

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/together":
            self.all_there.wait(30)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(threading.get_ident()).encode()]


@pytest.fixture
def ask():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        address = Address(*sock.getsockname(), TOKEN)
        server = WsgiServer(Guard(Site(), address, "/health/"), sock)
        serving = threading.Thread(target=server.run)
        serving.start()

        def ask(path, body=None):
            connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=60)
            connection.request("POST" if body else "GET", path, body, HEADERS)
            return connection.getresponse().read()

        yield ask
        server.stop()
        serving.join(30)


def test_pages_one_after_another_meet_the_same_threads(ask):
    assert len({ask("/") for _ in range(THREADS)}) < THREADS / 2


def test_pages_at_the_same_time_wait_for_none(ask):
    with ThreadPoolExecutor(TOGETHER) as pool:
        assert len({*pool.map(ask, ["/together"] * TOGETHER)}) == TOGETHER


def test_an_upload_is_taken_in_large_pieces(ask, monkeypatch):
    pieces = []
    take = Channel.received
    monkeypatch.setattr(Channel, "received", lambda *of: pieces.append(of[1]) or take(*of))
    ask("/", bytes(16 * PIECE_BYTES))
    assert max(map(len, pieces)) == PIECE_BYTES
