"""One open connection: an asyncio protocol that writes a request, and receives its response.

Laws:

- A used connection is clean only while the peer has neither closed it nor sent a byte since its last response. So a response
  always belongs to its request. One case cannot be seen: a peer over TLS that sends a part of a record behind its response,
  in the same moment, and the rest of it after the next request.
- A request is written once. A response that comes before all of its request was received ends the connection.
- The kernel's facts are read through a descriptor of this object's own: loops may close theirs before they say that the
  connection was lost, and its number may belong to another connection by then.

Owns the state of a connection, its read limit in seconds, and the flow of bytes. Must not know the pool, or how HTTP frames a
response: `response_reader` does.
"""

import asyncio
import contextlib
import errno
import math
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp.connector import Connection as OpenedConnection

from ..types.values import ResponseLimits
from . import sockets, tcp_info
from .response_reader import ResponseError, ResponseReader

if TYPE_CHECKING:
    from .route import Route

__all__ = ["Connection", "LateResponse", "NoResponse", "Owner", "ServerDisconnected", "StalledUpload", "read_buffer"]

_READ_BUFFER = 256 * 1024
"""Bytes of one read. All connections of a loop share a buffer: the loop asks for it, reads, and reports in one step."""
_HEAD = b"HEAD "
"""The begin of a request whose response has no body."""
_H = _HEAD[0]
_JOINED = 64 * 1024
"""Up to so many bytes, a body is written in one piece with the head, and a connection usually takes it without waiting."""
_PIECE = 1024 * 1024
"""Bytes of a longer body that are handed to the loop, or expected of the kernel, at once. Other callbacks run between two
pieces."""
_MOST_UNREAD = 1024 * 1024
"""Bytes of a streamed body that are received ahead of their reader."""


class NoResponse(TimeoutError):
    """No byte of the response came in time."""


class StalledUpload(TimeoutError):
    """The peer took no byte of the request in time."""


class LateResponse(TimeoutError):
    """The response began, but was not complete in time. The text names the part."""


class ServerDisconnected(ConnectionError):
    """The peer ended the connection in an orderly way."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the server closed the connection")


def read_buffer() -> memoryview:
    """The buffer that the connections of one loop share."""
    return memoryview(bytearray(_READ_BUFFER))


class Owner(Protocol):
    """The pool of a connection: `release` takes it back after a request, `lost` learns that the loop has ended it."""

    def release(self, connection: "Connection", /, *, reusable: bool) -> None: ...
    def lost(self, connection: "Connection", /) -> None: ...


class Connection(asyncio.BufferedProtocol):
    """A connection that aiohttp opened. It takes the place of aiohttp's protocol, which still learns of the end.

    - `until`: the end of its time in the pool, by the loop's clock.
    - `uses`: requests that were written. `written`: their bytes, without those of TLS.
    - `is_open`: nothing has ended it. `spoke_unasked`: bytes came while no response was due.
    - `ended_by_peer`: the peer closed its side before anything else ended the connection.
    - `must_note_rest`: only the kernel counts all received bytes, so `note_rest` must be called.
    - `kernel`: a descriptor of its own, for the kernel's facts; `None` on systems that have none.
    - `snapshot`, `written_before`: the kernel's facts, and `written`, before the current request.
    """

    __slots__ = (
        "__weakref__",
        "_awaited",
        "_buffer",
        "_deadline",
        "_error",
        "_handler",
        "_has_eof",
        "_in_use",
        "_inode",
        "_is_aborted",
        "_is_encrypted",
        "_is_lost",
        "_is_streamed",
        "_limit",
        "_loop",
        "_opened",
        "_pieces",
        "_progress",
        "_reading_paused",
        "_received",
        "_received_at_rest",
        "_sent",
        "_sock",
        "_timer",
        "_timer_due",
        "_unread",
        "_upload",
        "_upload_scheduled",
        "_waiter",
        "_writing_paused",
        "ended_by_peer",
        "is_open",
        "kernel",
        "must_note_rest",
        "owner",
        "reader",
        "route",
        "snapshot",
        "spoke_unasked",
        "transport",
        "until",
        "uses",
        "written",
        "written_before",
    )

    def __init__(
        self,
        opened: OpenedConnection,
        transport: asyncio.Transport,
        sock: socket.socket | None,
        inode: int,
        *,
        loop: asyncio.AbstractEventLoop,
        limits: ResponseLimits,
        buffer: memoryview,
        owner: "Owner",
        route: "Route",
    ) -> None:
        self._opened = opened
        self._handler = opened.protocol
        self.transport: Any = transport
        self._loop = loop
        self._buffer = buffer
        self.owner = owner
        self.route = route
        self.reader = ResponseReader(limits)
        self.until = 0.0
        self.uses = self.written = self.written_before = 0
        self.is_open = True
        self.spoke_unasked = self.ended_by_peer = False
        self._has_eof = self._is_aborted = self._is_lost = self._is_streamed = self._in_use = False
        self._reading_paused = self._writing_paused = self._upload_scheduled = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._upload: memoryview | None = None
        self._sent: tuple[int, ...] | None = None
        self._pieces: deque[bytes] | None = None
        self._unread = self._progress = self._received = 0
        self._awaited = 1
        self._received_at_rest: int | None = None
        self._limit: float | None = None
        self._deadline = self._timer_due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._sock, self._inode = sock, inode
        self.kernel = None if sock is None else sockets.duplicate(sock)
        self.snapshot: bytes | None = None
        self._is_encrypted = transport.get_extra_info("ssl_object") is not None
        self.must_note_rest = self._is_encrypted and self.kernel is not None
        transport.set_protocol(self)

    @property
    def sock(self) -> socket.socket | None:
        """The socket, for its options and addresses, while the connection is open."""
        return self.kernel or self._sock

    # Between requests

    def facts(self) -> tcp_info.TcpInfo | None:
        """The kernel's facts; `None` if it has none."""
        return None if self.kernel is None else tcp_info.tcp_info(self.kernel)

    def is_clean(self) -> bool:
        """Whether another request can be sent on it. Takes a snapshot of the kernel's facts, for that request."""
        kernel = self.kernel
        snapshot = self.snapshot = None if kernel is None else tcp_info.snapshot(kernel)
        if kernel is not None and snapshot is not None and self.is_open and self.uses:
            # Nearly always: nothing has arrived since. Without TLS the count of read bytes is the kernel's own.
            at_rest = self._received_at_rest if self._is_encrypted else self._received
            if snapshot[0] == tcp_info.ESTABLISHED and (
                # None: the loop has not turned since the last response, so it has read nothing since.
                tcp_info.received_of(snapshot) == at_rest if at_rest else at_rest is None and not tcp_info.has_news(kernel)
            ):
                return True
        if not self.uses and not self._is_encrypted:
            self.snapshot = None  # counters that have counted no byte prove nothing
        return self.stain() is None

    def stain(self) -> str | None:
        """The reason why it is not clean; `None` if it is."""
        if self.spoke_unasked:
            return "an answer without a request"
        if not self.is_open:
            return "closed"
        if not self.uses:
            return None
        if self._has_news():
            return "news"
        info = None if self.snapshot is None else tcp_info.parsed(self.snapshot)
        if info is not None and info.state != tcp_info.ESTABLISHED:
            return "not established"
        at_rest = self._received_at_rest
        return "bytes while idle" if info is not None and at_rest is not None and info.received != at_rest else None

    def rest(self) -> bool:
        """End a request. Returns whether the connection can carry another, as far as can be seen now."""
        reader = self.reader
        can_rest = reader.is_complete and reader.is_reusable and self.is_open and (self._sent is None or self._is_sent())
        if not can_rest:
            self._wake()  # another task may be reading
        self._in_use = False
        self._error = self._limit = self._sent = None  # a reader of the stream may still wait, in another task
        self._deadline = math.inf
        reader.drop_body()
        return can_rest

    def note_rest(self) -> None:
        """Note what has arrived, before the loop reads more: nothing may arrive until the next request. Closes it if some did.

        TLS may hold back a part of what it reads, so only the kernel's count is sure.
        """
        if self._in_use or self._received_at_rest is not None or not self.is_open:
            return
        info = self.facts()
        if info is not None and self._has_news():
            self.abort()
        elif info is not None:
            self._received_at_rest = info.received

    def _has_news(self) -> bool:
        sock = self.sock
        return sock is not None and tcp_info.has_news(sock)

    # One request

    def request(self, head: bytes, body: bytes, limit: float | None, most: int | None) -> "asyncio.Future[None]":
        """Write a request. The future is done once its response is complete, or for `most=None`, its head; or it failed.

        `limit` is the seconds of silence before the response, and the seconds for its head and for its body. The body may have
        `most` bytes. Call `check` once the future is done.
        """
        self.reader.begin(most)
        if head[0] == _H and head[:5] == _HEAD:
            self.reader.expect_no_body()
        self._is_streamed = most is None
        self._in_use, self._progress, self._limit, self._received_at_rest = True, 0, limit, None
        waiter = self._waiter = self._loop.create_future()
        size = len(body)
        self.uses += 1
        self.written_before = self.written
        self.written += len(head) + size
        if limit is not None:
            self._expect(limit)
        try:
            if size <= _JOINED:
                self.transport.write(head + body)
            else:
                self._upload = memoryview(body)
                self._sent = self._sent_now()
                self.transport.write(head)
                self._write_more()
        except RuntimeError:  # uvloop raises it if it has just closed the connection
            self.fail(ServerDisconnected())
        return waiter

    def check(self) -> None:
        """Raise the error that ended the response."""
        if self._error is not None:
            raise self._error

    @property
    def unsent(self) -> int:
        """Bytes of the request that were not handed to the kernel yet, as far as the loop tells."""
        upload = 0 if self._upload is None else len(self._upload)
        try:
            return upload + int(self.transport.get_write_buffer_size())
        except AttributeError:  # a TLS transport of asyncio that is closed raises it, and has none
            return upload

    async def next_piece(self) -> bytes:
        """The next bytes of a streamed body; empty at its end. Cancelling the wait loses nothing. One task at a time."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("another task is reading this answer")
        while not self._pieces:
            self.check()
            if self._is_aborted:
                raise ConnectionAbortedError(errno.ECONNABORTED, "the stream was closed before its end")
            if self.reader.is_complete:
                return b""
            self._waiter = self._loop.create_future()
            await self._waiter
        piece = self._pieces.popleft()
        self._unread -= len(piece)
        if self._reading_paused and self._unread <= _MOST_UNREAD // 2:
            self._reading_paused = False
            if self.is_open:
                self.transport.resume_reading()
        return piece

    @property
    def is_read(self) -> bool:
        """Whether a streamed body was read to its end."""
        return self.reader.is_complete and not self._pieces

    # The end

    def fail(self, error: Exception) -> None:
        """End the connection, and the wait for the response with this error. The kernel's facts stay."""
        self._error = self._error or error
        self._stop()
        self.transport.abort()

    def cut(self) -> None:
        """End the connection, because its pool is closed. A request that is in flight fails."""
        self.fail(ConnectionAbortedError(errno.ECONNABORTED, "the transport was closed"))
        self._shut_down()
        self._opened.close()

    def abort(self) -> None:
        """End the connection, of which nobody needs anything any more. An orderly close of TLS would wait for the peer."""
        self._is_aborted = True
        self._pieces = None
        self.reader.forget()
        self._stop()
        self._shut_down()
        self.transport.abort()
        self._opened.close()

    def detach(self, *, forked: bool) -> None:
        """Close the descriptors without the loop, which is closed, or is that of the parent process (`forked`)."""
        self._is_aborted, self.is_open = True, False
        self._close_kernel()
        if self._sock is not None:
            sockets.close_descriptor(self._sock, self._inode, shared=forked)
        if forked:
            return
        for end in (self.transport.abort, self._opened.close):
            with contextlib.suppress(RuntimeError):
                end()

    def _stop(self) -> None:
        """Write no more of the request, and wait for nothing any more."""
        self.is_open = False
        self._upload = None
        self._cancel_timer()
        self._wake()

    def _shut_down(self) -> None:
        """Let the peer see the end now, and not only once the loop has closed its descriptor."""
        if self.kernel is not None:
            with contextlib.suppress(OSError):
                self.kernel.shutdown(socket.SHUT_RDWR)
        self._close_kernel()

    def _close_kernel(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    # The loop calls these

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.reader.place or self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self.is_open:
            return
        self._received += nbytes
        reader = self.reader
        is_unasked = reader.is_complete
        if is_unasked:
            self.spoke_unasked, self.is_open = True, False
            self.transport.abort()
            return
        try:
            if reader.place is not None:
                reader.filled(nbytes)
                self._await_piece()
            else:
                reader.feed(self._buffer[:nbytes])
                if not reader.is_complete:
                    self._await_piece()
        except ResponseError as error:
            self.fail(error)
            return
        if reader.is_complete and not self._is_streamed:
            self._wake()
        else:
            self._hand_on(reader)

    def eof_received(self) -> None:
        """The peer closed its side.

        TLS would answer with a close_notify of its own, and a reset of that would look like a reset of the request.
        """
        self._has_eof, self.is_open = True, False
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        # A broken pipe: the kernel was told of the peer's end before the reset.
        told = self._has_eof or exc is None or isinstance(exc, BrokenPipeError)
        self.ended_by_peer = told and self._error is None and not self._is_aborted
        if not self._in_use:
            self._close_kernel()
        elif not self.reader.is_complete:
            self._error = self._error or exc or ServerDisconnected()
        self._stop()
        self.owner.lost(self)
        if self._handler is not None:
            self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        if not self._upload_scheduled:
            self._write_more()

    # The request

    def _write_more(self) -> None:
        """Write the next piece, unless the loop has enough. Other callbacks run in between, even if the peer is fast."""
        self._upload_scheduled = False
        upload = self._upload
        if upload is None or self._writing_paused:
            return
        self._upload = upload[_PIECE:] if len(upload) > _PIECE else None
        self._upload_scheduled = self._upload is not None
        if self._upload_scheduled:
            self._loop.call_soon(self._write_more)
        self.transport.write(upload[:_PIECE])

    def _sent_now(self) -> tuple[int, ...]:
        """How far a long request has come: the bytes not handed on yet, and those that were taken and acknowledged."""
        info = self.facts()
        return (self.unsent, 0, 0) if info is None else (self.unsent, info.taken, info.acknowledged - 1)

    def _is_sent(self) -> bool:
        """Whether the peer's kernel has all of a long request. It says so with a response that comes after the request.

        Over TLS the loop's own buffer may hold bytes that it hides.
        """
        unsent, taken, acknowledged = self._sent_now()
        before = 0 if self.snapshot is None else tcp_info.parsed(self.snapshot).taken
        is_all = taken - before >= self.written - self.written_before and acknowledged >= taken
        return not unsent and (is_all or not taken)

    # The response

    def _hand_on(self, reader: ResponseReader) -> None:
        """Tell the waiter of a streamed response of its head, or of a piece of its body. Else note how far it has come."""
        if self._is_streamed and reader.has_head:
            self._take_pieces()
        elif self._limit is not None and reader.progress != self._progress:
            # Each part of a response has a limit of its own: the silence before it, its head, its body.
            self._progress = reader.progress
            self._expect(self._limit)

    def _take_pieces(self) -> None:
        """Hand on what was received of a streamed body, and pause the peer if the reader is too far behind."""
        pieces = self.reader.pieces()
        self._pieces = self._pieces if self._pieces is not None else deque()
        self._pieces.extend(pieces)
        self._unread += sum(map(len, pieces))
        if self._unread > _MOST_UNREAD and not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()
        self._wake()

    def _await_piece(self) -> None:
        """Let the kernel report the rest of a large body in pieces: each report costs a turn of the loop."""
        place = self.reader.place
        if self.kernel is None or self._is_encrypted:
            return
        awaited = 1 if place is None else min(len(place), _PIECE)
        if awaited != self._awaited:
            self._awaited = awaited
            sockets.report_from(self.kernel, awaited)

    def _wake(self) -> None:
        self._deadline = math.inf
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)  # an exception that nobody awaits any more would be logged

    # Time

    def _expect(self, limit: float) -> None:
        """The next part of the response is due within `limit` seconds.

        The timer keeps running from one request to the next: setting and cancelling one for each takes long.
        """
        self._deadline = self._loop.time() + limit
        if self._timer_due > self._deadline:
            self._set_timer()

    def _set_timer(self) -> None:
        self._cancel_timer()
        self._timer_due = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._check_time)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_due = math.inf

    def _check_time(self) -> None:
        self._timer, self._timer_due = None, math.inf
        if math.isinf(self._deadline):
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        elif self.reader.has_head:
            self.fail(LateResponse(f"the body of the answer was not complete within {self._limit} s of its head"))
        elif self.reader.has_begun:
            self.fail(LateResponse(f"the head of the answer was not complete within {self._limit} s of its first byte"))
        elif self._sent is None:
            self.fail(NoResponse())
        else:
            self._check_upload()

    def _check_upload(self) -> None:
        """The limit of a long request counts from the last byte that the peer took."""
        before, self._sent = self._sent, self._sent_now()
        unsent, taken, acknowledged = self._sent
        if self._sent != before:
            self._expect(self._limit or 0)
        elif unsent or taken > acknowledged:
            self.fail(StalledUpload())
        else:
            self.fail(NoResponse())
