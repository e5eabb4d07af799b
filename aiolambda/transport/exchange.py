"""One request on its connection: how far it got, and what the kernel can tell when the connection ends without an answer.

Laws: what is read from the kernel is read on a descriptor that stays open for as long as this object wants, and that it closes;
counters that cannot be trusted count as not there.

Owns the facts of a loss. Must not judge them: `policy` does.
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
"""Bytes of a body that a connection takes without waiting for the peer, as a rule."""
_RESET_WITHIN = 0.05
"""Seconds in which the peer's kernel has refused the bytes, unless two round trips take longer."""
_FIRST_LOOK_AFTER = 0.0005
_LOOK_EVERY = 1.0
_LOOK_AGAIN_AFTER = 0.1
"""Seconds between two looks at whether a connection still lives whose answer has begun."""


class Exchange:
    """One request, the asyncio transport that it was given, and the socket under that, with its counters at the beginning."""

    def __init__(self, request: Request, proves: bool) -> None:
        self.request = request
        self.proves = proves
        self.head = b""
        """The request line and the header until they are written. No local holds them, for tracebacks may show locals."""
        self.transport: asyncio.Transport | None = None
        self.sock: ObservedSocket | None = None
        self._use = self._taken_before = 0
        self._reused = False
        self._acknowledged_before: int | None = None
        self._before: tcp_info.TcpInfo | None = None
        self._kept: ObservedSocket | None = None
        self.displaced = False
        """What was reserved for the request before it was signed is gone, and there is nothing in its place."""
        self.stalled = False
        """The peer took no byte of the request for as long as `read` allows."""
        self._watch: asyncio.TimerHandle | None = None
        self._answer_watch: asyncio.TimerHandle | None = None

    def begin(
        self, transport: asyncio.Transport | None, sock: ObservedSocket | None, info: tcp_info.TcpInfo | None = None
    ) -> None:
        """Note the connection that the request goes over, and what the kernel tells of one that was used before."""
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
        # Some sandboxes answer zeros: a counter is believed when it fits what was sent before this request.
        if self.proves and info is not None and info.acknowledged == sock.taken + 1:
            self._acknowledged_before = info.acknowledged
            sock.before_close = self._keep

    def _own_socket(self) -> ObservedSocket | None:
        """The socket, unless its connection has gone on to a later request."""
        return None if self.sock is None or self.sock.uses != self._use else self.sock

    def out_of_place(self) -> aiohttp.ClientError:
        """The error for `connect` to raise: the request should be signed afresh, once there is a place for it again."""
        self.displaced = True
        return aiohttp.ClientConnectionError("the connection that was reserved is gone")

    def note_stage(self) -> None:
        """Tell sending from waiting: bytes that are still in our own buffer have not left."""
        transport = self.transport
        if transport is None or self.request.stage != "send":
            return
        if not _unsent(transport):
            self.request.stage = "wait"

    def cut(self) -> None:
        """End the connection now. Closing it the usual way would wait for the peer's goodbye, where it is encrypted."""
        sock = self._own_socket()
        if sock is not None:
            sock.cut()

    def end(self, *, answered: bool) -> None:
        """The request is over. Without an answer its connection is of no use any more, and ends now."""
        if not answered:
            self.note_stage()
            self.cut()
        if self._watch is not None:
            self._watch.cancel()
        self.answer_has_ended()
        sock = self._own_socket()
        if sock is not None:
            sock.before_close = None
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def watch_answer(self, content: aiohttp.StreamReader, *, seen_to_close: bool = False) -> None:
        """Let whoever reads an answer know that its connection has ended.

        aiohttp does so itself, but for one case: when what comes in the middle of an answer cannot be read, it closes the
        connection, and says nothing to a reader that waits.
        """
        if content.is_eof() or content.exception() is not None or self.transport is None:
            return
        closes = self.transport.is_closing()
        if closes and seen_to_close:  # and not in the moment in which aiohttp is about to say so
            content.set_exception(aiohttp.ClientPayloadError("the answer cannot be read"))
            return
        look = functools.partial(self.watch_answer, content, seen_to_close=closes)
        delay = _LOOK_AGAIN_AFTER if closes else _LOOK_EVERY
        self._answer_watch = asyncio.get_running_loop().call_later(delay, look)

    def answer_has_ended(self) -> None:
        """Nobody reads any more."""
        if self._answer_watch is not None:
            self._answer_watch.cancel()

    def _watch_upload(self, before: tuple[int, int, int] | None) -> None:
        """End an upload of which nothing goes on for `read` seconds: aiohttp's own limit begins when all is written."""
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
            self.cut()
            transport.abort()
            return
        self._watch = asyncio.get_running_loop().call_later(limit, self._watch_upload, progress)

    async def loss(self) -> Loss:
        """What is known of a connection that ended without an answer. Takes 50 ms, or two round trips, at most."""
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
        """The same with what the kernel told until the peer refused the bytes, or the time for it had passed."""
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
        """How much of the request the kernel took, by its own count: believed if that has what was acknowledged before."""
        before = 0 if self._before is None else self._before.acknowledged - 1  # the opening counts as a byte
        taken = tcp_info.bytes_taken(sock) if sock.is_ours else sock.taken_at_close
        return taken - before if taken is not None and taken >= before > 0 else None

    def _keep(self, sock: ObservedSocket) -> None:
        """Keep the connection open in the kernel under a descriptor of our own, while the loop closes its own."""
        if self._kept is None:
            with contextlib.suppress(OSError):
                self._kept = sock.dup()


def _is_ended(sock: ObservedSocket, kept: ObservedSocket) -> bool:
    """Whether the peer had ended its side. What is still unread, such as an alert of TLS, is passed over."""
    while not sock.ended and not sock.failed:
        try:
            sock.note_end(kept.recv(65536, socket.MSG_DONTWAIT))
        except OSError:
            break
    return sock.ended


def _unsent(transport: asyncio.Transport) -> int:
    """Bytes that wait in the loop's own buffer. asyncio's TLS cannot tell once it is closed, and has none then."""
    try:
        return transport.get_write_buffer_size()
    except AttributeError:
        return 0
