"""What an observer sees of the invocations of an endpoint: an event at each change, the last executions, and counts.

Laws: no payload is kept. Memory does not grow with the number of invocations. A listener that raises changes no invocation.

Must not know HTTP, or how a function runs.
"""

import datetime as dt
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

import attrs

from . import listeners

__all__ = ["InvocationEvent", "InvocationListener", "InvocationLog", "Totals", "Watch"]

Status = Literal["queued", "running", "succeeded", "failed", "throttled", "refused", "stopped"]
_KEPT = 1000
"""Executions that have ended and can still be read."""
_MOST_SHOWN = 200
"""Characters of a name from a request that was refused."""


@attrs.frozen(kw_only=True)
class InvocationEvent:
    """A change of an invocation. It has no payload.

    Args:
        request_id: The request id of the invocation.
        function_name: The name of the function, without ARN and qualifier.
        qualifier: The version or alias that the request names; `None` if it names none.
        version: The version that runs; `None` before the function runs.
        invocation_type: `"RequestResponse"`, `"Event"` or `"DryRun"`.
        status: `"queued"`, `"running"`, `"succeeded"`, `"failed"`, `"throttled"`, `"refused"` or `"stopped"`.
            An `Event` that was accepted is queued. A function that failed is failed, a request that got another error of the
            API is refused. A run that the endpoint ended is stopped, and so is an event that was given up before it ran.
        error_type: The error type of the function, or the code of the API's error; `None` without an error.
        started: The time at which the function began to run, else at which the request came, in UTC.
        duration: The duration in seconds; `None` while it is queued or runs.
        durable_execution_arn: The ARN of the durable execution that the invocation began; else `None`. Default `None`.
            Such an invocation runs until its execution has ended, and each run of the handler is an invocation of its own.
    """

    request_id: str
    """The request id of the invocation."""
    function_name: str
    """The name of the function, without ARN and qualifier."""
    qualifier: str | None
    """The version or alias that the request names; `None` if it names none."""
    version: str | None
    """The version that runs; `None` before the function runs."""
    invocation_type: str
    """`"RequestResponse"`, `"Event"` or `"DryRun"`."""
    status: Status
    """`"queued"`, `"running"`, `"succeeded"`, `"failed"`, `"throttled"`, `"refused"` or `"stopped"`."""
    error_type: str | None
    """The error type of the function, or the code of the API's error; `None` without an error."""
    started: dt.datetime
    """The time at which the function began to run, else at which the request came, in UTC."""
    duration: float | None
    """The duration in seconds; `None` while it is queued or runs."""
    durable_execution_arn: str | None = None
    """The ARN of the durable execution that the invocation began; else `None`."""


InvocationListener = Callable[[InvocationEvent], object]
"""Called on the event loop of the endpoint with each change of an invocation."""


@attrs.define(kw_only=True)
class Totals:
    """The counts of a function. `errors` are runs that failed."""

    runs: int = 0
    errors: int = 0
    throttles: int = 0
    running: int = 0


class InvocationLog:
    """Counts, the runs that have not ended, and the last ones that have. Use it on one event loop."""

    def __init__(self, listener: InvocationListener | None = None, *, kept: int = _KEPT) -> None:
        self._listener = listener
        self._ended: deque[InvocationEvent] = deque(maxlen=kept)
        self._running: dict[Watch, None] = {}
        self.totals: dict[str, Totals] = {}
        """The counts of the functions that were found, by name."""
        self.refused = 0
        """Requests that were refused, without throttles."""

    def watch(self, request_id: str, function_name: str, invocation_type: str) -> "Watch":
        """Begin to watch a request. The last two arguments may be anything that a request contains."""
        return Watch(self, request_id, function_name[:_MOST_SHOWN], invocation_type[:_MOST_SHOWN])

    def executions(self, function_name: str | None = None) -> Iterator[InvocationEvent]:
        """The runs of a function, or of all: those that have not ended, then those that have, each the latest first."""
        running = (watch.event("running") for watch in reversed(self._running))
        ended = list(self._ended)  # another thread may clear it
        for event in itertools.chain(running, reversed(ended)):
            if function_name in (None, event.function_name):
                yield event

    def clear(self) -> None:
        """Forget the counts, and the runs that have ended. May be called in any thread."""
        self._ended.clear()
        self.totals.clear()
        self.refused = 0
        for watch in list(self._running):
            self._totals_of(watch).running += watch.counts

    def begin(self, watch: "Watch") -> None:
        """A run has begun."""
        totals = self._totals_of(watch)
        totals.runs += watch.counts
        totals.running += watch.counts
        self._running[watch] = None
        if self._listener is not None:
            self.tell(watch.event("running"))

    def end(self, watch: "Watch", event: InvocationEvent) -> None:
        """A run has ended."""
        self._running.pop(watch, None)
        totals = self._totals_of(watch)
        totals.running = max(0, totals.running - watch.counts)  # it may have been forgotten
        totals.errors += watch.counts and event.status == "failed"
        self._ended.append(event)
        self.tell(event)

    def refuse(self, watch: "Watch", event: InvocationEvent) -> None:
        """A request was refused."""
        if event.status == "throttled":
            self._totals_of(watch).throttles += 1
        else:
            self.refused += 1
        self.tell(event)

    def tell(self, event: InvocationEvent) -> None:
        """Hand the event to the listener, if there is one."""
        if self._listener is not None:
            listeners.tell("on_invocation", self._listener, event)

    def _totals_of(self, watch: "Watch") -> Totals:
        return self.totals.setdefault(watch.function_name, Totals())


class Watch:
    """What the log learns of one request. A function may run for it several times, as with the retries of an `Event`."""

    def __init__(self, log: InvocationLog, request_id: str, function_name: str, invocation_type: str) -> None:
        self.request_id = request_id
        self.function_name = function_name
        self.qualifier: str | None = None
        self._log = log
        self._invocation_type = invocation_type
        self._version: str | None = None
        self._durable_arn: str | None = None
        self.counts = True
        """Whether it is a run of a function. A durable execution is none: the runs of its handler count."""
        self._is_running = False
        self._has_run = False
        self._since = time.time()
        self._started = time.perf_counter()

    def another(self, request_id: str, function_name: str, qualifier: str | None) -> "Watch":
        """For an event that follows from this one."""
        watch = self._log.watch(request_id, function_name, self._invocation_type)
        watch.qualifier = qualifier
        return watch

    def event(self, status: Status, error_type: str | None = None) -> InvocationEvent:
        """The event of a change that happens now."""
        return InvocationEvent(
            request_id=self.request_id,
            function_name=self.function_name,
            qualifier=self.qualifier,
            version=self._version,
            invocation_type=self._invocation_type,
            status=status,
            error_type=error_type,
            started=dt.datetime.fromtimestamp(self._since, dt.UTC),
            duration=None if status in ("queued", "running") else time.perf_counter() - self._started,
            durable_execution_arn=self._durable_arn,
        )

    def queue(self) -> None:
        """The event was accepted, and runs later."""
        self._log.tell(self.event("queued"))

    def begin(self, version: str) -> None:
        """The function begins to run. A second call during a run has no effect."""
        if self._is_running:
            return
        self._is_running = self._has_run = True
        self._version = version
        self._since, self._started = time.time(), time.perf_counter()
        self._log.begin(self)

    def end(self, error_type: str | None) -> None:
        """The run has ended, with an error of the function or without."""
        self._end("succeeded" if error_type is None else "failed", error_type)

    def stop(self) -> None:
        """Nothing runs for this request any more: a run that has not ended was stopped."""
        self._end("stopped")

    def drop(self) -> None:
        """The event was given up. After a run, that says nothing new."""
        if not self._has_run:
            self._log.tell(self.event("stopped"))

    def answer(self) -> None:
        """The request was answered. This matters only if the function did not run for it, as with a dry run."""
        if not self._has_run:
            self._log.tell(self.event("succeeded"))

    def begin_execution(self, arn: str) -> None:
        """A durable execution has begun. Its handler runs for requests of their own, so this one counts no run."""
        self._durable_arn, self._is_running, self._has_run, self.counts = arn, True, True, False
        self._log.begin(self)

    def end_execution(self, error_type: str | None, *, is_stopped: bool) -> None:
        """The durable execution has ended, or the endpoint ended it."""
        self._end("stopped" if is_stopped else "succeeded" if error_type is None else "failed", error_type)

    def refuse(self, code: str, status: int) -> None:
        """The request was refused with this error of the API. After a run, that says nothing new."""
        if not self._has_run:
            self._log.refuse(self, self.event("throttled" if status == 429 else "refused", code))

    def _end(self, status: Status, error_type: str | None = None) -> None:
        if self._is_running:
            self._is_running = False
            self._log.end(self, self.event(status, error_type))
