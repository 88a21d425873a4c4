"""A websocket as a page opens one (RFC 6455): as much of it as the checks need."""

import base64
import os
import socket
from collections.abc import Mapping
from typing import Self

TEXT, CLOSE = 0x1, 0x8
SWITCHED = 101  # the status of a handshake that was accepted
CUT = -1  # the connection ended without a closing frame


class WebSocket:
    """One handshake, and the connection if it was accepted."""

    def __init__(
        self, port: int, path: str, headers: Mapping[str, str], timeout: float = 30
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        given = {
            "Host": f"127.0.0.1:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self._stream = self._socket.makefile("rb")
        # A server that knows no websockets may close without a word.
        self.status = int([*self._stream.readline().split(), b"", b"0"][1])
        while self._stream.readline().strip():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    @property
    def is_open(self) -> bool:
        """Whether the handshake was accepted."""
        return self.status == SWITCHED

    def say(self, text: str) -> None:
        """Send a short text, masked as clients must."""
        body, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))
        self._socket.sendall(bytes([0x80 | TEXT, 0x80 | len(body)]) + mask + masked)

    def hear(self) -> str | int:
        """The next text; the code with which the other side closes, or CUT."""
        try:
            kind, body = self._frame()
        except (ConnectionError, IndexError):
            return CUT
        if kind == CLOSE:
            return int.from_bytes(body[:2]) if body else 1005
        return body.decode() if kind == TEXT else self.hear()

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(self._read(2 if length == 126 else 8))
        return first & 0x0F, self._read(length)

    def _read(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) < count:
            raise ConnectionError("cut off")
        return data
