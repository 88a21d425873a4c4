"""waitress on the socket that has been listening since the start, with a drain at the end."""

from __future__ import annotations

import socket
import threading
import time

from waitress import create_server, wasyncore

from .guard import Application

# A browser sends six requests at a time; a stream that it has left holds a thread until its next
# event.
THREADS = 32
DRAIN_SECONDS = 10


class Server:
    """Serves until `stop`, then lets the requests in flight finish."""

    def __init__(self, application: Application, sock: socket.socket) -> None:
        self._server = create_server(
            application,
            sockets=[sock],
            threads=THREADS,
            ident=None,
            clear_untrusted_proxy_headers=True,
            # A person may look at a page for long; the browser closes what it does not need.
            channel_timeout=3600,
            # Uploads and downloads stay on this machine.
            max_request_body_size=1 << 40,
        )
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End `run`; callable from any thread."""
        self._stopping.set()
        self._server.pull_trigger()

    def run(self) -> None:
        """Serve on this thread; returns when drained or after `DRAIN_SECONDS`.

        waitress has no drain of its own: close the listening socket, loop while channels have
        requests or unsent bytes, then end the threads.
        """
        while not self._stopping.is_set():
            self._loop(30)
        self._server.del_channel()
        self._server.socket.close()
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._is_busy() and time.monotonic() < deadline:
            self._loop(0.05)
        self._server.task_dispatcher.shutdown(timeout=1)

    def _loop(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._server._map, count=1)

    def _is_busy(self) -> bool:
        channels = [*self._server.active_channels.values()]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
