"""The events of InvokeWithResponseStream: the bytes of an answer become the function's chunks, and an end that is proven.

Laws: a stream has ended well only if its completion event came, named no error, and nothing came after it; every other end is
an error, with a text of its own, and says how much had come.

Owns what an event means. Must not know where the bytes come from, or wait for any.
Source: the Lambda API reference, "InvokeWithResponseStream", and "Event streams" of the Smithy specification.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from ..errors import FunctionError, StreamError
from ..protocol import eventstream
from ..protocol.eventstream import Decoder, FrameError, Message
from ..protocol.json_body import object_of
from ..protocol.success import EVENT_STREAM as CONTENT_TYPE
from .invoke_types import error_content, function_error

__all__ = ["CONTENT_TYPE", "Completion", "ResponseEvents", "chunk_event", "completion_event"]

_LONGEST_MESSAGE = 1000
_is_text = attrs.validators.optional(attrs.validators.instance_of(str))


@attrs.frozen(kw_only=True)
class Completion:
    """The event that ends a stream. `log_result` is the tail of the log in base64."""

    error_code: str | None = attrs.field(validator=_is_text)
    error_details: str | None = attrs.field(repr=False, validator=_is_text)
    log_result: str | None = attrs.field(repr=False, validator=_is_text)


class ResponseEvents:
    """`receive` bytes, take the `chunks` that are whole, and `end` when no more come.

    `received_bytes` and `received_chunks` count the function's own bytes, and the events that brought them. All errors are
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
        """Take bytes of the body; only once all chunks of those before were taken."""
        self._decoder.receive(data)
        if self.completion is not None:
            raise self._beyond_completion()

    def chunks(self) -> Iterator[bytes]:
        """The chunks that are whole, in order."""
        messages, failure = self._decoder.messages(), None
        while failure is None:
            try:
                message = next(messages, None)
            except FrameError as error:
                failure, message = self.broken(self._no_events() or f"the stream is damaged: {error}"), None
            if message is None:
                break
            if message.headers.get(":event-type") == "PayloadChunk" and message.headers.get(":message-type") == "event":
                self.received_bytes += len(message.payload)
                self.received_chunks += 1
                yield message.payload
            else:
                failure = self._take(message)
        message = None  # a traceback that is printed with locals would show it, or what the decoder holds
        if failure is not None:
            raise failure

    def end(self) -> None:
        """The body has ended; it may do so only behind the completion event."""
        if self.completion is not None:
            return
        if self._decoder.pending:
            raise self.broken(self._no_events() or "the stream ended in the middle of an event")
        raise self.broken(self._no_events() or "the stream ended without InvokeComplete: the answer is not whole")

    def broken(self, reason: str, *, code: str | None = None) -> StreamError:
        """The error that says so, and how much of the answer had come. `code` is the service's name for it, if it has one."""
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
        """The function's own failure, as the completion event tells it."""
        completion = self.completion
        if completion is None or (completion.error_code is None and completion.error_details is None):
            return None
        return function_error(
            _described(completion),
            kind="Handled" if completion.error_code == "Handled" else "Unhandled",
            function_name=self._function_name,
            request_id=self._request_id,
        )

    def _take(self, message: Message) -> StreamError | None:
        """A message that is no chunk: the completion, an exception, an error, or an event of a later version.

        An event without a name may have been any event, so the stream is not whole without it. The answer is the error to
        raise, if the message ends the stream.
        """
        headers = message.headers
        kind = headers.get(":message-type")
        if kind == "exception":
            members = object_of(message.payload)
            return self._ended_by(headers.get(":exception-type"), members.get("message", members.get("Message")))
        if kind == "error":
            return self._ended_by(headers.get(":error-code"), headers.get(":error-message"))
        if kind != "event":
            return self.broken("the stream is damaged: a message is neither event, exception nor error")
        name = headers.get(":event-type")
        if not isinstance(name, str) or not name:
            return self.broken("the stream is damaged: an event has no name")
        return self._complete(message.payload) if name == "InvokeComplete" else None

    def _complete(self, payload: bytes) -> StreamError | None:
        try:
            members = json.loads(payload or b"{}")
            said = (members.get(name) for name in ("ErrorCode", "ErrorDetails", "LogResult"))
            code, details, log = (None if value == "" else value for value in said)
            self.completion = Completion(error_code=code, error_details=details, log_result=log)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return self.broken("the stream is damaged: its InvokeComplete cannot be read")
        return self._beyond_completion() if self._decoder.pending else None

    def _beyond_completion(self) -> StreamError:
        return self.broken(f"{self._decoder.pending:,} bytes came after InvokeComplete")

    def _ended_by(self, name: object, said: object) -> StreamError:
        code = name if isinstance(name, str) and name else None
        message = f": {said[:_LONGEST_MESSAGE]}" if isinstance(said, str) and said else ""
        return self.broken(f"Lambda ended the stream with {(code or 'an error')[:_LONGEST_MESSAGE]}{message}", code=code)

    def _no_events(self) -> str | None:
        """What is wrong with an answer that is no stream at all; a stream says what it is."""
        if self.received_chunks or self._content_type in (None, CONTENT_TYPE):
            return None
        return f"the answer is no event stream, but {str(self._content_type)[:_LONGEST_MESSAGE]}"


def chunk_event(payload: bytes) -> bytes:
    """The frame that brings bytes of a function."""
    return eventstream.encode(_CHUNK_HEADERS, payload)


def completion_event(
    *, error_code: str | None = None, error_details: str | None = None, log_result: str | None = None
) -> bytes:
    """The frame that ends an answer."""
    said = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    members = {name: value for name, value in said.items() if value is not None}
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
    """The error as a function's error payload has it; the details are that, or a text beside the code."""
    content = dict(error_content(completion.error_details or ""))
    if completion.error_code not in (None, "Handled", "Unhandled"):
        content.setdefault("errorType", completion.error_code)
    return content
