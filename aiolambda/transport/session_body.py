"""The body of a request as aiohttp reads it, which shows how far the request has got.

Laws: aiohttp writes the head together with the first bytes of the body. So a body that was never read proves that no byte left.

Owns the facts and the time limits of the writing. Must not know sessions or answers.
"""

import asyncio
import contextlib
import socket
from asyncio.trsock import TransportSocket

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from ..types.http import Request

__all__ = ["Body"]

_PIECE = 256 * 1024
_TAKEN_AT_ONCE = 64 * 1024
"""Bytes up to which aiohttp does not wait for the peer."""


class Body(aiohttp.Payload):
    """The body of one request. aiohttp documents `Payload` as the base of bodies of one's own.

    `written` is whether any of it, or an empty body, was handed to a connection, and `transport` is that of the connection.
    `decode()` shows the payload in a test.
    """

    def __init__(self, request: Request, limit: asyncio.Timeout) -> None:
        super().__init__(request.body)
        self._request = request
        self._limit: asyncio.Timeout | None = limit
        self.written = False
        self.transport: asyncio.WriteTransport | None = None
        self._sock: object = None

    @property
    def size(self) -> int:
        return len(self._request.body)

    @property
    def consumed(self) -> bool:
        """Whether aiohttp must not send it again: it does so with a lost GET, PUT or DELETE."""
        return True

    @property
    def autoclose(self) -> bool:
        return True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._request.body.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self._request.body

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body. Each piece must be taken within the read limit, and the head of the answer then come within it."""
        # An answer that is there before anything was written belongs to another request: `SessionTransport` sees it now. uvloop
        # delivers bytes that came with the handshake of TLS a turn later. From Python 3.12 on, aiohttp starts this at once.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        request, body = self._request, self._request.body
        self.written, self.transport = True, writer.transport
        self._sock = None if self.transport is None else self.transport.get_extra_info("socket")
        request.stage = "send"
        for start in range(0, len(body), _PIECE):
            if start:
                await asyncio.sleep(0)  # let other tasks run, even if the peer is fast
            if len(body) > _TAKEN_AT_ONCE:
                self.restart_limit()
            await writer.write(body if len(body) <= _PIECE else body[start : start + _PIECE])
        request.stage = "wait"
        self.restart_limit()

    def restart_limit(self) -> None:
        """Start the read limit anew."""
        read = self._request.timeouts.read
        if self._limit is not None and isinstance(read, (int, float)):
            self._limit.reschedule(asyncio.get_running_loop().time() + read)

    def end_limit(self) -> None:
        """The limit is over, though aiohttp may still be writing: an answer can come before it has the whole request."""
        self._limit = None

    def abort_closing(self) -> None:
        """End the connection at once if aiohttp has closed it: an orderly close of TLS would wait for the peer.

        An open connection is left alone. It is in the pool, and perhaps in use.
        """
        if self.transport is None or not self.transport.is_closing():
            return
        self.transport.abort()
        # aiohttp may close twice, and asyncio's TLS transport then ignores `abort`. uvloop's does not; its socket objects are
        # numbers that may already belong to another connection.
        if isinstance(self._sock, TransportSocket):
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
