"""The life of a durable execution: time, pauses, requests, and its end. What its operations do is up to a subclass.

Laws: nothing happens but in `advance` and by a request. What is due happens at the time at which it is due, however late
`advance` is called, so the history does not depend on who asks and when. After the end nothing changes.

Must not know requests, answers or a clock: times are arguments, in seconds of one clock.
Source: the durable functions part of the developer guide, and the shapes of the service model.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import cast

from .. import function_responses
from ..identifiers import new_request_id
from .history import Data, History
from .operations import ContextEnd, Operation, RunHandler
from .states import Active, CallbackState, Error, Outcome, Pause, Start
from .steps import Callback, Context, Invoke, Step, Wait

__all__ = ["LONGEST_EXECUTION", "Lifecycle"]

LONGEST_EXECUTION = 366 * 86_400
"""Seconds after which every execution ends."""
_RESOLUTION = 1e-9
_SUB_TYPES: Mapping[type, str] = {
    Step: "Step",
    Wait: "Wait",
    Callback: "Callback",
    Context: "RunInChildContext",
    ContextEnd: "RunInChildContext",
}


class Lifecycle(ABC):
    """One execution.

    - `watchers` are called after each request that changed it.
    - `on_cut` is called if its handler must not go on, `on_callback` for each new callback.
    - `hidden_until` and `hidden_polls` say how long the API does not know it yet.
    - `requests`: how many invocations named it.
    - `is_deleting`: a DeleteDurableExecution was accepted.
    """

    def __init__(self, start: Start, operations: Iterable[Operation], *, epoch: float) -> None:
        self.start = start
        self.history = History(epoch)
        self.callbacks: list[CallbackState] = []
        self.outcome: Outcome | None = None
        self.pause: Pause | None = None
        self.watchers: set[Callable[[], object]] = set()
        self.on_cut: Callable[[], object] | None = None
        self.on_callback: Callable[[CallbackState], object] | None = None
        self.requests = 1
        self.is_deleting = False
        self.hidden_until, self.hidden_polls = start.started, 0
        self._epoch = epoch
        self._operations = deque(operations)
        self._time = start.started + start.delay
        self._active: Active | None = None
        self._next: Callable[[float], None] | None = None
        self._invocation: float | None = start.started
        self._contexts: list[Operation] = []
        self._paused_for = 0.0
        details = {"Input": Data(_text(start.payload)), "ExecutionTimeout": round(start.execution_timeout)}
        self.history.add("ExecutionStarted", start.started, details, id=start.arn.rpartition("/")[2], name=start.name)

    @property
    def status(self) -> str:
        """The status at the time of the last `advance`."""
        if self.outcome is not None:
            return "DELETING" if self.is_deleting else self.outcome.status
        return "RUNNING" if self.pause is None else "PAUSED" if self.pause.is_begun else "PAUSING"

    @property
    def deadline(self) -> float:
        """When it times out. A pause that stops the timeout pushes it away."""
        started, pause = self.start.started, self.pause
        if pause is not None and pause.is_begun and pause.stops_timeout:
            return started + LONGEST_EXECUTION
        return started + min(self.start.execution_timeout + self._paused_for, LONGEST_EXECUTION)

    # Time

    def advance(self, now: float, *, ignore_polls: bool = False) -> None:
        """Let everything happen that is due. `ignore_polls` for a caller that waits without polling."""
        while self.outcome is None:
            due, happen = self._due(ignore_polls=ignore_polls)
            if due > now + _RESOLUTION:
                return
            self._time = max(due, self._time)
            happen(self._time)

    def next_due(self) -> float:
        """When the next thing happens by itself, if nobody polls."""
        return self._due(ignore_polls=True)[0]

    def poll(self, now: float) -> None:
        """Count an answer of GetDurableExecution."""
        timed = self.pause if self.pause is not None and self.pause.is_begun else self._active
        if timed is not None:
            timed.poll(now)

    def _due(self, *, ignore_polls: bool) -> tuple[float, Callable[[float], None]]:
        found: list[tuple[float, Callable[[float], None]]] = []
        if self._active is not None:
            due = self._active_due(self._active, ignore_polls=ignore_polls)
            if due is not None:
                found.append((due, self._end_active))
        elif self.pause is None or not self.pause.is_begun:
            found.append((self._time, self._go_on))
        if self.pause is not None and (ends := self.pause.due(ignore_polls=ignore_polls)) is not None:
            found.append((ends, self._resume))
        found.append((self.deadline, self._time_out))
        return min(found, key=itemgetter(0))

    def _go_on(self, at: float) -> None:
        """The function is invoked, or goes on to its next operation. Here a pause that was asked for begins."""
        if self.pause is not None:
            self._begin_pause(self.pause, at)
            return
        if self._invocation is None:
            self._invocation = at
        if self._next is not None:
            happen, self._next = self._next, None
            happen(at)
        elif self._operations:
            self._begin(self._operations.popleft(), at)
        else:
            self.end("SUCCEEDED", at, result="null")

    # Operations

    @abstractmethod
    def _begin(self, operation: Operation, at: float) -> None:
        """The function comes to an operation."""

    @abstractmethod
    def _end_active(self, at: float) -> None:
        """The operation in progress is due."""

    @abstractmethod
    def _active_due(self, active: Active, *, ignore_polls: bool) -> float | None:
        """When the operation in progress ends by itself; `None` if that is not known."""

    @abstractmethod
    def _abandon(self, at: float, error: Error | None) -> None:
        """The operation in progress ends with the execution."""

    # Requests

    def ask_pause(self, now: float, *, reason: str | None, stops_timeout: bool) -> None:
        """Pause, or ask for it while the function runs: then it happens after the step in progress."""
        self.pause = Pause(began=now, seconds=None, requested=now, reason=reason, stops_timeout=stops_timeout)
        active = self._active
        runs = active is not None and not active.is_retry and isinstance(active.operation.item, Step | RunHandler)
        if not runs:
            self._begin_pause(self.pause, now)
        self._changed()

    def ask_resume(self, now: float, *, reason: str | None) -> None:
        """End the pause, or what was asked for."""
        self._resume(now, reason=reason)
        self._changed()

    def finish(self, now: float, *, result: str | None = None, error: Error | None = None) -> None:
        """The handler has ended."""
        if self.outcome is not None:
            return
        self._active = None
        if error is None:
            self.end("SUCCEEDED", now, result=result)
        else:
            self._fail(error, now)
        self._changed()

    def stop(self, now: float, error: Error) -> None:
        """A StopDurableExecution."""
        self.end("STOPPED", now, error=error)
        self._changed()

    def force(self, now: float, status: str) -> None:
        """End with this status, without a request."""
        if self.outcome is not None:
            return
        self._time = max(self._time, now)
        if status == "TIMED_OUT":
            self._time_out(now)
        elif status == "SUCCEEDED":
            self.end(status, now, result="null")
        else:
            self.end(status, now, error={"ErrorMessage": f"The test has set the status {status}."})
        self._changed()

    def end(self, status: str, at: float, *, result: str | None = None, error: Error | None = None) -> None:
        """End with this status."""
        if result is not None and len(result.encode(errors="replace")) > function_responses.RESPONSE_LIMIT:
            self._fail(_too_large(), at)
            return
        self._abandon(at, error)
        if self._invocation is not None:
            self._suspend(at)
        details: dict[str, object] = {"Result": Data(result)} if status == "SUCCEEDED" else {"Error": Data(error)}
        name = "".join(word.capitalize() for word in status.split("_"))
        self.history.add(f"Execution{name}", at, details, id=self.start.arn.rpartition("/")[2], name=self.start.name)
        self.pause = None
        self.outcome = Outcome(status=status, time=at, result=result, error=error)

    # The end, pauses and invocations

    def _fail(self, error: Error, at: float) -> None:
        while self._contexts:
            self._event("ContextFailed", at, {"Error": Data(error)}, self._contexts.pop())
        self.end("FAILED", at, error=error)

    def _time_out(self, at: float) -> None:
        limit = self.deadline - self.start.started
        message = f"The execution timed out after {limit:.2f} seconds."
        self.end("TIMED_OUT", at, error={"ErrorType": "Execution.Timeout", "ErrorMessage": message})

    def _begin_pause(self, pause: Pause, at: float) -> None:
        pause.begin(at)
        if self._invocation is not None:
            self._suspend(at)
        details: dict[str, object] = {
            "PauseRequestTimestamp": self._epoch + pause.requested,
            "ExecutionTimeoutPaused": pause.stops_timeout,
        }
        if pause.reason is not None:
            details["Reason"] = Data(pause.reason)
        self.history.add("ExecutionPaused", at, details)

    def _resume(self, at: float, *, reason: str | None = None) -> None:
        pause, self.pause = cast("Pause", self.pause), None
        if not pause.is_begun:
            return
        if pause.stops_timeout:
            self._paused_for += at - pause.began
        self._time = max(self._time, at)
        details: dict[str, object] = {"ResumeRequestTimestamp": self._epoch + at}
        if reason is not None:
            details["Reason"] = Data(reason)
        self.history.add("ExecutionResumed", at, details)

    def _suspend(self, at: float) -> None:
        """The invocation of the function ends."""
        began, self._invocation = self._invocation, None
        details = {
            "StartTimestamp": self._epoch + (at if began is None else began),
            "EndTimestamp": self._epoch + at,
            "RequestId": new_request_id(),
        }
        self.history.add("InvocationCompleted", at, details)

    def _event(self, type: str, at: float, details: Mapping[str, object], operation: Operation) -> None:
        item = operation.item
        name = item.function_name if isinstance(item, Invoke) else getattr(item, "name", None)
        sub_type = _SUB_TYPES.get(item.__class__)
        self.history.add(type, at, details, id=operation.id, name=name, parent_id=operation.parent_id, sub_type=sub_type)

    def _changed(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()


def _text(payload: bytes) -> str:
    return (payload or b"{}").decode(errors="replace")


def _too_large() -> Error:
    limit = function_responses.RESPONSE_LIMIT
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return {"ErrorType": "Function.ResponseSizeTooLarge", "ErrorMessage": message}
