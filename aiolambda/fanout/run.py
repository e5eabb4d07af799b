"""A run of a map, as its caller sees it: results to read, totals to look at, and ways to end it.

Owns the block, the loop, and who closes what. Must not know how items are sent.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, Self, TypeVar

from ..errors import ConfigurationError
from ..errors.checks import check_seconds
from .scheduler import GRACE, MapScheduler
from .settings import StoppedBy
from .values import MapResult, MapStats

__all__ = ["MapRun"]

Item = TypeVar("Item")


class MapRun(Generic[Item]):
    """`async with client.map(...) as run: async for result in run: ...`; leaving the block early ends the run.

    Without the block a loop that runs to its end is right, too. One that is left early submits nothing more; what is in flight
    ends by itself, and `client.close()` awaits it.
    """

    def __init__(self, course: MapScheduler[Item], runs: "set[MapRun[Any]]", *, enter: Callable[[], None]) -> None:
        self._course = course
        self._enter = enter
        self._runs = runs
        self._in_block = False

    @property
    def stats(self) -> MapStats:
        """The totals, while it runs and after."""
        return self._course.stats

    @property
    def stopped_by(self) -> StoppedBy | None:
        """What ended the run before its input did: its deadline, too many failures, its caller, or an error."""
        return self._course.stopped_by

    @property
    def next_index(self) -> int:
        """The first item that was never read from the input."""
        return self._course.source.index

    async def __aenter__(self) -> Self:
        self._in_block = True
        await self._begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[MapResult[Item]]:
        """The results, as they come or in the order of the items. Raises what ended the run, when all were given."""
        course = self._course
        await self._begin()
        try:
            while (result := await course.outlet.take()) is not None:
                course.look()
                yield result
        finally:
            if not self._in_block:
                self.stop()
        course.raise_failure()

    async def aclose(self, *, grace: float | None = GRACE) -> None:
        """Submit nothing more, let what is in flight end for so many seconds (`None`: all it needs), cut the rest."""
        check_seconds("grace", grace)
        pump = self._course.pump
        if pump is None:
            return
        self._check_loop(pump)
        self.stop()
        if asyncio.current_task() in self._course.tasks:  # a middleware of one of its calls: the run cannot end before that
            return
        await asyncio.wait({pump}, timeout=grace)
        self._course.cut()
        await asyncio.wait({pump})

    def stop(self) -> None:
        """Submit nothing more; what is in flight ends by itself."""
        self._course.stop("caller")

    def abandon(self, *, forked: bool) -> None:
        """Its loop is closed, or another process's: nobody goes on with it here."""
        self._course.abandon(forked=forked)

    async def _begin(self) -> None:
        if self._course.pump is None:
            self._enter()
            self._runs.add(self)
        else:
            self._check_loop(self._course.pump)
        await self._course.begin(functools.partial(self._runs.discard, self))

    def _check_loop(self, pump: "asyncio.Task[None]") -> None:
        if pump.get_loop() is not asyncio.get_running_loop():
            raise ConfigurationError("this map began on another event loop, and can be read and ended only there")
