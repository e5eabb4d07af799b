"""A durable execution that follows a script: what its steps do, and the answers of its callbacks.

Must not know requests, answers or a clock, or how an execution lives on: its lifecycle does.
Source: the event types of the service model, and the details of each.
"""

from typing import cast

from .history import Data
from .lifecycle import Lifecycle
from .operations import ContextEnd, Operation, RunHandler, error_object, json_text
from .states import Active, CallbackState, Error, Pause
from .steps import Callback, Context, End, Fail, Invoke, Paused, Step, Succeed, TimeOut, Wait

__all__ = ["ScriptedExecution"]

_CHAINED = {"FAILED": "ChainedInvokeFailed", "TIMED_OUT": "ChainedInvokeTimedOut", "STOPPED": "ChainedInvokeStopped"}


class ScriptedExecution(Lifecycle):
    """One execution of a script."""

    def answer_callback(
        self, callback: CallbackState, now: float, *, result: str | None = None, error: Error | None = None
    ) -> None:
        """The success or the failure of an open callback."""
        active, self._active = cast("Active", self._active), None
        callback.is_open = False
        self._time = max(self._time, now)
        if error is None:
            self._event("CallbackSucceeded", now, {"Result": Data(result or "")}, active.operation)
        else:
            self._event("CallbackFailed", now, {"Error": Data(error)}, active.operation)
            self._raise(error, caught=cast("Callback", active.operation.item).caught)
        self._changed()

    def _begin(self, operation: Operation, at: float) -> None:
        item = operation.item
        match item:
            case Step():
                self._attempt(operation, 1, at)
            case Wait():
                ends = {"Duration": round(item.seconds), "ScheduledEndTimestamp": self._epoch + at + item.seconds}
                self._event("WaitStarted", at, ends, operation)
                self._hold(operation, at, item.seconds, item.polls)
            case Invoke():
                self._event("ChainedInvokeStarted", at, {"FunctionName": item.function_name}, operation)
                self._hold(operation, at, item.seconds, item.polls)
            case Callback():
                self._begin_callback(operation, item, at)
            case RunHandler():
                self._active = Active(operation=operation, began=at, seconds=None)
            case Paused():
                self._begin_scripted_pause(item, at)
            case _:
                self._begin_bound(operation, item, at)

    def _begin_bound(self, operation: Operation, item: Context | ContextEnd | End, at: float) -> None:
        """A bound of a context, or the end of the execution: nothing is in progress."""
        match item:
            case Context():
                self._contexts.append(operation)
                self._event("ContextStarted", at, {}, operation)
            case ContextEnd():
                self._contexts.pop()
                self._event("ContextSucceeded", at, {"Result": Data("null")}, operation)
            case Succeed():
                self.end("SUCCEEDED", at, result=json_text(item.result))
            case Fail():
                self._fail(error_object(item), at)
            case TimeOut():
                self._time_out(at)

    def _begin_scripted_pause(self, item: Paused, at: float) -> None:
        seconds = 0.0 if item.seconds is None and item.polls else item.seconds
        self.pause = Pause(began=at, seconds=seconds, polls=item.polls, requested=at, reason=item.reason, stops_timeout=True)
        self._begin_pause(self.pause, at)

    def _begin_callback(self, operation: Operation, item: Callback, at: float) -> None:
        callback = CallbackState(name=item.name, began=at, timeout=item.timeout, heartbeat_timeout=item.heartbeat_timeout)
        self.callbacks.append(callback)
        if self.on_callback is not None:
            self.on_callback(callback)
        limits = {"Timeout": item.timeout, "HeartbeatTimeout": item.heartbeat_timeout}
        details = {name: round(limit) for name, limit in limits.items() if limit is not None}
        self._event("CallbackStarted", at, {"CallbackId": callback.id, **details}, operation)
        self._suspend(at)
        self._active = Active(operation=operation, began=at, seconds=None)

    def _attempt(self, operation: Operation, attempt: int, at: float) -> None:
        step = cast("Step", operation.item)
        self._event("StepStarted", at, {}, operation)
        self._active = Active(operation=operation, began=at, seconds=step.seconds, polls=step.polls, attempt=attempt)

    def _hold(self, operation: Operation, at: float, seconds: float, polls: int) -> None:
        """The function ends its invocation, and waits."""
        self._suspend(at)
        self._active = Active(operation=operation, began=at, seconds=seconds, polls=polls)

    def _active_due(self, active: Active, *, ignore_polls: bool) -> float | None:
        if isinstance(active.operation.item, Callback):
            ends = self.callbacks[-1].due()
            return None if ends is None else ends[0]
        return active.due(ignore_polls=ignore_polls)

    def _end_active(self, at: float) -> None:
        active, self._active = cast("Active", self._active), None
        item = active.operation.item
        match item:
            case Step():
                self._end_attempt(active, item, at)
            case Wait():
                self._event("WaitSucceeded", at, {"Duration": round(item.seconds)}, active.operation)
            case Invoke() if item.error is None:
                result = {"Result": Data(json_text(item.result))}
                self._event("ChainedInvokeSucceeded", at, result, active.operation)
            case Invoke(error=Fail() as error):
                members = error_object(error)
                self._event(_CHAINED[item.ends], at, {"Error": Data(members)}, active.operation)
                self._raise(members, caught=item.caught)
            case Callback():
                callback = self.callbacks[-1]
                _, message = cast("tuple[float, str]", callback.due())
                timeout = {"ErrorType": "Callback.Timeout", "ErrorMessage": message}
                callback.is_open = False
                self._event("CallbackTimedOut", at, {"Error": Data(timeout)}, active.operation)
                self._raise(timeout, caught=item.caught)
            case _:
                pass

    def _end_attempt(self, active: Active, step: Step, at: float) -> None:
        operation, attempt = active.operation, active.attempt
        if active.is_retry:
            self._next = lambda now: self._attempt(operation, attempt + 1, now)
            return
        retry: dict[str, object] = {"CurrentAttempt": attempt}
        if step.error is None or (step.failures and attempt > step.failures):
            details = {"Result": Data(json_text(step.result)), "RetryDetails": retry}
            self._event("StepSucceeded", at, details, operation)
            return
        error = error_object(step.error)
        if step.failures:
            retry["NextAttemptDelaySeconds"] = round(step.retry_delay)
        self._event("StepFailed", at, {"Error": Data(error), "RetryDetails": retry}, operation)
        if not step.failures:
            self._raise(error, caught=step.caught)
            return
        self._suspend(at)
        self._active = Active(operation=operation, began=at, seconds=step.retry_delay, attempt=attempt, is_retry=True)

    def _raise(self, error: Error, *, caught: bool) -> None:
        """The function gets an error as soon as it runs, and fails unless it catches it."""
        if not caught:
            self._next = lambda now: self._fail(error, now)

    def _abandon(self, at: float, error: Error | None) -> None:
        """The operation in progress ends with the execution."""
        active, self._active = self._active, None
        item = None if active is None else active.operation.item
        if active is None:
            return
        if isinstance(item, Wait):
            self._event("WaitCancelled", at, {}, active.operation)
        elif isinstance(item, Invoke):
            self._event("ChainedInvokeStopped", at, {"Error": Data(error)}, active.operation)
        elif isinstance(item, Callback):
            self.callbacks[-1].is_open = False
        elif isinstance(item, RunHandler) and self.on_cut is not None:
            self.on_cut()
