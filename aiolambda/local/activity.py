"""The count of what an endpoint still does, for those that wait until it is idle: in any thread, on any event loop.

Must not know what is counted.
"""

import asyncio
import threading
from concurrent.futures import Future

__all__ = ["Activity"]


class Activity:
    """Counts work from `begin` to `end`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[object] = set()
        self._waiters: list[Future[None]] = []

    def begin(self) -> object:
        """Count a piece of work. Give the result to `end`."""
        token = object()
        with self._lock:
            self._running.add(token)
        return token

    def end(self, token: object) -> None:
        """The work has ended. It may have been forgotten before."""
        with self._lock:
            self._running.discard(token)
            waiters = [] if self._running else self._take_waiters()
        _release(waiters)

    def forget(self) -> None:
        """Count nothing of what runs now."""
        with self._lock:
            self._running.clear()
            waiters = self._take_waiters()
        _release(waiters)

    async def wait(self) -> None:
        """Wait until nothing runs."""
        await asyncio.wrap_future(self._idle())

    def wait_sync(self, timeout: float | None) -> bool:
        """Block the thread until nothing runs, for so many seconds at most. Returns whether nothing runs."""
        idle = self._idle()
        try:
            idle.result(timeout)
        except TimeoutError:
            return False
        return True

    def _idle(self) -> "Future[None]":
        idle: Future[None] = Future()
        with self._lock:
            if self._running:
                self._waiters.append(idle)
                return idle
        idle.set_result(None)
        return idle

    def _take_waiters(self) -> "list[Future[None]]":
        taken, self._waiters = self._waiters, []
        return taken


def _release(waiters: "list[Future[None]]") -> None:
    for waiter in waiters:
        if waiter.set_running_or_notify_cancel():
            waiter.set_result(None)
