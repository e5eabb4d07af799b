"""The stream that a caller reads: chunks as they arrive, as bytes, text, lines, JSON or events.

Laws: `async with` closes the stream at the end of its block. Without a block, the loop that reads the stream closes it, even
if it is left early.

Owns the methods of a stream. Must not know how an answer is received, or how its request was sent.
"""

import contextlib
import io
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Never, Self

from ..errors import ConfigurationError, PayloadTooLargeError
from ..pipeline.operation import StreamEnd
from ..types.http import StreamingBody
from ..types.values import Delivery, Metadata
from .report import Report, report_of, tail_of
from .stream_reader import StreamReader
from .text_formats import HttpPrelude, Lines, SseEvent, SseEvents, utf8_decoder

__all__ = ["ResponseStream"]

LARGEST_ANSWER = 200 * 1024 * 1024
"""Bytes. Source: the "Lambda quotas" page."""


_IS_A_BLOCK = (
    "a stream is read in a block: async with client.stream(...) as stream: async for chunk in stream: ...; to wait for the "
    "whole answer, await client.invoke(...)"
)


class ResponseStream:
    """An answer that is read while the function writes it. It holds a connection and a slot until it is closed.

    `async with client.stream(...)` sends the invocation, and closes the stream at the end of the block. The stream of an
    output (`output.event_stream`) is open already: use it in a block too, or read it in one loop, which closes it.

    ::

        async with client.stream("writer", {"topic": "tea"}) as stream:
            async for chunk in stream:
                print(chunk)

    A stream has one reader at a time. All methods that read raise:

    - `StreamError`: the answer ended before its completion, or is damaged. It says how much had arrived.
    - `InvocationTimeoutError`: a time limit has passed; `exceeded` names it.
    - `FunctionError`: the function failed on the way. All that it wrote has been read before.
    - `ConfigurationError`: the stream is not open.
    """

    def __init__(self, source: "StreamReader | Callable[[], Awaitable[ResponseStream]]", /) -> None:
        """Made by `client.stream`, or by the output of a command.

        Args:
            source: The reader of an answer, or a function that opens a stream.
        """
        self._open = None if isinstance(source, StreamReader) else source
        self._opened = source if isinstance(source, StreamReader) else None
        self._in_block = False

    @property
    def _reader(self) -> StreamReader:
        if self._opened is None:
            raise ConfigurationError(
                "the stream is not open yet; read it inside a block: async with client.stream(...) as stream: ..."
            )
        return self._opened

    @property
    def answer(self) -> StreamingBody | None:
        """The answer underneath, one of `call.answers`. The client closes it when its time is up. `None` until it is open."""
        return None if self._opened is None else self._opened.answer

    @property
    def status_code(self) -> int:
        """The HTTP status: 200, or 204 for a dry run."""
        return self._reader.status_code

    @property
    def executed_version(self) -> str | None:
        """The version of the function that runs."""
        return self._reader.executed_version

    @property
    def content_type(self) -> str | None:
        """The content type that the function gave its answer, not that of the event stream around it."""
        return self._reader.content_type

    @property
    def http(self) -> HttpPrelude | None:
        """Status, headers and cookies, if the function answers for HTTP. The chunks begin after them.

        `None` for any other answer. Without a block, it is `None` until the first chunk is read.
        """
        return self._reader.http

    @property
    def metadata(self) -> Metadata:
        """The request id, the attempts and the headers."""
        return self._reader.metadata

    @property
    def completed(self) -> bool:
        """Whether all has been read, and the completion event has come, without an error."""
        return self._reader.completed

    @property
    def log_tail(self) -> str | None:
        """The last 4 KB of the function's log, with `log_type="Tail"`. `None` until the completion event has been read."""
        completion = self._reader.events.completion
        return None if completion is None else tail_of(completion.log_result)

    @property
    def report(self) -> Report | None:
        """The REPORT line of the log tail: durations, memory. `None` if there is no tail, or the line is not in it."""
        return None if self.log_tail is None else report_of(self.log_tail, request_id=self.metadata.request_id)

    @property
    def end(self) -> StreamEnd:
        """For the client: how the answer ended. It is closed."""
        reader = self._reader
        completed = reader.completed or (reader.events.completion is not None and reader.events.function_error is None)
        return StreamEnd(completed, reader.failure or reader.events.function_error, self.report)

    if not TYPE_CHECKING:  # a type checker finds these mistakes by itself

        def __await__(self) -> Never:
            raise TypeError(_IS_A_BLOCK)

        __enter__ = __exit__ = __iter__ = __await__

    async def __aenter__(self) -> Self:
        if self._in_block:
            raise ConfigurationError(
                "this stream has been used in a block before; call client.stream(...) again for another invocation"
            )
        self._in_block = True
        if self._open is not None:
            self._opened = (await self._open())._reader
        try:
            await self._reader.read_head()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """The bytes as they arrive, in the chunks that Lambda makes of them."""
        reader = self._reader
        try:
            while chunk := await reader.next_chunk():
                yield chunk
                del chunk  # here and below: a traceback that is printed with locals would show it
        finally:
            if not self._in_block and not reader.is_reading:
                await self.aclose()

    async def iter_text(self) -> AsyncGenerator[str]:
        """The chunks as text. `UnicodeDecodeError` if they are not UTF-8."""
        decoder = utf8_decoder()
        async with contextlib.aclosing(self.__aiter__()) as chunks:
            async for chunk in chunks:
                if text := decoder.decode(chunk):
                    yield text
                del chunk, text
        decoder.decode(b"", final=True)

    async def iter_lines(self) -> AsyncGenerator[str]:
        r"""The lines, without their ends (`\n`, `\r\n`, `\r`). The last need not have one. Memory holds one line at a time."""
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
        """The rest of the answer.

        Args:
            limit: The most bytes to read; `None` for any size. Default: the 200 MB that Lambda allows a streamed answer.

        Raises:
            PayloadTooLargeError: The answer is larger. This ends the stream.
        """
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
        """Stop reading. Before the end of the answer, this closes the connection; the function runs on. Safe to call twice."""
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
            f"the answer has more than {limit:,} bytes", delivery=Delivery.EXECUTED, function_name=self._reader.function_name
        )
        error.limit = limit
        return error
