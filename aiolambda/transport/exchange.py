"""One request on its connection: how far it got, and the kernel's facts if the connection ends without a response.

Laws: facts of the kernel are read from a descriptor that belongs to this connection alone. Counters are believed only if they
have counted the earlier bytes of the connection.

Owns the facts of a lost connection. Must not judge them: `policy` does.
"""

import asyncio

from ..types.http import Loss, Request
from ..types.values import Unset
from . import tcp_info
from .connection import Connection

__all__ = ["Displaced", "Exchange"]

_TAKEN_AT_ONCE = 64 * 1024
"""Bytes of a body that a connection usually accepts without waiting for the peer."""
_RESET_WITHIN = 0.05
"""Seconds in which the reset of the peer's kernel arrives, unless two round trips take longer."""
_FIRST_LOOK_AFTER = 0.0005


class Displaced(ConnectionError):
    """The connection that was reserved before signing is gone, and no other is free: the request must be signed again."""


class Exchange:
    """One request, its connection, and the kernel's counters before the request."""

    __slots__ = ("_before", "_is_reused", "_watch", "_written_before", "connection", "head", "proves", "request", "stalled")

    def __init__(self, request: Request, proves: bool) -> None:
        self.request = request
        self.proves = proves
        self.head = b""
        """The request line and the header until they are written. They are in no local, because tracebacks may show locals."""
        self.connection: Connection | None = None
        self._is_reused = False
        self._before: bytes | None = None
        self._written_before = 0
        self.stalled = False
        """The peer took no byte of the request for `read` seconds."""
        self._watch: asyncio.TimerHandle | None = None

    def begin(self, connection: Connection, snapshot: bytes | None) -> None:
        """Note the connection of the request, and the kernel's facts about it."""
        self.request.stage = "send"
        self.connection = connection
        self._is_reused = connection.uses > 0
        self._before, self._written_before = snapshot, connection.written
        if len(self.request.body) > _TAKEN_AT_ONCE:
            self._watch_upload(None)

    def write(self, connection: Connection, most: int | None) -> "asyncio.Future[None]":
        """Write the request on its connection. See `Connection.request` for the future and for `most`."""
        limit, head = self.request.timeouts.read, self.head
        self.head = b""
        return connection.request(head, self.request.body, limit=None if isinstance(limit, Unset) else limit, most=most)

    def note_stage(self) -> None:
        """Set the stage to that of the response, or to `wait` unless bytes of the request are still in the local buffer."""
        connection, request = self.connection, self.request
        if connection is None or request.stage != "send":
            return
        if connection.reader.has_head:
            request.stage = "receive"
        elif not connection.unsent:
            request.stage = "wait"

    def end(self, *, reusable: bool) -> None:
        """The request has ended. Give its connection back, to be closed unless it is `reusable`."""
        if not reusable:
            self.note_stage()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        connection = self.connection
        if connection is not None:
            connection.owner.release(connection, reusable=reusable)

    def _watch_upload(self, before: tuple[int, ...] | None) -> None:
        """Fail the request if the peer takes no byte of it for `read` seconds. The wait for a response starts after that."""
        limit, connection = self.request.timeouts.read, self.connection
        if connection is None or self.request.stage != "send" or not isinstance(limit, int | float):
            return
        info = connection.facts()
        waiting = connection.unsent + (0 if info is None else max(0, info.taken - info.acknowledged + 1))
        progress = (waiting, 0 if info is None else info.acknowledged, 0 if info is None else info.taken)
        if progress == before and waiting:
            self.stalled = True
            connection.fail(TimeoutError())
            return
        self._watch = asyncio.get_running_loop().call_later(limit, self._watch_upload, progress)

    async def loss(self) -> Loss:
        """The facts of a connection that ended without a response. Takes at most 50 ms, or two round trips."""
        connection, before = self.connection, self._trusted_before()
        info = None if connection is None else connection.facts()
        loss = Loss(reused=self._is_reused)
        if connection is None or before is None or info is None:
            return loss
        loss = loss._replace(taken=info.taken - before.taken)
        if not loss.taken or not self._is_reused or not self.proves:
            return loss
        return await self._watched(loss, connection, before)

    def _trusted_before(self) -> tcp_info.TcpInfo | None:
        """The facts before the request, if the counters have counted the earlier bytes. Some sandboxes report zeros."""
        if self._before is None:
            return None
        before = tcp_info.parsed(self._before)
        has_counted = before.taken and before.acknowledged - 1 == before.taken >= self._written_before
        return before if has_counted else None

    async def _watched(self, loss: Loss, connection: Connection, before: tcp_info.TcpInfo) -> Loss:
        """The loss with the kernel's facts at the moment of the peer's reset, or after the time for it."""
        loop, pause = asyncio.get_running_loop(), _FIRST_LOOK_AFTER
        began = loop.time()
        while True:
            info = connection.facts()
            if info is None:
                return loss
            ended = connection.ended_by_peer and (info.received > before.received or before.state == tcp_info.CLOSE_WAIT)
            loss = loss._replace(
                ended=ended, acknowledged=info.acknowledged - before.acknowledged, reset=info.state == tcp_info.CLOSED
            )
            late = loop.time() - began >= max(2 * info.round_trip / 1e6, _RESET_WITHIN)
            if late or not ended or loss.acknowledged or info.state != tcp_info.CLOSE_WAIT:
                return loss
            await asyncio.sleep(pause)
            pause *= 2
