"""One open connection, and the check whether it can carry another request.

Laws: a used connection is clean only while the peer has neither closed it nor sent a byte since its last answer. So an answer
always belongs to its request.

Owns the state of a connection between two requests. Must not know HTTP, or the requests.
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
    """A connection that aiohttp opened, with its socket. `until` is the end of its time in the pool."""

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
        """The reason not to send another request on it, `None` if it is clean; and the kernel's facts about it."""
        sock = self.sock
        if sock is None or not sock.uses:
            return None, None
        info = tcp_info.tcp_info(sock)
        if info is not None and info.received and info.received == sock.come_at_rest and info.state == tcp_info.ESTABLISHED:
            return None, info  # nearly always: nothing has arrived since
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
        """Whether it can go back to the pool, as far as can be seen now."""
        is_clean = self.intake.end() and not self.protocol.should_close
        return is_clean and (self.sock is None or self.sock.rest())

    def close(self) -> None:
        """Close it."""
        self.intake.close()
        self.connection.close()

    def detach(self) -> None:
        """Close it after its loop was closed."""
        with contextlib.suppress(RuntimeError):
            self.transport.abort()
        with contextlib.suppress(RuntimeError):
            self.close()
