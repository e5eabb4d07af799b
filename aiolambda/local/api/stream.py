"""The answer to InvokeWithResponseStream: what a function writes, in events, as it writes it.

Laws: the head goes out with the function's first piece, or with its end; a client that leaves stops nothing but the writing.

Owns how such an answer looks over HTTP. Must not know what runs the function.
Source: the Lambda API reference, "InvokeWithResponseStream".
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from ...operations import stream_events
from ..runtime.invocations import Outcome, Sink

__all__ = ["StreamedAnswer"]

_DEFAULT_TYPE = "application/octet-stream"
_HEADER_TEXT = re.compile(r"[\x20-\x7e]+")


class StreamedAnswer(Sink):
    """Where the runtime of one invocation writes to, and its client reads from. `headers` name the invocation."""

    def __init__(self, request: web.Request, headers: Mapping[str, str]) -> None:
        self._request = request
        self._response = web.StreamResponse(headers={**headers, "Content-Type": stream_events.CONTENT_TYPE})
        self._is_read = True
        self.begun = False
        """Whether the head went out."""

    async def begin(self, content_type: str | None) -> None:
        fits = content_type is not None and _HEADER_TEXT.fullmatch(content_type) is not None
        self._response.headers["X-Amzn-Remapped-Content-Type"] = str(content_type) if fits else _DEFAULT_TYPE
        await self._while_it_is_read(lambda: self._response.prepare(self._request))
        self.begun = True

    async def write(self, piece: bytes) -> None:
        await self._while_it_is_read(lambda: self._response.write(stream_events.chunk_event(piece)))

    async def end(self, outcome: Outcome, *, wants_log_tail: bool) -> web.StreamResponse:
        """The whole answer; a function that did not stream has its response in it as one piece."""
        answer = outcome.answer
        if not self.begun:
            await self.begin(None)
        if answer.error_type is None and answer.payload:
            await self.write(answer.payload)
        completion = stream_events.completion_event(
            error_code=answer.error_type,
            error_details=None if answer.error_type is None else answer.payload.decode(errors="replace"),
            log_result=base64.b64encode(outcome.log_tail).decode() if wants_log_tail else None,
        )
        await self._while_it_is_read(lambda: self._response.write(completion))
        self._is_read = False  # a runtime that goes on has said how it ended
        return self._response

    def abort(self) -> None:
        """End the connection: after the head there is no other way to say that the endpoint gave up."""
        self._is_read = False
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _while_it_is_read(self, step: Callable[[], Awaitable[object]]) -> None:
        if not self._is_read:
            return
        try:
            await step()
        except ConnectionError:
            self._is_read = False
