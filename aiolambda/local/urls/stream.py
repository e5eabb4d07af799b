"""The response of a function URL with the invoke mode `RESPONSE_STREAM`: sent as the function writes.

Laws: a head that the function writes becomes status and headers. If the function fails after the head, the body ends without
its last chunk, so that the client notices. A client that disconnects does not stop the function. A scripted loss cuts the body.

Must not know how the function runs.
Source: "Response streaming for Lambda functions" of the developer guide.
"""

from aiohttp import web

from ...emulation import url_errors
from ...emulation.function_url import MalformedResponse, UrlResponse, head_of
from ...emulation.scenarios import Scenario
from ...operations.text_formats import HTTP_CONTENT_TYPE, PRELUDE_END, PreludeError, prelude_of
from ..api.stream import ClientWriter
from ..runtime.invocations import InvocationResult
from .answers import Answers

__all__ = ["StreamingUrlResponse"]

_LONGEST_PRELUDE = 1024 * 1024
_JSON = "application/json"
_STREAM = "application/octet-stream"


class StreamingUrlResponse(ClientWriter):
    """The response to one request. `problem` says afterwards why what the function wrote is not an HTTP response.

    `is_json` is the type of a body that the function writes without a type.
    """

    def __init__(self, answers: Answers, loss: Scenario | None = None, *, is_json: bool = False) -> None:
        self._answers = answers
        self._left = None if loss is None else loss.chunks
        self._response: web.StreamResponse | None = None
        self._prelude: bytearray | None = None
        """The begin of a head; `None` if there is none, or if it is complete."""
        self._content_type = _JSON if is_json else _STREAM
        self._has_body = True
        self._is_streamed = False
        self.problem: str | None = None

    async def begin(self, content_type: str | None) -> None:
        self._is_streamed = True
        media_type = (content_type or "").partition(";")[0].strip().lower()
        if media_type == HTTP_CONTENT_TYPE:
            self._prelude = bytearray()
        elif content_type and media_type != _STREAM and content_type.isprintable() and content_type.isascii():
            self._content_type = content_type

    async def write(self, piece: bytes) -> None:
        if self.problem is not None or not self._is_open:
            return
        if self._prelude is not None:
            piece = await self._read_prelude(piece)
        elif self._response is None:
            piece = await self._begin_body(piece)
        if piece:
            await self._write(piece)

    async def _read_prelude(self, piece: bytes) -> bytes:
        """Collect a head. Once it is complete, send it; returns what follows it."""
        prelude = self._prelude = (self._prelude or bytearray()) + piece
        head, end, rest = bytes(prelude).partition(PRELUDE_END)
        if not end:
            if len(prelude) > _LONGEST_PRELUDE:
                self._reject("its head has no end")
            return b""
        self._prelude = None
        try:
            await self._send_head(head_of(prelude_of(head)))
        except (PreludeError, MalformedResponse) as error:
            self._reject(str(error))
            return b""
        return rest

    async def _begin_body(self, piece: bytes) -> bytes:
        """Send the head for the first piece, which may contain it: a generator in Python has no other way to write one."""
        head, end, rest = piece.partition(PRELUDE_END)
        if end and head.startswith(b"{") and self._content_type in (_STREAM, _JSON):
            try:
                response = head_of(prelude_of(head))
            except (PreludeError, MalformedResponse) as error:
                self._reject(str(error))
                return b""
            await self._send_head(response)
            return rest
        await self._send_plain_head()
        return piece

    async def _send_plain_head(self) -> None:
        await self._send_head(UrlResponse(status_code=200, headers=(("content-type", self._content_type),)))

    async def _send_head(self, response: UrlResponse) -> None:
        head = self._response = self._answers.streamed(response)
        self._has_body = self._answers.has_body(response)
        await self._send(lambda: head.prepare(self._answers.request))

    async def _write(self, piece: bytes) -> None:
        response = self._response
        if self._left == 0:
            self.cut()
        if response is None or not self._has_body:
            return
        if self._left is not None:
            self._left -= 1
        await self._send(lambda: response.write(piece))

    async def end(self, result: InvocationResult) -> web.StreamResponse:
        """End the response; if the function did not stream, its result is the body, whatever it is."""
        response = result.response
        if response.error_type is not None and self._response is not None:
            self.cut()
            return self._response
        if response.error_type is None and self._prelude is not None and self.problem is None:
            self._reject("it ended within its head")
        if response.error_type is not None or self.problem is not None:
            return self._answers.whole(url_errors.failed())
        if not self._is_streamed and response.payload:
            self._content_type = _JSON
        if self._response is None:
            await self._send_plain_head()
        if response.payload:
            await self._write(response.payload)
        if self._left is not None:
            self.cut()
        last = self._response or web.StreamResponse()
        await self._send(last.write_eof)
        self._is_open = False  # a runtime may go on writing after it has reported the end
        return last

    @property
    def begun(self) -> bool:
        """Whether the head was sent."""
        return self._response is not None

    def cut(self) -> None:
        """Close the connection after what was written, without the last chunk."""
        self._is_open = False
        if self._answers.request.transport is not None:
            self._answers.request.transport.close()

    def _reject(self, problem: str) -> None:
        self.problem = problem
        self._prelude = None
