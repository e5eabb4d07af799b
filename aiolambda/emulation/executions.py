"""The record of one run of a function.

Must not know who ran it.
"""

import json
from typing import Any

import attrs

__all__ = ["Execution"]


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


@attrs.frozen(kw_only=True)
class Execution:
    """One run of a function.

    Args:
        function_name: The name of the function, without qualifier and ARN.
        version: The version that ran.
        request_id: The request id of the invocation, that of its `RecordedCall`.
        invocation_type: `"RequestResponse"` or `"Event"`.
        payload: The bytes that the function got.
        response: The bytes that the function answered: its result, or the error that Lambda reports.
        error_type: The error type of a run that failed, as in `FunctionError`; `None` if it succeeded.
        error: The exception that the handler raised. `None` if it raised none, as with a scripted failure.
        attempt: The number of this run of an event: 1 for the first, more for retries. Default 1.
    """

    function_name: str
    """The name of the function, without qualifier and ARN."""
    version: str
    """The version that ran."""
    request_id: str
    """The request id of the invocation, that of its `RecordedCall`."""
    invocation_type: str
    """`"RequestResponse"` or `"Event"`."""
    payload: bytes = attrs.field(repr=_size)
    """The bytes that the function got."""
    response: bytes = attrs.field(repr=_size)
    """The bytes that the function answered: its result, or the error that Lambda reports."""
    error_type: str | None
    """The error type of a run that failed, as in `FunctionError`; `None` if it succeeded."""
    error: BaseException | None = attrs.field(repr=False)
    """The exception that the handler raised. `None` if it raised none, as with a scripted failure."""
    attempt: int = 1
    """The number of this run of an event: 1 for the first, more for retries. Default 1."""

    def event(self) -> Any:
        """Decode the payload."""
        return json.loads(self.payload or b"{}")

    def result(self) -> Any:
        """Decode the response."""
        return json.loads(self.response)
