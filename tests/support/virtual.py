"""An event loop with a virtual clock: it never waits for a timer, it moves its clock to the timer that is due next.

A test chooses it with `@pytest.mark.virtual_time` (see `tests/conftest.py`). Code on this loop must not wait for a real
socket or process; the clock would run ahead of them.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _ClockSelector(selectors.DefaultSelector):
    """Polls its files. If none is ready, it adds the timeout to the loop's clock and returns."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            ready = super().select(self.loop.patience)
            if not ready:
                raise RuntimeError("the test waits forever: no task can run, and no timer is set on the virtual loop")
        else:
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock starts at 0. A test may also set `now` itself.

    Without a timer only a thread can wake the loop. It waits `patience` real seconds for one, then it raises RuntimeError.
    """

    def __init__(self, *, patience: float = 10.0) -> None:
        self.now = 0.0
        self.patience = patience
        selector = _ClockSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads in real time: the runner's timeout would pass at once."""
        await super().shutdown_default_executor()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a new virtual loop: for a test that needs several, one after the other."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
