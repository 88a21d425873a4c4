"""Streams that are made for the other kind of server: item by item, until the client has left.

Django would read them to their end before the first byte is sent, and most have none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

LOOK_SECONDS = 0.5
FILE_BLOCK = 1 << 16
END = object()


class _Client(threading.local):
    """Whom this thread answers."""

    has_left: Callable[[], bool] = staticmethod(lambda: False)


client = _Client()


def install() -> None:
    """Before the first request."""
    if not hasattr(StreamingHttpResponse, "__aiter__"):
        return  # before Django 4.2, and asgiref may not be there either
    synchronous = StreamingHttpResponse.__iter__

    def iterate(response: StreamingHttpResponse) -> Iterator[bytes]:
        if not response.is_async:
            return synchronous(response)
        items = _one_by_one(response._iterator, client.has_left)
        response._resource_closers.append(items.close)
        return map(response.make_bytes, items)

    StreamingHttpResponse.__iter__ = iterate


def install_asgi() -> None:
    """The same for streams of synchronous views, where the server is asynchronous."""
    if not hasattr(StreamingHttpResponse, "__aiter__"):
        return  # before Django 4.2, which iterates in the server's thread
    asynchronous = StreamingHttpResponse.__aiter__

    def iterate(response: StreamingHttpResponse) -> AsyncIterator[bytes]:
        return asynchronous(response) if response.is_async else _in_a_thread(response)

    StreamingHttpResponse.__aiter__ = iterate


async def _in_a_thread(response: StreamingHttpResponse) -> AsyncIterator[bytes]:
    from asgiref.sync import sync_to_async

    if hasattr(response, "block_size"):  # of a file
        response.block_size = max(response.block_size, FILE_BLOCK)
    items = iter(response.streaming_content)
    while (item := await sync_to_async(next)(items, END)) is not END:
        yield item


def _one_by_one(stream: AsyncIterator[Any], has_left: Callable[[], bool]) -> Iterator[Any]:
    items = aiter(stream)

    async def following() -> Any:
        item = asyncio.ensure_future(anext(items, END))
        while not (await asyncio.wait([item], timeout=LOOK_SECONDS))[0]:
            if has_left():
                item.cancel()
                return END
        return item.result()

    from asgiref.sync import ThreadSensitiveContext

    with asyncio.Runner() as runner:
        # Its synchronous calls get a thread of their own: one that waits holds up no other.
        context = ThreadSensitiveContext()
        runner.run(context.__aenter__())
        try:
            while (item := runner.run(following())) is not END:
                yield item
        finally:
            runner.run(context.__aexit__(None, None, None))
