"""What the service says of a durable execution, as values: its state, its output, and the error that it ended with.

Owns which statuses end an execution, and the texts of its errors. Must not know how the service is asked.
"""

import datetime as dt
from typing import Any, Literal, TypeVar

import attrs

from ..codecs import JsonCodec
from ..errors.durable import (
    DurableExecutionError,
    DurableExecutionFailedError,
    DurableExecutionStoppedError,
    DurableExecutionTimedOutError,
)
from ..protocol import json_body
from ..types.interfaces import Codec
from ..types.mistakes import NotDictionary
from ..types.values import Metadata
from .api.commands import GetDurableExecutionCommandOutput
from .api.structures import ErrorObject, Execution
from .invoke_types import InvokeCommandOutput

__all__ = [
    "DurableExecutionDescription",
    "DurableExecutionOutput",
    "DurableStatus",
    "deleted_error",
    "description_of",
    "error_of",
    "has_ended",
    "is_paused",
    "output_of",
    "summary_of",
]

T = TypeVar("T")

DurableStatus = Literal["RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING"]
"""The states of a durable execution."""

_GOING_ON = frozenset({"RUNNING", "PAUSING", "PAUSED"})
_ENDS: dict[str, type[DurableExecutionError]] = {
    "FAILED": DurableExecutionFailedError,
    "TIMED_OUT": DurableExecutionTimedOutError,
    "STOPPED": DurableExecutionStoppedError,
}
_LONGEST_TEXT = 1000
"""Characters of the function's own words in the text of an error. The attributes have all of them."""
_NO_METADATA = Metadata(http_status_code=200, attempts=0)


def has_ended(status: str, ended: dt.datetime | None) -> bool:
    """Whether a status is the last one. Of a status that this version does not know, the end time decides."""
    return status in _ENDS or status in ("SUCCEEDED", "DELETING") or (ended is not None and status not in _GOING_ON)


def is_paused(status: str | None) -> bool:
    """Whether an execution rests until somebody resumes it."""
    return status in ("PAUSED", "PAUSING")


@attrs.frozen(kw_only=True)
class DurableExecutionDescription(NotDictionary):
    """The state of a durable execution. Those of `client.durable_executions` have no version, pause, deadline and trace id.

    Args:
        arn: The ARN of the execution.
        name: The name of the execution.
        status: `"RUNNING"`, `"PAUSING"`, `"PAUSED"`, `"SUCCEEDED"`, `"FAILED"`, `"TIMED_OUT"`, `"STOPPED"` or `"DELETING"`.
        function_arn: The ARN of the function.
        version: The version of the function that runs; `None` if it is not known.
        started: The time of the start; `None` if the service gave none.
        ended: The time of the end; `None` if it has not ended.
        times_out: The time at which the execution times out; `None` if it is not known.
        paused: The time at which somebody paused the execution; `None` if it is not paused.
        pause_reason: The reason that was given for the pause; `None` if there is none.
        is_timeout_paused: Whether the execution timeout stands still during the pause.
        trace_id: The id of the X-Ray trace; `None` if there is none.
        metadata: The request id, the attempts and the headers of the answer.
    """

    arn: str
    """The ARN of the execution."""
    name: str
    """The name of the execution."""
    status: str
    """`"RUNNING"`, `"PAUSING"`, `"PAUSED"`, `"SUCCEEDED"`, `"FAILED"`, `"TIMED_OUT"`, `"STOPPED"` or `"DELETING"`."""
    function_arn: str = ""
    """The ARN of the function."""
    version: str | None = None
    """The version of the function that runs; `None` if it is not known."""
    started: dt.datetime | None = None
    """The time of the start; `None` if the service gave none."""
    ended: dt.datetime | None = None
    """The time of the end; `None` if it has not ended."""
    times_out: dt.datetime | None = None
    """The time at which the execution times out; `None` if it is not known."""
    paused: dt.datetime | None = None
    """The time at which somebody paused the execution; `None` if it is not paused."""
    pause_reason: str | None = attrs.field(default=None, repr=False)
    """The reason that was given for the pause; `None` if there is none."""
    is_timeout_paused: bool = False
    """Whether the execution timeout stands still during the pause."""
    trace_id: str | None = None
    """The id of the X-Ray trace; `None` if there is none."""
    metadata: Metadata = attrs.field(default=_NO_METADATA, repr=False)
    """The request id, the attempts and the headers of the answer."""

    @property
    def has_ended(self) -> bool:
        """Whether the execution has ended, in whatever way."""
        return has_ended(self.status, self.ended)


@attrs.frozen(kw_only=True)
class DurableExecutionOutput(NotDictionary):
    """The result of a durable execution that succeeded.

    ::

        output = await execution.result()
        print(output.json(), output.ended)

    Args:
        payload: The bytes of the result; empty if the function returned none. `json()`, `text()` and `decode(type)` read them.
        arn: The ARN of the execution.
        name: The name of the execution.
        status: `"SUCCEEDED"`.
        function_arn: The ARN of the function.
        version: The version of the function that ran; `None` if it is not known.
        started: The time of the start; `None` if the service gave none.
        ended: The time of the end; `None` if the service gave none.
        trace_id: The id of the X-Ray trace; `None` if there is none.
        metadata: The request id, the attempts and the headers of the last answer.
        codec: Decodes the payload for `decode`. Default `JsonCodec()`.
        function_name: The name that errors show.
    """

    payload: bytes = attrs.field(default=b"", repr=lambda payload: f"<{len(payload)} bytes>")
    """The bytes of the result; empty if the function returned none. `json()`, `text()` and `decode(type)` read them."""
    arn: str
    """The ARN of the execution."""
    name: str = ""
    """The name of the execution."""
    status: str = "SUCCEEDED"
    """`"SUCCEEDED"`."""
    function_arn: str = ""
    """The ARN of the function."""
    version: str | None = None
    """The version of the function that ran; `None` if it is not known."""
    started: dt.datetime | None = None
    """The time of the start; `None` if the service gave none."""
    ended: dt.datetime | None = None
    """The time of the end; `None` if the service gave none."""
    trace_id: str | None = None
    """The id of the X-Ray trace; `None` if there is none."""
    metadata: Metadata = attrs.field(default=_NO_METADATA, repr=False)
    """The request id, the attempts and the headers of the last answer."""
    _codec: Codec = attrs.field(factory=JsonCodec, repr=False, eq=False, alias="codec")
    """Decodes the payload for `decode`. Default `JsonCodec()`."""
    _function_name: str = attrs.field(default="", repr=False, eq=False, alias="function_name")
    """The name that errors show."""

    def json(self) -> Any:
        """The payload, decoded by `json.loads`.

        Raises:
            DecodeError: The payload is empty or not JSON. It is a `ValueError`.
        """
        return self._answer.json()

    def decode(self, type: type[T], /) -> T:
        """The payload as a value of a type, decoded by the client's codec.

        ::

            order = output.decode(Order)

        Args:
            type: The type that the codec makes of it, such as an attrs class.

        Raises:
            DecodeError: The payload is empty or does not fit the type.
        """
        return self._answer.decode(type)

    def text(self) -> str:
        """The payload as text; empty if there is none.

        Raises:
            DecodeError: The payload is not UTF-8.
        """
        return self._answer.text()

    @property
    def _answer(self) -> InvokeCommandOutput:
        """The answer that a synchronous invocation would have had. It decodes the payload, and errors hold it."""
        return InvokeCommandOutput(
            status_code=200,
            payload=self.payload,
            executed_version=self.version,
            durable_execution_arn=self.arn,
            metadata=self.metadata,
            codec=self._codec,
            function_name=self._function_name or self.function_arn,
            invocation_type="durable",
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the client's codec, which may not support it. The copy decodes with `JsonCodec`."""
        fields = {field.alias: getattr(self, field.name) for field in attrs.fields(type(self)) if field.name != "_codec"}
        return _rebuilt, (type(self), fields)


def _rebuilt(kind: type[DurableExecutionOutput], fields: dict[str, Any]) -> DurableExecutionOutput:
    return kind(**fields)


def description_of(answer: GetDurableExecutionCommandOutput) -> DurableExecutionDescription:
    """The state of an answer, from which members may be missing."""
    pause, trace = answer.pause_details, answer.trace_header
    return DurableExecutionDescription(
        arn=_member(answer, "durable_execution_arn", ""),
        name=_member(answer, "durable_execution_name", ""),
        status=_member(answer, "status", ""),
        function_arn=_member(answer, "function_arn", ""),
        version=answer.version,
        started=_member(answer, "start_timestamp", None),
        ended=answer.end_timestamp,
        times_out=answer.expected_execution_timeout_timestamp,
        paused=None if pause is None else _member(pause, "pause_request_timestamp", None),
        pause_reason=None if pause is None else pause.reason,
        is_timeout_paused=pause is not None and _member(pause, "execution_timeout_paused", default=False),
        trace_id=None if trace is None else trace.x_amzn_trace_id,
        metadata=answer.metadata,
    )


def summary_of(execution: Execution) -> DurableExecutionDescription:
    """The state of an execution in a list."""
    return DurableExecutionDescription(
        arn=_member(execution, "durable_execution_arn", ""),
        name=_member(execution, "durable_execution_name", ""),
        status=_member(execution, "status", ""),
        function_arn=_member(execution, "function_arn", ""),
        started=_member(execution, "start_timestamp", None),
        ended=execution.end_timestamp,
    )


def output_of(
    answer: GetDurableExecutionCommandOutput, *, arn: str, codec: Codec, function_name: str
) -> DurableExecutionOutput:
    """The output of an execution that succeeded. Raises its error if it ended otherwise."""
    status = _member(answer, "status", "")
    if status != "SUCCEEDED":
        raise error_of(status, answer.error, arn=arn, function_name=function_name)
    trace = answer.trace_header
    return DurableExecutionOutput(
        payload=(answer.result or "").encode("utf-8", "surrogatepass"),
        arn=arn,
        name=_member(answer, "durable_execution_name", ""),
        status=status,
        function_arn=_member(answer, "function_arn", ""),
        version=answer.version,
        started=_member(answer, "start_timestamp", None),
        ended=answer.end_timestamp,
        trace_id=None if trace is None else trace.x_amzn_trace_id,
        metadata=answer.metadata,
        codec=codec,
        function_name=function_name,
    )


def error_of(status: str, error: ErrorObject | None, *, arn: str, function_name: str) -> DurableExecutionError:
    """The error of an execution that ended with this status."""
    if status == "DELETING":
        return deleted_error(arn=arn, function_name=function_name)
    error = error or ErrorObject()
    kind, message, trace = _text(error.error_type), _text(error.error_message), error.stack_trace or ()
    built = _ENDS.get(status, DurableExecutionError)(
        arn=arn,
        status=status,
        error_type=kind,
        error_message=message,
        error_data=_text(error.error_data),
        stack_trace=[json_body.writable(line) for line in trace if isinstance(line, str)],  # pyright: ignore[reportUnnecessaryIsInstance] - of an answer
        function_name=function_name,
    )
    text = str(built.args[0])
    if len(text) > _LONGEST_TEXT:
        built.args = (f"{text[:_LONGEST_TEXT]}... ({len(text):,} characters)",)
    return built


def deleted_error(*, arn: str, function_name: str) -> DurableExecutionError:
    """The error of an execution that is gone."""
    return DurableExecutionError(
        "the durable execution is deleted, and its result with it", arn=arn, status="DELETING", function_name=function_name
    )


def _text(value: str | None) -> str | None:
    return json_body.writable(value) if value else None


def _member(answer: object, name: str, default: Any = None) -> Any:
    """A member that the model requires. An answer may lack it all the same."""
    value = getattr(answer, name, None)
    return default if value is None else value
