"""Another server of this computer, to which nothing may be sent."""

from __future__ import annotations

import socketserver
import sys
import threading

from checks.backend import HOST

HELD_SECONDS = 60.0


class Foreign:
    """Another server on loopback: remembers the head of each request and never answers.

    On a port of its own, or on the `port` that it takes as soon as it is free: there it lets each
    request go at once, so that the next one comes.
    """

    def __init__(self, port: int = 0) -> None:
        self.heads: list[str] = []
        heads, ended = self.heads, threading.Event()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                lines = iter(lambda: self.rfile.readline(65536).strip(), b"")
                # Browsers connect ahead of time, and say nothing where nothing follows.
                if head := "\n".join(line.decode("latin-1") for line in lines):
                    heads.append(head)
                ended.wait(0 if port else HELD_SECONDS)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = sys.platform != "win32"

        self._ended = ended
        self._server = Server((HOST, port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening and let go of whoever waits."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
