"""The values of Invoke: its input, its output, and the receipt of an `Event`.

Owns the members, with their names in Python and in the API. Must not know how they cross the wire.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import attrs

from ..codecs import JsonCodec, Mismatch
from ..errors import DecodeError, InvalidInputError
from ..pipeline.operation import CommandInput, CommandOutput
from ..types.interfaces import Codec
from ..types.mistakes import NotDictionary, explains_arguments, kind_of, unknown_name
from ..types.values import Delivery, InvocationType, LogType, Metadata, Unfrozen
from .payload import Payload, given_shown, payload_shown

if TYPE_CHECKING:
    from .report import Report

__all__ = [
    "EventReceipt",
    "InvokeCommandInput",
    "InvokeCommandOutput",
    "members_of_api",
    "new_input",
    "output_with_later_metadata",
]

T = TypeVar("T")

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
    """The members under their Python names. `InvalidInputError` for a name that the operation does not have."""
    if not isinstance(members, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise InvalidInputError(
            f"from_api takes a mapping, such as {{'FunctionName': 'orders'}}; got {kind_of(members)}", member="input"
        )
    unknown = next((name for name in members if name not in names), None)
    if unknown is not None:
        raise InvalidInputError(unknown_name(operation, "member", unknown, names), member=str(unknown)[:40])
    if "FunctionName" not in members:
        raise InvalidInputError(f"{operation} needs the member 'FunctionName'", member="function_name")
    return {names[name]: value for name, value in members.items()}


@explains_arguments
@attrs.frozen(kw_only=True)
class InvokeCommandInput(CommandInput):
    """The input of Invoke: its members, under their Python names.

    Members of an enum stand for their values. `send` checks the input: `InvalidInputError`.

    ::

        InvokeCommand(InvokeCommandInput(function_name="orders", payload={"id": 7}, qualifier="live"))

    Args:
        function_name: A name, `name:alias`, a partial ARN or an ARN.
        payload: A value that the client's codec encodes, JSON text, bytes, or an open binary file. Default: no body.
        invocation_type: `"RequestResponse"` (the default), `"Event"` or `"DryRun"`.
        log_type: `"Tail"` asks for the last 4 KiB of the log. Default: no log.
        client_context: A mapping, sent as base64 of its JSON, or a string that is already base64.
        qualifier: A version or an alias. Default: the latest version.
        tenant_id: The tenant, for a function with tenant isolation.
        durable_execution_name: The name of the execution of a durable function, which runs once for each name.
    """

    function_name: str
    """A name, `name:alias`, a partial ARN or an ARN."""
    payload: Payload = attrs.field(default=None, repr=payload_shown)
    """A value that the client's codec encodes, JSON text, bytes, or an open binary file. Default: no body."""
    invocation_type: InvocationType | None = None
    """`"RequestResponse"` (the default), `"Event"` or `"DryRun"`."""
    log_type: LogType | None = None
    """`"Tail"` asks for the last 4 KiB of the log. Default: no log."""
    client_context: Mapping[str, object] | str | None = attrs.field(default=None, repr=given_shown)
    """A mapping, sent as base64 of its JSON, or a string that is already base64."""
    qualifier: str | None = None
    """A version or an alias. Default: the latest version."""
    tenant_id: str | None = attrs.field(default=None, repr=given_shown)
    """The tenant, for a function with tenant isolation."""
    durable_execution_name: str | None = None
    """The name of the execution of a durable function, which runs once for each name."""

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The input from the member names of the API, as in boto3: `{"FunctionName": ..., "Payload": ...}`.

        Args:
            members: The members under their names in the API.

        Raises:
            InvalidInputError: Invoke has no such member.
        """
        return cls(**members_of_api(members, "Invoke", _API_MEMBERS))


class _NewInput(Unfrozen, InvokeCommandInput):
    __slots__ = ()

    def __init__(
        self,
        *,
        function_name: str,
        payload: Payload = None,
        invocation_type: InvocationType | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        qualifier: str | None = None,
        tenant_id: str | None = None,
        durable_execution_name: str | None = None,
    ) -> None:
        new: Any = self
        new.function_name = function_name
        new.payload = payload
        new.invocation_type = invocation_type
        new.log_type = log_type
        new.client_context = client_context
        new.qualifier = qualifier
        new.tenant_id = tenant_id
        new.durable_execution_name = durable_execution_name
        new.__class__ = InvokeCommandInput


new_input: Callable[..., InvokeCommandInput] = _NewInput
"""The same as `InvokeCommandInput`, in a third of the time."""


class WithLaterMetadata(CommandOutput):
    """An output whose metadata are made when somebody asks for them: most callers do not."""

    __slots__ = ("_make_metadata",)
    _make_metadata: Callable[[], Metadata]

    if not TYPE_CHECKING:  # else every name would pass for a member

        def __getattr__(self, name: str) -> Any:
            """Make the metadata, which are missing until somebody asks for them."""
            if name != "metadata":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            metadata = self._make_metadata()
            object.__setattr__(self, "metadata", metadata)
            return metadata


@attrs.frozen(kw_only=True)
class InvokeCommandOutput(WithLaterMetadata):
    """The output of Invoke. A `function_error` does not raise by itself, as in the API.

    ::

        output = await client.send(InvokeCommand(function_name="orders", payload={"id": 7}))
        print(output.raise_for_function_error().json())

    Args:
        status_code: 200 for an answer, 202 for an accepted event, 204 for a dry run.
        function_error: `"Handled"` or `"Unhandled"` if the function failed, and the payload is its error. Default `None`.
        log_result: The end of the log in base64, with `log_type="Tail"`. `log_tail` and `report` read it.
        payload: The bytes of the answer. `json()`, `text()` and `decode(type)` read them.
        executed_version: The version of the function that ran.
        durable_execution_arn: The ARN of the durable execution, if the function is durable.
        metadata: The request id, the attempts and the headers. Default: the status, and no attempt, for an output of your own.
        codec: Decodes the payload for `decode`. Default `JsonCodec()`.
        function_name: The name that errors show.
        invocation_type: The invocation type that errors show.
    """

    status_code: int
    """200 for an answer, 202 for an accepted event, 204 for a dry run."""
    function_error: Literal["Handled", "Unhandled"] | None = None
    """`"Handled"` or `"Unhandled"` if the function failed, and the payload is its error. Default `None`."""
    log_result: str | None = attrs.field(default=None, repr=False)
    """The end of the log in base64, with `log_type="Tail"`. `log_tail` and `report` read it."""
    payload: bytes = attrs.field(default=b"", repr=lambda payload: f"<{len(payload)} bytes>")
    """The bytes of the answer. `json()`, `text()` and `decode(type)` read them."""
    executed_version: str | None = None
    """The version of the function that ran."""
    durable_execution_arn: str | None = None
    """The ARN of the durable execution, if the function is durable."""
    metadata: Metadata = attrs.field(
        default=attrs.Factory(lambda output: Metadata(http_status_code=output.status_code, attempts=0), takes_self=True)
    )
    """The request id, the attempts and the headers. Default: the status, and no attempt, for an output of your own."""
    _codec: Codec = attrs.field(factory=JsonCodec, repr=False, eq=False, alias="codec")
    """Decodes the payload for `decode`. Default `JsonCodec()`."""
    _function_name: str = attrs.field(default="", repr=False, eq=False, alias="function_name")
    """The name that errors show."""
    _invocation_type: str = attrs.field(default="RequestResponse", repr=False, eq=False, alias="invocation_type")
    """The invocation type that errors show."""

    def json(self) -> Any:
        """The payload, decoded by `json.loads`.

        Raises:
            DecodeError: The payload is empty or not JSON. It is a `ValueError`.
        """
        return self._decoded(json.loads, "JSON")

    def decode(self, type: type[T], /) -> T:
        """The payload as a value of a type, decoded by the client's codec.

        ::

            order = output.decode(Order)

        Args:
            type: The type that the codec makes of it, such as an attrs class.

        Raises:
            DecodeError: The payload is empty or does not fit the type.
        """
        return self._decoded(lambda data: self._codec.decode(data, type), getattr(type, "__name__", repr(type)))

    def text(self) -> str:
        """The payload as text; empty if there is none.

        Raises:
            DecodeError: The payload is not UTF-8.
        """
        return self._decoded(bytes.decode, "text") if self.payload else ""

    @property
    def log_tail(self) -> str | None:
        """The last 4 KB of the function's log, as text. `None` without `log_type="Tail"`."""
        from .report import tail_of  # noqa: PLC0415 - most calls ask for no log

        return tail_of(self.log_result)

    @property
    def report(self) -> "Report | None":
        """The REPORT line of the log tail: durations, memory. `None` if there is no tail, or the line is not in it."""
        from .report import report_of  # noqa: PLC0415 - as above

        return None if self.log_tail is None else report_of(self.log_tail, request_id=self.metadata.request_id)

    def raise_for_function_error(self) -> Self:
        """Return this output, unless the function failed.

        Raises:
            FunctionError: The function failed.
        """
        if self.function_error is None:
            return self
        from .function_error import error_content, function_error  # noqa: PLC0415 - most functions do not fail

        raise function_error(
            error_content(self.payload),
            kind=self.function_error,
            output=self,
            function_name=self._function_name,
            request_id=self.metadata.request_id,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the client's codec, which may not support it. The copy decodes with `JsonCodec`."""
        fields = {field.alias: getattr(self, field.name) for field in attrs.fields(type(self)) if field.name != "_codec"}
        return _rebuilt, (type(self), fields)

    def _decoded(self, decode: Callable[[bytes], T], form: str) -> T:
        if not self.payload:
            raise self._undecoded(
                f"there is no payload to decode: {self._invocation_type} invocation of {self._function_name!r}, "
                f"status {self.status_code}"
            )
        try:
            return decode(self.payload)
        except Exception as error:  # noqa: BLE001 - a codec may raise anything
            failure = self._undecoded(
                f"the answer cannot be decoded as {form}: {_reason(error)}; output.payload has its bytes",
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


class _NewOutput(Unfrozen, InvokeCommandOutput):
    """An output whose metadata `make_metadata` makes when somebody asks for them."""

    __slots__ = ()

    def __init__(
        self,
        make_metadata: Callable[[], Metadata],
        status_code: int,
        function_error: str | None,
        log_result: str | None,
        payload: bytes,
        executed_version: str | None,
        durable_execution_arn: str | None,
        codec: Codec,
        function_name: str,
        invocation_type: str,
    ) -> None:
        new: Any = self
        new._make_metadata = make_metadata
        new.status_code = status_code
        new.function_error = function_error
        new.log_result = log_result
        new.payload = payload
        new.executed_version = executed_version
        new.durable_execution_arn = durable_execution_arn
        new._codec = codec
        new._function_name = function_name
        new._invocation_type = invocation_type
        new.__class__ = InvokeCommandOutput


output_with_later_metadata: Callable[
    [Callable[[], Metadata], int, str | None, str | None, bytes, str | None, str | None, Codec, str, str], InvokeCommandOutput
] = _NewOutput
"""An output whose metadata are made when somebody asks for them. The arguments are those of `_NewOutput`."""


def _reason(error: Exception) -> str:
    """Why an answer cannot be decoded, without quoting it."""
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
class EventReceipt(NotDictionary):
    """Lambda has queued the event. The function has not run yet, so there is no payload.

    Args:
        status_code: 202.
        durable_execution_arn: The ARN of the durable execution that the event started; else `None`.
        metadata: The request id, the attempts and the headers.
    """

    status_code: int
    """202."""
    durable_execution_arn: str | None = None
    """The ARN of the durable execution that the event started; else `None`."""
    metadata: Metadata
    """The request id, the attempts and the headers."""
