"""A streamed answer while it is read: bytes of the open answer go into its events, chunks come out, and every end is named.

Laws: the answer is closed as soon as nothing more is to be read of it; an end that was told once is told again.

Owns the course of one reading. Must not know who reads, or how the bytes are waited for.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import attrs

from ..errors import ConnectionLostError, InvocationTimeoutError
from ..types.http import StreamingBody
from ..types.values import Metadata
from . import text_formats
from .stream_events import ResponseEvents
from .text_formats import HttpPrelude

__all__ = ["Reading"]

T = TypeVar("T")

_FAREWELL = 5.0
"""Seconds for the end of the connection, once the answer is complete. It shows whether anything stands behind the answer."""
_LONGEST_PRELUDE = 1024 * 1024


@attrs.define(eq=False, kw_only=True)
class Reading:
    """One answer. `answer` is `None` where there is nothing to wait for: all of it is in `events`, or it is a `DryRun`'s."""

    function_name: str
    status_code: int
    executed_version: str | None
    content_type: str | None
    metadata: Metadata
    events: ResponseEvents
    answer: StreamingBody | None
    is_dry_run: bool = False
    http: HttpPrelude | None = None
    _ended: bool = attrs.field(default=False, init=False)
    _chunks: Iterator[bytes] = attrs.field(init=False)
    _put_back: bytes = attrs.field(default=b"", init=False)
    _failure: Exception | None = attrs.field(default=None, init=False)
    _is_read: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._chunks = self.events.chunks()

    @property
    def completed(self) -> bool:
        """Whether all was read, and is whole."""
        return self._ended and self._failure is None

    @property
    def is_read(self) -> bool:
        """Whether somebody waits for bytes now."""
        return self._is_read

    async def next_chunk(self) -> bytes:
        """The next bytes of the function; nothing once all have come. Raises what ended the answer in another way."""
        await self.read_head()
        chunk, self._put_back = self._put_back, b""
        return chunk or await self._guarded(self._next_chunk)

    async def read_head(self) -> None:
        """Read what a function writes before a body that is meant for HTTP; the chunks begin behind it."""
        if self.http is None and self.content_type == text_formats.HTTP_CONTENT_TYPE:
            await self._guarded(self._read_prelude)

    async def aclose(self) -> None:
        """Read no more. Before the end, that ends the connection."""
        if not self._ended:
            self._fail(self.events.broken("the stream was closed before its end"))
        if self.answer is not None:
            await self.answer.aclose()

    async def _guarded(self, step: Callable[[], Awaitable[T]]) -> T:
        if self._failure is not None:
            raise self._failure
        if self._is_read:
            raise RuntimeError("another task reads this stream, and a stream has one reader at a time")
        self._is_read = True
        try:
            return await step()
        except Exception as error:
            failure = self._fail(error)
            await self.aclose()
            if failure is not error:  # something else had ended the answer before
                raise failure from None
            raise
        finally:
            self._is_read = False

    def _fail(self, error: Exception) -> Exception:
        """What ends the answer; the first that did so is told to whoever reads, now and later."""
        if self._failure is None:
            self._failure = error
        return self._failure

    async def _next_chunk(self) -> bytes:
        while not self._ended:
            for chunk in self._chunks:
                if chunk:
                    return chunk
            if not await self._receive():
                await self._end()
                break
            self._chunks = self.events.chunks()
        return b""

    async def _receive(self) -> bool:
        """Hand on what comes next of the body; whether anything came."""
        data = await self._bytes()
        if data:
            self.events.receive(data)
        return bool(data)

    async def _bytes(self) -> bytes:
        """Bytes of the body. An end of the connection that does not come is no fault of an answer that is complete."""
        if self.answer is None:
            return b""
        is_complete = self.events.completion is not None
        try:
            return await self.answer.read(within=_FAREWELL if is_complete else None)
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
        head = _Head()
        while head.length < 0:
            if head.is_too_long or not head.receive(await self._next_chunk()):
                raise self.events.broken("the answer has no head that could be read, and its type says that it has one")
        self._put_back = head.rest
        try:
            self.http = head.prelude()
        except text_formats.PreludeError as error:
            failed = self.events.broken(f"the head of the answer cannot be read: {error}")
        else:
            return
        raise failed  # here, for the other error's frames hold the head


class _Head:
    """What comes before the body of an HTTP answer, until its end is found. It prints nothing of what it holds."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.length = -1
        """Bytes of the head, once its end was found."""

    @property
    def is_too_long(self) -> bool:
        return len(self._data) > _LONGEST_PRELUDE

    @property
    def rest(self) -> bytes:
        """What came behind its end."""
        return bytes(self._data[self.length + len(text_formats.PRELUDE_END) :])

    def receive(self, chunk: bytes) -> bool:
        """Take more; whether there was any."""
        searched = max(0, len(self._data) - len(text_formats.PRELUDE_END))
        self._data += chunk
        self.length = self._data.find(text_formats.PRELUDE_END, searched)
        return bool(chunk)

    def prelude(self) -> HttpPrelude:
        """What it says. `PreludeError` if it cannot be read."""
        return text_formats.prelude_of(bytes(self._data[: self.length]))
