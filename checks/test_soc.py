"""SOC: websockets, where the project serves them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from checks.backend import HOST, Backend, new_token
from checks.limits import STOP_SECONDS
from checks.pages import bootstrap_cookies
from checks.starts.app_data import Copies
from checks.target import Target
from checks.verdicts import NotApplicable, Seen
from checks.websocket import CUT, WebSocket

PATH = "/ddk-probe/socket/"
SHAKEN = "ddk-probe: the handshake of a websocket"
TOLD = "ddk-probe: a websocket has ended"
OPEN = 20
AWAY = (1001, 1012)  # going away, service restart


@pytest.fixture
def served(
    probe_target: Target, copies: Copies, request: pytest.FixtureRequest
) -> Iterator[Backend]:
    """A copy of the target that answers websockets."""
    if not probe_target.serves_asgi:
        raise NotApplicable("it serves no websockets ([django] server)")
    with Backend(probe_target, copies(f"sockets, {request.node.name}")) as backend:
        yield backend.ready()


@pytest.mark.criterion("SOC-1")
def test_strangers(served: Backend, seen: Seen) -> None:
    """Refuses websockets without the token, unseen."""
    own = _by_header(served)
    header = served.target.header
    cases = {
        "no token": {name: value for name, value in own.items() if name != header},
        "another token": {**own, header: new_token()},
        "another host": {**own, "Host": f"evil.example:{served.port}"},
        "a made-up cookie": {"Origin": own["Origin"], "Cookie": f"desktop_session={new_token()}"},
    }
    for case, headers in cases.items():
        with WebSocket(served.port, PATH, headers) as refused:
            assert not refused.is_open, f"{case}: the websocket was opened"
    assert not served.said(SHAKEN, within=0.2), "the project has seen a handshake that was refused"
    seen(f"{len(cases)} handshakes refused, none seen by the project")


@pytest.mark.criterion("SOC-2")
def test_foreign_origins(served: Backend, seen: Seen) -> None:
    """Refuses websockets of pages of other origins."""
    port = served.port
    origins = ["http://evil.example", "null", f"http://{HOST}:{port + 1}", f"https://{HOST}:{port}",
               f"http://{HOST}:{port}.evil.example", ""]  # fmt: skip
    for way, headers in (("header", _by_header(served)), ("cookie", _by_cookie(served))):
        for origin in origins:
            with WebSocket(port, PATH, {**headers, "Origin": origin}) as refused:
                assert not refused.is_open, f"opened for {origin or 'no origin'} with the {way}"
        del headers["Origin"]
        with WebSocket(port, PATH, headers) as refused:
            assert not refused.is_open, f"opened for no origin with the {way}"
    seen(f"{len(origins)} other origins refused")


@pytest.mark.criterion("SOC-3")
def test_echo(served: Backend, seen: Seen) -> None:
    """Carries a message of a websocket there and back."""
    for way, headers in (("header", _by_header(served)), ("cookie", _by_cookie(served))):
        with WebSocket(served.port, PATH, headers) as opened:
            assert opened.is_open, f"with the {way} the handshake was answered {opened.status}"
            for text in ("hello", "Grüße"):
                opened.say(text)
                heard = opened.hear()
                assert heard == text, f"sent {text!r}, came back {heard!r}"
    seen("sent and came back, with the header and with the cookie")


@pytest.mark.criterion("SOC-4")
def test_drain(served: Backend, seen: Seen) -> None:
    """Closes websockets at a stop, and tells the project."""
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(WebSocket(served.port, PATH, _by_header(served)))
            for _ in range(OPEN)
        ]
        assert all(each.is_open for each in opened), "a websocket was not opened"
        code, seconds = served.stop()
        assert code is not None, f"it still runs {STOP_SECONDS:.0f} s after the stop"
        assert code == 0, f"exit {code}, expected 0"
        ends = {each.hear() for each in opened}
    assert CUT not in ends, "a websocket was cut off without a closing frame"
    assert ends <= set(AWAY), f"closed with {ends}, expected one of {AWAY}"
    told = served.log.read_bytes().count(TOLD.encode())
    assert told == OPEN, f"the project was told of {told} of {OPEN} ends"
    seen(f"{OPEN} closed with {', '.join(map(str, sorted(ends)))}, exit 0 after {seconds:.2f} s")


def _by_header(backend: Backend) -> dict[str, str]:
    return {"Origin": f"http://{HOST}:{backend.port}", backend.target.header: backend.token}


def _by_cookie(backend: Backend) -> dict[str, str]:
    cookies = bootstrap_cookies(backend)
    return {
        "Origin": f"http://{HOST}:{backend.port}",
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
