"""The operation behind `client.fetch_stream`: the output of a response that is read while it arrives.

Owns the end of a body: its length or its last chunk, without which it is cut. Must not know how bytes are received.
"""

from collections.abc import Iterator

import attrs

from ..errors import StreamError
from ..pipeline.operation import CommandOutput, StreamedOperation, StreamEnd
from ..types.http import Response, StreamingBody
from ..types.interfaces import Codec
from ..types.values import Metadata
from .fetch import Fetching
from .fetch_types import FetchCommandInput, HttpHeaders
from .response_stream import ResponseStream
from .stream_events import Completion
from .stream_reader import StreamReader
from .text_formats import HttpPrelude

__all__ = ["FETCH_STREAM", "BodyPieces", "FetchStreamOperation", "FetchStreamOutput"]


class BodyPieces:
    """The pieces of a body, as they are received. The transport knows whether it is whole."""

    function_error = None
    """The function of a body reports no error of its own."""

    def __init__(self, *, function_name: str, request_id: str | None) -> None:
        self.received_bytes = self.received_chunks = 0
        self._function_name, self._request_id = function_name, request_id
        self._piece = b""
        self.completion: Completion | None = None

    def receive(self, data: bytes) -> None:
        """Take a piece, which `chunks` gives."""
        self.received_bytes += len(data)
        self.received_chunks += 1
        self._piece = data

    def chunks(self) -> Iterator[bytes]:
        """The piece that was received last."""
        piece, self._piece = self._piece, b""
        return iter((piece,) if piece else ())

    def end(self) -> None:
        """The body is whole."""
        self.completion = Completion(error_code=None, error_details=None, log_result=None)

    def broken(self, reason: str, *, code: str | None = None) -> StreamError:
        """The error for a body that is cut, with the counts so far."""
        return StreamError(
            reason,
            code=code,
            received_bytes=self.received_bytes,
            received_chunks=self.received_chunks,
            function_name=self._function_name,
            request_id=self._request_id,
        )


@attrs.frozen(kw_only=True)
class FetchStreamOutput(CommandOutput):
    """The head of an HTTP response. `stream` is its body: the reader closes it, best with `async with`.

    Args:
        status_code: The HTTP status.
        headers: The header fields. `get_all(name)` has each value of a repeated one.
        stream: The body of the response. It holds a connection and a slot until it is closed.
        metadata: The request id, the attempts and the headers.
    """

    status_code: int
    """The HTTP status."""
    headers: HttpHeaders
    """The header fields. `get_all(name)` has each value of a repeated one."""
    stream: ResponseStream
    """The body of the response. It holds a connection and a slot until it is closed."""
    metadata: Metadata
    """The request id, the attempts and the headers."""


class FetchStreamOperation(Fetching, StreamedOperation):
    """A request to a URL whose answer is read while it arrives."""

    name = "FetchStream"
    streamed = True

    def output(self, input: FetchCommandInput, response: Response, /, *, metadata: Metadata, codec: Codec) -> FetchStreamOutput:
        """The head of an answer of the function, with the stream of its body."""
        headers, name = HttpHeaders(response.headers), self.function_name(input)
        reader = StreamReader(
            function_name=name,
            status_code=response.status,
            executed_version=None,
            content_type=headers.get("content-type"),
            metadata=metadata,
            events=BodyPieces(function_name=name, request_id=metadata.request_id),
            answer=response.stream,
            end_limit=0.0,
            http=HttpPrelude(status_code=response.status, headers=dict(headers), cookies=headers.get_all("set-cookie")),
        )
        if response.body:
            reader.events.receive(response.body)
        return FetchStreamOutput(status_code=response.status, headers=headers, stream=ResponseStream(reader), metadata=metadata)

    def open_answer(self, output: FetchStreamOutput, /) -> StreamingBody | None:
        """The answer that the output still reads. `None` if a middleware returned an output of its own without a stream."""
        stream = getattr(output, "stream", None)
        return stream.answer if isinstance(stream, ResponseStream) else None

    def end_of(self, output: FetchStreamOutput, /) -> StreamEnd:
        """How the answer of an output ended."""
        return output.stream.end


FETCH_STREAM = FetchStreamOperation()
