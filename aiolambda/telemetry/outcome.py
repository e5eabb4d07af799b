"""How a span says that its work failed, and the attributes that tell how a call ended.

Laws: success leaves the status unset, and so does a cancellation, which is no error of the service. The text of an exception
that is not ours is not shown, because it may hold a payload.

Owns these rules. Must not know OpenTelemetry.
"""

import asyncio

from ..errors import AiolambdaError
from ..operations.report import Report
from ..types.events import CallEnded, Outcome
from . import conventions as c
from .targets import Value

__all__ = ["end_attributes", "error_text", "failure_text", "is_failure"]


def is_failure(error: BaseException) -> bool:
    """Whether an exception is a failure, and not the wish of the caller."""
    return not isinstance(error, asyncio.CancelledError | GeneratorExit)


def error_text(error: BaseException) -> str:
    """What a span says of an exception."""
    return str(error) if isinstance(error, AiolambdaError) else type(error).__name__


def failure_text(event: CallEnded) -> str | None:
    """What a span says of a call that failed; `None` if it did not."""
    if event.outcome is Outcome.FUNCTION_ERROR:  # its own text may hold anything, also in the error of a stream
        return f"the function failed: {event.error_type}"
    return error_text(event.error) if event.error is not None and is_failure(event.error) else None


def end_attributes(event: CallEnded) -> dict[str, Value]:
    """The attributes of a call that are known at its end. Waits and throttles that did not happen have none."""
    attributes: dict[str, Value] = {c.DELIVERY: event.delivery.value, c.ATTEMPTS: event.attempts}
    if event.request_id is not None:
        attributes[c.AWS_REQUEST_ID] = event.request_id
    if event.queued:
        attributes[c.QUEUE_WAIT] = event.queued
    if event.throttles:
        attributes[c.THROTTLE_COUNT] = event.throttles
    if event.error_type is not None:
        attributes[c.ERROR_TYPE] = event.error_type
    if event.report is not None:
        attributes |= _report_attributes(event.report)
    return attributes


def _report_attributes(report: Report) -> dict[str, Value]:
    """The figures of a report in seconds and bytes. A missing figure has no attribute."""
    memory, figures = (
        report.max_memory_used_mb,
        {
            c.FUNCTION_DURATION: report.duration_ms,
            c.FUNCTION_BILLED_DURATION: report.billed_duration_ms,
            c.FUNCTION_INIT_DURATION: report.init_duration_ms,
        },
    )
    attributes: dict[str, Value] = {name: figure / 1000 for name, figure in figures.items() if figure is not None}
    attributes[c.FUNCTION_COLD_START] = report.is_cold_start
    return attributes if memory is None else attributes | {c.FUNCTION_MAX_MEMORY_USED: memory * 1024 * 1024}
