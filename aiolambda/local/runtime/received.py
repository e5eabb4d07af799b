"""The bytes that a connection has received, until they are taken.

Law: while more than `read_ahead` bytes wait, nothing is read from the socket.

Must not know what the bytes mean.
"""

import asyncio
from typing import Protocol

__all__ = ["ConnectionEnded", "Received"]


class ConnectionEnded(Exception):
    """The client has closed its side, and what it has sent does not suffice."""


class Pausable(Protocol):
    """The part of a transport that is needed here."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Received:
    """Call `add` with what arrives, and `end` at its end. One coroutine at a time may wait for more."""

    def __init__(self, transport: Pausable, read_ahead: int) -> None:
        self.waiting = bytearray()
        """What was not taken yet. Do not change it."""
        self.has_ended = False
        """Whether nothing more will arrive."""
        self._transport = transport
        self._read_ahead = read_ahead
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None

    def add(self, data: bytes) -> None:
        self.waiting += data
        if len(self.waiting) > self._read_ahead and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        self.has_ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self, size: int) -> bytes:
        """Take at most so many bytes of what has arrived."""
        with memoryview(self.waiting) as waiting:
            taken = bytes(waiting[:size])
        del self.waiting[:size]
        if self._is_paused and len(self.waiting) <= self._read_ahead:
            self._is_paused = False
            self._transport.resume_reading()
        return taken

    async def take_some(self, most: int) -> bytes:
        """Take at most so many bytes; if nothing has arrived, wait for something. Raises `ConnectionEnded`."""
        while not self.waiting:
            await self._wait()
        return self.take(most)

    async def take_until(self, end: bytes, limit: int) -> bytes:
        """Take what ends with these bytes, or what there is if that has more bytes than `limit`. Raises `ConnectionEnded`."""
        while (found := self.waiting.find(end)) < 0 and len(self.waiting) <= limit:
            await self._wait()
        return self.take(found + len(end) if found >= 0 else len(self.waiting))

    async def _wait(self) -> None:
        if self.has_ended:
            raise ConnectionEnded
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
