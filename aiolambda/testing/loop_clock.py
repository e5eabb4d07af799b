"""A clock for things that outlive an event loop.

Must not know what is timed.
"""

import asyncio
import time
import weakref

__all__ = ["LoopClock"]


class LoopClock:
    """Seconds since the clock was made. They pass as on the loop that runs, also on one of virtual time, and never go back."""

    def __init__(self) -> None:
        self.epoch = time.time()
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._offset = 0.0
        self._last = 0.0

    def now(self) -> float:
        """The time now. Without a loop that runs, that of the last question."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._last
        if self._loop is None or self._loop() is not loop:
            self._offset = max(self._last, time.time() - self.epoch) - loop.time()
            self._loop = weakref.ref(loop)
        self._last = max(self._last, loop.time() + self._offset)
        return self._last
