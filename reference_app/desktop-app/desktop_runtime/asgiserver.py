"""uvicorn on the socket that has been listening since the start, with the same bounds as waitress.

h11 and wsproto, which are plain Python: a bundle needs no compiled part for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import system
from .asgi import CONNECTION, Served
from .contract import Exit
from .limits import DRAIN_SECONDS, IDLE_SECONDS, STALLED_SECONDS, STRANGER_SECONDS, STRANGERS

# With Django 5.0 and later a stream ends itself when its client has left.
STREAM_SECONDS = 0.3


class AsgiServer:
    """Serves until `stop`, then lets the requests in flight finish."""

    def __init__(self, served: Served, sock: socket.socket) -> None:
        config = Config(
            served,
            http=_Connection,
            ws="wsproto",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            # On one machine nobody is lost in silence; who wakes a laptop must not lose its pages.
            ws_ping_interval=None,
            ws_per_message_deflate=False,
        )
        config.strangers = {}
        self._server = _Uvicorn(config)
        self._runner = asyncio.Runner()
        self._runner.run(self._server.begin(sock))
        self._is_done = threading.Event()

    def stop(self) -> None:
        """End `run`; callable from any thread."""
        self._runner.get_loop().call_soon_threadsafe(self._server.leaving.set)
        # An asynchronous view that blocks, blocks everything: nobody else would end the process.
        if not self._is_done.wait(DRAIN_SECONDS + 2 * STREAM_SECONDS):
            system.end_descendants()
            os._exit(Exit.CLEAN)

    def run(self) -> None:
        """Serve on this thread; returns when drained or after `DRAIN_SECONDS`."""
        with self._runner:
            self._runner.run(self._server.live())
        self._is_done.set()


class _Connection(H11Protocol):
    """One connection; those of strangers are bounded in number and time."""

    is_endless = False
    """What is being answered ends only when the client leaves."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        served = self.app
        self.strangers: dict[_Connection, None] = self.config.strangers

        async def known(scope: dict[str, Any], *channels: Any) -> None:
            self.is_endless = False
            await served(scope | {CONNECTION: self}, *channels)

        self.app = known

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Let one in; where there are too many strangers the oldest of them goes."""
        super().connection_made(transport)
        # asyncio does it only for sockets that were made with the protocol's number. Head and body
        # are sent apart, and the second would wait 40 ms for the first to be confirmed.
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.strangers[self] = None
        self.limit = self.loop.call_later(STRANGER_SECONDS, transport.abort)
        if len(self.strangers) > STRANGERS:
            next(iter(self.strangers)).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end has gone."""
        self.settle()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """A handshake is judged at once: what is refused is closed."""
        self.settle()
        super().handle_websocket_upgrade(event)

    def settle(self) -> None:
        """It is no stranger's any more."""
        self.strangers.pop(self, None)
        self.limit.cancel()


class _Uvicorn(Server):
    """uvicorn without its own signals and its ten looks a second."""

    async def begin(self, sock: socket.socket) -> None:
        """Let the application start, and listen. Raises `RuntimeError` if it refuses."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        self.leaving, self.sockets = asyncio.Event(), [sock]
        try:
            await self.startup(self.sockets)
        except SystemExit:
            raise RuntimeError("the ASGI application says that its startup failed") from None

    async def live(self) -> None:
        """Serve until `leaving` is set, and drain."""
        await self.leaving.wait()
        transports = [each.transport for each in self.server_state.connections]
        for connection in [*self.server_state.connections]:
            if getattr(connection, "is_endless", False):
                connection.transport.close()
        loop = asyncio.get_running_loop()
        loop.call_later(STREAM_SECONDS, self._end_streams)
        # By then the buffers of whoever takes nothing are full.
        loop.call_later(STREAM_SECONDS, self._look_for_stalled, transports)
        # A lifespan may not end either.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS + STREAM_SECONDS):
                await self.shutdown(self.sockets)

    def _end_streams(self) -> None:
        for stream in [*self.config.app.streams]:
            stream.cancel()

    def _look_for_stalled(self, transports: list[asyncio.WriteTransport]) -> None:
        sizes = {each: each.get_write_buffer_size() for each in transports}

        def end() -> None:
            for transport, size in sizes.items():
                if size and transport.get_write_buffer_size() == size:
                    transport.abort()

        asyncio.get_running_loop().call_later(STALLED_SECONDS, end)
