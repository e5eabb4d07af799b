"""One open connection, and what is asked of it before it carries another request.

Laws: a line that was used before is clean only while the peer has neither ended it nor sent anything since its last answer, so
an answer belongs to its request.

Owns the facts of a connection between two requests. Must not know HTTP, nor which requests there are.
"""

import asyncio
import contextlib
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from ..types.values import ResponseLimits
from . import tcp_info
from .intake import Intake
from .sockets import ObservedSocket

__all__ = ["Line"]


class Line:
    """A connection that aiohttp opened, with the socket under it. `until` is when it has lain in the pool for too long."""

    def __init__(
        self,
        connection: Connection,
        protocol: ResponseHandler,
        transport: Any,
        sock: ObservedSocket | None,
        loop: asyncio.AbstractEventLoop,
        limits: ResponseLimits,
    ) -> None:
        self.connection = connection
        self.protocol = protocol
        self.transport = transport
        self.sock = sock
        self.until = 0.0
        self.intake = Intake(protocol, loop, limits)
        if transport is not None:
            transport.set_protocol(self.intake)

    @property
    def is_open(self) -> bool:
        return self.protocol.is_connected()

    def stain(self) -> tuple[str | None, tcp_info.TcpInfo | None]:
        """Why it must not carry another request, `None` if it may; and what the kernel told of it."""
        sock = self.sock
        if sock is None or not sock.uses:
            return None, None
        info = tcp_info.tcp_info(sock)
        if info is not None and info.received and info.received == sock.come_at_rest and info.state == tcp_info.ESTABLISHED:
            return None, info  # nearly always: nothing has come since
        return self._stain(sock, info), info

    def _stain(self, sock: ObservedSocket, info: tcp_info.TcpInfo | None) -> str | None:
        if not self.is_open:
            return "closed"
        if self.protocol.should_close:
            return "an answer without a request"
        if sock.has_news():
            return "news"
        if info is not None and info.state != tcp_info.ESTABLISHED:
            return "not established"
        come = sock.read or (None if info is None else info.received)
        return "bytes while idle" if come is not None and come != sock.come_at_rest else None

    def may_rest(self) -> bool:
        """Whether it can serve another request, as far as can be seen now."""
        is_clean = self.intake.end() and not self.protocol.should_close
        return is_clean and (self.sock is None or self.sock.rest())

    def close(self) -> None:
        """End it."""
        self.intake.close()
        self.connection.close()

    def abandon(self) -> None:
        """End it where its loop is closed, and can do nothing more."""
        with contextlib.suppress(RuntimeError):
            self.transport.abort()
        with contextlib.suppress(RuntimeError):
            self.close()
