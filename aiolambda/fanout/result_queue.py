"""Where results wait for their reader: as they come, or in the order of the items.

Owns the queue and the order. Must not know what a result says.
"""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from .values import MapResult

__all__ = ["ResultQueue"]

Item = TypeVar("Item")


class ResultQueue(Generic[Item]):
    """`put` from one side, `take` from the other; `len` counts what waits."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._ready: deque[MapResult[Item]] = deque()
        self._early: dict[int, MapResult[Item]] = {}
        self._next = 0
        self._closed = False
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready) + len(self._early)

    def put(self, result: MapResult[Item]) -> None:
        """Have a result read, in its turn."""
        if not self._ordered:
            self._ready.append(result)
        else:
            self._early[result.index] = result
            while self._next in self._early:
                self._ready.append(self._early.pop(self._next))
                self._next += 1
        self._arrived.set()

    def close(self) -> None:
        """No more will come; what waits for one that never came does so no longer."""
        self._closed = True
        self._ready.extend(self._early.pop(index) for index in sorted(self._early))
        self._arrived.set()

    async def take(self) -> MapResult[Item] | None:
        """The next result; `None` once no more will come."""
        while not self._ready:
            if self._closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._ready.popleft()
