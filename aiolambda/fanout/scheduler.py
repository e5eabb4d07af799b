"""The life of one run of a map: it reads items, starts them as the windows allow, and delivers results until it ends.

Laws: each item that was read gets exactly one result, as long as the caller reads the results; the items and results that a
run holds are bounded together, so its memory does not grow with the input.

Owns the loop of a run and the reasons for its end. Must not know how one item is sent: `sender` does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ..errors import TooManyFailuresError
from ..policy import delivery
from ..policy.concurrency import Admission, FixedAdmission
from ..types.interfaces import Codec
from .backlog import Backlog
from .brake import Brake
from .item import WorkItem
from .journal import Journal
from .result_queue import ResultQueue
from .resumption import Resumption, resumption_of
from .run_log import RunLog
from .sender import ItemSender, Run
from .sending import Send
from .source import Source
from .stats import StatsCounter
from .values import MapResult, MapSettings, MapStats, StoppedBy

if TYPE_CHECKING:
    from .hedging import MapHedging

__all__ = ["GRACE", "MapScheduler"]

Item = TypeVar("Item")

GRACE = 30.0
"""Seconds that items in flight have if the caller leaves the run, or its deadline passes."""
_PROGRESS_INTERVAL = 0.1
"""Seconds."""
_POLL_INTERVAL = 0.05
"""Seconds after which a run looks again for room in a window that it shares with other runs."""
_ABORT_INTERVAL = 1.0
"""Seconds after which items are cancelled again: a middleware may have caught the first cancellation."""
_NOT_FAILURES = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)
"""These end a task or the program. Any other exception is a failure of the run, and the reader of the results receives it."""


class MapScheduler(Run[Item]):
    """One run, from `begin` until `task` is done. `results` is the queue of its results."""

    def __init__(
        self,
        source: Source[Item],
        *,
        send: Send,
        admission: Admission,
        settings: MapSettings,
        journal: Journal | None,
        codec: Codec,
        jitter: Callable[[], float],
        log: RunLog,
        prepare: Callable[[], Awaitable[None]] | None = None,
        hedging: "MapHedging | None" = None,
        release: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.source = source
        self.hedging = hedging
        self.results: ResultQueue[Item] = ResultQueue(ordered=settings.ordered)
        self.task: asyncio.Task[None] | None = None
        self.stopped_by: StoppedBy | None = None
        self._admission = admission
        self._journal = journal
        self._settings = settings
        self._prepare = prepare
        self._release = release
        self._stats = StatsCounter()
        has_limit = settings.max_failures is not None or settings.max_failure_ratio is not None
        self._brake = None if has_limit else Brake()
        """Until it is released, and if the caller has set no limit of failures."""
        self._backlog: Backlog[Item] = Backlog()
        self._sender = ItemSender(
            self,
            send=send,
            hedging=hedging,
            admission=admission,
            backlog=self._backlog,
            stats=self._stats,
            journal=journal,
            codec=codec,
            jitter=jitter,
            log=log,
            retry_function_errors=settings.retry_function_errors,
            retry_failed=settings.retry_failed,
        )
        self.resumption: Resumption | None = None
        """What earlier runs have left in the journal, once it is open."""
        self._log = log
        self._last_function = ""
        self._room = 0
        """Room in the window of the last function, as known in this turn; 0: not known."""
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_full = False
        """Whether nothing more can be read until the reader takes a result."""
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._run_ended: asyncio.Future[None] | None = None
        self._on_end: Callable[[], object] | None = None
        self._failure: BaseException | None = None
        self._finished = False
        self._abort_at: float | None = None
        """The time at which items in flight are cancelled."""
        self._began = self._reported_at = 0.0
        self._now = 0.0
        """The loop's time when the run last did something."""

    @property
    def stats(self) -> MapStats:
        """The totals at this moment."""
        return self._stats.stats(
            self._now,
            began=self._began,
            pending=max(0, self.source.index - self._stats.done - self._sender.admitted),
            in_flight=self._sender.admitted + self._sender.hedges,
            window=self._admission.window(self._last_function),
        )

    @property
    def is_current_task(self) -> bool:
        """Whether the current task is that of an item in flight."""
        return self._sender.has_task(asyncio.current_task())

    async def begin(self, on_end: Callable[[], object]) -> None:
        """Begin the run if it has not begun. Returns when its journal is open and it is prepared; calls `on_end` at its end."""
        if self.task is not None:
            return
        loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._loop = loop
        self._began = self._now = loop.time()
        self._run_ended = loop.create_future()
        self.task = asyncio.create_task(self._run(), name="map")
        try:
            await self._sender.open(self._run_ended)
            self._note_resumption()
            if self._prepare is not None:
                await self._prepare_until_deadline(self._prepare)
        except BaseException as error:
            self.stop("caller" if isinstance(error, asyncio.CancelledError) else "error")
            await asyncio.wait({self.task})
            raise
        if self._settings.deadline is not None:
            self._deadline = loop.call_at(self._began + self._settings.deadline, self._stop_at_deadline)
        self._wake.set()

    def _note_resumption(self) -> None:
        if self._journal is None:
            return
        settings = self._settings
        self.resumption = resumption_of(
            self._journal.earlier, idempotent=settings.idempotent, retry_failed=settings.retry_failed
        )
        if self.resumption is not None:
            self._log.resumed(self.resumption)

    async def _prepare_until_deadline(self, prepare: Callable[[], Awaitable[None]]) -> None:
        deadline = self._settings.deadline
        try:
            async with asyncio.timeout_at(None if deadline is None else self._began + deadline):
                await prepare()
        except TimeoutError:
            self._stop_at_deadline()

    def _stop_at_deadline(self) -> None:
        if self.stopped_by is None:
            self.stop("deadline", grace=GRACE)

    def stop(self, by: StoppedBy, *, grace: float | None = None) -> None:
        """Send nothing more. Each item in the backlog gets a result. Items in flight go on, for `grace` seconds at most.

        A later call may shorten that time.
        """
        if self._finished:
            return
        if grace is not None:
            abort_at = asyncio.get_running_loop().time() + grace
            self._abort_at = abort_at if self._abort_at is None else min(self._abort_at, abort_at)
            self._wake.set()
        if self.stopped_by is not None:
            return
        self.stopped_by = by
        if self._run_ended is not None:
            self._run_ended.set_result(None)
        for work in self._backlog.clear():
            self.deliver(work.unsent(), abandoned=True)
        self.source.stop()
        self._wake.set()

    def abort(self) -> None:
        """Cancel the items in flight."""
        self._sender.abort()

    def detach(self, *, forked: bool) -> None:
        """Leave the shared windows and the journal to others: the run's loop is closed, or is that of another process."""
        self._admission = FixedAdmission(1)
        self._sender.detach(self._admission, forked=forked)

    def raise_failure(self) -> None:
        """Raise the error that ended the run, if one did."""
        if (failure := self.failure()) is not None:
            raise failure

    def failure(self) -> BaseException | None:
        """The error that ended the run; `None` if it ended by itself, by its caller or at its deadline."""
        if self._failure is None and self.stopped_by == "failures":
            stats = self.stats
            return TooManyFailuresError(self._limit_text(stats), stats=stats, delivery=delivery.worst(list(stats.failed)))
        return self._failure

    def _limit_text(self, stats: MapStats) -> str:
        if self._brake is not None and self._brake.cause is not None:
            return self._brake.text
        limits = f"max_failures={self._settings.max_failures} and max_failure_ratio={self._settings.max_failure_ratio}"
        return f"{self._stats.failures:,} of {stats.done:,} items have failed; this map has {limits}"

    def note_taken(self) -> None:
        """A result was taken: if the run was full, it can read again."""
        if self._is_full:
            self._wake.set()

    def count_hedge(self, *, won: bool) -> None:
        """Count a hedge that was sent elsewhere for an item of this run."""
        self._stats.hedged += 1
        self._stats.hedges_won += won

    # Called for an item

    def wake(self) -> None:
        """Have the run look for work: an item has ended."""
        self._wake.set()

    def fail(self, error: BaseException, /) -> None:
        """End the run with an error. The first error is the one that the reader of the results receives."""
        self._failure = self._failure or error
        self.stop("error")

    def enqueue(self, work: WorkItem[Item], /) -> None:
        """Add an item that was read to the backlog. If it cannot be sent, or the run was stopped, it gets its result now."""
        if work.input_error is not None:
            self.deliver(work.result(None, work.input_error))
        elif self.stopped_by is not None:
            self.deliver(work.unsent(), abandoned=True)
        else:
            self._backlog.add(work)

    def deliver(self, result: MapResult[Item], /, *, abandoned: bool = False) -> None:
        """Queue the result. Items abandoned when the run stops do not count as failures."""
        assert self._loop is not None  # noqa: S101 - set by `begin`
        self._now = self._loop.time()
        self._stats.count_result(result, self._now, abandoned=abandoned)
        if result.error is not None:
            settings = self._settings
            if self._stats.has_too_many_failures(settings.max_failures, settings.max_failure_ratio):
                self.stop("failures")
        if self._brake is not None and not abandoned:
            self._brake.add(result)
            if self._brake.has_stopped:
                self.stop("failures")
            elif self._brake.is_released:
                self._brake = None
        self.results.put(result)

    # The loop of the run

    async def _run(self) -> None:
        try:
            await self._wake.wait()  # until `begin` has opened the journal
            while not self._is_done():
                self._now = asyncio.get_running_loop().time()
                if self._abort_at is not None and self._now >= self._abort_at:
                    self.abort()
                    self._abort_at = self._now + _ABORT_INTERVAL
                self._start_ready()
                self._report_progress()
                if not self._is_done():
                    await self._wait()
        except _NOT_FAILURES:
            raise
        except BaseException as error:  # noqa: BLE001 - the reader of the results receives it
            self.fail(error)
        finally:
            await self._finish()

    def _is_done(self) -> bool:
        if self._sender.in_flight or self._sender.claims:
            return False
        return self.stopped_by is not None or (self.source.exhausted and not self._backlog)

    def _start_ready(self) -> None:
        """Start items and read more, until the windows are full or nothing can be read."""
        self._room = 0
        while self.stopped_by is None:
            replays_come_first = self._sender.replays_left and not self.source.is_waiting and self._may_read()
            work = None if replays_come_first else self._backlog.take(self._admission, self._now)
            if work is not None:
                self._room = 0
                self._sender.start(work, self._now)
            elif not self._read_item():
                return

    def _may_read(self) -> bool:
        """Whether the input may have more items, and the run has memory for one: it holds an item until its result is taken."""
        self._is_full = self.source.index - self.results.taken >= self._settings.max_held
        return self.stopped_by is None and not self.source.exhausted and not self._is_full

    def _read_item(self) -> bool:
        """Read the next item if there is room for it, and start it if its window has room. Returns whether one was read.

        A run reads as many items as the window of the last function has room for, or `lookahead` items if that is more.
        """
        ready = self._backlog.ready + len(self._sender.claims)
        if not self._may_read():
            return False
        if ready >= self._settings.lookahead and not self._sender.replays_left and ready >= self._room_of_last():
            return False
        work = self.source.take(self._wake.set)
        if work is None:
            return False
        if work.function_name != self._last_function:
            self._last_function, self._room = work.function_name, 0
        if self._journal is not None:
            self._sender.claim(work, self._journal)
        elif self._may_start(work):
            self._room -= 1
            self._sender.start(work, self._now)
        else:
            self.enqueue(work)
        return True

    def _room_of_last(self) -> int:
        """The room in the window of the last function. In one turn it only shrinks, so it is looked up once."""
        if self._room <= 0:
            self._room = self._admission.room(self._last_function, self._now)
        return self._room

    def _may_start(self, work: WorkItem[Item]) -> bool:
        """Whether an item that was just read can be sent at once: no item of its function waits, and its window has room."""
        if work.input_error is not None or self.stopped_by is not None or self._backlog.has_ready(work.function_name):
            return False
        return self._room_of_last() > 0

    async def _wait(self) -> None:
        """Wait until an item ends or arrives, a retry is due, or a window may open."""
        moments = [] if self._backlog.next_retry_at is None else [self._backlog.next_retry_at]
        may_read = self._may_read()
        if self._admission.is_shared:
            waiting = self._backlog.ready_functions
            if may_read and not self.source.is_waiting:
                waiting.add(self._last_function)  # once its window opens, more can be read
            poll_at = self._now + _POLL_INTERVAL
            moments.extend(self._admission.opens_at(function, self._now) or poll_at for function in waiting)
        if self._abort_at is not None and self._sender.in_flight:
            moments.append(self._abort_at)
        if moments:
            self._wake_at(min(moments))
        await self._wake.wait()
        self._wake.clear()

    def _wake_at(self, moment: float) -> None:
        """Wake the run at this time, or earlier: a timer that is due before it stays, for one wake costs less than a timer."""
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(moment, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake.set()

    async def _finish(self) -> None:
        await self._sender.drain()
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()
        try:
            work = await self.source.close()
            if work is not None:
                self.enqueue(work)
            if self._release is not None:
                await self._release()
            await self._sender.close()
            self._report_progress(last=True)
        except _NOT_FAILURES:
            raise
        except BaseException as error:  # noqa: BLE001 - the reader of the results receives it
            self._failure = self._failure or error
        finally:
            self._finished = True
            self.results.close()
            if self._on_end is not None:
                self._on_end()

    def _report_progress(self, *, last: bool = False) -> None:
        report = self._settings.on_progress
        if report is not None and (last or self._now - self._reported_at >= _PROGRESS_INTERVAL):
            self._reported_at = self._now
            report(self.stats)
