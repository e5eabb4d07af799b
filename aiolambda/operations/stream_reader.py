"""The reader of a streamed answer: it receives bytes, decodes their events, and gives the chunks of the function.

Laws: the answer is closed as soon as there is nothing more to read. Reading again after an error raises the same error.

Owns the state of one answer. Must not know its caller, or how the transport waits for bytes.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import attrs

from ..errors import ConnectionLostError, InvocationTimeoutError
from ..types.http import StreamingBody
from ..types.values import Metadata
from . import text_formats
from .stream_events import AnswerPieces
from .text_formats import HttpPrelude

__all__ = ["StreamReader"]

T = TypeVar("T")

_LONGEST_PRELUDE = 1024 * 1024
"""Bytes of the head of an HTTP answer."""


@attrs.define(eq=False, kw_only=True)
class StreamReader:
    """Reads one answer. `answer` is `None` if there is nothing to wait for: `events` has all of it, or it is a dry run.

    `end_limit` is in seconds: how long to wait for the end of the answer once its completion event has come. The wait shows
    whether there are bytes after the event.
    """

    function_name: str
    status_code: int
    executed_version: str | None
    content_type: str | None
    metadata: Metadata
    events: AnswerPieces
    answer: StreamingBody | None
    end_limit: float
    is_dry_run: bool = False
    http: HttpPrelude | None = None
    _ended: bool = attrs.field(default=False, init=False)
    _chunks: Iterator[bytes] = attrs.field(init=False)
    _put_back: bytes = attrs.field(default=b"", init=False)
    _failure: Exception | None = attrs.field(default=None, init=False)
    _is_reading: bool = attrs.field(default=False, init=False)
    _is_left: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._chunks = self.events.chunks()

    @property
    def completed(self) -> bool:
        """Whether all has been read, without an error."""
        return self._ended and self._failure is None

    @property
    def failure(self) -> Exception | None:
        """The error that ended the answer. `None` for an answer that its reader left early."""
        return None if self._is_left else self._failure

    @property
    def is_reading(self) -> bool:
        """Whether a task is waiting for bytes."""
        return self._is_reading

    async def next_chunk(self) -> bytes:
        """The next bytes of the function; empty at the end. Raises the error that ended the answer."""
        await self.read_head()
        chunk, self._put_back = self._put_back, b""
        return chunk or await self._read_alone(self._next_chunk)

    async def read_head(self) -> None:
        """Read the head that a function writes before an HTTP body, if the answer has one. The chunks begin after it."""
        if self.http is None and self.content_type == text_formats.HTTP_CONTENT_TYPE:
            await self._read_alone(self._read_prelude)

    async def aclose(self) -> None:
        """Stop reading. Before the end of the answer, this closes the connection."""
        if not self._ended and self._failure is None:
            self._is_left = True
            self._fail(self.events.broken("the stream was closed before its end"))
        if self.answer is not None:
            await self.answer.aclose()

    async def _read_alone(self, step: Callable[[], Awaitable[T]]) -> T:
        """Run a step as the only reader. An error ends the answer, and is raised by each later step too."""
        if self._failure is not None:
            raise self._failure
        if self._is_reading:
            raise RuntimeError("another task is reading this stream; a stream has one reader at a time")
        self._is_reading = True
        try:
            return await step()
        except Exception as error:
            failure = self._fail(error)
            await self.aclose()
            if failure is not error:  # another error had ended the answer before
                raise failure from None
            raise
        finally:
            self._is_reading = False

    def _fail(self, error: Exception) -> Exception:
        """Note the error that ends the answer, and return the first one."""
        if self._failure is None:
            self._failure = error
        return self._failure

    async def _next_chunk(self) -> bytes:
        while not self._ended:
            for chunk in self._chunks:
                if chunk:
                    return chunk
            if not (data := await self._receive()):
                await self._end()
                break
            try:
                self.events.receive(data)
            finally:
                del data  # a traceback that is printed with locals would show it
            self._chunks = self.events.chunks()
        return b""

    async def _receive(self) -> bytes:
        """The next bytes of the answer; empty at its end. A complete answer is accepted even if its end does not come."""
        if self.answer is None:
            return b""
        is_complete = self.events.completion is not None
        try:
            return await self.answer.read(within=self.end_limit if is_complete else None)
        except ConnectionLostError as error:
            if self.events.function_error is not None:
                return b""
            raise self.events.broken(str(error.args[0])) from error
        except InvocationTimeoutError:
            if is_complete:
                return b""
            raise

    async def _end(self) -> None:
        if not self.is_dry_run:
            self.events.end()
        if self.answer is not None:
            await self.answer.aclose()
        failure = self.events.function_error
        if failure is not None:
            raise failure
        self._ended = True

    async def _read_prelude(self) -> None:
        head = _PreludeBuffer()
        while head.length < 0:
            if head.is_too_long or not head.receive(await self._next_chunk()):
                raise self.events.broken("the answer has the type of an HTTP answer, and no head that can be read")
        self._put_back = head.rest
        try:
            self.http = head.prelude()
        except text_formats.PreludeError as error:
            failed = self.events.broken(f"the head of the HTTP answer cannot be read: {error}")
        else:
            return
        raise failed  # here, because the frames of the other error hold the head


class _PreludeBuffer:
    """Collects the head of an HTTP answer until its end is found. Its repr shows no content."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.length = -1
        """Bytes of the head; -1 until its end is found."""

    @property
    def is_too_long(self) -> bool:
        return len(self._data) > _LONGEST_PRELUDE

    @property
    def rest(self) -> bytes:
        """The bytes after the head."""
        return bytes(self._data[self.length + len(text_formats.PRELUDE_END) :])

    def receive(self, chunk: bytes) -> bool:
        """Append a chunk. Returns whether it has any bytes."""
        searched = max(0, len(self._data) - len(text_formats.PRELUDE_END))
        self._data += chunk
        self.length = self._data.find(text_formats.PRELUDE_END, searched)
        return bool(chunk)

    def prelude(self) -> HttpPrelude:
        """The parsed head. `PreludeError` if it cannot be read."""
        return text_formats.prelude_of(bytes(self._data[: self.length]))
