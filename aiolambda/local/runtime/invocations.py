"""One invocation inside the endpoint: what a runtime is given, what becomes of it, and the errors that the platform makes.

Owns these values and the words of those errors. Must not know processes, sockets or HTTP.
Source: what Lambda itself answers, as recorded; the Runtime API page of the developer guide.
"""

import json
import signal
from typing import Protocol

import attrs

__all__ = [
    "RESPONSE_LIMIT",
    "STREAMED_RESPONSE_LIMIT",
    "TRUNCATED",
    "Answer",
    "Invocation",
    "Outcome",
    "Sink",
    "exited",
    "init_timed_out",
    "not_started",
    "streamed_too_large",
    "timed_out",
    "too_large",
    "truncated",
]

RESPONSE_LIMIT = 6_291_556
"""Bytes of a response; the "Lambda quotas" page says 6 MB, the service says this number."""

STREAMED_RESPONSE_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response, by the same page."""
TRUNCATED = "Runtime.TruncatedResponse"


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


class Sink(Protocol):
    """Where a streamed response goes, piece by piece; it takes its time, and that of whoever writes."""

    async def begin(self, content_type: str | None) -> None: ...
    async def write(self, piece: bytes) -> None: ...


@attrs.frozen(kw_only=True)
class Invocation:
    """What the Runtime API hands to a runtime. `client_context` is JSON in ASCII; `payload` is exactly what came.

    A response that a runtime streams goes to `sink`; without one it is collected, as any other is.
    """

    request_id: str
    payload: bytes = attrs.field(repr=_size)
    function_arn: str
    trace_id: str
    client_context: str | None = attrs.field(default=None, repr=False)
    tenant_id: str | None = attrs.field(default=None, repr=False)
    sink: Sink | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Answer:
    """What a runtime sent, or what the platform says in its place; `error_type` is `None` for a function that returned."""

    payload: bytes = attrs.field(repr=_size)
    error_type: str | None = None
    status: str | None = None
    """`timeout` or `error` where the platform ended the invocation; the REPORT line says so."""


@attrs.frozen(kw_only=True)
class Outcome:
    """An invocation that is over: the answer, and the last 4 KB of the log."""

    answer: Answer
    log_tail: bytes = attrs.field(repr=_size)


def _error(error_type: str, message: str, status: str = "error") -> Answer:
    content = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":"))
    return Answer(content.encode(), error_type, status)


def _exit_reason(return_code: int) -> str:
    """How Lambda words the end of a process; a negative code is the signal that ended it."""
    if return_code == 0:
        return "Runtime exited without providing a reason"
    if return_code > 0:
        return f"Runtime exited with error: exit status {return_code}"
    description = signal.strsignal(-return_code) or f"signal {-return_code}"
    return f"Runtime exited with error: signal: {description.lower()}"


def exited(request_id: str, return_code: int) -> Answer:
    """The process ended before it answered."""
    return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {_exit_reason(return_code)}")


def timed_out(request_id: str, timeout: float) -> Answer:
    """The function's timeout (seconds) passed."""
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds", "timeout")


def init_timed_out(request_id: str, timeout: float) -> Answer:
    """The runtime did not ask for its first invocation in time (seconds)."""
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: Init timed out after {timeout:.2f} seconds", "timeout")


def not_started(request_id: str, command: str, reason: str) -> Answer:
    """The runtime's command could not be started at all."""
    return _error("Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: fork/exec {command}: {reason}")


def too_large() -> Answer:
    """The response is over the limit."""
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    return _error("Function.ResponseSizeTooLarge", message)


def streamed_too_large() -> Answer:
    """The streamed response is over its limit."""
    message = f"Response payload size exceeded maximum allowed payload size ({STREAMED_RESPONSE_LIMIT} bytes)."
    return _error("Function.ResponseSizeTooLarge", message)


def truncated() -> Answer:
    """The runtime broke off in the middle of its streamed response."""
    return _error(TRUNCATED, "Response truncated")
