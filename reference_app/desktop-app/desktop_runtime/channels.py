"""waitress' connections, told apart: those of our window, and those that have proved nothing.

Whoever can connect may open sockets and send headers slowly; what is kept for them is bounded in
number and time, and no body of theirs is read.
"""

from __future__ import annotations

import time

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from .limits import ENDLESS, STALLED_SECONDS, STRANGER_SECONDS, STRANGERS
from .streams import client


class _Parser(HTTPRequestParser):
    """Ends a request at its headers where the guard will refuse it: nothing of a body is kept."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel.adj)
        self.channel = channel

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        environ = {f"HTTP_{name}": value for name, value in self.headers.items()}
        if self.adj.guard.admits(environ):
            self.channel.is_ours = True
        else:
            self.body_rcv, self.content_length = None, 0
            self.chunked = self.expect_continue = False
            self.headers["CONNECTION"] = "close"


class _Task(WSGITask):
    def service(self) -> None:
        running = self.channel.server.running
        running.add(self)
        self.channel.is_stream = False
        client.has_left = self.channel.check_client_disconnected
        try:
            super().service()
        finally:
            running.discard(self)

    def build_response_header(self) -> bytes:
        kinds = [value for name, value in self.response_headers if name.lower() == "content-type"]
        self.channel.is_endless = any(kind.startswith(ENDLESS) for kind in kinds)
        self.channel.is_stream = self.content_length is None
        self.channel.server.make_room()
        return super().build_response_header()


class Channel(HTTPChannel):
    """One connection."""

    task_class = _Task
    is_ours = False
    """A request that came by it was admitted."""
    is_endless = False
    """What is being answered ends only when the client leaves."""
    is_stream = False
    """Nobody knows how long what is being answered will be."""

    def parser_class(self, _adj: object) -> _Parser:
        """What waitress calls for each request that begins."""
        return _Parser(self)

    def write_soon(self, data: bytes) -> int:
        """What waitress calls with a part of an answer: from now on the client has to take it."""
        if not self.total_outbufs_len:
            self.last_activity = time.time()
        return super().write_soon(data)

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for the rest of a request or of an answer."""
        if self.total_outbufs_len and time.time() - self.last_activity > STALLED_SECONDS:
            return False
        receiving = self.request is not None and self.request.headers_finished
        return self.connected and bool(self.requests or self.total_outbufs_len or receiving)


class _Threads(ThreadedTaskDispatcher):
    """As many threads as were busy at a time, up to a bound.

    waitress begins with all of them and asks them in turn, so that each of the first pages meets a
    thread that has no connection to the database and none of what Django keeps by thread.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def add_task(self, task: HTTPChannel) -> None:
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
            count = len(self.threads) - self.stop_count
            waiting = len(self.queue) - (count - self.active_count)
        if waiting > 0 and count < self.most:
            self.set_thread_count(count + 1)


class Connections(TcpWSGIServer):
    """waitress' server on channels of ours."""

    channel_class = Channel

    def __init__(self, *arguments: object, adj: Adjustments, **options: object) -> None:
        self.running: set[_Task] = set()
        super().__init__(*arguments, adj=adj, dispatcher=_Threads(adj.threads), **options)

    def getsockname(self) -> tuple[str, str]:
        """By number, without a look-up."""
        host, port = self.socket.getsockname()[:2]
        return host, str(port)

    def make_room(self) -> None:
        """Have as many threads for pages as ever, however many streams hold one each."""
        streams = sum(task.channel.is_stream for task in [*self.running])
        self.task_dispatcher.most = max(self.task_dispatcher.most, self.adj.threads + streams)

    @property
    def is_working(self) -> bool:
        """Whether a request is being answered, its client there or not, that will end."""
        return any(not task.channel.is_endless for task in [*self.running])

    def handle_accept(self) -> None:
        """Let one in; where there are too many strangers the oldest of them goes."""
        super().handle_accept()
        strangers = [c for c in self.active_channels.values() if not c.is_ours]
        if len(strangers) > STRANGERS:
            strangers[0].handle_close()

    def maintenance(self, now: float) -> None:
        """Close strangers whose time is over, however busy they are."""
        super().maintenance(now)
        for channel in self.active_channels.values():
            if not channel.is_ours and channel.creation_time < now - STRANGER_SECONDS:
                channel.will_close = True
