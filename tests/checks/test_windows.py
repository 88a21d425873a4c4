"""The checks for Windows, run here with the real modules: each is seen to fail.

WIN-2 is seen to pass on Windows alone, where a job object ends what a killed backend leaves.
Where Windows itself would be needed the nearest thing of this system takes its place, and the
test says which.
"""

import os
import socket
import sys

import pytest

from checks import test_win
from tests.broken.applications import application
from tests.broken.targets import BROKEN, copy_reference_app, judge, make

WINDOWS = os.name == "nt"
AS_WINDOWS = ("-p", "tests.checks.as_windows")


@pytest.mark.slow
def test_they_run_and_tell_what_is_so(tmp_path):
    target = copy_reference_app(tmp_path / "target")
    code, verdicts = judge(target, tmp_path / "report.json", *AS_WINDOWS, "--only", "WIN")
    assert verdicts == {
        "WIN-1": "pass",
        # Elsewhere it is the shell that ends the rest of a backend that was killed.
        "WIN-2": "pass" if WINDOWS else "FAIL",
        "WIN-3": "pass",
        "WIN-4": "pass",
        "WIN-5": "not run here",
    }
    assert code == (0 if WINDOWS else 1)


@pytest.mark.skipif(sys.platform != "linux", reason="who may share a port differs by system")
def test_a_port_that_can_be_shared_is_noticed():
    """WIN-1; on Linux two sockets share a port while neither listens."""
    option = getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert test_win.can_be_shared(port)
        sock.listen()
        assert not test_win.can_be_shared(port)


@pytest.mark.slow
@pytest.mark.long
def test_a_window_is_noticed(tmp_path):
    """WIN-3; the list of windows is made up."""
    target = copy_reference_app(tmp_path / "target")
    options = ("-p", "tests.checks.as_windows_with_console", "--only", "WIN-3")
    assert judge(target, tmp_path / "report.json", *options) == (1, {"WIN-3": "FAIL"})


@pytest.mark.slow
@pytest.mark.long
def test_a_lost_record_is_noticed(tmp_path):
    """WIN-4; SIGKILL is what TerminateProcess is there."""
    [broken] = [each for each in BROKEN if each.name == "answers before it saves"]
    path = make(broken, tmp_path / "target")
    found = judge(path, tmp_path / "report.json", *AS_WINDOWS, "--only", "WIN-4")
    assert found == (1, {"WIN-4": "FAIL"})


@pytest.mark.electron
@pytest.mark.slow
@pytest.mark.skipif(
    "SHELL_TEST_LEGACY_ELECTRON" not in os.environ,
    reason="needs the Electron that SHELL_TEST_LEGACY_ELECTRON names",
)
@pytest.mark.parametrize(("system", "verdict"), [("linux", "pass"), ("win32", "FAIL")])
@pytest.mark.long
def test_the_folder_of_the_data(system, verdict, tmp_path):
    """WIN-5; the shell takes its branch for Windows on this system."""
    edit = ("places.js", 'platform === "win32"', f'platform === "{system}"')
    target = application("data", "WIN-5", edit)
    path = make(target, tmp_path / "target")
    place = target.options(path, whole=True)[:4]
    _, verdicts = judge(path, tmp_path / "report.json", *AS_WINDOWS, *place, "--only", "WIN-5")
    assert verdicts == {"WIN-5": verdict}
