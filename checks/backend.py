"""Starting a backend as a shell does, and watching it from outside.

Every wait has a limit, every answer a size, and nothing outlives the `with` block.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil

from checks.limits import (
    ANSWER_SECONDS,
    BODY_BYTES,
    EVENTS_BYTES,
    POLITE_SECONDS,
    SILENCE_SECONDS,
    START_SECONDS,
    STOP_SECONDS,
    WORKERS_SECONDS,
)
from checks.processes import MARK, ProcessTree
from checks.target import Target

HOST = "127.0.0.1"
HOLDER = Path(__file__).with_name("holder.py")
# Nothing here is https, and reading the list of authorities for every client takes its time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class TargetFailedError(AssertionError):
    """Raised when the target did not do what a check needs: the target's fault, not ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, at most BODY_BYTES of it."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises TargetFailedError when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise TargetFailedError(
                f"answered {self.status} without JSON: {self.text[:80]!r}"
            ) from None


def new_token() -> str:
    """A token as the contract wants it."""
    return secrets.token_urlsafe(32)


def free_port() -> int:
    """A port nothing listens on, below every system's ephemeral range."""
    for _ in range(200):
        port = 20000 + secrets.randbelow(12768)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
    raise RuntimeError("no free port between 20000 and 32767")


class Backend:
    """One start of the target on one app data folder.

    Used as a context manager; on leaving, the process and everything that descends from it or
    carries its environment is gone.
    """

    def __init__(
        self,
        target: Target,
        app_data: Path,
        *,
        port: int | None = None,
        token: str | None = None,
        environment: dict[str, str] | None = None,
        held: bool = False,
    ) -> None:
        self.target = target
        self.app_data = app_data
        self.port = port or free_port()
        self.token = token or new_token()
        self.environment = environment or {}
        self.held = held
        self.log = app_data.parent / f"{app_data.name}-{self.port}-{secrets.token_hex(3)}.stderr"
        self.output = bytearray()
        self.reading = threading.Event()
        self.reading.set()
        self.events: list[dict[str, Any]] = []
        self.noise: list[bytes] = []
        """Lines of standard output that are no events."""
        self.deaf = False
        """It was asked to end and did not."""
        self._arrived: queue.SimpleQueue[None] = queue.SimpleQueue()

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Backend:
        values = self.values
        command = self.target.command(values)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.held:
            command = [sys.executable, "-I", str(HOLDER), str(self.log), *command]
        mark = secrets.token_hex(8)
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=self.target.cwd,
                env=self.target.environment(values) | self.environment | {MARK: mark},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        self.tree = ProcessTree(self.process, mark)
        self.started = self.heard = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reading.set()
        if self.process.poll() is None and kind is None and not self.deaf:
            self.ask_to_stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(POLITE_SECONDS)
        self.tree.end()
        self._reader.join(2)
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()

    @property
    def values(self) -> dict[str, str]:
        """What the placeholders of a command or variable stand for."""
        return {
            "host": HOST,
            "port": str(self.port),
            "token": self.token,
            "app_data": str(self.app_data),
        }

    @property
    def pid(self) -> int:
        """The backend's own process: the holder's child when it is held by one."""
        if not self.held:
            return self.process.pid
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                return child.pid
        return next((e["pid"] for e in self.events if "pid" in e), self.process.pid)

    def ask_to_stop(self) -> None:
        """Ask for the end in the way the target documents."""
        if self.target.stop == "signal":
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def stop(self, within: float = STOP_SECONDS) -> tuple[int | None, float]:
        """Ask for the end; the exit code (None: still running) and the seconds it took."""
        self.tree.descendants()
        begin = time.monotonic()
        self.ask_to_stop()
        code = self.exit_code(within)
        self.deaf = code is None
        return code, time.monotonic() - begin

    def kill(self) -> None:
        """SIGKILL (TerminateProcess on Windows) to what was started: backend, or its holder."""
        self.tree.descendants()
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def said(self, text: str, within: float = ANSWER_SECONDS) -> bool:
        """Wait until standard error holds `text`."""
        deadline = time.monotonic() + within
        while not (found := text.encode() in self.log.read_bytes()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return found

    def exit_code(self, within: float) -> int | None:
        """The exit code once it has ended; None when it is still running after `within` seconds."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(2)
        return code

    def listening(self) -> list[tuple[str, int, int]]:
        """Address, port and pid of every TCP socket on which the process tree listens."""
        own = [psutil.Process(self.process.pid), *self.tree.descendants()]
        found = set()
        for process in own:
            with contextlib.suppress(psutil.Error):
                found |= {
                    (c.laddr.ip, c.laddr.port, process.pid)
                    for c in process.net_connections("inet")
                    if c.status == psutil.CONN_LISTEN
                }
        return sorted(found)

    # -- events -------------------------------------------------------------------------------

    def _read(self) -> None:
        pending = b""
        stream = self.process.stdout.fileno()
        while self.reading.wait():
            try:
                block = os.read(stream, 65536)
            except OSError:
                break
            if not block:
                break
            if len(self.output) < EVENTS_BYTES:
                self.output += block
                *lines, pending = (pending + block).split(b"\n")
                for line in lines:
                    self._take(line.strip())
            self._arrived.put(None)
        if pending.strip():
            self._take(pending.strip())
        self._arrived.put(None)

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            self.events.append(event)
            self.heard = time.monotonic()
        elif line:
            self.noise.append(line)

    def event(self, name: str) -> dict[str, Any] | None:
        """The first event of that name, if it has come."""
        return next((e for e in self.events if e["event"] == name), None)

    def wait_for(self, name: str, limit: float = START_SECONDS) -> dict[str, Any] | None:
        """Wait for an event: None when the process ends, falls silent or the limit passes."""
        deadline = time.monotonic() + limit
        while not (event := self.event(name)):
            now = time.monotonic()
            if now > deadline or self.quiet() or not self._reader.is_alive():
                return self.event(name)
            if self.process.poll() is not None and self._reader.join(1) is None:
                return self.event(name)
            if not self.events and now - self.started > 1 and self._healthy():
                return None
            with contextlib.suppress(queue.Empty):
                self._arrived.get(timeout=0.2)
        return event

    def quiet(self) -> bool:
        """Whether it has been silent for so long that nothing more is expected."""
        return time.monotonic() - self.heard > SILENCE_SECONDS

    def ready(self) -> Backend:
        """Wait until it serves. Raises TargetFailedError with the reason it does not."""
        if not self.wait_for("ready") and not (self.process.poll() is None and self._healthy()):
            raise TargetFailedError(f"did not become ready: {self.reason()}")
        return self

    def let_workers_start(self) -> None:
        """Where the target has any: those that start with it are there then."""
        deadline = time.monotonic() + WORKERS_SECONDS
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self.pid)
            while self.target.workers and not own.children() and time.monotonic() < deadline:
                time.sleep(0.05)

    def reason(self) -> str:
        """Why it is not serving, in one line."""
        if failed := self.event("failed"):
            return f"exit {failed.get('exit')}, {failed.get('code')}: {failed.get('message')}"
        last = self.events[-1]["event"] if self.events else "none"
        tail = self.log.read_bytes()[-4000:].decode("utf-8", "replace").split("\n")
        end = next((line.strip() for line in reversed(tail) if line.strip()), "nothing")
        code = self.process.poll()
        state = "still running" if code is None else f"exit {code}"
        return f"{state}, last event {last}, standard error ends: {end[:200]}"

    def _healthy(self, limit: float = 2) -> bool:
        with contextlib.suppress(TargetFailedError):
            return self.get(self.target.health_path, limit=limit).status == 200
        return False

    # -- requests -----------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """Scheme, host and port of its pages."""
        return f"http://{HOST}:{self.port}"

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "",
        headers: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        files: dict[str, tuple[str, bytes]] | None = None,
        limit: float = ANSWER_SECONDS,
    ) -> Answer:
        """One request; `token` "" stands for the right one, None for no token.

        Redirects are not followed. Raises TargetFailedError when there is no answer within `limit`
        seconds.
        """
        sent = dict(headers or {})
        if token is not None:
            sent[self.target.header] = token or self.token
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        deadline = time.monotonic() + limit
        body = bytearray()
        try:
            with (
                httpx.Client(
                    base_url=self.origin, trust_env=False, timeout=limit, verify=NO_TLS
                ) as client,
                client.stream(method, path, headers=sent, data=data, files=files) as response,
            ):
                for block in response.iter_bytes():
                    body += block
                    if len(body) > BODY_BYTES:
                        break
                    if time.monotonic() > deadline:
                        raise TargetFailedError(f"{method} {path} took more than {limit:.0f} s")
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise TargetFailedError(f"{method} {path} was not answered: {what}") from None
        return Answer(response.status_code, response.headers, bytes(body))

    def get(self, path: str, **options: Any) -> Answer:
        """GET `path`, see `request`."""
        return self.request("GET", path, **options)

    def probe(self, question: str) -> dict[str, Any]:
        """Ask the probe in a scratch copy. Raises TargetFailedError when it does not answer."""
        answer = self.get(f"/ddk-probe/{question}/")
        if answer.status != 200:
            raise TargetFailedError(f"the copy answered {answer.status} to the probe")
        return answer.json()

    def connect(self) -> socket.socket:
        """A connection to say things by. Raises TargetFailedError when nobody listens."""
        try:
            return socket.create_connection((HOST, self.port), ANSWER_SECONDS)
        except OSError as error:
            raise TargetFailedError(f"port {self.port} takes no connection: {error}") from None

    def raw(self, request: bytes, limit: float = ANSWER_SECONDS) -> int | None:
        """Send bytes as they are; the status of the answer, None when there is none."""
        return status_of(self.raw_answer(request, limit))

    def raw_answer(self, request: bytes, limit: float = ANSWER_SECONDS) -> bytes:
        """Send bytes as they are; the first 64 KiB of the answer."""
        answer = b""
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), limit) as s:
            s.sendall(request)
            while len(answer) < 65536 and (block := s.recv(65536)):
                answer += block
        return answer

    def alive(self) -> bool:
        """Whether it still runs and its health address answers 200."""
        return self.process.poll() is None and self._healthy(ANSWER_SECONDS)


def status_of(answer: bytes) -> int | None:
    """The status of a raw HTTP answer; None when it is no HTTP."""
    parts = answer.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a start went that was expected to end unasked."""

    exit: int | None
    """None: it became ready, or ran on until the limit."""
    events: list[dict[str, Any]]
    reason: str

    def announced(self, code: int) -> bool:
        """Whether it ended with `code` and a `failed` event said so."""
        return self.exit == code and any(
            e["event"] == "failed" and e.get("code") == f"DDK-RUN-{code:02}" for e in self.events
        )

    def __str__(self) -> str:
        return f"exit {self.exit}" if self.exit is not None else f"it went on: {self.reason}"


def run_to_end(target: Target, app_data: Path, **options: Any) -> Ending:
    """Start the target where it should refuse to serve; wait until it ends or becomes ready."""
    with Backend(target, app_data, **options) as backend:
        backend.wait_for("ready", SILENCE_SECONDS)
        serves = backend.event("ready") or backend._healthy()
        code = None if serves else backend.exit_code(STOP_SECONDS)
        return Ending(code, backend.events, backend.reason())


def manage(
    target: Target, app_data: Path, *arguments: str, environment: dict[str, str]
) -> str | None:
    """Run a management command on an app data folder; its output, None when it did not work."""
    values = {
        "host": HOST,
        "port": str(free_port()),
        "token": new_token(),
        "app_data": str(app_data),
    }
    command = target.manage_command(values, *arguments)
    if command is None:
        return None
    result = subprocess.run(
        command,
        cwd=target.cwd,
        env=target.environment(values) | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SILENCE_SECONDS,
        check=False,
    )
    return result.stdout.decode("utf-8", "replace") if result.returncode == 0 else None
