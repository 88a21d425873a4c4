"""PRC: nothing is left running, and nothing is cut off."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest

from checks import database
from checks.backend import HOST, Backend, TargetFailedError, run_to_end
from checks.limits import KILLED_SHELL_SECONDS, STOP_SECONDS, STOP_WHILE_STARTING_SECONDS
from checks.scratch_copy import switched
from checks.starts.app_data import Copies
from checks.starts.first_run import FirstRun
from checks.starts.killed import Killed
from checks.starts.probed import Probed
from checks.starts.restarts import Restarts
from checks.starts.second_install import SecondInstall
from checks.target import Target
from checks.verdicts import Seen

# Of a page that was visited so often: what it leaves behind may hold a thread each.
STREAMS = 40


@pytest.mark.criterion("PRC-1")
def test_end_of_file(first_run: FirstRun, seen: Seen) -> None:
    """Ends with exit 0 when its lifeline ends."""
    code = first_run.exit
    after = f"{first_run.seconds_to_stop:.2f} s after end of file on standard input"
    assert code is not None, f"it still runs {after}"
    assert code == 0, f"exit {code} {after}, expected 0"
    seen(f"exit 0 after {first_run.seconds_to_stop:.2f} s")


@pytest.mark.criterion("PRC-2")
def test_request_in_flight(probed: Probed, seen: Seen) -> None:
    """Completes the request in flight."""
    slow = probed.slow
    assert slow is not None, "the request in flight got no answer"
    assert slow.status == 200 and b"done" in slow.body, f"it was answered {slow.status}"
    seen("a request of 2 s was answered 200")


@pytest.mark.criterion("PRC-3")
def test_killed_shell(shell_killed: Killed, seen: Seen) -> None:
    """Dies with all descendants when the shell is killed."""
    left = shell_killed.left
    assert not left, f"still there after {KILLED_SHELL_SECONDS:.0f} s: {', '.join(left)}"
    seen(f"gone after {shell_killed.seconds:.2f} s")


@pytest.mark.criterion("PRC-4")
def test_no_descendants(first_run: FirstRun, probed: Probed, seen: Seen) -> None:
    """Leaves no descendant after a stop."""
    left = [*first_run.left, *probed.left]
    assert not left, (
        f"processes are still there {STOP_SECONDS:.0f} s after the stop: {', '.join(left)}"
    )
    seen("none, a child of the project included")


@pytest.mark.criterion("PRC-5")
def test_second_backend(live: Backend, probe_target: Target, seen: Seen) -> None:
    """Refuses a second backend on the same data."""
    with switched(probe_target, "ddk_probe_migrations"):
        ending = run_to_end(probe_target, live.app_data)
    assert live.alive(), f"the first backend no longer answers ({ending})"
    migrated = [name for app, name in database.applied(live.app_data) if app == "ddk_probe_app"]
    assert not migrated, f"the second, a newer version, has migrated the database ({ending})"
    assert ending.announced(12), f"{ending}, expected exit 12 and a `failed` event"
    seen(f"{ending}, the first answers")


@pytest.fixture
def hostile_environment(scratch: Path) -> dict[str, str]:
    """What another Python program may have left in the user's environment."""
    folder = scratch / "pythonpath"
    folder.mkdir()
    for name in ("django", "sqlite3", "sitecustomize", "json"):
        (folder / f"{name}.py").write_text("raise SystemExit('read from PYTHONPATH')\n")
    return {
        "PYTHONPATH": str(folder),
        "PYTHONHOME": str(scratch / "nowhere"),
        "PYTHONSTARTUP": str(folder / "json.py"),
        "PYTHONOPTIMIZE": "2",
    }


@pytest.mark.criterion("PRC-6")
def test_python_variables(
    target: Target, copies: Copies, hostile_environment: dict[str, str], seen: Seen
) -> None:
    """Ignores the user's PYTHONPATH and PYTHONHOME."""
    with Backend(target, copies("hostile"), environment=hostile_environment) as backend:
        backend.ready()
    seen("starts with both set to nonsense")


@pytest.mark.criterion("PRC-7")
def test_same_port(restarts: Restarts, seen: Seen) -> None:
    """Starts again on the same port at once."""
    assert not restarts.rebound, restarts.rebound
    seen(f"port {restarts.same_port} again after a kill")


@pytest.mark.criterion("PRC-8")
def test_stop_while_starting(second_install: SecondInstall, seen: Seen) -> None:
    """Can be stopped while it starts."""
    code = second_install.stopped_with
    assert code is not None, f"it still runs {STOP_WHILE_STARTING_SECONDS:.0f} s after the stop"
    assert code == 0, (
        f"exit {code} {second_install.seconds_to_stop:.2f} s after a stop during the start, "
        "expected 0"
    )
    if second_install.reason:
        raise TargetFailedError(f"the start after it {second_install.reason}")
    seen(f"exit 0 after {second_install.seconds_to_stop:.2f} s, the next start works")


@pytest.mark.criterion("PRC-9")
def test_children(probed: Probed, seen: Seen) -> None:
    """Gives its settings to the children it spawns."""
    said = probed.child
    place = said.get("database")
    assert place, f"a spawned child could not load the project: {str(said.get('error'))[-200:]!r}"
    assert place == probed.info["database"], f"a spawned child uses {place}"
    seen(f"…/{Path(place).name}")


@pytest.mark.criterion("PRC-10")
def test_endless_answers(probe_target: Target, copies: Copies, seen: Seen) -> None:
    """Stops in time beside streams and slow clients."""
    app_data = copies("streaming")
    with Backend(probe_target, app_data) as backend:
        backend.ready()
        with contextlib.ExitStack() as stack:
            for name in ("events", "notices", "large"):
                client = stack.enter_context(backend.connect())
                client.sendall(_request(backend, f"/ddk-probe/{name}/"))
                assert _begins(client), f"{name} was not answered with 200"
            code, seconds = backend.stop(KILLED_SHELL_SECONDS)
    assert code is not None, f"it still runs {KILLED_SHELL_SECONDS:.0f} s after the stop"
    assert code == 0, f"exit {code} {seconds:.2f} s after the stop, expected 0"
    unmerged = [path.name for path in app_data.glob("*-wal") if path.stat().st_size]
    assert not unmerged, f"{', '.join(unmerged)} holds unmerged content"
    seen(f"exit 0 after {seconds:.2f} s")


@pytest.mark.criterion("PRC-12")
def test_many_streams(probe_target: Target, copies: Copies, seen: Seen) -> None:
    """Answers pages while many streams are open."""
    for name in ("events", "notices"):
        with Backend(probe_target, copies(f"forty {name}")) as backend:
            backend.ready()
            with contextlib.ExitStack() as stack:
                for number in range(STREAMS):
                    client = stack.enter_context(backend.connect())
                    client.sendall(_request(backend, f"/ddk-probe/{name}/"))
                    assert _begins(client), f"{name} were not answered, {number} being open"
                answer = backend.get("/ddk-probe/page/")
        assert answer.status == 200, f"a page answered {answer.status} beside {STREAMS} streams"
    seen(f"{answer.status} beside {STREAMS} streams")


@pytest.mark.criterion("PRC-11")
def test_children_apart(probe_target: Target, copies: Copies, seen: Seen) -> None:
    """Leaves no process that has left its session."""
    for what, switches in (("a stop", ()), ("a failed start", ("apart", "fail"))):
        with contextlib.ExitStack() as stack:
            for name in switches:
                stack.enter_context(switched(probe_target, f"ddk_probe_{name}"))
            backend = stack.enter_context(Backend(probe_target, copies(f"apart, {what}")))
            if switches:
                backend.wait_for("failed")
                code = backend.exit_code(STOP_SECONDS)
            else:
                backend.ready().probe("apart")
                code, _ = backend.stop()
            assert code is not None, f"it still runs {STOP_SECONDS:.0f} s after {what}"
            left, _ = backend.tree.gone_within(1)
        assert not left, f"processes are still there after {what}: {', '.join(left)}"
    seen("none after a stop and after a failed start")


def _begins(client: socket.socket) -> bool:
    """Whether an answer of 200 has come."""
    try:
        return client.recv(12) == b"HTTP/1.1 200"
    except TimeoutError:
        return False


def _request(backend: Backend, path: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}:{backend.port}"]
    lines += [f"{backend.target.header}: {backend.token}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
