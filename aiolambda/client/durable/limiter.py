"""The queue in front of the requests that ask about durable executions.

Laws: first come, first served; a request begins only when the pace allows it at that very moment, so a loop that stood still
releases no burst; a waiter that gives up takes no turn with it.

Owns the queue. Must not know the pace: `policy.polling` does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from ...pipeline.call import Call, CallNext
from ...pipeline.stack import FusibleMiddleware
from ...policy.polling import Pacer

__all__ = ["Limiter", "Turns"]


class Limiter:
    """Turns for the requests of one client on one event loop."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self) -> None:
        """Wait for a turn. It lasts until `release`."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiters and self._pacer.wait(now) == 0:
            self._pacer.begin(now)
            return
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters[waiter] = None
        self._arm()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled() or waiter.exception() is not None:
                self._give_up(waiter)
            else:
                self.release()  # the turn came at the same moment
            raise

    def release(self) -> None:
        """End a turn."""
        self._pacer.end()
        self._arm()

    def close(self, error: Callable[[], Exception]) -> None:
        """Fail all that wait, each with an error of its own."""
        waiters, self._waiters = self._waiters, OrderedDict()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, waiter: "asyncio.Future[None]") -> None:
        self._waiters.pop(waiter, None)
        if not self._waiters and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        """Set the timer for the first waiter. None is needed while all turns are taken: the end of one sets it."""
        if self._timer is not None or not self._waiters:
            return
        loop = asyncio.get_running_loop()
        wait = self._pacer.wait(loop.time())
        if wait is not None:
            self._timer = loop.call_later(wait, self._admit)

    def _admit(self) -> None:
        """Give the first waiter its turn, if it may have it now: the timer may come late, and the pace counts from now."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiters and self._pacer.wait(now) == 0:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():  # else its task was cancelled in this turn of the loop
                self._pacer.begin(now)
                waiter.set_result(None)
        self._arm()


class Turns(FusibleMiddleware):
    """Takes a turn for each attempt of a call. The turn of the first was taken before the call began."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._taken: set[object] = set()
        """Commands whose next attempt has a turn."""

    async def take(self, command: object) -> None:
        """Take the turn of the first attempt, before the time of the call begins."""
        await self._limiter.acquire()
        self._taken.add(command)

    def give_back(self, command: object) -> None:
        """The call has ended. It may have made no attempt."""
        if command in self._taken:
            self._taken.remove(command)
            self._limiter.release()

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return self._attempt(call, call_next)

    async def _attempt(self, call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.command in self._taken:
            self._taken.remove(call.command)
        else:
            await self._limiter.acquire()
        try:
            return await call_next(call)
        finally:
            self._limiter.release()
