"""The bytes that come on a connection: one answer at a time, within its bounds, handed on to aiohttp's handler.

Laws: every answer has a parser of its own, so nothing of one answer is told of the next; bytes that come while no answer is due
end the use of the connection; an answer says exactly where it ends, or it cannot be used.

Owns the bounds of an answer, in bytes, heads and seconds. Must not know what an answer says, nor where connections come from.
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
"""Bytes that are read ahead: with aiohttp's default of 64 KiB, 6 MB take 18 ms instead of 13."""
_FRAMING = 8
"""Bytes of chunk sizes and line ends that are allowed for each byte of a body: chunks of one byte have five."""
_END_OF_HEAD = b"\r\n\r\n"
_WITHOUT_BODY = (204, 304)

Answer = tuple[RawResponseMessage, aiohttp.StreamReader]


class UnfitAnswer(aiohttp.ClientPayloadError):
    """An answer that cannot be used; its text says why, and quotes nothing of the answer."""


class LateAnswer(aiohttp.SocketTimeoutError):
    """An answer that began, and was not whole in time; its text says which part."""


class Intake(asyncio.Protocol):
    """Stands between a connection and its handler, and gives whoever waits for an answer an error if a bound is passed."""

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
        """The last bytes of a head that has begun: its end may come in pieces."""

    def begin(self, limit: float | None) -> None:
        """A request is about to be written. `limit` is how many seconds its answer may be silent, and each part of it take."""
        self._handler.set_response_params(
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            # Whole heads are bounded here, in bytes: neither one line nor their number has a bound of its own.
            max_line_size=_READ_BUFFER + self._limits.head,
            max_field_size=_READ_BUFFER + self._limits.head,
            max_headers=self._limits.head,
        )
        self._limit = limit
        self._awaits_head, self._head_has_begun, self._all_is_written, self._last = True, False, False, b""
        self._come = self._come_before = 0
        self._allowed = self._limits.head

    def expect(self) -> None:
        """All is written: the answer may be silent for so long from now on, unless it has begun.

        The timer is left to run from one request to the next: to set and to cancel one for each would cost a tenth of a call.
        """
        self._all_is_written = True
        if self._limit is not None and self._awaits_head and not self._head_has_begun:
            self._deadline = self._loop.time() + self._limit
            if self._timer_due > self._deadline:
                self._set_timer()

    async def final(self, answer: Answer) -> Answer:
        """The head of the answer itself, behind those that only say that it will come."""
        count = 0
        while answer[0].code < 200 and answer[0].code != 101:
            count += 1
            if count > self._limits.interim:
                raise _too_much("interim", f"came behind more than {self._limits.interim:,} heads with a status of 1xx")
            self._come_before = self._come
            self._allowed = self._come + self._limits.head
            if self._all_is_written:
                self.expect()
            elif not self._head_has_begun:
                self._deadline = math.inf
            answer = await self._handler.read()
        return answer

    def take(self, answer: Answer, most: int | None) -> None:
        """The head of the answer is here, and its body may have `most` bytes. `UnfitAnswer` for one that cannot be used."""
        message, self._content = answer
        self._awaits_head, self._deadline = False, math.inf
        if self._come > self._limits.head:
            self._look_at_head(message)
        length = message.headers.get(hdrs.CONTENT_LENGTH)
        if length is None or message.version is not HttpVersion11 or hdrs.TRANSFER_ENCODING in message.headers:
            _check_framing(message)
        if length is not None and most is not None and int(length) > most:
            raise _too_long_body(most)

    async def rest_of(self, content: aiohttp.StreamReader, most: int) -> bytes:
        """A body to its end, which may have `most` bytes, and take no longer than the limit from now on."""
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
        """The answer is whole, and nothing is due now. Whether nothing came behind it that the parser has begun to read."""
        self._awaits_head, self._content = False, None
        self._limit, self._deadline = None, math.inf
        parser = self._handler._parser  # pyright: ignore[reportPrivateUsage] - there is no other way to ask
        try:
            return parser is None or parser.feed_eof() is None
        except HttpProcessingError:  # it has begun with something that cannot be read
            return False

    def close(self) -> None:
        """Nothing is due, and nothing will be."""
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
            self._handler.force_close()  # it answers nothing; the bytes are of no use
            return
        self._come += len(data)
        self._handler.data_received(data)
        if self._come > self._allowed:
            self._look_at_size()

    def eof_received(self) -> None:
        self._handler.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def _look_at_size(self) -> None:
        """Whether more has come than the head, and the framing of the body that has come, may take."""
        if self._passes_allowed() and not len(self._handler):  # a head that has come whole is looked at when it is taken
            self._fail(self._too_long_head())

    def _look_at_head(self, message: RawResponseMessage) -> None:
        """The same for a head that came in one piece with what is behind it."""
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
        self._timer = self._loop.call_at(self._deadline, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer, self._timer_due = None, math.inf
        if math.isinf(self._deadline):
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        elif self._content is not None:
            self._fail(LateAnswer(f"the body of the answer did not come whole within {self._limit} s of its head"))
        elif self._head_has_begun:
            self._fail(LateAnswer(f"the head of the answer did not come whole within {self._limit} s of its first byte"))
        else:
            self._fail(aiohttp.SocketTimeoutError("nothing came"))


def _check_framing(message: RawResponseMessage) -> None:
    """`UnfitAnswer` for an answer that does not say exactly where it ends: the end of the connection is no such word."""
    encodings = message.headers.getall(hdrs.TRANSFER_ENCODING, [])
    has_length = hdrs.CONTENT_LENGTH in message.headers
    if message.version not in (HttpVersion10, HttpVersion11):
        raise UnfitAnswer("is of another version of HTTP than 1.0 or 1.1")
    if encodings:
        if has_length:
            raise UnfitAnswer("has both a Content-Length and a Transfer-Encoding")
        if message.version == HttpVersion10 or [encoding.strip().lower() for encoding in encodings] != ["chunked"]:
            raise UnfitAnswer("has a Transfer-Encoding that is not exactly 'chunked'")
    elif not has_length and message.code not in _WITHOUT_BODY:
        raise UnfitAnswer("says neither how long it is nor that it is chunked")


def _size_of(message: RawResponseMessage) -> int:
    """The bytes of a head, from the status line to the empty line."""
    status_line = len("HTTP/1.1 200 \r\n\r\n") + len(message.reason or "")
    return status_line + sum(len(name) + len(value) + len(": \r\n") for name, value in message.raw_headers)


def _too_long_body(most: int) -> UnfitAnswer:
    return _too_much("body", f"has a body of more than {most:,} bytes")


def _too_much(bound: str, what: str) -> UnfitAnswer:
    return UnfitAnswer(f"{what}; response_limits=ResponseLimits({bound}=...) sets this limit")
