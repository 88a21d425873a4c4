"""Runs Valkey as long as stdin, its lifeline, is open: it knows no lifeline of its own.

A process of its own, `python rediskeeper.py PROGRAM FOLDER`, so that the server ends with the
backend however that ends. Prints one line once the server answers. POSIX only: `select` reads no
pipe on Windows, where there is no such program.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # -I leaves it out
from desktop_runtime import system

HOST = "127.0.0.1"
ADDRESS = "address"
TRIES = 3  # another program may take the port that was free a moment ago
POLL_SECONDS, WATCH_SECONDS, STOP_SECONDS = 0.005, 1, 3
START_SECONDS = 20  # 100,000 jobs of 1 KB that it holds take it about one
# Every command that was answered is in the file when the server is killed; a loss of power may
# cost the last second. Small files are left to grow, larger ones are written anew when doubled.
SETTINGS = """bind {host}
port {port}
requirepass {password}
databases 64
save ""
appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 4mb
loglevel warning
"""


def keep(program: str, folder: Path) -> int:
    """Start the server, start it again where it ends, stop it with the lifeline."""
    # Ctrl-C and a hang-up are for the backend, whose workers still need the server.
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    held = system.lock(folder / "lock")
    while held is None:  # the server of a backend that was killed is about to end
        if _lifeline_ends_within(POLL_SECONDS):
            return 0
        held = system.lock(folder / "lock")
    address = folder / ADDRESS
    with held:
        if address.exists():
            _end_orphan(address.read_text(encoding="ascii"))
        server, begun = None, time.monotonic()
        for _ in range(TRIES):
            if server is None and time.monotonic() - begun < START_SECONDS:
                port, password = _free_port(), os.urandom(24).hex()
                server = _start(program, folder, port, password)
        if server is None:
            return 1
        address.write_text(f"redis://:{password}@{HOST}:{port}", encoding="ascii")
        print("ready", flush=True)
        while not _lifeline_ends_within(WATCH_SECONDS):
            if server is None or server.poll() is not None:
                server = _start(program, folder, port, password)
        address.unlink(missing_ok=True)
        if server:
            _stop(server)
    return 0


def _start(program: str, folder: Path, port: int, password: str) -> subprocess.Popen[bytes] | None:
    """A server that answers; None if it ended before, or the lifeline did."""
    server = subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=2, cwd=folder)
    settings = SETTINGS.format(host=HOST, port=port, password=password)
    with contextlib.suppress(BrokenPipeError), server.stdin as stream:
        stream.write(settings.encode())  # not as arguments, which every user may read
    begun = time.monotonic()
    while server.poll() is None:
        if _answers(port, password):
            return server
        if _lifeline_ends_within(POLL_SECONDS) or time.monotonic() - begun > START_SECONDS:
            _stop(server)
    return None


def _end_orphan(address: str) -> None:
    """End the server of a keeper that was killed, if it is still there: two would share a file."""
    password, _, place = address.removeprefix("redis://:").partition("@")
    with contextlib.suppress(OSError, ValueError):
        port = int(place.rpartition(":")[2])
        with socket.create_connection((HOST, port), STOP_SECONDS) as connection:
            connection.sendall(f"AUTH default {password}\r\nSHUTDOWN\r\n".encode())
            while connection.recv(99):
                pass


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection((HOST, port), 1) as connection:
            connection.sendall(f"AUTH default {password}\r\nPING\r\n".encode())
            lines = connection.makefile("rb")
            return [lines.readline(), lines.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False


def _lifeline_ends_within(seconds: float) -> bool:
    # Nothing is ever written to it: only its end can be read.
    return bool(select.select([0], [], [], seconds)[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(keep(sys.argv[1], Path(sys.argv[2])))
