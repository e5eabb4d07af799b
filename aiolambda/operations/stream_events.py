"""The events of InvokeWithResponseStream: bytes of an answer go in, chunks of the function and the completion come out.

Laws: a stream has ended well only if its completion event has come, names no error, and nothing follows it. Every other end
is an error with its own text, which says how much had arrived.

Owns the meaning of each event. Must not know the source of the bytes, or wait for them.
Source: the Lambda API reference, "InvokeWithResponseStream", and "Event streams" of the Smithy specification.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import attrs

from ..errors import FunctionError, StreamError
from ..protocol import eventstream
from ..protocol.eventstream import Decoder, FrameError, Message
from ..protocol.json_body import object_of
from ..protocol.success_response import EVENT_STREAM as CONTENT_TYPE
from .function_error import error_content, function_error

__all__ = ["CONTENT_TYPE", "AnswerPieces", "Completion", "ResponseEvents", "chunk_event", "completion_event"]

_LONGEST_MESSAGE = 1000
_is_text = attrs.validators.optional(attrs.validators.instance_of(str))


@attrs.frozen(kw_only=True)
class Completion:
    """The event that ends a stream. `log_result` is the end of the log in base64."""

    error_code: str | None = attrs.field(validator=_is_text)
    error_details: str | None = attrs.field(repr=False, validator=_is_text)
    log_result: str | None = attrs.field(repr=False, validator=_is_text)


class AnswerPieces(Protocol):
    """What the reader of a streamed answer asks of its decoder: see `ResponseEvents`, and `BodyPieces` for a body of HTTP."""

    received_bytes: int
    received_chunks: int

    @property
    def completion(self) -> Completion | None: ...
    @property
    def function_error(self) -> FunctionError | None: ...
    def receive(self, data: bytes) -> None: ...
    def chunks(self) -> Iterator[bytes]: ...
    def end(self) -> None: ...
    def broken(self, reason: str, *, code: str | None = None) -> StreamError: ...


class ResponseEvents:
    """A decoder: `receive` bytes, take the complete `chunks`, and call `end` after the last byte.

    `received_bytes` and `received_chunks` count the function's own bytes and the events that carried them. All errors are
    `StreamError`.
    """

    def __init__(self, *, content_type: str | None, function_name: str, request_id: str | None) -> None:
        self.completion: Completion | None = None
        self.received_bytes = 0
        self.received_chunks = 0
        self._content_type = content_type
        self._function_name = function_name
        self._request_id = request_id
        self._decoder = Decoder()

    def receive(self, data: bytes) -> None:
        """Add bytes of the body. All chunks of earlier bytes must have been taken."""
        self._decoder.receive(data)
        if self.completion is not None:
            raise self._after_completion()

    def chunks(self) -> Iterator[bytes]:
        """The complete chunks, in order."""
        messages, failure = self._decoder.messages(), None
        while failure is None:
            try:
                message = next(messages, None)
            except FrameError as error:
                failure, message = self.broken(self._wrong_type() or f"the stream is damaged: {error}"), None
            if message is None:
                break
            if message.headers.get(":event-type") == "PayloadChunk" and message.headers.get(":message-type") == "event":
                self.received_bytes += len(message.payload)
                self.received_chunks += 1
                yield message.payload
            else:
                failure = self._handle(message)
        message = None  # a traceback that is printed with locals would show it
        if failure is not None:
            raise failure

    def end(self) -> None:
        """Note the end of the body. `StreamError` unless the completion event has come."""
        if self.completion is not None:
            return
        if self._decoder.pending:
            raise self.broken(self._wrong_type() or "the stream ended in the middle of an event")
        raise self.broken(self._wrong_type() or "the stream ended without InvokeComplete: the answer is incomplete")

    def broken(self, reason: str, *, code: str | None = None) -> StreamError:
        """The error for a broken stream, with the counts so far. `code` is the service's name for it, if it has one."""
        return StreamError(
            reason,
            code=code,
            received_bytes=self.received_bytes,
            received_chunks=self.received_chunks,
            function_name=self._function_name,
            request_id=self._request_id,
        )

    @property
    def function_error(self) -> FunctionError | None:
        """The function's own failure, if the completion event has one."""
        completion = self.completion
        if completion is None or (completion.error_code is None and completion.error_details is None):
            return None
        return function_error(
            _described(completion),
            kind="Handled" if completion.error_code == "Handled" else "Unhandled",
            function_name=self._function_name,
            request_id=self._request_id,
        )

    def _handle(self, message: Message) -> StreamError | None:
        """Handle a message other than a chunk: the completion, an exception, an error, or an event of a later version.

        Returns the error to raise, if the message ends the stream. An event without a name may have been a chunk, so it is an
        error too.
        """
        headers = message.headers
        kind = headers.get(":message-type")
        if kind == "exception":
            members = object_of(message.payload)
            return self._service_error(headers.get(":exception-type"), members.get("message", members.get("Message")))
        if kind == "error":
            return self._service_error(headers.get(":error-code"), headers.get(":error-message"))
        if kind != "event":
            return self.broken("the stream is damaged: a message is neither event, exception nor error")
        name = headers.get(":event-type")
        if not isinstance(name, str) or not name:
            return self.broken("the stream is damaged: an event has no name")
        return self._complete(message.payload) if name == "InvokeComplete" else None

    def _complete(self, payload: bytes) -> StreamError | None:
        try:
            members = json.loads(payload or b"{}")
            values = (members.get(name) for name in ("ErrorCode", "ErrorDetails", "LogResult"))
            code, details, log = (None if value == "" else value for value in values)
            self.completion = Completion(error_code=code, error_details=details, log_result=log)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return self.broken("the stream is damaged: its InvokeComplete cannot be read")
        return self._after_completion() if self._decoder.pending else None

    def _after_completion(self) -> StreamError:
        return self.broken(f"{self._decoder.pending:,} bytes came after InvokeComplete")

    def _service_error(self, name: object, text: object) -> StreamError:
        code = name if isinstance(name, str) and name else None
        message = f": {text[:_LONGEST_MESSAGE]}" if isinstance(text, str) and text else ""
        return self.broken(f"Lambda ended the stream with {(code or 'an error')[:_LONGEST_MESSAGE]}{message}", code=code)

    def _wrong_type(self) -> str | None:
        """The reason to give if the answer is not a stream by its content type; `None` if it is, or has none."""
        if self.received_chunks or self._content_type in (None, CONTENT_TYPE):
            return None
        return f"the answer is not an event stream, but {str(self._content_type)[:_LONGEST_MESSAGE]}"


def chunk_event(payload: bytes) -> bytes:
    """The frame of an event that carries bytes of a function."""
    return eventstream.encode(_CHUNK_HEADERS, payload)


def completion_event(
    *, error_code: str | None = None, error_details: str | None = None, log_result: str | None = None
) -> bytes:
    """The frame of the event that ends an answer."""
    members = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    members = {name: value for name, value in members.items() if value is not None}
    return eventstream.encode(_COMPLETION_HEADERS, json.dumps(members, separators=(",", ":")).encode())


_CHUNK_HEADERS: Final = {
    ":message-type": "event",
    ":event-type": "PayloadChunk",
    ":content-type": "application/octet-stream",
}
_COMPLETION_HEADERS: Final = {
    ":message-type": "event",
    ":event-type": "InvokeComplete",
    ":content-type": "application/json",
}


def _described(completion: Completion) -> Mapping[str, object]:
    """The content of the function's error. The details are its error payload, or a text that explains the code."""
    content = dict(error_content(completion.error_details or ""))
    if completion.error_code not in (None, "Handled", "Unhandled"):
        content.setdefault("errorType", completion.error_code)
    return content
