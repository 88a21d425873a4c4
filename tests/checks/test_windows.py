"""The checks for Windows, run here: what they ask holds or fails for its own reason."""

import socket

import pytest

from checks import test_win
from tests.broken.targets import copy_reference_app, judge


@pytest.mark.slow
def test_they_run_and_tell_what_is_so(tmp_path):
    target = copy_reference_app(tmp_path / "target")
    options = ("-p", "tests.checks.as_windows", "--only", "WIN")
    code, verdicts = judge(target, tmp_path / "report.json", *options)
    assert verdicts == {
        "WIN-1": "pass",
        # Elsewhere it is the shell that ends the rest of a backend that was killed.
        "WIN-2": "FAIL",
        "WIN-3": "pass",
        "WIN-4": "pass",
        "WIN-5": "not run here",
    }
    assert code == 1


def test_a_port_that_can_be_shared_is_noticed():
    option = getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        # On Linux two sockets share a port while neither listens.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert test_win.can_be_shared(port)
        sock.listen()
        assert not test_win.can_be_shared(port)
