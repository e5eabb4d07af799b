"""Slots: how many invocations are in flight at a time, and who is next.

Laws: first come, first served, but for a retry that is due, which goes before all that have not begun; a slot that is given
back goes to the next waiter, never to a newcomer; a waiter that gives up takes nothing with it.

Owns the queue. Must not know what a slot is used for.
"""

import asyncio
import logging
from collections import deque

from ..errors import ConfigurationError, QueueTimeoutError

__all__ = ["Slots", "most_slots"]

_MOST_BY_DEFAULT = 1000
_PASSED_OVER = 1000
"""How many that gave up the queue may hold before it is swept: to look for one at a time would take quadratic time."""
_LONG_WAIT = 60.0
"""Seconds of waiting after which a warning says so: most who wait for that long do not know that they do."""


def most_slots(asked: int | None, room: int | None) -> int:
    """How many slots: what was asked for, if there is room for so many sockets; the most that is sensible otherwise."""
    if asked is None:
        return _MOST_BY_DEFAULT if room is None else min(_MOST_BY_DEFAULT, room)
    if room is not None and asked > room:
        raise ConfigurationError(
            f"max_concurrency is {asked:,}, and the limit of open files leaves room for {room:,} connections: raise the limit "
            "(ulimit -n) or ask for fewer"
        )
    return asked


class _Waiter:
    def __init__(self, future: "asyncio.Future[None]", since: float) -> None:
        self.future = future
        self.since = since


class Slots:
    """`limit` slots with a fair queue."""

    def __init__(self, limit: int, *, logger: logging.Logger) -> None:
        self.limit = limit
        self._logger = logger
        self._free = limit
        self._due: deque[_Waiter] = deque()
        self._waiters: deque[_Waiter] = deque()
        self.waiting = 0
        """Calls that wait. The queues may hold more: who gives up is left in them, and passed over."""
        self._warning: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        return self.limit - self._free

    def anew(self) -> "Slots":
        """As many for another loop, where none of those is taken that are on this one."""
        return Slots(self.limit, logger=self._logger)

    @property
    def is_free(self) -> bool:
        """Whether a slot can be had without waiting."""
        return self._free > 0

    def take_free(self) -> bool:
        """Take a slot that is free; whether there was one."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def take(self, limit: float | None, *, first: bool = False) -> None:
        """Wait for a slot, at most so many seconds, `first` before all who are not. `QueueTimeoutError` when none came."""
        if self.take_free():
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), loop.time())
        (self._due if first else self._waiters).append(waiter)
        self._count(+1)
        if self._warning is None:
            self._warning = loop.call_later(_LONG_WAIT, self._warn)
        try:
            async with asyncio.timeout(limit):
                await waiter.future
        except BaseException as error:
            self._give_up(waiter)
            if isinstance(error, TimeoutError):
                raise QueueTimeoutError(
                    f"no slot was free within {limit} s: {self.in_flight} calls are in flight, {self.waiting} wait"
                ) from None
            raise

    def give_back(self) -> None:
        """Hand a slot on to the next waiter, or make it free."""
        for queue in (self._due, self._waiters):
            while queue:
                waiter = queue.popleft()
                if not waiter.future.done():
                    waiter.future.set_result(None)
                    self._count(-1)
                    return
        self._free += 1

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter.future.done() and not waiter.future.cancelled():
            self.give_back()  # the slot came in the same moment
            return
        waiter.future.cancel()
        self._count(-1)
        if len(self._waiters) + len(self._due) > 2 * self.waiting + _PASSED_OVER:
            self._due, self._waiters = (
                deque(waiter for waiter in queue if not waiter.future.done()) for queue in (self._due, self._waiters)
            )

    def _count(self, change: int) -> None:
        self.waiting += change
        if not self.waiting and self._warning is not None:
            self._warning.cancel()
            self._warning = None

    def _warn(self) -> None:
        """Say once that calls wait for long; until nobody waits any more it is not said again."""
        loop = asyncio.get_running_loop()
        waiters = (waiter for queue in (self._due, self._waiters) for waiter in queue if not waiter.future.done())
        longest = min((waiter.since for waiter in waiters), default=loop.time())  # none, where the last gives up in this moment
        if loop.time() < longest + _LONG_WAIT:
            self._warning = loop.call_at(longest + _LONG_WAIT, self._warn)
            return
        self._logger.warning(
            "calls have waited %d s for a slot: %d are in flight, all that max_concurrency allows, and %d wait",
            _LONG_WAIT,
            self.in_flight,
            self.waiting,
        )
