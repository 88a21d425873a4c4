"""waitress on the socket that has been listening since the start, with a drain at the end."""

from __future__ import annotations

import socket
import threading
import time

from waitress import wasyncore
from waitress.adjustments import Adjustments

from .channels import Connections
from .guard import Guard
from .limits import DRAIN_SECONDS, IDLE_SECONDS, LARGEST_BODY

# A browser sends six requests at a time; a stream that it has left holds a thread until its next
# event.
THREADS = 32
MAINTENANCE_SECONDS = 5
# Of an upload: each piece is a round of the loop, and waitress takes 8 KiB of its own accord.
PIECE_BYTES = 1 << 16


class _Settings(Adjustments):
    listen = ()  # no place beside our socket: looking one up loads the tables of other scripts


class WsgiServer:
    """Serves until `stop`, then lets the requests in flight finish."""

    def __init__(self, guard: Guard, sock: socket.socket) -> None:
        settings = _Settings(
            sockets=[sock],
            threads=THREADS,
            ident=None,
            clear_untrusted_proxy_headers=True,
            # Never reached by strangers, see channels.py.
            connection_limit=1000,
            cleanup_interval=MAINTENANCE_SECONDS,
            channel_timeout=IDLE_SECONDS,
            max_request_body_size=LARGEST_BODY,
            recv_bytes=PIECE_BYTES,
            # A client that leaves is noticed while it is being answered.
            channel_request_lookahead=1,
        )
        settings.guard = guard
        place = (sock.family, sock.type, sock.proto, sock.getsockname())
        self._server = Connections(
            guard, _sock=sock, adj=settings, bind_socket=False, sockinfo=place
        )
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End `run`; callable from any thread."""
        self._stopping.set()
        self._server.pull_trigger()

    def run(self) -> None:
        """Serve on this thread; returns when drained or after `DRAIN_SECONDS`.

        waitress has no drain of its own: close the listening socket, loop while channels are
        busy, then end the threads.
        """
        while not self._stopping.is_set():
            self._loop(MAINTENANCE_SECONDS)
        self._server.del_channel()
        self._server.socket.close()
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._close_idle() and time.monotonic() < deadline:
            self._loop(0.05)
        for channel in [*self._server.active_channels.values()]:
            channel.handle_close()
        # A request whose client has left, such as a closing window's, may still save.
        while self._server.is_working and time.monotonic() < deadline:
            time.sleep(0.05)
        self._server.task_dispatcher.shutdown(timeout=0.2)

    def _loop(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._server._map, count=1)

    def _close_idle(self) -> bool:
        """Close what nobody waits for, and what never ends; whether anything else is left."""
        for channel in [*self._server.active_channels.values()]:
            if not channel.is_busy or channel.is_endless:
                channel.handle_close()
        return bool(self._server.active_channels)
