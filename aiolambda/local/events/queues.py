"""The asynchronous invocations of an endpoint: who runs when, what follows a failure, where the record of the end goes.

Laws: an event has ended when it does not run again and its record is delivered. The events of one function in processes block
those of no other. The functions of this process share one queue, so that their events run one after another.

Must not know HTTP, or how a function runs.
"""

import asyncio
import contextlib
import datetime as dt
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Mapping

import attrs

from ...emulation import lineage
from ...emulation.api_errors import ApiError
from ...emulation.failure_script import Decision
from ...emulation.identifiers import new_request_id
from ...emulation.in_process import InProcessFunction
from ...protocol import names
from ..activity import Activity
from ..event_config import EventInvokeConfig
from ..functions import LocalFunction
from ..jobs import Job, Selection, check_configuration
from ..runtime.invocations import Invocation, InvocationResult
from ..runtime.pool import ConcurrencyExceeded
from ..runtime.process import EndpointClosed
from .destinations import Destinations, report_failure
from .event import QueuedEvent
from .record import Condition, record_of
from .run_queue import RunQueue

__all__ = ["EventQueues"]

_log = logging.getLogger("aiolambda.local.events")

_ONCE = EventInvokeConfig(maximum_retry_attempts=0)
"""The treatment of the events of a function of this process, unless it has another."""
_THIS_PROCESS = ""
"""In place of a name: the queue of the functions of this process."""


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class EventQueues:
    """Runs events with `run`, which raises `ConcurrencyExceeded`, or `EndpointClosed` if the function went away.

    `find` finds the function of a destination, `decide` asks the script of failures about one more run. `activity` counts each
    event until it has ended. `now` is the time of the records, and `new_random` chooses the duplicates of a function.
    """

    def __init__(
        self,
        run: Callable[[Job], Awaitable[InvocationResult]],
        find: Callable[[str, str | None], Selection | None],
        decide: Callable[[str, str | None, bytes], Decision],
        activity: Activity,
        *,
        now: Callable[[], dt.datetime] = _utc_now,
        new_random: Callable[[str], random.Random] = random.Random,
    ) -> None:
        self._run_job, self._find, self._decide = run, find, decide
        self._activity = activity
        self._now, self._new_random = now, new_random
        self._configs: dict[tuple[str, str | None], EventInvokeConfig] = {}
        self._numbers = itertools.count()
        self._waiting: dict[QueuedEvent, object] = {}
        """The events that have not ended, with what `activity` knows them by."""
        self._queues: dict[str, RunQueue] = {}
        self._randoms: dict[str, random.Random] = {}
        self._destinations = Destinations(self._end)

    def configure(self, function: InProcessFunction, config: EventInvokeConfig | None) -> None:
        """Set the treatment of the events of a function of this process. `None` runs each once."""
        self._configs[function.name, function.qualifier] = config or _ONCE

    def configs_of(self, function_name: str) -> Mapping[str | None, EventInvokeConfig]:
        """By qualifier, the treatments that were set for a function of this process."""
        configs = dict(self._configs).items()
        return {qualifier: config for (name, qualifier), config in configs if name == function_name and config is not _ONCE}

    def put(self, job: Job) -> None:
        """Run an event after those before it."""
        self._accept(job, is_decided=True)

    @contextlib.contextmanager
    def beside_a_call(self, function: LocalFunction | None) -> Generator[None]:
        """While a synchronous call runs, it counts, so that it and the events of its function take turns.

        `function` is `None` for a call that takes no turns. Raises `ConcurrencyExceeded` if it is the turn of an event.
        """
        queue = None if function is None or function.name not in self._queues else self._queue_of(function)
        if queue is not None:
            queue.begin_call()
        is_refused = False
        try:
            yield
        except ConcurrencyExceeded:
            is_refused = True
            raise
        finally:
            if queue is not None:
                queue.end_call()
            if not is_refused:
                self._free()

    def mark(self) -> int:
        """A number for `drop`: later than those of all events that were accepted until now. May be called in any thread."""
        return next(self._numbers)

    def drop(self, function_name: str | None, mark: int) -> None:
        """Drop the events of a function, or all. What runs goes on, but neither retries nor a record follow."""
        for event in self._waiting:
            if event.number < mark and function_name in (None, event.name):
                event.is_dropped = True
        for queue in self._queues.values():
            for event in queue.take_dropped():
                self._end(event)
        if function_name is None:
            self._randoms.clear()
        else:
            self._randoms.pop(function_name, None)

    async def cancel(self) -> None:
        """Drop all events, and end their runs and deliveries."""
        for event in self._waiting:
            event.is_dropped = True
        tasks = self._destinations.cancel()
        for queue in self._queues.values():
            tasks |= queue.cancel()
        self._queues.clear()
        self._randoms.clear()
        if tasks:
            await asyncio.wait(tasks)
        for event in list(self._waiting):
            self._end(event)

    async def close(self) -> None:
        """End the threads of destinations, after `cancel`. New ones may be started afterwards."""
        await self._destinations.close()

    def _accept(self, job: Job, *, is_decided: bool) -> None:
        function = job.selection.function
        self._enter(job, is_decided=is_decided)
        if self._is_duplicated(function.name, self._config_of(function).duplicates):
            watch = job.watch.another(job.watch.request_id, function.name, job.watch.qualifier)  # both may run at once
            self._enter(attrs.evolve(job, watch=watch), is_decided=False)

    def _enter(self, job: Job, *, is_decided: bool) -> None:
        event = QueuedEvent(
            job=job,
            config=self._config_of(job.selection.function),
            number=next(self._numbers),
            accepted=asyncio.get_running_loop().time(),
            is_decided=is_decided,
        )
        self._waiting[event] = self._activity.begin()
        self._queue_of(job.selection.function).put(event)

    def _is_duplicated(self, name: str, share: float) -> bool:
        if not share:
            return False
        if name not in self._randoms:
            self._randoms[name] = self._new_random(name)
        return self._randoms[name].random() < share

    def _config_of(self, function: LocalFunction | InProcessFunction) -> EventInvokeConfig:
        if isinstance(function, LocalFunction):
            return function.events
        return self._configs.get((function.name, function.qualifier), _ONCE)

    def _queue_of(self, function: LocalFunction | InProcessFunction) -> RunQueue:
        name, limit = (function.name, function.concurrency) if isinstance(function, LocalFunction) else (_THIS_PROCESS, 1)
        if name not in self._queues:
            self._queues[name] = RunQueue(self._run, lambda event: self._finish(event, Condition.EVENT_AGE_EXCEEDED))
        queue = self._queues[name]
        queue.limit = max(limit, 1)  # with a concurrency of 0 an event does not run, but it has its turn to be given up
        return queue

    def _free(self) -> None:
        """Concurrency has become free. It may be that of the account, so tell all functions that wait for some."""
        for queue in self._queues.values():
            queue.free()

    async def _run(self, event: QueuedEvent) -> float | None:
        """Run an event. Returns the seconds after which it is to run again; `None` if it has ended."""
        function = self._function_of(event)
        self._queue_of(function)  # its concurrency may have changed
        if isinstance(function, LocalFunction) and not function.concurrency:
            self._finish(event, Condition.ZERO_RESERVED_CONCURRENCY)
            return None
        if not await self._has_run(event):
            self._end(event)
            return None
        condition = event.end(asyncio.get_running_loop().time())
        if condition is None:
            return event.pause
        self._finish(event, condition)
        return None

    def _function_of(self, event: QueuedEvent) -> LocalFunction | InProcessFunction:
        """The function that has the name of the event's function now."""
        selection = self._find(event.name, None)
        return event.job.selection.function if selection is None else selection.function

    async def _has_run(self, event: QueuedEvent) -> bool:
        """Run an event. Returns whether the result counts, so that something follows."""
        try:
            event.result = await self._run_job(self._job_of_run(event))
        except ConcurrencyExceeded:
            if event.is_dropped:
                return False
            raise
        except EndpointClosed:
            return False
        except Exception:  # noqa: BLE001 - such as one of the function `when` of a scripted failure; the event is over
            _log.exception("event %s of function %r was not run", event.job.invocation.request_id, event.name)
            return False
        event.runs += 1
        event.is_decided = False
        self._free()
        return not event.is_dropped

    def _job_of_run(self, event: QueuedEvent) -> Job:
        """The job of the next run. The script of failures is asked once for each run, as late as possible."""
        invocation = event.job.invocation
        if not event.is_decided:
            decision = self._decide(event.name, names.qualifier_of(invocation.function_arn), invocation.payload)
            event.job, event.is_decided = attrs.evolve(event.job, decision=decision), True
        return event.job if event.runs == 0 else event.job.with_attempt(event.runs + 1)

    def _finish(self, event: QueuedEvent, condition: Condition) -> None:
        """Send the record of an event to its destination, if it has one."""
        config = event.config
        destination = config.on_success if condition is Condition.SUCCESS else config.on_failure
        if destination is None:
            self._end(event)
            return
        record = record_of(event.job, condition, runs=event.runs, result=event.result, now=self._now())
        if isinstance(destination, str):
            self._invoke_destination(event, destination, record)
            self._end(event)
        else:
            self._destinations.put(event, destination, record)

    def _invoke_destination(self, event: QueuedEvent, target: str, record: bytes) -> None:
        """Run a function with the record, as an event of its own."""
        name, qualifier = names.plain_name_of(target), names.qualifier_of(target)
        selection = self._find(name, qualifier)
        if selection is None:
            report_failure(event, target, "there is no such function")
            return
        try:
            check_configuration(selection.function, qualifier)
        except ApiError as refused:
            report_failure(event, target, refused.members["message"])
            return
        source = event.job.invocation
        arn = f"{source.function_arn.rpartition(':function:')[0]}:function:{name}"  # of the same region and account
        trace_id, times = lineage.extended(source.trace_id, arn)
        if times >= lineage.LIMIT and not _may_loop(selection):
            report_failure(event, target, f"it ran {times} times in this chain of invocations")
            return
        invocation = Invocation(
            request_id=new_request_id(),
            payload=record,
            function_arn=arn if qualifier is None else f"{arn}:{qualifier}",
            trace_id=trace_id,
            invocation_type=source.invocation_type,
        )
        watch = event.job.watch.another(invocation.request_id, name, qualifier)
        watch.queue()
        job = Job(selection=selection, invocation=invocation, decision=Decision(), on_end=event.job.on_end, watch=watch)
        self._accept(job, is_decided=False)

    def _end(self, event: QueuedEvent) -> None:
        token = self._waiting.pop(event, None)
        if token is None:
            return
        if not event.runs:
            event.job.on_drop()
            event.job.watch.drop()
        self._activity.end(token)


def _may_loop(selection: Selection) -> bool:
    return isinstance(selection.function, LocalFunction) and selection.function.recursive_loop == "Allow"
