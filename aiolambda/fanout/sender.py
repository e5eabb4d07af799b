"""The life of one item: its claim in the journal, its invocations and their pauses, its result.

Laws: an item is journalled as started before it is sent; its result is journalled before it is delivered; an item that waits
for a retry holds no slot and no place in a window, and is not sent earlier than the service asked.

Owns the tasks of the items. Must not know when an item is read, or how wide a window is: `scheduler` and `policy` do.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from ..errors import AiolambdaError, ClientClosedError, FunctionError, LambdaServiceException
from ..errors.service import TooManyRequestsException
from ..operations.invoke_types import InvokeCommandOutput
from ..pipeline.operation import HttpOperation
from ..policy.concurrency import Admission
from ..policy.retry import backoff
from ..types.interfaces import Codec
from ..types.values import Delivery
from . import journal_records
from .backlog import Backlog
from .item import Flight, WorkItem
from .journal import Journal, JournalEntry
from .journal_rows import state_of
from .resumption import is_sent_again
from .run_log import RunLog
from .sending import Send, throttle_of
from .stats import StatsCounter
from .values import MapResult

if TYPE_CHECKING:
    from ..operations.fetch_types import HttpOutput
    from .hedging import MapHedging

__all__ = ["ItemSender", "Run"]

Item = TypeVar("Item")

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
"""Seconds before an item is sent again, if the service asked for none: doubled for each failure in a row."""


class Run(Protocol[Item]):
    """The run that the items belong to."""

    def enqueue(self, work: WorkItem[Item], /) -> None: ...
    def deliver(self, result: MapResult[Item], /, *, abandoned: bool = False) -> None: ...
    def fail(self, error: BaseException, /) -> None: ...
    def wake(self) -> None: ...


class ItemSender(Generic[Item]):
    """`claim` an item that was read, `start` it when a window has room; both run in tasks, which `drain` awaits."""

    def __init__(
        self,
        run: Run[Item],
        *,
        send: Send,
        hedging: "MapHedging | None",
        admission: Admission,
        backlog: Backlog[Item],
        stats: StatsCounter,
        journal: Journal | None,
        codec: Codec,
        jitter: Callable[[], float],
        log: RunLog,
        retry_function_errors: int,
        retry_failed: bool,
    ) -> None:
        self._run = run
        self._send = send
        self._hedging = hedging
        if hedging is not None:
            hedging.join(send, admission, stats, run.wake)
        self._send_idempotent = send if hedging is None else hedging.send
        """The same for items that may be sent twice."""
        self._admission = admission
        self._backlog = backlog
        self._stats = stats
        self._journal = journal
        self._codec = codec
        self._jitter = jitter
        self._log = log
        self._retry_function_errors = retry_function_errors
        self._retry_failed = retry_failed
        self._run_ended: asyncio.Future[None] | None = None
        self.claims: set[asyncio.Task[None]] = set()
        """The tasks of the items that are looked up in the journal."""
        self.in_flight: dict[asyncio.Task[None], Flight[Item]] = {}
        """The invocations whose tasks have not ended: some have left their window, and are being journalled."""
        self.admitted = 0
        """The invocations that the windows count as in flight."""
        self.replays_left = 0
        """The journal's items of earlier runs that were not claimed yet."""

    @property
    def hedges(self) -> int:
        """The hedges in flight, which the windows count too."""
        return 0 if self._hedging is None else self._hedging.in_flight

    def has_task(self, task: "asyncio.Task[Any] | None") -> bool:
        """Whether an item is sent in this task, or one of the two calls of an item that is hedged."""
        return task in self.in_flight or (self._hedging is not None and self._hedging.has_task(task))

    async def open(self, run_ended: "asyncio.Future[None]") -> None:
        """Open the journal. Items make no further attempt once `run_ended` is done."""
        self._run_ended = run_ended
        if self._journal is not None:
            await self._journal.open()
            self.replays_left = self._journal.known_items

    async def drain(self) -> None:
        """Wait until no item is in flight or looked up."""
        while self.in_flight or self.claims:
            await asyncio.wait({*self.in_flight, *self.claims})

    async def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            await self._journal.close()

    def abort(self) -> None:
        """Cancel all items in flight."""
        for task in list(self.in_flight):
            task.cancel()

    def detach(self, admission: Admission, *, forked: bool) -> None:
        """Release the journal, and count items that still end in `admission`: the loop of the tasks is gone."""
        self._admission = admission
        if self._hedging is not None:
            self._hedging.admission = admission
        if self._journal is not None and not forked:  # a forked child has no thread that could close the file
            self._journal.detach()

    def start(self, work: WorkItem[Item], now: float) -> None:
        """Send an item that has room in its window, and process its outcome."""
        assert self._run_ended is not None  # noqa: S101 - set by `open`
        self._admission.sent(work.function_name, now)
        self.admitted += 1
        flight = Flight(work, now, now)
        task = self._run_ended.get_loop().create_task(self._invoke(flight, self._run_ended))
        self.in_flight[task] = flight
        task.add_done_callback(self._on_end)

    def claim(self, work: WorkItem[Item], journal: Journal) -> None:
        """Enqueue an item once the journal has it, or deliver the result that an earlier run stored."""
        task = asyncio.create_task(self._claim(work, journal))
        self.claims.add(task)
        task.add_done_callback(self.claims.discard)
        task.add_done_callback(lambda _: self._run.wake())

    async def _claim(self, work: WorkItem[Item], journal: Journal) -> None:
        try:
            entry = await journal.claim(work.given_key, work.payload_hash or f"refused-{work.index}")
            work.key, work.row = entry.key, entry.row
            work.may_have_run = entry.state != "new"
            self.replays_left -= entry.state != "new"
            if entry.row.result is not None:
                self._resume(work, journal, entry)
            elif entry.state == "started" and not work.idempotent:
                self._run.deliver(journal_records.unknown_outcome(work))  # it stays "started": a later run may be idempotent
            else:
                self._run.enqueue(work)
        except Exception as error:  # noqa: BLE001 - it ends the run, and the reader of the results receives it
            self._run.fail(error)
            self._run.deliver(work.unsent(), abandoned=True)

    def _resume(self, work: WorkItem[Item], journal: Journal, entry: JournalEntry) -> None:
        """Deliver the stored result, or send the item again, and count what it has cost so far."""
        fault = ""
        try:
            result = journal_records.load(work, entry.result, entry.payload, codec=self._codec)
            work.cost = journal_records.cost_of(entry.result, result.output)
            if entry.state == "started":  # again: its result is that of an invocation before the one that was in flight
                result = journal_records.unknown_outcome(work)
            self._stats.bill(work.cost)
            if is_sent_again(state_of(result), idempotent=work.idempotent, retry_failed=self._retry_failed):
                work.may_have_run = result.delivery.may_have_run
                self._run.enqueue(work)
            else:
                self._run.deliver(result)
        except journal_records.UnreadableError as error:
            fault = str(error)
        if fault:  # raised here: raised above, its context would hold the payload
            raise journal.damaged(f"the result of the item {entry.key!r} cannot be read: {fault}")

    async def _invoke(self, flight: Flight[Item], run_ended: "asyncio.Future[None]") -> None:
        """Send an item once; then deliver its result, or delay the item until its retry."""
        work = flight.work
        clock = run_ended.get_loop().time
        output, error = None, None
        throttle: LambdaServiceException | None = None
        if self._journal is not None and work.row is not None:
            await self._journal.mark_started(work.row)
        began = clock()
        try:
            output, error = await self._outcome(work, run_ended)
            if error is not None:
                throttle = throttle_of(error, idempotent=work.idempotent)
                work.may_have_run |= error.may_have_run
        finally:
            ended = clock()
            self._leave_window(flight, throttle, ended)
        work.count_attempts(output, error)
        if isinstance(output, InvokeCommandOutput) and output.log_result is not None:
            self._stats.bill(work.count_cost(output))
        result = work.result(output, error, duration=ended - began)
        abandoned = False
        if error is not None:
            is_cut_short = run_ended.done() and work.may_be_sent_again(error)
            abandoned = throttle is not None or isinstance(error, ClientClosedError) or is_cut_short
        if self._journal is not None:
            await self._record_end(work, result, self._journal, abandoned=abandoned)
        if error is not None and not run_ended.done() and self._delay(work, error, throttle, clock()):
            return
        if throttle is not None:
            work.last_error = throttle
            result = work.unsent()
        self._run.deliver(result, abandoned=abandoned)

    async def _outcome(
        self, work: WorkItem[Item], run_ended: "asyncio.Future[None]"
    ) -> "tuple[InvokeCommandOutput | HttpOutput | None, AiolambdaError | None]":
        """The output of one invocation, its error, or both if the function failed. Any HTTP response is an output."""
        output = None
        try:
            output = await (self._send_idempotent if work.idempotent else self._send)(work.command, run_ended)
            if isinstance(work.command.operation, HttpOperation):
                _ = output.metadata  # raises for an output of another kind
                return output, None
            cast("InvokeCommandOutput", output).raise_for_function_error()
        except AiolambdaError as raised:
            return output, raised.with_traceback(None)
        except Exception as raised:  # noqa: BLE001 - by an output of a class that a middleware brought along
            said = f"the output of a middleware raised {type(raised).__name__}: a map needs an InvokeCommandOutput"
            return None, AiolambdaError(said, delivery=Delivery.UNKNOWN, function_name=work.function_name)
        return output, None

    def _delay(self, work: WorkItem[Item], error: AiolambdaError, throttle: LambdaServiceException | None, now: float) -> bool:
        """Whether the item is tried again; if so, it waits in the backlog."""
        work.last_error = error
        if throttle is not None:
            failures, asked = work.throttles, throttle.retry_after
            work.throttles += 1
        else:
            work.throttles = 0
            failures, asked = work.function_errors, None
            if not isinstance(error, FunctionError) or failures >= self._retry_function_errors:
                return False
            work.function_errors += 1
        pause = backoff(failures, base=_FIRST_PAUSE, longest=_LONGEST_PAUSE, jitter=self._jitter(), asked=asked)
        self._backlog.delay(work, now + pause)
        return True

    def _leave_window(self, flight: Flight[Item], throttle: LambdaServiceException | None, now: float) -> None:
        work, sent_at, flight.admitted_at = flight.work, flight.admitted_at, None
        if sent_at is None:
            return
        self.admitted -= 1
        if throttle is None:
            self._admission.ended(work.function_name, sent_at=sent_at)
            self._log.accepted_at = now
            return
        limit = throttle if isinstance(throttle, TooManyRequestsException) else None
        reason = None if limit is None else limit.reason
        self._stats.count_throttle(reason)
        scope = None if limit is None else limit.scope
        self._admission.throttled(work.function_name, now, sent_at=sent_at, scope=scope)
        self._log.throttled(reason, now, window=self._admission.window(work.function_name))

    async def _record_end(self, work: WorkItem[Item], result: MapResult[Item], journal: Journal, *, abandoned: bool) -> None:
        row, error = work.row, result.error
        assert row is not None  # noqa: S101 - the item was claimed
        try:
            if not abandoned:  # even if the function failed and is tried again: the item has run
                whole = journal.keeps_payloads
                record = journal_records.dump(result, cost=work.cost, whole=whole)
                await journal.mark_done(row, state_of(result), *record)
            elif error is None or not error.may_have_run:
                journal.mark_unsent(row, self._run.fail)
        except Exception as failure:  # noqa: BLE001 - it ends the run; the result is delivered all the same
            self._run.fail(failure)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        flight = self.in_flight.pop(task)
        work, was_sent = flight.work, flight.admitted_at is None
        if not was_sent:
            self._leave_window(flight, None, task.get_loop().time())
        try:
            if task.cancelled():
                self._run.deliver(work.aborted(duration=task.get_loop().time() - flight.began))
            elif (error := task.exception()) is not None:  # of the journal, mostly
                self._run.fail(error)
                work.may_have_run |= was_sent
                self._run.deliver(work.unsent(), abandoned=True)
        finally:
            self._run.wake()
