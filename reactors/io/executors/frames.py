"""Messages between a worker and its warm processes: JSON behind four bytes of length. Never pickle."""

import socket
from asyncio import IncompleteReadError, StreamReader
from typing import Any

import orjson

_LENGTH_BYTES = 4


def framed(message: dict[str, Any]) -> bytes:
    """A message as it goes over the wire."""
    body = orjson.dumps(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def receive(reader: StreamReader) -> dict[str, Any] | None:
    """The next message; None at the end."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        message: dict[str, Any] = orjson.loads(await reader.readexactly(length))
    except (IncompleteReadError, ConnectionError):
        return None
    return message


class Channel:
    """The process's own end: blocking, for it has nothing else to do."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._socket.sendall(framed(message))

    def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        head = self._exactly(_LENGTH_BYTES)
        body = self._exactly(int.from_bytes(head, "big")) if head else b""
        if not body:
            return None
        message: dict[str, Any] = orjson.loads(body)
        return message

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            part = self._socket.recv(count - len(found))
            if not part:
                return b""
            found += part
        return bytes(found)
