"""The end of each call: its outcome, which is counted, and told to the observers of the call.

Laws: each call that began has one end, however it ends. A stream ends when it is closed.

Owns the outcome. Must not know who observes.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import AiolambdaError, FunctionError, InvocationTimeoutError, LambdaServiceException
from ..pipeline.call import Call, StreamedOperation
from ..pipeline.context import PipelineState
from ..policy import classification, delivery
from ..types.events import CallStarted, Outcome, new_call_ended
from ..types.values import Attempt, Delivery, RetryAction

if TYPE_CHECKING:
    from ..operations.report import Report

__all__ = ["Endings", "StreamEnding", "outcome_of"]

Error = TypeVar("Error", bound=BaseException)

_LONGEST_TYPE = 200
"""Characters of the error type that a function reports: it may report anything."""
_OF_OUTPUT = {Delivery.EXECUTED: Outcome.EXECUTED, Delivery.ACCEPTED: Outcome.ACCEPTED, Delivery.UNKNOWN: Outcome.UNKNOWN}
"""The outcome of a call that returned an output, by its verdict. The others are `NOT_RUN`."""
_OF_ERROR = {
    Delivery.EXECUTED: Outcome.INCOMPLETE,
    Delivery.ACCEPTED: Outcome.ACCEPTED,
    Delivery.UNKNOWN: Outcome.UNKNOWN,
    Delivery.REFUSED: Outcome.REFUSED,
    Delivery.NOT_DELIVERED: Outcome.NOT_DELIVERED,
}


class Endings:
    """Counts and tells the ends of the calls of one client."""

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    def started(self, call: Call[Any, Any]) -> None:
        """Tell of a call that begins. It has a watch."""
        watch = call.watch
        if watch is not None and "call_started" in watch.wanted:
            watch.tell("call_started", CallStarted(watch.facts_of(call)))

    def returned(self, call: Call[Any, Any], output: Any) -> None:
        """A call returned an output, which has its whole answer."""
        if call.watch is not None and "call_ended" in call.watch.wanted:
            _End(call).tell(output, None)

    def failed(self, call: Call[Any, Any], error: Error) -> Error:
        """A call raises an error, which this returns."""
        if call.watch is not None:
            _End(call).tell(None, error)
        return error

    def streaming(self, call: Call[Any, Any], output: Any) -> "StreamEnding":
        """A call returned an output whose answer is still being read."""
        return StreamEnding(call, output)


class _End:
    """The facts of a call at its end. The call itself is not kept: it holds the payload, and a stream may take half an hour."""

    def __init__(self, call: Call[Any, Any]) -> None:
        self.watch = call.watch
        self.facts = None if call.watch is None else call.watch.facts_of(call)
        self.loop, self.started = call.loop, call.started
        self.history: Sequence[Attempt] = call.history
        self.verdicts = call.verdicts
        self.queued, self.total_retry_delay = call.queued, call.total_retry_delay
        response = call.response
        self.status_code = None if response is None else response.status
        self.request_id = None if response is None else response.fields.get("x-amzn-requestid")

    def tell(self, output: Any, error: BaseException | None, report: "Report | None" = None, *, is_whole: bool = True) -> None:
        """Tell the observers of the call."""
        watch, facts = self.watch, self.facts
        if watch is None or facts is None or "call_ended" not in watch.wanted:
            return
        verdict = self._verdict(error)
        outcome = outcome_of(verdict, output, error)
        if outcome is Outcome.EXECUTED and not is_whole:
            outcome = Outcome.INCOMPLETE
        if report is None and getattr(output, "log_result", None) is not None:
            report = output.report
        watch.tell(
            "call_ended",
            new_call_ended(
                call=facts,
                outcome=outcome,
                delivery=verdict,
                error=error,
                error_type=_error_type(output, error),
                status_code=self.status_code,
                request_id=self.request_id or getattr(error, "request_id", None),
                attempts=len(self.verdicts),
                throttles=watch.throttles,
                duration=self.loop.time() - self.started,
                queued=self.queued,
                total_retry_delay=self.total_retry_delay,
                report=report,
            ),
        )

    def _verdict(self, error: BaseException | None) -> Delivery:
        own = [error.delivery] if isinstance(error, AiolambdaError) else []
        verdict = delivery.worst([*own, *self.verdicts])
        is_dry_run = self.facts is not None and self.facts.invocation_type == "DryRun"
        return delivery.of_dry_run(verdict) if is_dry_run else verdict


class StreamEnding:
    """The end of a call whose answer is still being read. Call it when the answer is closed."""

    def __init__(self, call: Call[Any, Any], output: Any) -> None:
        self._end, self._operation, self._output = _End(call), call.command.operation, output
        self.cut_by: AiolambdaError | None = None
        """The error with which the client ended the stream: at its time limit, or at the close of the client."""

    def __call__(self) -> None:
        operation, output, self._output = self._operation, self._output, None
        if self._end.watch is None:
            return
        if not isinstance(operation, StreamedOperation):  # of the user's own
            self._end.tell(output, self.cut_by)
            return
        end = operation.end_of(output)
        self._end.tell(output, end.error or self.cut_by, end.report, is_whole=end.completed)


def outcome_of(verdict: Delivery, output: Any, error: BaseException | None) -> Outcome:
    """How a call ended. `output` is `None` for a call that raised, `error` for one that returned."""
    if error is None:
        has_failed = getattr(output, "function_error", None) is not None  # a user's output need not have one
        return Outcome.FUNCTION_ERROR if has_failed else _OF_OUTPUT.get(verdict, Outcome.NOT_RUN)
    if isinstance(error, FunctionError):
        return Outcome.FUNCTION_ERROR
    if isinstance(error, asyncio.CancelledError):
        return Outcome.CANCELLED
    if verdict is Delivery.REFUSED and _is_throttle(error):
        return Outcome.THROTTLED
    return _OF_ERROR[verdict]


def _is_throttle(error: BaseException) -> bool:
    """Whether a call failed because it was throttled, perhaps until its time was up."""
    last = error.last_error if isinstance(error, InvocationTimeoutError) else error
    return isinstance(last, AiolambdaError) and classification.retry_action_of(last) is RetryAction.WAIT


def _error_type(output: Any, error: BaseException | None) -> str | None:
    if isinstance(error, FunctionError):
        return (error.error_type or error.kind)[:_LONGEST_TYPE]
    if isinstance(error, LambdaServiceException):
        return error.code
    if error is not None:
        return type(error).__name__
    kind = getattr(output, "function_error", None)
    if kind is None:
        return None
    from ..operations.function_error import error_content  # noqa: PLC0415 - most functions do not fail

    reported = error_content(output.payload).get("errorType")
    return reported[:_LONGEST_TYPE] if isinstance(reported, str) and reported else str(kind)
