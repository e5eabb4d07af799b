"""One invocation inside the endpoint: what a runtime is given, what becomes of it, and the errors that the platform makes.

Owns these values and the words of those errors. Must not know processes, sockets or HTTP.
Source: what Lambda itself answers, as recorded; the Runtime API page of the developer guide.
"""

import json
import signal

import attrs

__all__ = [
    "RESPONSE_LIMIT",
    "Answer",
    "Invocation",
    "Outcome",
    "exited",
    "init_timed_out",
    "not_started",
    "timed_out",
    "too_large",
]

RESPONSE_LIMIT = 6_291_556
"""Bytes of a response; the "Lambda quotas" page says 6 MB, the service says this number."""


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


@attrs.frozen(kw_only=True)
class Invocation:
    """What the Runtime API hands to a runtime. `client_context` is JSON in ASCII; `payload` is exactly what came."""

    request_id: str
    payload: bytes = attrs.field(repr=_size)
    function_arn: str
    trace_id: str
    client_context: str | None = attrs.field(default=None, repr=False)
    tenant_id: str | None = attrs.field(default=None, repr=False)


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
