"""Receives answers on a connection: one at a time, within limits, and passes their bytes to aiohttp's parser.

Laws: each answer has its own parser, so no state of one answer affects the next. Bytes that arrive while no answer is due make
the connection unusable. An answer must state exactly where it ends, or it is refused.

Owns the limits of an answer, in bytes, heads and seconds. Must not know the content of an answer, or the origin of connections.
Source: RFC 9112, sections 6 (the length of a message) and 7.1 (chunks and trailers).
"""

import asyncio
import io
import math

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, HttpVersion10, HttpVersion11, RawResponseMessage

from ..types.values import ResponseLimits

__all__ = ["Answer", "Intake", "LateAnswer", "UnfitAnswer"]

_READ_BUFFER = 1024 * 1024
"""Bytes to read ahead. With aiohttp's default of 64 KiB, 6 MB take 18 ms instead of 13."""
_FRAMING = 8
"""Bytes of chunk sizes and line ends that are allowed for each byte of a body; a chunk of one byte has five."""
_END_OF_HEAD = b"\r\n\r\n"
_WITHOUT_BODY = (204, 304)

Answer = tuple[RawResponseMessage, aiohttp.StreamReader]


class UnfitAnswer(aiohttp.ClientPayloadError):
    """The answer cannot be used. The text gives the reason, and quotes nothing of the answer."""


class LateAnswer(aiohttp.SocketTimeoutError):
    """The answer began, but was not complete in time. The text names the part."""


class Intake(asyncio.Protocol):
    """A protocol between a connection and aiohttp's handler. If a limit is exceeded, the wait for the answer fails."""

    def __init__(self, handler: ResponseHandler, loop: asyncio.AbstractEventLoop, limits: ResponseLimits) -> None:
        self._handler = handler
        self._loop = loop
        self._limits = limits
        self._limit: float | None = None
        self._deadline = self._timer_due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._awaits_head = self._head_has_begun = self._all_is_written = False
        self._content: aiohttp.StreamReader | None = None
        self._come = self._allowed = self._come_before = 0
        self._last = b""
        """The last bytes of an incomplete head: its end may arrive in pieces."""

    def begin(self, limit: float | None) -> None:
        """Prepare for an answer. `limit` is the seconds of silence before it, and the seconds for its head and for its body."""
        self._handler.set_response_params(
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            # The limit is on the bytes of the whole head: neither lines nor their number have limits of their own.
            max_line_size=_READ_BUFFER + self._limits.head,
            max_field_size=_READ_BUFFER + self._limits.head,
            max_headers=self._limits.head,
        )
        self._limit = limit
        self._awaits_head, self._head_has_begun, self._all_is_written, self._last = True, False, False, b""
        self._come = self._come_before = 0
        self._allowed = self._limits.head

    def expect(self) -> None:
        """The request is written: the limit for the first byte of the answer starts now, unless it has arrived.

        The timer keeps running from one request to the next: setting and cancelling one for each costs a tenth of a call.
        """
        self._all_is_written = True
        if self._limit is not None and self._awaits_head and not self._head_has_begun:
            self._deadline = self._loop.time() + self._limit
            if self._timer_due > self._deadline:
                self._set_timer()

    async def final(self, answer: Answer) -> Answer:
        """The head of the final answer, after interim heads (1xx)."""
        count = 0
        while answer[0].code < 200 and answer[0].code != 101:
            count += 1
            if count > self._limits.interim:
                raise _too_much("interim", f"came after more than {self._limits.interim:,} heads with a status of 1xx")
            self._come_before = self._come
            self._allowed = self._come + self._limits.head
            if self._all_is_written:
                self.expect()
            elif not self._head_has_begun:
                self._deadline = math.inf
            answer = await self._handler.read()
        return answer

    def take(self, answer: Answer, most: int | None) -> None:
        """Accept the head of the answer. `UnfitAnswer` if it cannot be used, or its body is longer than `most` bytes."""
        message, self._content = answer
        self._awaits_head, self._deadline = False, math.inf
        if self._come > self._limits.head:
            self._check_head(message)
        length = message.headers.get(hdrs.CONTENT_LENGTH)
        if length is None or message.version is not HttpVersion11 or hdrs.TRANSFER_ENCODING in message.headers:
            _check_framing(message)
        if length is not None and most is not None and int(length) > most:
            raise _too_long_body(most)

    async def rest_of(self, content: aiohttp.StreamReader, most: int) -> bytes:
        """Read the body to its end, at most `most` bytes, within the limit from now on."""
        if self._limit is not None:
            self._deadline = self._loop.time() + self._limit
            if self._timer_due > self._deadline:
                self._set_timer()
        body, piece = io.BytesIO(), b""
        try:
            while True:
                piece, ends_chunk = await content.readchunk()
                if not piece and not ends_chunk:
                    return body.getvalue()
                if body.tell() + len(piece) > most:
                    raise _too_long_body(most)
                body.write(piece)
        finally:
            del body, piece  # a traceback that is printed with locals would show them

    def end(self) -> bool:
        """The answer is complete, and none is due. Returns `False` if the parser has read bytes after it."""
        self._awaits_head, self._content = False, None
        self._limit, self._deadline = None, math.inf
        parser = self._handler._parser  # pyright: ignore[reportPrivateUsage] - aiohttp has no public way to ask
        try:
            return parser is None or parser.feed_eof() is None
        except HttpProcessingError:  # the bytes after the answer are not valid HTTP
            return False

    def close(self) -> None:
        """Cancel the timer; no further answer is due."""
        self._deadline = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        if self._awaits_head:
            if not self._head_has_begun and self._limit is not None:
                self._deadline = self._loop.time() + self._limit
                if self._timer_due > self._deadline:
                    self._set_timer()
            if data.endswith(_END_OF_HEAD):
                self._head_has_begun = False
            else:
                last = data if len(data) >= len(_END_OF_HEAD) else self._last + data
                self._head_has_begun = not last.endswith(_END_OF_HEAD)
                self._last = last[-len(_END_OF_HEAD) :]
        elif self._content is None:
            self._handler.force_close()  # no request is open, so these bytes are not an answer
            return
        self._come += len(data)
        self._handler.data_received(data)
        if self._come > self._allowed:
            self._check_size()

    def eof_received(self) -> None:
        self._handler.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def _check_size(self) -> None:
        """Fail if the head, or the framing of the body so far, exceeds its limit."""
        if self._passes_allowed() and not len(self._handler):  # `take` checks a complete head
            self._fail(self._too_long_head())

    def _check_head(self, message: RawResponseMessage) -> None:
        """The same check for a head that arrived in one piece with the bytes after it."""
        if _size_of(message) > self._limits.head or (message.chunked and self._passes_allowed()):
            raise self._too_long_head()

    def _passes_allowed(self) -> bool:
        body = 0 if self._content is None else self._content.total_bytes
        self._allowed = self._come_before + self._limits.head + (1 + _FRAMING) * body
        return self._come > self._allowed

    def _too_long_head(self) -> UnfitAnswer:
        return _too_much("head", f"has more than {self._limits.head:,} bytes of head and trailers")

    def _fail(self, error: aiohttp.ClientError) -> None:
        (self._handler if self._content is None else self._content).set_exception(error)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._check_time)

    def _check_time(self) -> None:
        self._timer, self._timer_due = None, math.inf
        if math.isinf(self._deadline):
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        elif self._content is not None:
            self._fail(LateAnswer(f"the body of the answer was not complete within {self._limit} s of its head"))
        elif self._head_has_begun:
            self._fail(LateAnswer(f"the head of the answer was not complete within {self._limit} s of its first byte"))
        else:
            self._fail(aiohttp.SocketTimeoutError("nothing came"))


def _check_framing(message: RawResponseMessage) -> None:
    """`UnfitAnswer` unless the answer states exactly where it ends; the end of the connection does not count."""
    encodings = message.headers.getall(hdrs.TRANSFER_ENCODING, [])
    has_length = hdrs.CONTENT_LENGTH in message.headers
    if message.version not in (HttpVersion10, HttpVersion11):
        raise UnfitAnswer("has another HTTP version than 1.0 or 1.1")
    if encodings:
        if has_length:
            raise UnfitAnswer("has both a Content-Length and a Transfer-Encoding")
        if message.version == HttpVersion10 or [encoding.strip().lower() for encoding in encodings] != ["chunked"]:
            raise UnfitAnswer("has a Transfer-Encoding that is not exactly 'chunked'")
    elif not has_length and message.code not in _WITHOUT_BODY:
        raise UnfitAnswer("has neither a Content-Length nor a chunked Transfer-Encoding")


def _size_of(message: RawResponseMessage) -> int:
    """The size of a head in bytes, from the status line to the empty line."""
    status_line = len("HTTP/1.1 200 \r\n\r\n") + len(message.reason or "")
    return status_line + sum(len(name) + len(value) + len(": \r\n") for name, value in message.raw_headers)


def _too_long_body(most: int) -> UnfitAnswer:
    return _too_much("body", f"has a body of more than {most:,} bytes")


def _too_much(bound: str, problem: str) -> UnfitAnswer:
    return UnfitAnswer(f"{problem}; response_limits=ResponseLimits({bound}=...) sets this limit")
