"""Slots: the limit of invocations in flight, and a fair queue for them.

Laws: first come, first served, except that repeated requests go before calls that have not begun; a released slot goes to the
next waiter, never to a newcomer; a waiter that gives up takes no slot with it.

Owns the queue. Must not know the use of a slot.
"""

import asyncio
import logging
from collections import deque

from ..errors import ConfigurationError, QueueTimeoutError

__all__ = ["CONTROL_PLANE_LIMIT", "Slots", "control_plane_slots", "problem_of_few", "slot_limit"]

CONTROL_PLANE_LIMIT = 10
"""Calls in flight that manage functions. Lambda allows 15 of most of them in a second, in an account and region.

Source: "Lambda API requests" in the quotas of the developer guide.
"""
_DEFAULT_LIMIT = 1000
_FEW = 50
"""Slots below which a client warns, unless so many were asked for: a service hardly ever means to wait for so few."""
_MAX_ABANDONED = 1000
"""Waiters that gave up, which the queue may hold before it is swept. Removing them one at a time would take quadratic time."""
_WARN_AFTER = 60.0
"""Seconds of waiting before a warning: most callers that wait so long do not know that they do."""


def slot_limit(asked: int | None, room: int | None) -> int:
    """The number of slots: `max_concurrency` as asked for, or else 1,000. `room` is the most sockets that can be open.

    `ConfigurationError` if more slots are asked for than there is room for sockets.
    """
    if asked is None:
        return _DEFAULT_LIMIT if room is None else min(_DEFAULT_LIMIT, room)
    if room is not None and asked > room:
        raise ConfigurationError(
            f"max_concurrency is {asked:,}, and the limit of open files leaves room for {room:,} connections: raise the limit "
            "(ulimit -n) or ask for fewer"
        )
    return asked


def problem_of_few(asked: int | None, limit: int) -> str | None:
    """The text about a limit that is low only because few files may be open; `None` if it is high enough, or was asked for."""
    if asked is not None or limit >= _FEW:
        return None
    calls = "1 call" if limit == 1 else f"{limit} calls"
    return f"at most {calls} in flight, because the limit of open files (ulimit -n) leaves no room for more"


class _Waiter:
    def __init__(self, future: "asyncio.Future[None]", since: float) -> None:
        self.future = future
        self.since = since


class Slots:
    """`limit` slots with a fair queue."""

    def __init__(self, limit: int, *, logger: logging.Logger, is_set: bool = True) -> None:
        """Make the slots. `is_set` says whether the limit is the setting `max_concurrency`, for texts."""
        self.limit, self._is_set = limit, is_set
        self._logger = logger
        self.free = limit
        """Slots that nobody holds."""
        self._repeats: deque[_Waiter] = deque()
        self._waiters: deque[_Waiter] = deque()
        self.waiting = 0
        """Calls that wait. The queues may hold more: a waiter that gives up stays in them, and is skipped."""
        self._warning: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        return self.limit - self.free

    def renewed(self) -> "Slots":
        """The same number of free slots, for another loop."""
        return Slots(self.limit, logger=self._logger, is_set=self._is_set)

    def acquire_nowait(self) -> bool:
        """Take a free slot. `False` if there is none."""
        if not self.free:
            return False
        self.free -= 1
        return True

    async def acquire(self, limit: float | None, *, first: bool = False) -> None:
        """Wait for a slot, at most `limit` seconds; `QueueTimeoutError` if none was free. `first` goes before all others."""
        if self.acquire_nowait():
            return
        loop, others = asyncio.get_running_loop(), self.waiting
        waiter = _Waiter(loop.create_future(), loop.time())
        (self._repeats if first else self._waiters).append(waiter)
        self._count(+1)
        if self._warning is None:
            self._warning = loop.call_later(_WARN_AFTER, self._warn)
        try:
            async with asyncio.timeout(limit):
                await waiter.future
        except BaseException as error:
            self._give_up(waiter)
            if isinstance(error, TimeoutError):
                waiting = f"{others:,} other calls were" if others > 1 else f"{others or 'no'} other call was"
                limits = "max_concurrency" if self._is_set else "the limit of calls that manage functions"
                raise QueueTimeoutError(
                    f"no slot was free within {limit} s ({limits} is {self.limit:,}); when this call began to wait, "
                    f"{waiting} waiting"
                ) from None
            raise

    def release(self) -> None:
        """Hand a slot to the next waiter, or make it free."""
        if not self._waiters and not self._repeats:
            self.free += 1
            return
        for queue in (self._repeats, self._waiters):
            while queue:
                waiter = queue.popleft()
                if not waiter.future.done():
                    waiter.future.set_result(None)
                    self._count(-1)
                    return
        self.free += 1

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter.future.done() and not waiter.future.cancelled():
            self.release()  # the slot came at the same moment
            return
        waiter.future.cancel()
        self._count(-1)
        if len(self._waiters) + len(self._repeats) > 2 * self.waiting + _MAX_ABANDONED:
            self._repeats, self._waiters = (
                deque(waiter for waiter in queue if not waiter.future.done()) for queue in (self._repeats, self._waiters)
            )

    def _count(self, change: int) -> None:
        self.waiting += change
        if not self.waiting and self._warning is not None:
            self._warning.cancel()
            self._warning = None

    def _warn(self) -> None:
        """Warn of calls that have waited too long: once, until no call waits any more."""
        loop = asyncio.get_running_loop()
        waiters = (waiter for queue in (self._repeats, self._waiters) for waiter in queue if not waiter.future.done())
        longest = min((waiter.since for waiter in waiters), default=loop.time())  # none, if the last gives up at this moment
        if loop.time() < longest + _WARN_AFTER:
            self._warning = loop.call_at(longest + _WARN_AFTER, self._warn)
            return
        self._logger.warning(
            "calls have waited %d s for a slot: %d in flight (the limit, see max_concurrency), %d waiting"
            if self._is_set
            else "calls that manage functions have waited %d s for a slot: %d in flight (their limit), %d waiting",
            _WARN_AFTER,
            self.in_flight,
            self.waiting,
        )


def control_plane_slots(logger: logging.Logger) -> Slots:
    """The slots of calls that manage functions."""
    return Slots(CONTROL_PLANE_LIMIT, logger=logger, is_set=False)
