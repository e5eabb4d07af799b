"""Slots: how many invocations are in flight at a time, and who is next.

Laws: first come, first served; a slot that is given back goes to the longest waiter, never to a newcomer; a waiter that
gives up takes nothing with it.

Owns the queue. Must not know what a slot is used for.
"""

import asyncio
from collections import deque

from ..errors import QueueTimeoutError

__all__ = ["Slots"]


class Slots:
    """`limit` slots with a fair queue."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = limit
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def in_flight(self) -> int:
        return self.limit - self._free

    @property
    def waiting(self) -> int:
        return sum(not waiter.done() for waiter in self._waiters)

    async def take(self, limit: float | None) -> None:
        """Wait for a slot, at most so many seconds. `QueueTimeoutError` when none came."""
        if self._free and not self._waiters:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
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
                return
        self._free += 1

    def _give_up(self, waiter: "asyncio.Future[None]") -> None:
        if waiter.done() and not waiter.cancelled():
            self.give_back()  # the slot came in the same moment
        elif waiter in self._waiters:
            self._waiters.remove(waiter)
