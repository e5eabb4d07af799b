"""The records of durable executions and their callbacks, as a test sees them: values that do not change.

Must not know how an execution goes on.
"""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from .states import CallbackState, Start

__all__ = ["RecordedCallback", "RecordedDurableExecution", "recorded_callback", "recorded_execution"]


def _size(content: bytes | None) -> str:
    return "None" if content is None else f"<{len(content)} bytes>"


@attrs.frozen(kw_only=True)
class RecordedDurableExecution:
    """A durable execution, as it was when the test asked.

    Args:
        arn: The ARN of the execution.
        name: Its name: that of the invocation, or the one that it got.
        function_name: The name of the function, without qualifier and ARN.
        version: The version that runs.
        status: The status, as GetDurableExecution tells it.
        invocation_type: `"RequestResponse"` or `"Event"`.
        payload: The bytes of the input.
        result: The bytes of the result; `None` unless the execution has succeeded.
        error: The members of its `ErrorObject`, such as `"ErrorType"`; `None` unless it has ended with an error.
        requests: The number of invocations that asked for it. It has started once.
    """

    arn: str
    """The ARN of the execution."""
    name: str
    """Its name: that of the invocation, or the one that it got."""
    function_name: str
    """The name of the function, without qualifier and ARN."""
    version: str
    """The version that runs."""
    status: str
    """The status, as GetDurableExecution tells it."""
    invocation_type: str
    """`"RequestResponse"` or `"Event"`."""
    payload: bytes = attrs.field(repr=_size)
    """The bytes of the input."""
    result: bytes | None = attrs.field(default=None, repr=_size)
    """The bytes of the result; `None` unless the execution has succeeded."""
    error: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    """The members of its `ErrorObject`, such as `"ErrorType"`; `None` unless it has ended with an error."""
    requests: int = 1
    """The number of invocations that asked for it. It has started once."""

    def event(self) -> Any:
        """Decode the input."""
        return json.loads(self.payload or b"{}")

    def json(self) -> Any:
        """Decode the result. `None` without one."""
        return None if self.result is None else json.loads(self.result)


@attrs.frozen(kw_only=True)
class RecordedCallback:
    """A callback of a durable execution, as it was when the test asked.

    Args:
        name: The name that the script gives it.
        id: The callback id, for SendDurableExecutionCallbackSuccess and the like.
        durable_execution_arn: The ARN of its execution.
        is_open: Whether it waits for its answer.
        heartbeats: The number of heartbeats that came.
    """

    name: str
    """The name that the script gives it."""
    id: str
    """The callback id, for SendDurableExecutionCallbackSuccess and the like."""
    durable_execution_arn: str
    """The ARN of its execution."""
    is_open: bool
    """Whether it waits for its answer."""
    heartbeats: int
    """The number of heartbeats that came."""


def recorded_callback(arn: str, callback: CallbackState) -> RecordedCallback:
    """The record of a callback."""
    return RecordedCallback(
        name=callback.name,
        id=callback.id,
        durable_execution_arn=arn,
        is_open=callback.is_open,
        heartbeats=callback.heartbeats,
    )


def recorded_execution(
    start: Start, *, status: str, result: str | None, error: Mapping[str, object] | None, requests: int
) -> RecordedDurableExecution:
    """The record of an execution."""
    return RecordedDurableExecution(
        arn=start.arn,
        name=start.name,
        function_name=start.function_name,
        version=start.version,
        status=status,
        invocation_type=start.invocation_type,
        payload=start.payload,
        result=None if result is None else result.encode(errors="replace"),
        error=None if error is None else dict(error),
        requests=requests,
    )
