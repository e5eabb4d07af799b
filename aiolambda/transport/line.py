"""One open connection: what is asked of it before it carries another request, and how long it may stay silent.

Laws: a line that was used before is clean only while the peer has neither ended it nor sent anything since its last answer, so
an answer belongs to its request.

Owns the facts of a connection between two requests. Must not know HTTP, nor which requests there are.
"""

import asyncio
import contextlib
import math
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from . import kernel
from .sockets import ObservedSocket

__all__ = ["Line"]

_READ_BUFFER = 1024 * 1024
"""Bytes that are read ahead: with aiohttp's default of 64 KiB, 6 MB take 18 ms instead of 13."""
_LONGEST_HEADER = 64 * 1024


class Line:
    """A connection that aiohttp opened, with the socket under it. `until` is when it has lain in the pool for too long."""

    def __init__(
        self,
        connection: Connection,
        protocol: ResponseHandler,
        transport: Any,
        sock: ObservedSocket | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.connection = connection
        self.protocol = protocol
        self.transport = transport
        self.sock = sock
        self.loop = loop
        self.until = self._limit = 0.0
        self._deadline = math.inf
        self._heard: object = None
        self._timer: asyncio.TimerHandle | None = None
        protocol.set_response_params(  # for all answers: the parser reads one after another
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )

    @property
    def is_open(self) -> bool:
        return self.protocol.is_connected()

    def stain(self) -> tuple[str | None, kernel.TcpInfo | None]:
        """Why it must not carry another request, `None` if it may; and what the kernel told of it."""
        sock = self.sock
        if sock is None or not sock.uses:
            return None, None
        info = kernel.tcp_info(sock)
        if info is not None and info.received and info.received == sock.come_at_rest and info.state == kernel.ESTABLISHED:
            return None, info  # nearly always: nothing has come since
        return self._stain(sock, info), info

    def _stain(self, sock: ObservedSocket, info: kernel.TcpInfo | None) -> str | None:
        if not self.is_open:
            return "closed"
        if self.protocol.should_close:
            return "an answer without a request"
        if sock.has_news():
            return "news"
        if info is not None and info.state != kernel.ESTABLISHED:
            return "not established"
        come = sock.read or (None if info is None else info.received)
        return "bytes while idle" if come is not None and come != sock.come_at_rest else None

    def may_rest(self) -> bool:
        """Whether it can serve another request, as far as can be seen now."""
        return not self.protocol.should_close and (self.sock is None or self.sock.rest())

    def expect(self, limit: float | None) -> None:
        """Have whoever waits for an answer fail once nothing has come for so many seconds.

        The timer is left to run from one request to the next: to set and to cancel one for each would cost a tenth of a call.
        """
        if limit is None:
            return
        self._limit, self._deadline, self._heard = limit, self.loop.time() + limit, self._received()
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer()

    def answered(self) -> None:
        """It owes nothing now."""
        self._deadline = math.inf

    def close(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.connection.close()

    def abandon(self) -> None:
        """End it where its loop is closed, and can do nothing more."""
        with contextlib.suppress(RuntimeError):
            self.transport.abort()
        with contextlib.suppress(RuntimeError):
            self.close()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if math.isinf(self._deadline):
            return
        heard = self._received()
        if heard != self._heard:  # part of a head, or one that only says that the answer will come
            self._heard, self._deadline = heard, self.loop.time() + self._limit
        if self.loop.time() < self._deadline:
            self._set_timer()
        else:
            self.protocol.set_exception(aiohttp.SocketTimeoutError("nothing came"))

    def _received(self) -> object:
        """How much has come, by whoever counts it."""
        if self.sock is None:
            return None
        if self.sock.read:
            return self.sock.read
        info = kernel.tcp_info(self.sock)
        return None if info is None else info.received
