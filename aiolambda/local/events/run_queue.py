"""Events that wait for their run: in order, so many at a time, and again after a pause.

Laws: there is a task for each event that runs, and none for those that wait. An event that is refused keeps its place.

Must not know what an event runs, or what follows its end.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable

from ...types.values import ThrottleReason
from ..runtime.pool import ConcurrencyExceeded
from .admission import Throttle, Turns
from .event import QueuedEvent

__all__ = ["RunQueue"]


class RunQueue:
    """Runs events with `run`, at most `limit` at a time with synchronous calls. All methods are for the thread of the loop.

    `run` returns the seconds after which the event is to run again, or `None`. It raises nothing but `ConcurrencyExceeded`.
    `give_up` gets the events that reached their age limit while they waited.
    """

    def __init__(self, run: Callable[[QueuedEvent], Awaitable[float | None]], give_up: Callable[[QueuedEvent], None]) -> None:
        self._run = run
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._orders = itertools.count()
        self._ready: list[tuple[int, QueuedEvent]] = []
        self._delayed: list[tuple[float, int, QueuedEvent]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._is_cancelled = False
        self._wake_up: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._turns = Turns()
        self._throttle = Throttle()

    @property
    def limit(self) -> int:
        """The concurrency of the function. Default 1."""
        return self._turns.limit

    @limit.setter
    def limit(self, value: int) -> None:
        is_more = value > self._turns.limit
        self._turns.limit = value
        if is_more:
            self._wake()

    def put(self, event: QueuedEvent) -> None:
        """Run an event after those before it."""
        self._enter(event)
        self._wake()

    def free(self) -> None:
        """Something that took up concurrency has ended, here or elsewhere."""
        if self._throttle.free(self._loop.time()):
            self._start_events()  # at once, before another synchronous call takes what is free

    def begin_call(self) -> None:
        """A synchronous call begins. Raises `ConcurrencyExceeded` if it may not. Otherwise, call `end_call` at its end."""
        if not self._turns.begin_call(self._loop.time(), is_event_waiting=bool(self._ready)):
            raise ConcurrencyExceeded(ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED)

    def end_call(self) -> None:
        """A synchronous call has ended, or was refused by another limit."""
        self._turns.end_call()
        self._start_events()

    def take_dropped(self) -> list[QueuedEvent]:
        """Remove the events that wait and were dropped, and return them."""
        waiting = [*(event for _, event in self._ready), *(event for _, _, event in self._delayed)]
        dropped = [event for event in waiting if event.is_dropped]
        if dropped:
            self._ready = [entry for entry in self._ready if not entry[-1].is_dropped]
            self._delayed = [entry for entry in self._delayed if not entry[-1].is_dropped]
            heapq.heapify(self._ready)
            heapq.heapify(self._delayed)
        return dropped

    def cancel(self) -> set[asyncio.Task[None]]:
        """Forget the events that wait, and cancel those that run: their tasks. Use the queue no more."""
        self._is_cancelled = True
        self._ready, self._delayed = [], []
        for handle in (self._wake_up, self._timer):
            if handle is not None:
                handle.cancel()
        for task in self._running:
            task.cancel()
        return set(self._running)

    def _enter(self, event: QueuedEvent) -> None:
        event.order = next(self._orders)
        heapq.heappush(self._ready, (event.order, event))

    def _wake(self) -> None:
        if self._wake_up is None and not self._is_cancelled:
            self._wake_up = self._loop.call_soon(self._on_wake_up)

    def _on_wake_up(self) -> None:
        self._wake_up = None
        self._start_events()

    def _start_events(self) -> None:
        """Start what may run now, and set the timer for the rest."""
        now = self._loop.time()
        while self._delayed and self._delayed[0][0] <= now:
            self._enter(heapq.heappop(self._delayed)[-1])
        while self._ready:
            event = self._ready[0][-1]
            if now >= event.expires_at:
                heapq.heappop(self._ready)
                self._give_up(event)
            elif self._throttle.may_start(now) and self._turns.begin_event(now):
                heapq.heappop(self._ready)
                self._throttle.start(now)
                self._start(event)
            else:
                break
        self._set_timer(now)

    def _start(self, event: QueuedEvent) -> None:
        task = self._loop.create_task(self._run_one(event), name=f"an event of {event.name}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._turns.end_event()
        if self._ready or self._delayed:
            self._wake()

    async def _run_one(self, event: QueuedEvent) -> None:
        try:
            pause = await self._run(event)
        except ConcurrencyExceeded:
            heapq.heappush(self._ready, (event.order, event))
            self._throttle.refuse(self._loop.time())
            return
        self._throttle.accept()
        if pause is not None:
            heapq.heappush(self._delayed, (self._loop.time() + pause, event.order, event))

    def _set_timer(self, now: float) -> None:
        """Wake up when something changes by itself: a retry is due, an event reaches its age limit, a pause ends."""
        times = [self._delayed[0][0]] if self._delayed else []
        if self._ready:
            times += (self._ready[0][-1].expires_at, self._throttle.resume_at, self._turns.room_until)
        due = min((time for time in times if time > now), default=None)
        if self._timer is not None:
            if self._timer.when() == due:
                return
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake()
