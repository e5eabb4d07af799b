"""The queue of results between a run and its reader: in the order of arrival, or in the order of the items.

Owns the queue and its order. Must not know the content of a result.
"""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from .values import MapResult

__all__ = ["ResultQueue"]

Item = TypeVar("Item")


class ResultQueue(Generic[Item]):
    """The run calls `put`, the reader `take`. `taken` counts the results that the reader took."""

    def __init__(self, *, ordered: bool) -> None:
        self.taken = 0
        self._ordered = ordered
        self._ready: deque[MapResult[Item]] = deque()
        self._early: dict[int, MapResult[Item]] = {}
        self._next = 0
        self._closed = False
        self._arrived = asyncio.Event()

    def put(self, result: MapResult[Item]) -> None:
        """Queue a result; if the queue is ordered, behind the results of all earlier items."""
        if not self._ordered:
            self._ready.append(result)
        else:
            self._early[result.index] = result
            while self._next in self._early:
                self._ready.append(self._early.pop(self._next))
                self._next += 1
        self._arrived.set()

    def close(self) -> None:
        """Expect no more results, and release those that wait for an earlier item."""
        self._closed = True
        self._ready.extend(self._early.pop(index) for index in sorted(self._early))
        self._arrived.set()

    async def take(self) -> MapResult[Item] | None:
        """The next result; `None` if the queue is closed and empty."""
        while not self._ready:
            if self._closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        self.taken += 1
        return self._ready.popleft()
