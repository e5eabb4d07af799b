"""One request on its connection: how far it got, and the kernel's facts if the connection ends without an answer.

Laws: facts of the kernel are read from a descriptor that this object keeps open, and closes. A counter that cannot be trusted
counts as unknown.

Owns the facts of a lost connection. Must not judge them: `policy` does.
"""

import asyncio
import contextlib
import functools
import socket

import aiohttp

from ..types.http import Loss, Request
from . import tcp_info
from .sockets import ObservedSocket

__all__ = ["Exchange"]

_TAKEN_AT_ONCE = 64 * 1024
"""Bytes of a body that a connection usually accepts without waiting for the peer."""
_RESET_WITHIN = 0.05
"""Seconds in which the reset of the peer's kernel arrives, unless two round trips take longer."""
_FIRST_LOOK_AFTER = 0.0005
_LOOK_EVERY = 1.0
_LOOK_AGAIN_AFTER = 0.1
"""Seconds between two checks whether the connection of an incomplete answer is still open."""


class Exchange:
    """One request, its asyncio transport and socket, and the counters of the socket before the request."""

    def __init__(self, request: Request, proves: bool) -> None:
        self.request = request
        self.proves = proves
        self.head = b""
        """The request line and the header until they are written. They are in no local, because tracebacks may show locals."""
        self.transport: asyncio.Transport | None = None
        self.sock: ObservedSocket | None = None
        self._use = self._taken_before = 0
        self._reused = False
        self._acknowledged_before: int | None = None
        self._before: tcp_info.TcpInfo | None = None
        self._kept: ObservedSocket | None = None
        self.displaced = False
        """The connection that was reserved before signing is gone, and no other is free."""
        self.stalled = False
        """The peer took no byte of the request for `read` seconds."""
        self._watch: asyncio.TimerHandle | None = None
        self._answer_watch: asyncio.TimerHandle | None = None

    def begin(
        self, transport: asyncio.Transport | None, sock: ObservedSocket | None, info: tcp_info.TcpInfo | None = None
    ) -> None:
        """Note the connection of the request. `info` is the kernel's facts about it, if it was used before."""
        self.transport, self.sock = transport, sock
        if len(self.request.body) > _TAKEN_AT_ONCE:
            self._watch_upload(None)
        if sock is None:
            return
        self._reused, self._taken_before = sock.uses > 0, sock.taken
        sock.uses += 1
        self._use = sock.uses
        self._before = info
        sock.heard = sock.answered_back = False
        # Some sandboxes report zeros: a counter is trusted if it matches the bytes sent before this request.
        if self.proves and info is not None and info.acknowledged == sock.taken + 1:
            self._acknowledged_before = info.acknowledged
            sock.before_close = self._keep

    def _own_socket(self) -> ObservedSocket | None:
        """The socket, unless its connection has gone on to a later request."""
        return None if self.sock is None or self.sock.uses != self._use else self.sock

    def out_of_place(self) -> aiohttp.ClientError:
        """The error to raise if the reservation was lost: the request must wait again, and be signed again."""
        self.displaced = True
        return aiohttp.ClientConnectionError("the connection that was reserved is gone")

    def note_stage(self) -> None:
        """Set the stage to `wait`, unless bytes of the request are still in the local buffer."""
        transport = self.transport
        if transport is None or self.request.stage != "send":
            return
        if not _unsent(transport):
            self.request.stage = "wait"

    def abort(self) -> None:
        """End the connection now. An orderly close of TLS would wait for the peer."""
        sock = self._own_socket()
        if sock is not None:
            sock.abort()

    def end(self, *, answered: bool) -> None:
        """The request has ended. Without an answer, abort its connection."""
        if not answered:
            self.note_stage()
            self.abort()
        if self._watch is not None:
            self._watch.cancel()
        self.stop_watching()
        sock = self._own_socket()
        if sock is not None:
            sock.before_close = None
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def watch_answer(self, content: aiohttp.StreamReader, *, seen_to_close: bool = False) -> None:
        """Fail the reader of an answer if the connection ends.

        aiohttp does this itself except in one case: if it cannot parse bytes in the middle of an answer, it closes the
        connection and leaves the reader waiting.
        """
        if content.is_eof() or content.exception() is not None or self.transport is None:
            return
        closes = self.transport.is_closing()
        if closes and seen_to_close:  # at the second look: at the first, aiohttp may be about to do it
            content.set_exception(aiohttp.ClientPayloadError("the answer cannot be read"))
            return
        look = functools.partial(self.watch_answer, content, seen_to_close=closes)
        delay = _LOOK_AGAIN_AFTER if closes else _LOOK_EVERY
        self._answer_watch = asyncio.get_running_loop().call_later(delay, look)

    def stop_watching(self) -> None:
        """Stop watching the answer."""
        if self._answer_watch is not None:
            self._answer_watch.cancel()

    def _watch_upload(self, before: tuple[int, int, int] | None) -> None:
        """Abort an upload that makes no progress for `read` seconds: aiohttp's own limit starts after the last byte."""
        limit, transport = self.request.timeouts.read, self.transport
        if transport is None or self.request.stage != "send" or not isinstance(limit, int | float):
            return
        info = None if self.sock is None else tcp_info.tcp_info(self.sock)
        progress = (
            _unsent(transport),
            0 if info is None else info.acknowledged,
            0 if self.sock is None else self.sock.taken,
        )
        if progress == before and progress[0]:
            self.stalled = True
            self.abort()
            transport.abort()
            return
        self._watch = asyncio.get_running_loop().call_later(limit, self._watch_upload, progress)

    async def loss(self) -> Loss:
        """The facts of a connection that ended without an answer. Takes at most 50 ms, or two round trips."""
        sock = self.sock
        if sock is None:
            return Loss(reused=self._reused)
        if not sock.counts:
            return Loss(reused=self._reused, taken=self._taken_by_kernel(sock))
        loss = Loss(reused=self._reused, taken=sock.taken - self._taken_before)
        if not loss.taken or self._acknowledged_before is None or sock.answered_back:
            return loss
        if self._kept is None:
            self._keep(sock)
        return loss if self._kept is None else await self._watched(loss, sock, self._kept, self._acknowledged_before)

    async def _watched(self, loss: Loss, sock: ObservedSocket, kept: ObservedSocket, acknowledged_before: int) -> Loss:
        """The loss with the kernel's facts at the moment of the peer's reset, or after the time for it."""
        loop, pause = asyncio.get_running_loop(), _FIRST_LOOK_AFTER
        began = loop.time()
        ended = _is_ended(sock, kept)
        while True:
            info = tcp_info.tcp_info(kept)
            if info is None:
                return loss
            loss = loss._replace(
                ended=ended, acknowledged=info.acknowledged - acknowledged_before, reset=info.state == tcp_info.CLOSED
            )
            late = loop.time() - began >= max(2 * info.round_trip / 1e6, _RESET_WITHIN)
            if late or not ended or loss.acknowledged or info.state != tcp_info.CLOSE_WAIT:
                return loss
            await asyncio.sleep(pause)
            pause *= 2

    def _taken_by_kernel(self, sock: ObservedSocket) -> int | None:
        """Bytes of the request that the kernel took, by its own counter; trusted if it includes the earlier requests."""
        before = 0 if self._before is None else self._before.acknowledged - 1  # the SYN counts as a byte
        taken = tcp_info.bytes_taken(sock) if sock.is_ours else sock.taken_at_close
        return taken - before if taken is not None and taken >= before > 0 else None

    def _keep(self, sock: ObservedSocket) -> None:
        """Duplicate the descriptor, so that the kernel keeps the connection after the loop closes its own."""
        if self._kept is None:
            with contextlib.suppress(OSError):
                self._kept = sock.dup()


def _is_ended(sock: ObservedSocket, kept: ObservedSocket) -> bool:
    """Whether the peer closed its side. Unread bytes before that, such as a TLS alert, are skipped."""
    while not sock.ended and not sock.failed:
        try:
            sock.note_end(kept.recv(65536, socket.MSG_DONTWAIT))
        except OSError:
            break
    return sock.ended


def _unsent(transport: asyncio.Transport) -> int:
    """Bytes in the buffer of the loop. A closed TLS transport of asyncio raises here, and has none."""
    try:
        return transport.get_write_buffer_size()
    except AttributeError:
        return 0
