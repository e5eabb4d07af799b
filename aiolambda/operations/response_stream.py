"""The stream that a caller reads: chunks as they come, and the texts in them.

Laws: a block that the stream is used in closes it at its end; without a block, the loop that reads it does, however it is left.

Owns what a caller can ask of a stream. Must not know how an answer is read, or how it was sent for.
"""

import contextlib
import io
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Self

from ..errors import ConfigurationError, PayloadTooLargeError
from ..types.http import StreamingBody
from ..types.values import Delivery, Metadata
from .report import Report, report_of, tail_of
from .stream_reader import Reading
from .text_formats import HttpPrelude, Lines, SseEvent, SseEvents, utf8_decoder

__all__ = ["ResponseStream"]

LARGEST_ANSWER = 200 * 1024 * 1024
"""Bytes of a streamed answer, by the "Lambda quotas" page."""


class ResponseStream:
    """An answer that is read as the function writes it, over a connection and a slot that it keeps until it is closed.

    `async with client.stream(...) as stream:` sends the invocation and closes the stream at the block's end. The stream of an
    output (`output.event_stream`) is open already: use it in a block too, or read it in one loop, which closes it. It has one
    reader at a time. What ends it before its completion is a `StreamError`, or an `InvocationTimeoutError` of the limit that
    passed; a function that failed on the way is a `FunctionError`, raised once all that it wrote was read.
    """

    def __init__(self, source: "Reading | Callable[[], Awaitable[ResponseStream]]", /) -> None:
        self._opening = None if isinstance(source, Reading) else source
        self._opened = source if isinstance(source, Reading) else None
        self._in_block = False

    @property
    def _reading(self) -> Reading:
        if self._opened is None:
            raise ConfigurationError("the stream is not open yet: async with client.stream(...) as stream: ...")
        return self._opened

    @property
    def answer(self) -> StreamingBody | None:
        """What the stream is read from, once it is open."""
        return None if self._opened is None else self._opened.answer

    @property
    def status_code(self) -> int:
        return self._reading.status_code

    @property
    def executed_version(self) -> str | None:
        return self._reading.executed_version

    @property
    def content_type(self) -> str | None:
        """The type of what the function writes, as it says itself; not that of the frames which carry it."""
        return self._reading.content_type

    @property
    def http(self) -> HttpPrelude | None:
        """Status, headers and cookies that the function wrote for an HTTP answer; the chunks begin behind them.

        `None` for any other answer; without a block, until the first chunk is read.
        """
        return self._reading.http

    @property
    def metadata(self) -> Metadata:
        return self._reading.metadata

    @property
    def completed(self) -> bool:
        """Whether all has been read, and is whole: the completion event came, and told of no error."""
        return self._reading.completed

    @property
    def log_tail(self) -> str | None:
        """The last 4 KB of the log, decoded; with `log_type="Tail"`, once the completion event was read."""
        completion = self._reading.events.completion
        return None if completion is None else tail_of(completion.log_result)

    @property
    def report(self) -> Report | None:
        """The REPORT line of the log tail; `None` where there is no tail, or it does not hold the line."""
        return None if self.log_tail is None else report_of(self.log_tail, request_id=self.metadata.request_id)

    async def __aenter__(self) -> Self:
        if self._in_block:
            raise ConfigurationError(
                "the stream has been entered before: one client.stream(...) is one invocation, and one block"
            )
        self._in_block = True
        if self._opening is not None:
            self._opened = (await self._opening())._reading
        try:
            await self._reading.read_head()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """The bytes as they come, in the chunks that Lambda makes of them."""
        reading = self._reading
        try:
            while chunk := await reading.next_chunk():
                yield chunk
                del chunk  # here and below: a traceback that is printed with locals would show it
        finally:
            if not self._in_block and not reading.is_read:
                await self.aclose()

    async def iter_text(self) -> AsyncGenerator[str]:
        """The chunks as text. `UnicodeDecodeError` for what is not UTF-8."""
        decoder = utf8_decoder()
        async with contextlib.aclosing(self.__aiter__()) as chunks:
            async for chunk in chunks:
                if text := decoder.decode(chunk):
                    yield text
                del chunk, text
        decoder.decode(b"", final=True)

    async def iter_lines(self) -> AsyncGenerator[str]:
        r"""The lines without their ends (`\n`, `\r\n`, `\r`); the last need not have one. A line is held whole."""
        lines = Lines()
        async with contextlib.aclosing(self.__aiter__()) as chunks:
            async for chunk in chunks:
                for line in lines.feed(chunk):
                    yield line
                    del line
                del chunk
        for line in lines.feed(b"", final=True):
            yield line

    async def iter_json_lines(self) -> AsyncGenerator[Any]:
        """The value of each line that is not empty. `ValueError` for a line that is not JSON."""
        async with contextlib.aclosing(self.iter_lines()) as lines:
            async for line in lines:
                if line.strip():
                    yield json.loads(line)
                del line

    async def iter_sse(self) -> AsyncGenerator[SseEvent]:
        """The server-sent events of a function that writes `text/event-stream`."""
        events = SseEvents()
        async with contextlib.aclosing(self.iter_lines()) as lines:
            async for line in lines:
                event = events.feed(line)
                del line
                if event is not None:
                    yield event

    async def read(self, *, limit: int | None = LARGEST_ANSWER) -> bytes:
        """All that is still to come. `PayloadTooLargeError` where that is over the limit (bytes), which ends the stream."""
        data = io.BytesIO()
        async with contextlib.aclosing(self.__aiter__()) as chunks:
            async for chunk in chunks:
                data.write(chunk)
                del chunk
                if limit is not None and data.tell() > limit:
                    await self.aclose()
                    raise self._too_large(limit)
        return data.getvalue()

    async def aclose(self) -> None:
        """Read no more. Before the end of the answer this ends the connection; the function goes on. Closing twice is fine."""
        if self._opened is not None:
            await self._opened.aclose()

    def __repr__(self) -> str:
        if self._opened is None:
            return f"<{type(self).__name__}, not open>"
        events = self._opened.events
        state = "completed" if self._opened.completed else "not completed"
        return f"<{type(self).__name__} {state}, {events.received_bytes:,} bytes in {events.received_chunks:,} chunks>"

    def _too_large(self, limit: int) -> PayloadTooLargeError:
        error = PayloadTooLargeError(
            f"the answer has more than {limit:,} bytes", delivery=Delivery.EXECUTED, function_name=self._reading.function_name
        )
        error.limit = limit
        return error
