"""The responses of a function: its payload, or the error that Lambda reports in its place.

Must not know processes, sockets or HTTP.
Source: recorded responses of Lambda; the Runtime API page of the developer guide.
"""

import json
import signal

import attrs

__all__ = [
    "RESPONSE_LIMIT",
    "STREAMED_RESPONSE_LIMIT",
    "TRUNCATED",
    "FunctionResponse",
    "exited",
    "not_started",
    "out_of_memory",
    "timed_out",
    "too_large",
    "truncated",
]

RESPONSE_LIMIT = 6_291_556
"""Bytes of a response. The "Lambda quotas" page says 6 MB; the error message of the service has this number."""

STREAMED_RESPONSE_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response, from the same page."""
TRUNCATED = "Runtime.TruncatedResponse"
_LAST_NAMED_SIGNAL = 31
"""Those after it are the real-time signals."""


@attrs.frozen
class FunctionResponse:
    """The response of a function, or the error that Lambda reports instead; `error_type` is `None` on success."""

    payload: bytes = attrs.field(repr=lambda payload: f"<{len(payload)} bytes>")
    error_type: str | None = None
    status: str | None = None
    """`timeout` or `error`, for the REPORT line, if Lambda ended the invocation."""
    message: str | None = attrs.field(default=None, repr=False)
    """The text for the log, if the runtime ended by itself or was not started."""


def _error(error_type: str, message: str, status: str = "error") -> FunctionResponse:
    content = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":"))
    return FunctionResponse(content.encode(), error_type, status)


def _ended(error_type: str, message: str) -> FunctionResponse:
    return attrs.evolve(_error(error_type, message), message=message)


def exited(request_id: str, return_code: int) -> FunctionResponse:
    """The process ended before it responded; a negative code is the signal that ended it."""
    if return_code == 0:
        reason = "Runtime exited without providing a reason"
    elif return_code > 0:
        reason = f"Runtime exited with error: exit status {return_code}"
    else:
        reason = f"Runtime exited with error: signal: {_name_of_signal(-return_code)}"
    return _ended("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")


def _name_of_signal(number: int) -> str:
    """The name that Go gives it, because Lambda is written in Go: that of the system, with a small first letter."""
    name = signal.strsignal(number) if number <= _LAST_NAMED_SIGNAL else None
    if name is None:
        return f"signal {number}"
    return name if name[1:2].isupper() or name.startswith("I/O") else f"{name[0].lower()}{name[1:]}"


def out_of_memory(request_id: str) -> FunctionResponse:
    """Lambda killed the process, because it needed more than its memory size."""
    return _ended("Runtime.OutOfMemory", f"RequestId: {request_id} Error: Runtime exited with error: signal: killed")


def timed_out(request_id: str, timeout: float) -> FunctionResponse:
    """The invocation exceeded the function's timeout, in seconds."""
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds", "timeout")


def not_started(request_id: str, command: str, reason: str) -> FunctionResponse:
    """The runtime's command could not be started."""
    return _ended("Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: fork/exec {command}: {reason}")


def too_large(limit: int) -> FunctionResponse:
    """The response exceeds its limit, in bytes."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return _error("Function.ResponseSizeTooLarge", message)


def truncated() -> FunctionResponse:
    """The runtime disconnected in the middle of its streamed response."""
    return _error(TRUNCATED, "Response truncated")
