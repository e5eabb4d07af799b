"""The end of each call: its outcome, which is counted, and told to the observers of the call.

Laws: each call that began has one end, however it ends. A stream ends when it is closed.

Owns the outcome. Must not know who observes.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import AiolambdaError, FunctionError, InvocationTimeoutError, LambdaServiceException
from ..operations.invoke_types import InvokeCommandOutput
from ..pipeline.call import Call
from ..pipeline.observers import CallWatch
from ..pipeline.operation import ControlPlaneOperation, HttpOperation, StreamedOperation
from ..policy import classification, delivery
from ..types.events import CallStarted, Outcome, new_call_ended
from ..types.values import Attempt, Delivery, RetryAction
from .counters import CallCounters

if TYPE_CHECKING:
    from ..operations.report import Report

__all__ = ["Endings", "StreamEnding", "outcome_of"]

Error = TypeVar("Error", bound=BaseException)

_LONGEST_TYPE = 200
"""Characters of the error type that a function reports: it may report anything."""
_OF_OUTPUT = {Delivery.EXECUTED: Outcome.EXECUTED, Delivery.ACCEPTED: Outcome.ACCEPTED, Delivery.UNKNOWN: Outcome.UNKNOWN}
"""The outcome of a call that returned an output, by its verdict. The others are `NOT_RUN`."""
_EXECUTED, _RAN = Delivery.EXECUTED, Outcome.EXECUTED  # looking up a member of an enum takes longer than counting it
_OF_ERROR = {
    Delivery.EXECUTED: Outcome.INCOMPLETE,
    Delivery.ACCEPTED: Outcome.ACCEPTED,
    Delivery.UNKNOWN: Outcome.UNKNOWN,
    Delivery.REFUSED: Outcome.REFUSED,
    Delivery.NOT_DELIVERED: Outcome.NOT_DELIVERED,
}


class Endings:
    """Counts and tells the ends of the calls of one client. Those that manage functions are told alone."""

    def __init__(self) -> None:
        self.counters = CallCounters()

    def started(self, call: Call[Any, Any]) -> None:
        """Tell of a call that begins. It has a watch."""
        watch = call.watch
        if watch is not None and "call_started" in watch.wanted:
            watch.tell("call_started", CallStarted(watch.facts_of(call)))

    def returned(self, call: Call[Any, Any], output: Any) -> None:
        """A call returned an output, which has its whole answer."""
        history = call.history
        if len(history) == 1 == call.sent:
            if type(output) is InvokeCommandOutput:
                is_ordinary = output.function_error is None and output.log_result is None
            else:
                is_ordinary = isinstance(call.command.operation, HttpOperation)
            if is_ordinary and history[0].delivery is _EXECUTED:
                # As `CallCounters.count` does it, without a frame more: nearly all calls end here.
                counters, now = self.counters, call.loop.time()
                duration = now - call.started
                if not counters.last <= now < counters.next_fold:
                    counters.fold(now, duration)
                counters.last = now
                counters.ran += 1
                counters.durations.append(duration)
                if call.queued:
                    counters.waits.append(call.queued)
                if (watch := call.watch) is not None and "call_ended" in watch.wanted:
                    _tell_ordinary(call, watch, duration)
                return
        _End(call, self.counters).tell(output, None)

    def failed(self, call: Call[Any, Any], error: Error) -> Error:
        """A call raises an error, which this returns."""
        _End(call, self.counters).tell(None, error)
        return error

    def elsewhere(
        self, output: Any, error: AiolambdaError | None, now: float, duration: float, *, is_cancelled: bool = False
    ) -> None:
        """Count the end of a call that another process has made, after these seconds, or until its task was cancelled."""
        history: Sequence[Attempt] = getattr(error, "history", ()) if error is not None else output.metadata.history
        verdicts = [attempt.delivery for attempt in history]
        verdict = delivery.worst([*([] if error is None else [error.delivery]), *verdicts])
        raised = asyncio.CancelledError() if is_cancelled else error
        outcome, error_type = outcome_of(verdict, output, raised), _error_type(output, raised)
        self.counters.count(outcome, now, duration, 0.0)
        if error_type is not None and outcome is not Outcome.CANCELLED:
            self.counters.count_failure(outcome, verdict, error_type)
        if isinstance(getattr(output, "log_result", None), str) and (report := output.report) is not None:
            self.counters.bill(report)

    def streaming(self, call: Call[Any, Any], output: Any) -> "StreamEnding":
        """A call returned an output whose answer is still being read."""
        return StreamEnding(call, output, self.counters)


def _tell_ordinary(call: Call[Any, Any], watch: CallWatch, duration: float) -> None:
    """Tell the end of a call with one attempt, whose function ran and did not fail. It has no log."""
    response = call.response
    watch.tell(
        "call_ended",
        new_call_ended(
            call=watch.facts_of(call),
            outcome=_RAN,
            delivery=_EXECUTED,
            error=None,
            error_type=None,
            status_code=None if response is None else response.status,
            request_id=None if response is None else response.fields.get("x-amzn-requestid"),
            attempts=1,
            throttles=watch.throttles,
            duration=duration,
            queued=call.queued,
            total_retry_delay=call.total_retry_delay,
            report=None,
        ),
    )


class _End:
    """The facts of a call at its end. The call itself is not kept: it holds the payload, and a stream may take half an hour."""

    def __init__(self, call: Call[Any, Any], counters: CallCounters) -> None:
        self.counters = None if isinstance(call.command.operation, ControlPlaneOperation) else counters
        self.watch = call.watch
        self.facts = None if call.watch is None else call.watch.facts_of(call)
        self.loop, self.started = call.loop, call.started
        self.history: Sequence[Attempt] = call.history
        self.verdicts = call.verdicts
        self.is_dry_run = _is_dry_run(call) if self.facts is None else self.facts.invocation_type == "DryRun"
        self.queued, self.total_retry_delay = call.queued, call.total_retry_delay
        response = call.response
        self.status_code = None if response is None else response.status
        self.request_id = None if response is None else response.fields.get("x-amzn-requestid")

    def tell(self, output: Any, error: BaseException | None, report: "Report | None" = None, *, is_whole: bool = True) -> None:
        """Count the end, and tell the observers of the call."""
        now = self.loop.time()
        verdict = self._verdict(error)
        outcome = outcome_of(verdict, output, error)
        if outcome is Outcome.EXECUTED and not is_whole:
            outcome = Outcome.INCOMPLETE
        if report is None and isinstance(getattr(output, "log_result", None), str):
            report = getattr(output, "report", None)
        error_type = _error_type(output, error)
        if (counters := self.counters) is not None:
            counters.count(outcome, now, now - self.started, self.queued)
            if error_type is not None and outcome is not Outcome.CANCELLED:
                counters.count_failure(outcome, verdict, error_type)
            if report is not None:
                counters.bill(report)
        watch, facts = self.watch, self.facts
        if watch is None or facts is None or "call_ended" not in watch.wanted:
            return
        watch.tell(
            "call_ended",
            new_call_ended(
                call=facts,
                outcome=outcome,
                delivery=verdict,
                error=error,
                error_type=error_type,
                status_code=self.status_code,
                request_id=self.request_id or getattr(error, "request_id", None),
                attempts=len(self.verdicts),
                throttles=watch.throttles,
                duration=now - self.started,
                queued=self.queued,
                total_retry_delay=self.total_retry_delay,
                report=report,
            ),
        )

    def _verdict(self, error: BaseException | None) -> Delivery:
        own = [error.delivery] if isinstance(error, AiolambdaError) else []
        verdict = delivery.worst([*own, *self.verdicts])
        return delivery.of_dry_run(verdict) if self.is_dry_run else verdict


class StreamEnding:
    """The end of a call whose answer is still being read. Call it when the answer is closed."""

    def __init__(self, call: Call[Any, Any], output: Any, counters: CallCounters) -> None:
        self._end, self._operation, self._output = _End(call, counters), call.command.operation, output
        self.cut_by: AiolambdaError | None = None
        """The error with which the client ended the stream: at its time limit, or at the close of the client."""

    def __call__(self) -> None:
        operation, output, self._output = self._operation, self._output, None
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


def _is_dry_run(call: Call[Any, Any]) -> bool:
    try:
        return call.is_dry_run
    except Exception:  # noqa: BLE001 - a middleware replaced the input by something else, and the call has its own error
        return False


def _is_throttle(error: BaseException) -> bool:
    """Whether a call failed because it was throttled, perhaps until its time was up."""
    last = error.last_error if isinstance(error, InvocationTimeoutError) else error
    return isinstance(last, AiolambdaError) and (last.retry_action or classification.retry_action_of(last)) is RetryAction.WAIT


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

    payload = getattr(output, "payload", None)
    reported = error_content(payload).get("errorType") if isinstance(payload, bytes) else None
    return reported[:_LONGEST_TYPE] if isinstance(reported, str) and reported else str(kind)
