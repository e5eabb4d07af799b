"""Values of one invocation: the input of a runtime, its response, and the errors that Lambda itself reports.

Must not know processes, sockets or HTTP.
Source: recorded responses of Lambda; the Runtime API page of the developer guide.
"""

import json
import signal
from typing import Protocol

import attrs

__all__ = [
    "RESPONSE_LIMIT",
    "STREAMED_RESPONSE_LIMIT",
    "TRUNCATED",
    "FunctionResponse",
    "Invocation",
    "InvocationResult",
    "ResponseWriter",
    "exited",
    "init_timed_out",
    "not_started",
    "timed_out",
    "too_large",
    "truncated",
]

RESPONSE_LIMIT = 6_291_556
"""Bytes of a response. The "Lambda quotas" page says 6 MB; the error message of the service has this number."""

STREAMED_RESPONSE_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response, from the same page."""
TRUNCATED = "Runtime.TruncatedResponse"


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


class ResponseWriter(Protocol):
    """The destination of a streamed response. Its methods return when more may be written (back-pressure)."""

    async def begin(self, content_type: str | None) -> None: ...
    async def write(self, piece: bytes) -> None: ...


@attrs.frozen(kw_only=True)
class Invocation:
    """The input of a runtime. `client_context` is JSON in ASCII; `payload` has the bytes of the request.

    A streamed response goes to `writer`; if that is `None`, it is collected like any other response.
    """

    request_id: str
    payload: bytes = attrs.field(repr=_size)
    function_arn: str
    trace_id: str
    client_context: str | None = attrs.field(default=None, repr=False)
    tenant_id: str | None = attrs.field(default=None, repr=False)
    writer: ResponseWriter | None = attrs.field(default=None, repr=False)


@attrs.frozen
class FunctionResponse:
    """The response of a function, or the error that Lambda reports instead; `error_type` is `None` on success."""

    payload: bytes = attrs.field(repr=_size)
    error_type: str | None = None
    status: str | None = None
    """`timeout` or `error`, for the REPORT line, if Lambda ended the invocation."""


@attrs.frozen(kw_only=True)
class InvocationResult:
    """A finished invocation: the response, and the last 4 KB of the log."""

    response: FunctionResponse
    log_tail: bytes = attrs.field(repr=_size)


def _error(error_type: str, message: str, status: str = "error") -> FunctionResponse:
    content = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":"))
    return FunctionResponse(content.encode(), error_type, status)


def exited(request_id: str, return_code: int) -> FunctionResponse:
    """The process ended before it responded; a negative code is the signal that ended it."""
    if return_code == 0:
        reason = "Runtime exited without providing a reason"
    elif return_code > 0:
        reason = f"Runtime exited with error: exit status {return_code}"
    else:
        description = signal.strsignal(-return_code) or f"signal {-return_code}"
        reason = f"Runtime exited with error: signal: {description.lower()}"
    return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")


def timed_out(request_id: str, timeout: float) -> FunctionResponse:
    """The invocation exceeded the function's timeout, in seconds."""
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds", "timeout")


def init_timed_out(request_id: str, timeout: float) -> FunctionResponse:
    """The runtime did not poll for its first invocation in time, in seconds."""
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: Init timed out after {timeout:.2f} seconds", "timeout")


def not_started(request_id: str, command: str, reason: str) -> FunctionResponse:
    """The runtime's command could not be started."""
    return _error("Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: fork/exec {command}: {reason}")


def too_large(limit: int) -> FunctionResponse:
    """The response exceeds its limit, in bytes."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return _error("Function.ResponseSizeTooLarge", message)


def truncated() -> FunctionResponse:
    """The runtime disconnected in the middle of its streamed response."""
    return _error(TRUNCATED, "Response truncated")
