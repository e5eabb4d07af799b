"""What becomes of an item: its result, and how long it rests before it is tried again.

Owns the making of results. Must not know when they are read, or what else goes on.
"""

from typing import Any, TypeVar

from ..errors import (
    AiolambdaError,
    InvocationTimeoutError,
    LambdaServiceException,
    TooManyFailuresError,
    TransportError,
    UnknownOutcomeError,
)
from ..operations.invoke_types import InvokeCommandOutput
from ..policy import delivery
from ..types.values import Delivery
from .source import Work
from .values import MapResult, MapStats

__all__ = ["attempts_of", "cost_of", "cut", "may_be_repeated", "rest_of", "result_of", "too_many_failures", "unsent"]

Item = TypeVar("Item")

_FIRST_REST = 0.05
_LONGEST_REST = 5.0
"""Seconds that an item rests after a throttle that asks for no time: doubled from the first, for each in a row."""


def result_of(
    work: Work[Item], output: InvokeCommandOutput | None, error: AiolambdaError | None, *, duration: float = 0.0
) -> MapResult[Item]:
    """The result of an item that is done."""
    if error is not None:
        verdict = delivery.worst([error.delivery, *([Delivery.UNKNOWN] if work.may_have_run else [])])
    else:
        kind = work.command.operation.invocation_type(work.command.input)
        verdict = delivery.verdict_of_output(200 if output is None else output.status_code, kind)
    return MapResult(
        index=work.index,
        key=work.key,
        item=work.item,
        output=output,
        error=error,
        delivery=verdict,
        attempts=work.attempts,
        duration=duration,
    )


def rest_of(*, asked: float | None, before: int, jitter: float) -> float:
    """Seconds until an item is tried again that was tried so often before; never fewer than was asked for."""
    return (asked or 0.0) + min(_FIRST_REST * 2.0 ** min(before, 20), _LONGEST_REST) * jitter


def attempts_of(output: InvokeCommandOutput | None, error: AiolambdaError | None) -> int:
    """How many requests a send has sent."""
    if isinstance(error, TransportError):
        return error.attempts
    if isinstance(error, LambdaServiceException):
        return error.metadata.attempts
    return 0 if output is None else output.metadata.attempts


def cost_of(output: InvokeCommandOutput | None) -> tuple[float, int]:
    """Billed milliseconds and cold starts of an invocation, as far as its REPORT line is there to say."""
    report = None if output is None else output.report
    if report is None:
        return 0.0, 0
    is_cold = report.init_duration_ms is not None or report.restore_duration_ms is not None
    return report.billed_duration_ms or 0.0, int(is_cold)


def too_many_failures(failures: int, stats: MapStats) -> TooManyFailuresError:
    """The error of a run in which more items have failed than it allows."""
    said = f"{failures:,} of {stats.done:,} items have failed, which is more than this map allows"
    return TooManyFailuresError(said, stats=stats, delivery=delivery.worst(list(stats.failed)))


def may_be_repeated(work: Work[Any], error: AiolambdaError) -> bool:
    """Whether an item that failed may be sent again without harm."""
    has_ended = error.delivery in (Delivery.EXECUTED, Delivery.ACCEPTED)
    return not work.may_have_run or (work.idempotent and not has_ended)


def unsent(work: Work[Any]) -> AiolambdaError:
    """The error of an item that was read, and not sent; it may have been by an earlier run."""
    if work.may_have_run:
        return UnknownOutcomeError("the run ended before this item was sent again", function_name=work.function_name)
    said = "the run ended before this item was sent"
    return AiolambdaError(said, delivery=Delivery.NOT_DELIVERED, function_name=work.function_name)


def cut(work: Work[Any]) -> AiolambdaError:
    """The error of an item that the end of its run has cut off."""
    said = "the run ended while this item was in flight"
    return InvocationTimeoutError(
        said, exceeded="total", stage="wait", delivery=Delivery.UNKNOWN, function_name=work.function_name
    )
