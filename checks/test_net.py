"""NET: who can reach the backend, and where."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import psutil
import pytest

from checks.backend import HOST, Backend, free_port, new_token, run_to_end
from checks.limits import ANSWER_SECONDS
from checks.network import INSIDE, NETWORK
from checks.starts.first_run import FirstRun
from checks.starts.probed import Probed
from checks.target import Target
from checks.verdicts import Seen

IDLE_CONNECTIONS = 200


@pytest.mark.criterion("NET-1")
def test_loopback_only(live: Backend, seen: Seen) -> None:
    """Listens on 127.0.0.1 only."""
    sockets = live.listening()
    foreign = [f"{ip}:{port} (pid {pid})" for ip, port, pid in sockets if ip != HOST]
    assert not foreign, f"listens on {', '.join(foreign)}, expected {HOST} only"
    for address in _other_addresses():
        with contextlib.suppress(OSError), socket.create_connection((address, live.port), 1):
            raise AssertionError(f"accepts connections on {address}:{live.port}")
    seen(", ".join(f"{ip}:{port} (pid {pid})" for ip, port, pid in sockets))


@pytest.mark.criterion("NET-2")
def test_exact_port(live: Backend, first_run: FirstRun, target: Target, seen: Seen) -> None:
    """Listens on exactly the port it was given."""
    further: list[int] = []
    for port, sockets in ((first_run.port, first_run.listening), (live.port, live.listening())):
        found = sorted({p for _, p, _ in sockets})
        further = [each for each in found if each != port]
        allowed = port in found and len(further) <= int(target.has_redis)
        assert allowed, f"listens on {found or 'nothing'}, was given {port}"
    for port in further:
        with socket.create_connection((HOST, port), ANSWER_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(100)
        assert answer.startswith(b"-NOAUTH"), f"port {port} answers without a password: {answer!r}"
    also = f"; its Redis on {further[0]}, by password" if further else ""
    seen(f"given and bound: {first_run.port}, {live.port}{also}")


@pytest.mark.criterion("NET-3")
def test_taken_port(target: Target, scratch: Path, seen: Seen) -> None:
    """Ends with exit 11 when the port is taken."""
    with socket.create_server((HOST, free_port())) as holder:
        ending = run_to_end(target, scratch / "taken", port=holder.getsockname()[1])
    assert ending.announced(11), f"{ending}, expected exit 11 and a `failed` event DDK-RUN-11"
    seen(ending)


@pytest.mark.criterion("NET-4")
def test_foreign_host(live: Backend, target: Target, seen: Seen) -> None:
    """Refuses a Host that is not its own."""
    port = live.port
    hosts = (
        "evil.example",
        f"evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        f"127.0.0.1:{port + 1}",
        "127.0.0.1",
        f"[::1]:{port}",
        f"127.0.0.1:{port}@evil.example",
        "",
    )
    for path in (target.home, target.health_path):
        for host in hosts:
            status = live.raw(_request("GET", path, host, f"{target.header}: {live.token}"))
            assert status == 400, f"GET {path} with Host {host!r} answered {status}, expected 400"
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        status = live.raw(
            _request("GET", target.health_path, host, f"{target.header}: {live.token}")
        )
        assert status == 200, f"Host {host} answered {status}, expected 200"
    seen(f"{len(hosts)} foreign hosts answered 400")


@pytest.mark.criterion("NET-5")
def test_no_cors(live: Backend, target: Target, seen: Seen) -> None:
    """Allows no foreign origin."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        for path in (target.home, target.health_path, "/ddk-unknown/"):
            for token in ("", None):
                answer = live.request(method, path, token=token, headers=asked)
                allowed = [h for h in answer.headers if h.startswith("access-control-allow")]
                assert not allowed, f"{method} {path} carries {', '.join(allowed)}, expected none"
    seen("no Access-Control-Allow-* header")


@pytest.mark.criterion("NET-6")
def test_early_connections(first_run: FirstRun, seen: Seen) -> None:
    """Answers connections made while it starts."""
    answered = first_run.early.count(200)
    total = len(first_run.early)
    assert total and answered == total, f"{answered} of {total} early requests were answered 200"
    seen(f"{answered} of {total} requests sent at `listening`")


@pytest.mark.criterion("NET-7")
def test_idle_connections(live: Backend, target: Target, seen: Seen) -> None:
    """Answers in spite of connections that ask for nothing."""
    with contextlib.ExitStack() as stack:
        for number in range(IDLE_CONNECTIONS):
            idle = stack.enter_context(live.connect())
            with contextlib.suppress(OSError):  # it may have been closed again
                idle.sendall(b"GET / HTTP/1.1\r\nHost: " if number % 2 else b"")
        status = live.get(target.health_path).status
    assert status == 200, f"GET {target.health_path} answered {status} beside idle connections"
    seen(f"answers beside {IDLE_CONNECTIONS} idle connections")


@pytest.mark.criterion("NET-8")
def test_body_without_token(live: Backend, target: Target, seen: Seen) -> None:
    """Refuses a body without the token at its headers."""
    host = f"{HOST}:{live.port}"
    for body in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
        for more in ((), (f"{target.header}: {new_token()}",)):
            status = live.raw(_request("POST", target.home, host, body, *more))
            assert status == 403, f"POST with {body} and no body yet answered {status}"
    seen("403 before the first byte of the body")


@pytest.mark.criterion("NET-9")
def test_network(probed: Probed, seen: Seen) -> None:
    """Hands on proxies, asks no proxy for itself."""
    found = probed.network
    for name in ("HTTPS_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        assert found[name] == NETWORK[name], f"{name} is {found[name]!r} in the project"
    direct = found["NO_PROXY"].split(",")
    assert INSIDE in direct, f"NO_PROXY has lost {INSIDE}: {direct}"
    own = [host for host in found["proxied"] if not host.endswith(".invalid")]
    assert not own, f"a proxy would be asked for {' and '.join(own)}"
    seen("as on this computer; no proxy for 127.0.0.1")


def _request(method: str, path: str, host: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _other_addresses() -> list[str]:
    found = ["::1", "127.0.0.2"]
    for addresses in psutil.net_if_addrs().values():
        found += [
            a.address
            for a in addresses
            if a.family in (socket.AF_INET, socket.AF_INET6) and a.address not in (HOST, "::1")
        ]
    return found
