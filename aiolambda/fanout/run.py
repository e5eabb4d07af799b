"""A run of a map, as its caller sees it: an iterator of results, with totals and ways to end it.

Owns the `async with` block, the iteration and the check of the event loop. Must not know how items are sent.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Generic, Never, Self, TypeVar

from ..errors import ConfigurationError
from ..errors.checks import check_seconds
from ..pipeline.observers import MapWatch
from .resumption import Resumption
from .run_log import RunLog
from .scheduler import GRACE, MapScheduler
from .values import MapResult, MapStats, StoppedBy

__all__ = ["MapRun"]

Item = TypeVar("Item")


_IS_ITERATED = (
    "a map is iterated, not awaited: async with client.map(...) as run: async for result in run: ..., or all of its "
    "results: await client.map(...).collect()"
)


class MapRun(Generic[Item]):
    """The run of a map, which yields a `MapResult` for each item. Leaving the block early ends the run.

    ::

        async with client.map("resize", items) as run:
            async for result in run:
                print(result.duration, run.stats.rate)

    A loop without the block is correct too. If you leave that loop early, the run sends nothing more, items in flight go on,
    and `client.close()` waits for them.
    """

    def __init__(
        self,
        scheduler: MapScheduler[Item],
        runs: "set[MapRun[Any]]",
        *,
        enter: Callable[[], None],
        watch: MapWatch,
        log: RunLog,
    ) -> None:
        """Made by `client.map` and `client.map_commands`.

        Args:
            scheduler: Sends the items.
            runs: The runs of the client, to which this one belongs while it runs.
            enter: Binds the client to the running event loop.
            watch: Is told of the beginning and the end.
            log: The log of the run.
        """
        self._scheduler = scheduler
        self._enter = enter
        self._watch = watch
        self._log = log
        self._runs = runs
        self._in_block = False

    @property
    def stats(self) -> MapStats:
        """The totals, during the run and after it."""
        return self._scheduler.stats

    @property
    def resumption(self) -> Resumption | None:
        """What the run found in its journal at its start; `None` without a journal, or if earlier runs have sent nothing."""
        return self._scheduler.resumption

    @property
    def stopped_by(self) -> StoppedBy | None:
        """The reason if the run ended before its input did: its deadline, too many failures, its caller, or an error."""
        return self._scheduler.stopped_by

    @property
    def next_index(self) -> int:
        """The index of the first item that was never read from the input."""
        return self._scheduler.source.index

    if not TYPE_CHECKING:  # a type checker finds these mistakes by itself

        def __await__(self) -> Never:
            raise TypeError(_IS_ITERATED)

        __enter__ = __exit__ = __iter__ = __await__

    async def __aenter__(self) -> Self:
        self._in_block = True
        await self._begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[MapResult[Item]]:
        """The results as they arrive, or in the order of the items. At the end, raises the error that ended the run."""
        scheduler = self._scheduler
        await self._begin()
        try:
            while (result := await scheduler.results.take()) is not None:
                scheduler.note_taken()
                yield result
        finally:
            if not self._in_block:
                self.stop()
        scheduler.raise_failure()

    async def collect(self) -> list[MapResult[Item]]:
        """All results as a list, in the order of the iteration. No block is needed: the run begins here, and ends.

        ::

            results = await client.map("resize", items, ordered=True).collect()

        Results that were already taken from the run are not in the list. At a cancellation or an error, the run ends as a
        block does, and items in flight have 30 s.

        Raises:
            TooManyFailuresError: The run ended by its limit of failures. Iterate over the run to have its results as well.
        """
        async with self:
            return [result async for result in self]

    async def aclose(self, *, grace: float | None = GRACE) -> None:
        """Send nothing more, wait for items in flight, then cancel them.

        Args:
            grace: Seconds to wait. Default 30; `None` waits without a limit.
        """
        check_seconds("grace", grace)
        task = self._scheduler.task
        if task is None:
            return
        self._check_loop(task)
        self.stop()
        if self._scheduler.is_current_task:  # called by a middleware of one of its items: the run cannot end before that item
            return
        await asyncio.wait({task}, timeout=grace)
        self._scheduler.abort()
        await asyncio.wait({task})

    def stop(self, *, grace: float | None = None) -> None:
        """Send nothing more. Items in flight go on, and the loop over the results ends with them.

        Args:
            grace: Seconds after which items in flight are cancelled. Default `None`: never. A later call may shorten it.
        """
        check_seconds("grace", grace)
        self._scheduler.stop("caller", grace=grace)

    def detach(self, *, forked: bool) -> None:
        """Release the journal: the run's loop is closed, or is that of another process.

        Args:
            forked: Whether this process is a fork of the one where the run began.
        """
        self._scheduler.detach(forked=forked)

    async def _begin(self) -> None:
        if self._scheduler.task is None:
            self._enter()
            self._runs.add(self)
            self._log.started(asyncio.get_running_loop().time())
            self._watch.started()
        else:
            self._check_loop(self._scheduler.task)
        await self._scheduler.begin(self._end)

    def _end(self) -> None:
        self._runs.discard(self)
        if self._log.is_on:
            self._log.ended(self.stats, self.stopped_by, self._scheduler.failure(), asyncio.get_running_loop().time())
        self._watch.ended(lambda: self.stats, self._scheduler.failure)

    def _check_loop(self, task: "asyncio.Task[None]") -> None:
        if task.get_loop() is not asyncio.get_running_loop():
            raise ConfigurationError("this map began on another event loop: read and close it there, or call map() again")
