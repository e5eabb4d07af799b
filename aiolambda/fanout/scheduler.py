"""The course of a map: items are read, sent as the windows allow, and given as results.

Laws: an item that was read gets exactly one result, while somebody reads them; one that is throttled rests, holding nothing,
for as long as it was asked to; nothing is sent before the journal has that it was started, and nothing is given before it has
that it is done; what is read, rests, is in flight or waits for the reader is bounded together.

Owns the course of a run and its ends. Must not know how an invocation is sent: `send` does, or how wide a window is: `policy`.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from ..errors import AiolambdaError, ClientClosedError, FunctionError
from ..errors.service import TooManyRequestsException
from ..policy import classification
from ..policy.concurrency import Admission
from ..types.interfaces import Codec
from ..types.values import Delivery, RetryAction
from . import journal_records, results
from .backlog import Backlog
from .journal import Journal, Stored
from .result_queue import ResultQueue
from .settings import MapSettings, Send, StoppedBy
from .source import Source, Work
from .stats import StatsCounter
from .values import MapResult, MapStats

__all__ = ["GRACE", "MapScheduler"]

Item = TypeVar("Item")

GRACE = 30.0
"""Seconds for what is in flight when a run is left, or its deadline passes."""
_PROGRESS_EVERY = 0.1
_NO_FAILURES = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)
"""What ends a task, or the program, and is no failure of the run. Anything else that a user's part raises is one."""
_LOOKED_AGAIN_AFTER = 0.05
"""Seconds after which a run looks whether others have left it room."""


class MapScheduler(Generic[Item]):
    """One run, from `begin` to `over`. `pump` is the task that drives it, `outlet` has its results."""

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
    ) -> None:
        self.source = source
        self._send = send
        self._admission = admission
        self._settings = settings
        self._journal = journal
        self._codec = codec
        self._jitter = jitter
        self._on_end: Callable[[], object] | None = None
        self._tally = StatsCounter()
        self._parking: Backlog[Item] = Backlog()
        self._claims: set[asyncio.Task[None]] = set()
        self._tasks: dict[asyncio.Task[None], Work[Item]] = {}
        self.outlet: ResultQueue[Item] = ResultQueue(ordered=settings.ordered)
        self._replays_left = 0
        self._last_function = ""
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.pump: asyncio.Task[None] | None = None
        self._run_ended: asyncio.Future[None] | None = None
        self.stopped_by: StoppedBy | None = None
        self._stopped_at = 0.0
        self._failure: BaseException | None = None
        self.over = False
        self._began = 0.0
        self._now = 0.0  # the last moment that was looked at
        self._told = 0.0

    @property
    def stats(self) -> MapStats:
        """The totals at this moment."""
        return self._tally.stats(
            self._now,
            began=self._began,
            pending=len(self._parking) + len(self._claims),
            in_flight=len(self._tasks),
            window=self._admission.window(self._last_function),
        )

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """The tasks of the items in flight."""
        return self._tasks.keys()

    def look(self) -> None:
        """See whether there is something to do: a result was read."""
        self._wake.set()

    def cut(self) -> None:
        """End what is in flight now."""
        for task in list(self._tasks):
            task.cancel()

    def abandon(self, *, forked: bool) -> None:
        """Its loop is gone: whatever still becomes of its tasks is nobody's affair, and its journal is free for another run."""
        self._admission = Admission(1, fixed=1)
        if self._journal is not None and not forked:  # in a child there is no thread that could end
            self._journal.abandon()

    # The course

    async def begin(self, on_end: Callable[[], object]) -> None:
        if self.pump is not None:
            return
        loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._began = self._now = loop.time()
        self._run_ended = loop.create_future()
        self.pump = asyncio.create_task(self._run(), name="map")
        if self._journal is not None:
            try:
                await self._journal.open()
            except BaseException:
                self.stop("error")
                await asyncio.wait({self.pump})
                raise
            self._replays_left = self._journal.stored
        if self._settings.deadline is not None:
            self._deadline = loop.call_at(self._began + self._settings.deadline, self.stop, "deadline")
        self._wake.set()

    async def _run(self) -> None:
        try:
            await self._wake.wait()  # until the journal is open
            while not self._is_drained():
                self._now = asyncio.get_running_loop().time()
                self._give_up_late()
                self._submit()
                self._tell_progress()
                if not self._is_drained():
                    await self._pause()
        except _NO_FAILURES:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again for who reads the results
            self._failure = error
            self.stop("error")
        finally:
            await self._end()

    async def _end(self) -> None:
        while self._tasks or self._claims:
            await asyncio.wait({*self._tasks, *self._claims})
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()
        try:
            await self._close_parts()
        except _NO_FAILURES:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again for who reads the results
            self._failure = self._failure or error
        finally:
            self.over = True
            self.outlet.close()
            if self._on_end is not None:
                self._on_end()

    async def _close_parts(self) -> None:
        work = await self.source.aclose()
        if work is not None:
            self._park(work)
        if self._journal is not None:
            await self._journal.close()
        self._tell_progress(last=True)

    def _is_drained(self) -> bool:
        if self._tasks or self._claims:
            return False
        if self.stopped_by is not None:
            return True
        return self.source.exhausted and not self._parking

    async def _pause(self) -> None:
        """Until something ends, comes, is due, or may be tried."""
        moments = [] if self._parking.next_due is None else [self._parking.next_due]
        waiting = self._parking.functions
        if self._may_read() and not self.source.is_waiting:
            waiting.add(self._last_function)  # for its window to open, and for more to be read
        looked_again = self._now + _LOOKED_AGAIN_AFTER  # when another run of this client, which shares a window, filled it
        moments.extend(self._admission.opens_at(function, self._now) or looked_again for function in waiting)
        if self.stopped_by == "deadline" and self._tasks:
            moments.append(self._stopped_at + GRACE)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moments:
            self._timer = asyncio.get_running_loop().call_at(min(moments), self._wake.set)
        await self._wake.wait()
        self._wake.clear()

    def stop(self, by: StoppedBy) -> None:
        """Submit nothing more. What was read and not sent has its result all the same."""
        if self.stopped_by is not None or self.over:
            return
        self.stopped_by, self._stopped_at = by, asyncio.get_running_loop().time()
        if self._run_ended is not None:
            self._run_ended.set_result(None)
        for work in self._parking.clear():
            self._give(results.result_of(work, None, work.rests_for or results.unsent(work)), is_left=True)
        self.source.stop()
        self._wake.set()

    def _give_up_late(self) -> None:
        """A deadline lets what is in flight end for a while, not for ever."""
        if self.stopped_by == "deadline" and self._now >= self._stopped_at + GRACE:
            self.cut()

    # Reading and submitting

    def _may_read(self) -> bool:
        """Whether there may be more to read, and room to hold it."""
        held = len(self._tasks) + len(self._claims) + len(self._parking) + len(self.outlet)
        return self.stopped_by is None and not self.source.exhausted and held < self._settings.held

    def _submit(self) -> None:
        while self.stopped_by is None:
            work = self._sendable()
            if work is not None:
                self._launch(work)
            elif not self._read_one():
                return

    def _sendable(self) -> Work[Item] | None:
        if self._replays_left and not self.source.is_waiting and self._may_read():
            return None  # the results of earlier runs come first
        return self._parking.take(self._admission, self._now)

    def _read_one(self) -> bool:
        """Take the next item, if there is room for it; whether there was one."""
        parked = self._parking.parked + len(self._claims)
        if not self._may_read() or (parked >= self._room_ahead() and not self._replays_left):
            return False
        work = self.source.take(self._wake.set)
        if work is None:
            return False
        self._last_function = work.function_name
        if self._journal is None:
            self._park(work)
        else:
            claim = asyncio.create_task(self._claim(work, self._journal))
            self._claims.add(claim)
            claim.add_done_callback(self._claims.discard)
            claim.add_done_callback(lambda _: self._wake.set())
        return True

    def _room_ahead(self) -> int:
        """How many may be read and parked: as many as can be sent now, or as many as are looked ahead over full windows."""
        return max(self._settings.lookahead, self._admission.room(self._last_function, self._now))

    def _park(self, work: Work[Item]) -> None:
        if work.refusal is not None:
            self._give(results.result_of(work, None, work.refusal))
            return
        if self.stopped_by is not None:
            self._give(results.result_of(work, None, results.unsent(work)), is_left=True)
            return
        self._parking.park(work)

    async def _claim(self, work: Work[Item], journal: Journal) -> None:
        try:
            await self._take_up(work, journal, await journal.claim(work.given_key, work.hash))
        except Exception as error:  # noqa: BLE001 - it ends the run, and is raised for who reads the results
            self._failure = self._failure or error
            self.stop("error")

    async def _take_up(self, work: Work[Item], journal: Journal, known: Stored) -> None:
        work.key = known.key
        self._replays_left -= known.state != "new"
        if known.state == "done":
            self._replay(work, journal, known)
        elif known.state == "started" and not work.idempotent:
            result = journal_records.left_in_flight(work)
            await self._record(work, result)
            self._give(result)
        else:
            work.may_have_run = known.state == "started"
            self._park(work)

    def _replay(self, work: Work[Item], journal: Journal, known: Stored) -> None:
        fault = ""
        try:
            result = journal_records.restored(work, known.result, known.payload, codec=self._codec)
            self._tally.bill(*journal_records.cost_of(known.result))
            self._give(result)
        except journal_records.UnreadableError as error:
            fault = str(error)
        if fault:  # raised here: the context of an error would hold the payload
            raise journal.damaged(f"the result of the item {known.key!r} cannot be read: {fault}")

    # One item

    def _launch(self, work: Work[Item]) -> None:
        self._admission.sent(work.function_name, self._now)
        work.in_window = True
        task = asyncio.create_task(self._run_one(work, self._now))
        self._tasks[task] = work
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        work = self._tasks.pop(task)
        if work.in_window:  # it was cancelled before it began
            self._note_end(work, None, self._now, self._now)
        if task.cancelled():
            self._give(results.result_of(work, None, results.cut(work)))
        elif task.exception() is not None:
            self._failure = self._failure or task.exception()
            self.stop("error")
        self._wake.set()

    async def _run_one(self, work: Work[Item], sent_at: float) -> None:
        clock = asyncio.get_running_loop().time
        output, error = None, None
        throttle: AiolambdaError | None = None
        assert self._run_ended is not None  # noqa: S101 - made by `begin`
        if self._journal is not None:
            await self._journal.started(work.key)
        began = clock()
        try:
            output = await self._send(work.command, self._run_ended)
            output.raise_for_function_error()
        except AiolambdaError as raised:
            error = raised.with_traceback(None)
            may_repeat = not error.may_have_run or (work.idempotent and error.delivery is Delivery.UNKNOWN)
            throttle = error if classification.retry_action_of(error) is RetryAction.WAIT and may_repeat else None
            work.may_have_run |= error.may_have_run
        finally:
            self._note_end(work, throttle, sent_at, clock())
        cost = results.cost_of(output)
        self._tally.bill(*cost)
        work.bill(*cost)
        work.attempts += results.attempts_of(output, error)
        result = results.result_of(work, output, error, duration=clock() - began)
        is_left = throttle is not None or isinstance(error, ClientClosedError) or self._is_cut_short(work, error)
        if not is_left:  # that of a function that failed too, although it may be tried again
            await self._record_or_stop(work, result)
        elif self._journal is not None and not work.may_have_run:  # then a later run may send it
            await self._journal.refused(work.key)
        if not self._is_tried_again(work, error, throttle, clock()):
            self._give(result, is_left=is_left)

    async def _record_or_stop(self, work: Work[Item], result: MapResult[Item]) -> None:
        """A journal that fails ends the run; the result is there all the same, and is given."""
        try:
            await self._record(work, result)
        except AiolambdaError as error:
            self._failure = self._failure or error
            self.stop("error")

    def _is_cut_short(self, work: Work[Item], error: AiolambdaError | None) -> bool:
        """Whether an item failed that the run could have sent again, had it not ended."""
        return error is not None and self.stopped_by is not None and results.may_be_repeated(work, error)

    def _note_end(self, work: Work[Item], throttle: AiolambdaError | None, sent_at: float, now: float) -> None:
        work.in_window = False
        if throttle is None:
            self._admission.ended(work.function_name, sent_at=sent_at)
            return
        limit = throttle if isinstance(throttle, TooManyRequestsException) else None
        self._tally.throttle(None if limit is None else limit.reason)
        scope = None if limit is None else limit.scope
        self._admission.throttled(work.function_name, now, sent_at=sent_at, scope=scope)

    def _is_tried_again(
        self, work: Work[Item], error: AiolambdaError | None, throttle: AiolambdaError | None, now: float
    ) -> bool:
        if self.stopped_by is not None or error is None:
            return False
        work.rests_for = error
        if throttle is not None:
            asked = getattr(throttle, "retry_after", None)
            self._rest(work, now, asked, work.throttles)
            work.throttles += 1
            return True
        work.throttles = 0
        if isinstance(error, FunctionError) and work.function_errors < self._settings.retry_function_errors:
            self._rest(work, now, None, work.function_errors)
            work.function_errors += 1
            return True
        return False

    def _rest(self, work: Work[Item], now: float, asked: float | None, before: int) -> None:
        self._parking.rest(work, now + results.rest_of(asked=asked, before=before, jitter=self._jitter()))

    async def _record(self, work: Work[Item], result: MapResult[Item]) -> None:
        if self._journal is not None:
            content, payload = journal_records.stored(result, billed_ms=work.billed_ms, cold_starts=work.cold_starts)
            await self._journal.done(result.key, content, payload)

    # Giving

    def _give(self, result: MapResult[Item], *, is_left: bool = False) -> None:
        """Have it read. What is left over at an end is a failure of the run, not of the item."""
        self._now = asyncio.get_running_loop().time()
        self._tally.count(result, self._now, is_left=is_left)
        if not result.ok and self._tally.has_too_many_failures(self._settings.max_failures, self._settings.max_failure_ratio):
            self.stop("failures")
        self.outlet.put(result)

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.stopped_by == "failures":
            raise results.too_many_failures(self._tally.failures, self.stats)

    def _tell_progress(self, *, last: bool = False) -> None:
        tell = self._settings.on_progress
        if tell is not None and (last or self._now - self._told >= _PROGRESS_EVERY):
            self._told = self._now
            tell(self.stats)
