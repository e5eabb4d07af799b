"""One request on its connection: how far it got, and the kernel's facts if the connection ends without a response.

Laws: facts of the kernel are read from a descriptor that belongs to this connection alone. Counters are believed only if they
have counted the earlier bytes of the connection.

Owns the facts of a lost connection. Must not judge them: `policy` does.
"""

import asyncio

from ..types.http import Loss, Request
from . import tcp_info
from .connect_queue import Reservation
from .connection import Connection
from .route import Route

__all__ = ["Displaced", "Exchange", "StalledHandshake"]

_RESET_WITHIN = 0.05
"""Seconds in which the reset of the peer's kernel arrives, unless two round trips take longer."""
_FIRST_LOOK_AFTER = 0.0005


class Displaced(ConnectionError):
    """The connection that was reserved before signing is gone, and no other is free: the request must be signed again."""


class StalledHandshake(TimeoutError):
    """A server has accepted the connection, and the handshakes of the proxy and of TLS took too long."""


class Exchange:
    """One request, and the connection that carries it."""

    __slots__ = ("connection", "head", "promise", "proves", "request", "route")

    def __init__(self, request: Request, proves: bool) -> None:
        self.request = request
        self.proves = proves
        self.head = b""
        """The request line and the header until they are written. They are in no local, because tracebacks may show locals."""
        self.promise: Reservation | None = None
        self.route: Route | None = None
        self.connection: Connection | None = None

    def write(self, connection: Connection, most: int | None) -> "asyncio.Future[None]":
        """Write the request on its connection. See `Connection.request` for the future and for `most`."""
        request, head = self.request, self.head
        limit, self.head = request.timeouts.read, b""
        return connection.request(head, request.body, limit if isinstance(limit, (int, float)) else None, most)

    def note_stage(self) -> None:
        """Set the stage to that of the response, or to `wait` unless bytes of the request are still in the local buffer."""
        connection, request = self.connection, self.request
        if connection is None or request.stage != "send":
            return
        if connection.reader.has_head:
            request.stage = "receive"
        elif not connection.unsent:
            request.stage = "wait"

    async def loss(self) -> Loss:
        """The facts of a connection that ended without a response. Takes at most 50 ms, or two round trips."""
        connection = self.connection
        if connection is None:
            return Loss()
        loss = Loss(reused=connection.uses > 1)
        before, info = _trusted_facts_before(connection), connection.facts()
        if before is None or info is None:
            return loss
        loss = loss._replace(taken=info.taken - before.taken)
        if not loss.taken or not loss.reused or not self.proves:
            return loss
        return await _watched(loss, connection, before)


def _trusted_facts_before(connection: Connection) -> tcp_info.TcpInfo | None:
    """The facts before the request, if the counters have counted the earlier bytes. Some sandboxes report zeros."""
    if connection.snapshot is None:
        return None
    before = tcp_info.parsed(connection.snapshot)
    has_counted = before.taken and before.acknowledged - 1 == before.taken >= connection.written_before
    return before if has_counted else None


async def _watched(loss: Loss, connection: Connection, before: tcp_info.TcpInfo) -> Loss:
    """The loss with the kernel's facts at the moment of the peer's reset, or after the time for it."""
    loop, pause = asyncio.get_running_loop(), _FIRST_LOOK_AFTER
    began = loop.time()
    while True:
        info = connection.facts()
        if info is None:
            return loss
        # A test may let the peer end the connection after the check before the request, and before the facts.
        ended = connection.ended_by_peer and (info.received > before.received or before.state == tcp_info.CLOSE_WAIT)
        loss = loss._replace(
            ended=ended, acknowledged=info.acknowledged - before.acknowledged, reset=info.state == tcp_info.CLOSED
        )
        late = loop.time() - began >= max(2 * info.round_trip / 1e6, _RESET_WITHIN)
        if late or not ended or loss.acknowledged or info.state != tcp_info.CLOSE_WAIT:
            return loss
        await asyncio.sleep(pause)
        pause *= 2
