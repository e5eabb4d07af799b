"""What Invoke takes and gives: its input, its output, and the receipt of an `Event`.

Owns the members, their names in Python and in the API, and what an output can say of itself. Must not know how either
crosses the wire.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

import attrs

from ..codecs import JsonCodec, Mismatch
from ..errors import DecodeError, FunctionError, InvalidInputError
from ..pipeline.call import CommandInput, CommandOutput
from ..protocol import json_body
from ..types.interfaces import Codec
from ..types.values import Delivery, InvocationType, LogType, Metadata

if TYPE_CHECKING:
    from .report import Report

__all__ = [
    "EventReceipt",
    "InvokeCommandInput",
    "InvokeCommandOutput",
    "Payload",
    "check_json_text",
    "error_content",
    "function_error",
    "members_of_api",
]

T = TypeVar("T")

Payload = object
"""Bytes-like as they are; `str` is JSON text, sent as UTF-8; `None` is no body; an open binary file is read in a thread, from
where it stands to its end; everything else goes through the codec, numbers with a buffer (arrays, those of numpy) too."""

_LONGEST_TEXT = 1000
_MOST_CAUSES = 20
_SAID = {"errorType", "errorMessage", "stackTrace", "trace"}
_BEGINS_JSON = r'[ \t\r\n]*(?:[\[{"0-9-]|true\b|false\b|null\b)'

_API_MEMBERS = {
    "FunctionName": "function_name",
    "Payload": "payload",
    "InvocationType": "invocation_type",
    "LogType": "log_type",
    "ClientContext": "client_context",
    "Qualifier": "qualifier",
    "TenantId": "tenant_id",
    "DurableExecutionName": "durable_execution_name",
}


def members_of_api(members: Mapping[str, object], operation: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The members under their names here. `InvalidInputError` for one that the operation does not have."""
    unknown = [name for name in members if name not in names]
    if unknown:
        raise InvalidInputError(f"{operation} has no member {unknown[0]!r}; it has {', '.join(names)}", member=str(unknown[0]))
    if "FunctionName" not in members:
        raise InvalidInputError(f"{operation} needs the member 'FunctionName'", member="function_name")
    return {names[name]: value for name, value in members.items()}


@attrs.frozen(kw_only=True)
class InvokeCommandInput(CommandInput):
    """The members of Invoke.

    `client_context` is a mapping, sent as base64 of its JSON, or a string that is ready. Enum members stand for their values.
    """

    function_name: str
    payload: Payload = attrs.field(default=None, repr=False)
    invocation_type: InvocationType | None = None
    log_type: LogType | None = None
    client_context: Mapping[str, object] | str | None = attrs.field(default=None, repr=False)
    qualifier: str | None = None
    tenant_id: str | None = attrs.field(default=None, repr=False)
    durable_execution_name: str | None = None

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The input with the member names of the API, as JS and boto3 have them: `{"FunctionName": ..., "Payload": ...}`."""
        return cls(**members_of_api(members, "Invoke", _API_MEMBERS))


@attrs.frozen(kw_only=True)
class InvokeCommandOutput(CommandOutput):
    """The answer to Invoke. `payload` is exactly what came; a `function_error` does not raise by itself, as in the API."""

    status_code: int
    function_error: Literal["Handled", "Unhandled"] | None = None
    log_result: str | None = attrs.field(default=None, repr=False)
    payload: bytes = attrs.field(default=b"", repr=lambda payload: f"<{len(payload)} bytes>")
    executed_version: str | None = None
    durable_execution_arn: str | None = None
    metadata: Metadata
    _codec: Codec = attrs.field(factory=JsonCodec, repr=False, eq=False, alias="codec")
    _function_name: str = attrs.field(default="", repr=False, eq=False, alias="function_name")
    _invocation_type: str = attrs.field(default="RequestResponse", repr=False, eq=False, alias="invocation_type")

    def json(self) -> Any:
        """The payload decoded by the standard library. `DecodeError` (a `ValueError`) if there is none, or it is not JSON."""
        return self._decoded(json.loads, "JSON")

    def decode(self, type: type[T], /) -> T:
        """The payload as a value of a type, through the client's codec. `DecodeError` if there is none, or it is another."""
        return self._decoded(lambda data: self._codec.decode(data, type), getattr(type, "__name__", repr(type)))

    def text(self) -> str:
        """The payload as UTF-8 text. `DecodeError` if it is not."""
        return self._decoded(bytes.decode, "text") if self.payload else ""

    @property
    def log_tail(self) -> str | None:
        """The last 4 KB of the log, decoded; only with `log_type="Tail"`."""
        from .report import tail_of  # noqa: PLC0415 - most calls ask for no log

        return tail_of(self.log_result)

    @property
    def report(self) -> "Report | None":
        """The REPORT line of the log tail; `None` where there is no tail, or it no longer holds the line."""
        from .report import report_of  # noqa: PLC0415 - as above

        return None if self.log_tail is None else report_of(self.log_tail, request_id=self.metadata.request_id)

    def raise_for_function_error(self) -> Self:
        """Raise `FunctionError` if the function failed; otherwise this output."""
        if self.function_error is None:
            return self
        raise function_error(
            error_content(self.payload),
            kind=self.function_error,
            output=self,
            function_name=self._function_name,
            request_id=self.metadata.request_id,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled without the client's codec, which need not be something that can be: the copy decodes with `JsonCodec`."""
        fields = {field.alias: getattr(self, field.name) for field in attrs.fields(type(self)) if field.name != "_codec"}
        return _rebuilt, (type(self), fields)

    def _decoded(self, decode: Callable[[bytes], T], what: str) -> T:
        if not self.payload:
            raise self._undecoded(
                f"there is no payload to decode: {self._invocation_type} invocation of {self._function_name!r}, "
                f"status {self.status_code}"
            )
        try:
            return decode(self.payload)
        except Exception as error:  # noqa: BLE001 - a codec may be anybody's
            failure = self._undecoded(
                f"the answer cannot be decoded as {what}: {_reason(error)}; output.payload has its bytes",
                codec_error=error.with_traceback(None),  # its frames hold the payload
            )
        raise failure from None

    def _undecoded(self, message: str, *, codec_error: Exception | None = None) -> DecodeError:
        history = self.metadata.history
        return DecodeError(
            message,
            output=self,
            codec_error=codec_error,
            delivery=history[-1].delivery if history else Delivery.EXECUTED,
            function_name=self._function_name or None,
            request_id=self.metadata.request_id,
        )


def _reason(error: Exception) -> str:
    """Why an answer cannot be decoded, without its content."""
    if isinstance(error, Mismatch):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON, at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8, at byte {error.start}"
    return type(error).__name__


def _rebuilt(kind: type[InvokeCommandOutput], fields: dict[str, Any]) -> InvokeCommandOutput:
    return kind(**fields)


@attrs.frozen(kw_only=True)
class EventReceipt:
    """Lambda has queued the event. Accepted is not done: there is no payload to read."""

    status_code: int
    durable_execution_arn: str | None = None
    metadata: Metadata


def function_error(
    content: Mapping[str, object],
    *,
    kind: Literal["Handled", "Unhandled"],
    function_name: str,
    request_id: str | None,
    output: InvokeCommandOutput | None = None,
) -> FunctionError:
    """The exception of what a runtime said of an error; `content` has the members that the runtimes give it."""
    return FunctionError(
        f"the function failed ({kind}) with {_shortened(_said_in(content))}",
        kind=kind,
        error_type=_words(content.get("errorType")),
        error_message=_words(content.get("errorMessage")),
        stack_trace=_stack_trace(content),
        output=output,
        function_name=function_name,
        request_id=request_id,
    )


def error_content(payload: bytes | str) -> Mapping[str, object]:
    """What is said of an error, under the names that the runtimes give it.

    Functions that write an error themselves send text, a JSON string, a list, or an object with names of their own.
    """
    try:
        content = json_body.loads(payload)
    except (ValueError, RecursionError):
        return {"errorMessage": payload if isinstance(payload, str) else payload.decode(errors="replace")}
    if not isinstance(content, dict):
        return {"errorMessage": content}
    members = cast("dict[str, object]", content)
    if members.get("errorMessage") not in (None, ""):
        return members
    said = members.get("message") or members.get("Message")
    if said is None and members and _SAID.isdisjoint(members):
        said = members
    return {**members, "errorMessage": said}


def _shortened(text: str) -> str:
    """What of a function's own words stands in an error's text; the attributes have all of them."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}... ({len(text):,} characters)"


def _words(value: object) -> str | None:
    """A member as text: what is none is shown as its JSON."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return json_body.writable(value)
    try:
        return json_body.writable(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "a value that is nested too deeply to be shown"


def _said_in(content: Mapping[str, object]) -> str:
    """Type and message of an error."""
    words = (_words(content.get("errorType")), _words(content.get("errorMessage")))
    return ": ".join(filter(None, words)) or "an error without a description"


def _stack_trace(content: Mapping[str, object]) -> Sequence[str]:
    """The frames as lines, then those of the errors that caused this one, as Java prints them."""
    lines, pending = _frames(content), _causes(content)
    for _ in range(_MOST_CAUSES):
        if not pending:
            break
        inner, *others = pending
        lines += [f"Caused by: {_said_in(inner)}", *_frames(inner)]
        pending = [*_causes(inner), *others]
    return lines


def _causes(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Java and .NET send `cause`, and .NET `causes` where there are several."""
    several = content.get("causes")
    found = cast("list[object]", several) if isinstance(several, list) else [content.get("cause")]
    return [cast("Mapping[str, object]", cause) for cause in found if isinstance(cause, dict) and cause]


def _frames(content: Mapping[str, object]) -> list[str]:
    """Runtimes send `stackTrace` or `trace`, as strings, as one text, or as lists of parts."""
    trace = content.get("stackTrace") or content.get("trace")
    if isinstance(trace, str):
        return json_body.writable(trace).splitlines()
    return [_words(line) or "" for line in cast("list[object]", trace)] if isinstance(trace, list) else []


def check_json_text(payload: Payload, function_name: str) -> Payload:
    """The payload, unless it is text that cannot begin JSON: a caller who gives "hello" nearly always means its JSON."""
    if isinstance(payload, str) and re.match(_BEGINS_JSON, payload) is None:
        del payload  # a traceback that is printed with locals would show it
        raise InvalidInputError(
            "payload is text that is not JSON; pass a value to have it encoded, json.dumps(text) for a JSON string, or bytes "
            "to send them as they are",
            member="payload",
            function_name=function_name,
        )
    return payload
