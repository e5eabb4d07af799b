"""The items of a map that were read and are not in flight: ready to send, or waiting for the time of their retry.

Owns the order in which items are sent. Must not know what is sent for an item.
"""

import heapq
from collections import deque
from typing import Generic, TypeVar

from ..policy.concurrency import Admission
from .item import WorkItem

__all__ = ["Backlog"]

Item = TypeVar("Item")


class Backlog(Generic[Item]):
    """One queue of ready items for each function, and the items whose retry is not due yet."""

    def __init__(self) -> None:
        self.ready = 0
        """The number of items that wait for nothing but a window."""
        self._queues: dict[str, deque[WorkItem[Item]]] = {}
        self._delayed: list[tuple[float, int, WorkItem[Item]]] = []

    def __len__(self) -> int:
        return self.ready + len(self._delayed)

    def has_ready(self, function: str) -> bool:
        """Whether an item of this function waits for its window."""
        return function in self._queues

    @property
    def ready_functions(self) -> set[str]:
        """The functions that have a ready item."""
        return set(self._queues)

    @property
    def next_retry_at(self) -> float | None:
        """When the next delayed item is due."""
        return self._delayed[0][0] if self._delayed else None

    def add(self, work: WorkItem[Item]) -> None:
        """Queue an item behind the ready items of its function."""
        self.ready += 1
        self._queues.setdefault(work.function_name, deque()).append(work)

    def delay(self, work: WorkItem[Item], retry_at: float) -> None:
        """Hold an item until `retry_at`, then queue it ahead of unsent items."""
        heapq.heappush(self._delayed, (retry_at, work.index, work))

    def take(self, admission: Admission, now: float) -> WorkItem[Item] | None:
        """Remove and return the next ready item whose function has room in its window."""
        while self._delayed and self._delayed[0][0] <= now:
            work = heapq.heappop(self._delayed)[2]
            self.ready += 1
            self._queues.setdefault(work.function_name, deque()).appendleft(work)
        for function, items in self._queues.items():
            if admission.room(function, now):
                work = items.popleft()
                self.ready -= 1
                if not items:
                    del self._queues[function]  # a map may name thousands of functions, and each `take` looks at the queues
                return work
        return None

    def clear(self) -> list[WorkItem[Item]]:
        """Remove and return all items."""
        ready = [work for items in self._queues.values() for work in items]
        delayed = [work for _, _, work in sorted(self._delayed)]
        self.ready = 0
        self._queues.clear()
        self._delayed.clear()
        return ready + delayed
