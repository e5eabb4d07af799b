"""Slots: how many invocations are in flight at a time, and who is next.

Laws: first come, first served; a slot that is given back goes to the longest waiter, never to a newcomer; a waiter that
gives up takes nothing with it.

Owns the queue. Must not know what a slot is used for.
"""

import asyncio
from collections import deque

from ..errors import QueueTimeoutError

__all__ = ["Slots"]

_PASSED_OVER = 1000
"""How many that gave up the queue may hold before it is swept: to look for one at a time would take quadratic time."""


class Slots:
    """`limit` slots with a fair queue."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = limit
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.waiting = 0
        """Calls that wait. The queue may hold more: who gives up is left in it, and passed over."""

    @property
    def in_flight(self) -> int:
        return self.limit - self._free

    async def take(self, limit: float | None) -> None:
        """Wait for a slot, at most so many seconds. `QueueTimeoutError` when none came."""
        if self._free:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.waiting += 1
        try:
            async with asyncio.timeout(limit):
                await waiter
        except BaseException as error:
            self._give_up(waiter)
            if isinstance(error, TimeoutError):
                raise QueueTimeoutError(
                    f"no slot was free within {limit} s: {self.in_flight} calls are in flight, {self.waiting} wait"
                ) from None
            raise

    def give_back(self) -> None:
        """Hand a slot on to the longest waiter, or make it free."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self.waiting -= 1
                return
        self._free += 1

    def _give_up(self, waiter: "asyncio.Future[None]") -> None:
        if waiter.done() and not waiter.cancelled():
            self.give_back()  # the slot came in the same moment
            return
        waiter.cancel()
        self.waiting -= 1
        if len(self._waiters) > 2 * self.waiting + _PASSED_OVER:
            self._waiters = deque(waiter for waiter in self._waiters if not waiter.done())
