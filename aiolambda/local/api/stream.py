"""The response to InvokeWithResponseStream: event stream messages, sent as the function writes.

Laws: the head is sent with the function's first piece, or when the function ends. A client that disconnects does not stop the
function; the endpoint only stops sending. A scripted loss does the same.

Owns the HTTP form of a streamed response. Must not know how the function runs.
Source: the Lambda API reference, "InvokeWithResponseStream".
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from ...emulation.scenarios import FailureKind, Scenario
from ...operations import stream_events
from ..runtime.invocations import InvocationResult, ResponseWriter

__all__ = ["ClientWriter", "StreamingResponse"]

_DEFAULT_TYPE = "application/octet-stream"
_HEADER_TEXT = re.compile(r"[\x20-\x7e]+")


class ClientWriter(ResponseWriter):
    """A response that is written to a client until it disconnects."""

    _is_open = True
    """Whether what the function writes is still sent."""

    async def _send(self, step: Callable[[], Awaitable[object]]) -> None:
        """Run the step, unless the client has disconnected."""
        if not self._is_open:
            return
        try:
            await step()
        except ConnectionError:
            self._is_open = False


class StreamingResponse(ClientWriter):
    """The response to one streaming invocation. `headers` hold its request id and trace id.

    With a scripted loss, the event after its `chunks` is not sent: the connection ends, or the body ends in the middle of it.
    """

    def __init__(self, request: web.BaseRequest, headers: Mapping[str, str], loss: Scenario | None = None) -> None:
        self._request = request
        self._loss = loss
        self._left = 0 if loss is None else loss.chunks
        self._response = web.StreamResponse(headers={**headers, "Content-Type": stream_events.CONTENT_TYPE})
        self.begun = False
        """Whether the head was sent."""

    async def begin(self, content_type: str | None) -> None:
        is_valid = content_type is not None and _HEADER_TEXT.fullmatch(content_type) is not None
        self._response.headers["X-Amzn-Remapped-Content-Type"] = str(content_type) if is_valid else _DEFAULT_TYPE
        await self._send(lambda: self._response.prepare(self._request))
        self.begun = True

    async def write(self, piece: bytes) -> None:
        event = stream_events.chunk_event(piece)
        if self._loss is not None and not self._left:
            await self._lose(event)
        self._left -= 1
        await self._send(lambda: self._response.write(event))

    async def end(self, result: InvocationResult, *, wants_log_tail: bool) -> web.StreamResponse:
        """Send the completion event; if the function did not stream, send its response first, as one piece."""
        response = result.response
        if not self.begun:
            await self.begin(None)
        if response.error_type is None and response.payload:
            await self.write(response.payload)
        completion = stream_events.completion_event(
            error_code=result.kind if result.kind == "Handled" else response.error_type,
            error_details=None if response.error_type is None else response.payload.decode(errors="replace"),
            log_result=base64.b64encode(result.log_tail).decode() if wants_log_tail else None,
        )
        await self._lose(completion)
        await self._send(lambda: self._response.write(completion))
        self._is_open = False  # a runtime may go on writing after it has reported the end
        return self._response

    def abort(self) -> None:
        """Close the connection at once. After the head, HTTP has no other way to report that the endpoint gave up."""
        self._is_open = False
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _lose(self, event: bytes) -> None:
        """End the response as the script says, if it says so."""
        if self._loss is None or not self._is_open:
            return
        if self._loss.kind is FailureKind.CUT:
            await self._send(lambda: self._response.write(event[: len(event) // 2]))
            await self._send(self._response.write_eof)
        elif self._request.transport is not None:
            self._request.transport.close()  # it sends the chunks before
        self._is_open = False
