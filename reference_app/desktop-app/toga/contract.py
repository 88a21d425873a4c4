"""The shell's half of the runtime contract (SPEC.md): starts, follows, restarts and stops the
backend. Nothing of a window is here, so that it runs and is tested without one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple

from kept import HOST, State, choose_port, last_lines, open_log, remember_port
from places import Command

BOOTSTRAP_PATH = "/desktop-auth/bootstrap/"
HEADER = "X-Desktop-Django-Token"
# Longer than all that the backend waits for, requests and workers: killed earlier, it leaves no
# clean record.
GRACE_SECONDS = 10.0
BACKOFF_SECONDS = (0.2, 1.0, 3.0)
MAX_RESTARTS = 3
RESTART_WINDOW_SECONDS = 300.0
REMAINS_SECONDS = 2.0
ASK_AGAIN_SECONDS = 0.25
LAST_EVENTS_SECONDS = 0.5
POLL_SECONDS = 0.02
PORT_TAKEN, ALREADY_RUNNING = 11, 12
PORT_ATTEMPTS = 10
# What a killed shell has left ends within the backend's own limits.
PREVIOUS_RUN_SECONDS = 20.0
LOG_LINES = 25
SHORTEST_SECONDS = 10
WORDS = {
    "rehearsing": "Trying the update on a copy of your data",
    "migrating": "Preparing your data",
}


class Cookie(NamedTuple):
    """What proves a request of a web view that cannot add a header."""

    name: str
    value: str


@dataclass(frozen=True)
class Progress:
    """The backend starts; `text` is for a person."""

    text: str


@dataclass(frozen=True)
class Ready:
    """It answers at `origin` those who have the cookie."""

    origin: str
    cookie: Cookie


@dataclass(frozen=True)
class Gone:
    """It has ended unasked, this moment: its port is anybody's."""


@dataclass(frozen=True)
class Failed:
    """It is not started any more; `log` has its last lines."""

    message: str
    hint: str = ""
    code: str = ""
    report: str = ""
    log: str = ""


@dataclass(frozen=True)
class Reported:
    """An event of the backend that does not belong to its start or end."""

    event: dict[str, Any]


News = Progress | Ready | Gone | Failed | Reported


@dataclass
class Run:
    """One process of the backend."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    origin: str | None = None
    """Where it listens; None before that, and once it has begun to end."""
    spoke: bool = False
    served: bool = False
    is_stopping: bool = False
    failure: dict[str, Any] | None = None
    over: threading.Event = field(default_factory=threading.Event)


class Supervisor:
    """Keeps one backend alive.

    Starts, stops and what follows an end happen one after the other, in a thread of its own;
    `tell` is called from several threads.
    """

    def __init__(
        self,
        command: Command,
        health_path: str,
        log: Path,
        state: State,
        tell: Callable[[News], None],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._command, self._health_path = command, health_path
        self._log, self._state, self._tell = log, state, tell
        self._grace_seconds = grace_seconds
        self._run: Run | None = None
        self._is_wanted = self._is_closed = False
        self._port: int | None = None
        self._taken: list[int] = []
        self._crashes: list[float] = []
        self._waited_since: float | None = None
        self._wake = threading.Event()
        self._work: queue.Queue[Callable[[], None]] = queue.Queue()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def origin(self) -> str | None:
        """`http://127.0.0.1:PORT` while the backend holds that port. Nothing else is given the
        proof of the launch: when the backend has ended, its port is anybody's."""
        return self._run.origin if self._run else None

    def start(self) -> None:
        """Start the backend unless it runs; earlier crashes are forgotten."""
        self._is_wanted = not self._is_closed
        self._crashes, self._taken, self._waited_since = [], [], None
        self._wake.clear()
        self._work.put(self._spawn)

    def restart(self) -> None:
        """Stop and start on the same port, with a new token."""
        self._tell(Progress("Starting again"))
        self._stop()
        self.start()

    def close(self) -> None:
        """Let it finish its requests and end, for good; returns when it has ended."""
        self._is_closed = True
        done = self._stop()
        done.wait()

    def _stop(self) -> threading.Event:
        self._is_wanted = False
        self._wake.set()
        done = threading.Event()

        def stop() -> None:
            try:
                self._end()
            finally:
                done.set()

        self._work.put(stop)
        return done

    def _serve(self) -> None:
        while True:
            try:
                self._work.get()()
            except OSError as error:
                self._fail("The application could not be started or ended.", str(error))

    # -- start ------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        if not self._is_wanted or self._run:
            return
        if self._port is None or self._port in self._taken:
            self._port = choose_port(self._state, self._taken)
        token = secrets.token_urlsafe(32)
        own = {
            "DESKTOP_DJANGO_HOST": HOST,
            "DESKTOP_DJANGO_PORT": str(self._port),
            "DESKTOP_DJANGO_AUTH_TOKEN": token,
        }
        log = open_log(self._log)
        try:
            process = subprocess.Popen(
                self._command.arguments,
                cwd=self._command.folder,
                env={**self._command.environment, **own},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            tried = f"The shell tried {self._command.arguments[0]}."
            self._fail(f"Python could not be started ({error.strerror}).", tried)
            return
        finally:
            os.close(log)
        run = self._run = Run(process, self._port, token)
        reader = threading.Thread(target=self._read, args=(run,), daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(run, reader), daemon=True).start()

    def _read(self, run: Run) -> None:
        assert run.process.stdout
        with run.process.stdout as lines:
            for line in lines:
                # The contract allows nothing but events; a foreign line is no reason to stop.
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict):
                        run.spoke = True
                        self._follow(run, event)

    def _follow(self, run: Run, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "listening" if event.get("port") == run.port and not run.over.is_set():
                run.origin = f"http://{HOST}:{run.port}"
                remember_port(self._state, run.port)
                self._tell(Progress("Starting"))
                threading.Thread(target=self._ask_health, args=(run,), daemon=True).start()
            case "rehearsing" | "migrating":
                self._tell(Progress(progress_text(event)))
            case "stopping":
                run.origin = None  # unasked, or at a signal
            case "failed":
                run.failure = event
            case _:
                self._tell(Reported(event))

    def _ask_health(self, run: Run) -> None:
        """The backend answers when it is ready, however long that takes: one request, asked again
        only when its connection is lost."""
        while origin := run.origin:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if _get(run.port, self._health_path, run.token).status == 200:
                    run.served = True
                    self._tell(Ready(origin, bootstrap(run.port, run.token)))
                    return
            time.sleep(ASK_AGAIN_SECONDS)

    # -- end --------------------------------------------------------------------------------------

    def _wait(self, run: Run, reader: threading.Thread) -> None:
        code = run.process.wait()
        # At once: what follows waits for other processes, and somebody else may take the port.
        run.origin = None
        if not run.is_stopping:
            self._tell(Gone())
        run.over.set()
        reader.join(LAST_EVENTS_SECONDS)
        self._work.put(lambda: self._ended(run, code))

    def _ended(self, run: Run, code: int) -> None:
        if self._run is not run:
            return  # it was stopped
        end_remains(run.process.pid, REMAINS_SECONDS)
        self._leave(run)
        waited = time.monotonic() - (self._waited_since or time.monotonic())
        if code == PORT_TAKEN and len(self._taken) < PORT_ATTEMPTS:
            self._taken.append(run.port)
            self._spawn()
        elif code == ALREADY_RUNNING and waited < PREVIOUS_RUN_SECONDS:
            self._waited_since = self._waited_since or time.monotonic()
            self._tell(Progress("Waiting for the previous run to end"))
            self._spawn_after(ASK_AGAIN_SECONDS)
        elif run.failure:
            texts = {name: str(run.failure.get(name, "")) for name in ("hint", "code", "report")}
            self._fail(str(run.failure.get("message", "")), **texts)
        elif not run.served and code >= 0:
            # It ended unasked before it served: another try would end the same way.
            self._fail(f"The application could not start (exit code {code}).")
        else:
            self._recover()

    def _recover(self) -> None:
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < RESTART_WINDOW_SECONDS]
        if len(self._crashes) >= MAX_RESTARTS:
            self._fail("The application stopped working several times in a short while.")
            return
        self._crashes.append(now)
        self._spawn_after(BACKOFF_SECONDS[min(len(self._crashes), len(BACKOFF_SECONDS)) - 1])

    def _spawn_after(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._spawn()

    def _leave(self, run: Run) -> None:
        self._run = None
        with contextlib.suppress(OSError):
            run.process.stdin and run.process.stdin.close()
        if not run.spoke:
            self._forget_bytecode()

    def _forget_bytecode(self) -> None:
        """Half of a .pyc, which a full disk leaves, can stop Python before its first line of ours:
        the next start compiles anew."""
        app_data = Path(self._command.environment["DESKTOP_DJANGO_APP_DATA_DIR"])
        shutil.rmtree(app_data / "pycache", ignore_errors=True)

    def _fail(self, message: str, hint: str = "", code: str = "", report: str = "") -> None:
        self._is_wanted = False
        self._tell(Failed(message, hint, code, report, last_lines(self._log, LOG_LINES)))

    def _end(self) -> None:
        run = self._run
        if not run:
            return
        run.is_stopping = True
        run.origin = None  # its first act is to let go of the port
        with contextlib.suppress(OSError):
            run.process.stdin and run.process.stdin.close()
        if not run.over.wait(self._grace_seconds):
            kill_tree(run.process.pid)
            if not run.over.wait(self._grace_seconds):
                raise OSError(f"The backend (process {run.process.pid}) could not be ended.")
        end_remains(run.process.pid, REMAINS_SECONDS)
        self._leave(run)


def bootstrap(port: int, token: str) -> Cookie:
    """Exchange the token for the cookie; done here, so that no web view keeps the address that has
    it. Raises OSError or HTTPException."""
    answer = _get(port, f"{BOOTSTRAP_PATH}?token={token}", token)
    cookies = SimpleCookie(answer.getheader("Set-Cookie", ""))
    if answer.status != 200 or len(cookies) != 1:
        raise http.client.HTTPException(f"the bootstrap address answered {answer.status}")
    return next(Cookie(each.key, each.value) for each in cookies.values())


def _get(port: int, path: str, token: str) -> http.client.HTTPResponse:
    with contextlib.closing(http.client.HTTPConnection(HOST, port)) as connection:
        connection.request("GET", path, headers={HEADER: token})
        answer = connection.getresponse()
        answer.read()
        return answer


def progress_text(event: dict[str, Any]) -> str:
    """The line for a `rehearsing` or `migrating` event."""
    total, left = event.get("total"), event.get("seconds_left") or 0
    count = f" ({event.get('done')} of {total})" if total else ""
    minutes = round(left / 60)
    rest = f", about {minutes} minutes left" if minutes > 1 else ", about a minute left"
    # What is over sooner is not worth a promise.
    return WORDS[event["event"]] + count + (rest if left >= SHORTEST_SECONDS else "")


def address_after_restart(shown: str, former: str | None, origin: str) -> str | None:
    """Where a window goes that showed `shown` of the backend at `former`; None: nowhere."""
    if former and shown.startswith(f"{former}/"):
        return origin + shown[len(former) :]
    return None


def kill_tree(pid: int) -> None:
    """End a backend and its descendants by force; on POSIX it leads its own process group."""
    if sys.platform == "win32":
        command = ["taskkill.exe", "/PID", str(pid), "/T", "/F"]
        subprocess.run(command, capture_output=True, creationflags=subprocess.CREATE_NO_WINDOW)
        return
    for kill, number in ((os.killpg, pid), (os.kill, pid)):
        with contextlib.suppress(ProcessLookupError):
            kill(number, signal.SIGKILL)
            return


def end_remains(pid: int, seconds: float) -> None:
    """Wait for what is left of an ended backend's process group, then end it (Windows: its job
    object has done so)."""
    if sys.platform == "win32":
        return
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(pid, 0)
            time.sleep(POLL_SECONDS)
        os.killpg(pid, signal.SIGKILL)
