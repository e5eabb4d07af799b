"""Items that were read and are not in flight: in a lane of their function, or at rest after a throttle.

Owns who is next. Must not know what an item is sent as.
"""

import heapq
from collections import deque
from typing import Generic, TypeVar

from ..policy.concurrency import Admission
from .source import Work

__all__ = ["Backlog"]

Item = TypeVar("Item")


class Backlog(Generic[Item]):
    """`park` an item, or let it `rest`; `take` the next that there is room for."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Work[Item]]] = {}
        self._resting: list[tuple[float, int, Work[Item]]] = []

    def __len__(self) -> int:
        return self.parked + len(self._resting)

    @property
    def parked(self) -> int:
        """Items that could be sent at once."""
        return sum(map(len, self._lanes.values()))

    @property
    def functions(self) -> set[str]:
        """Those that have an item which could be sent at once."""
        return set(self._lanes)

    @property
    def next_due(self) -> float | None:
        """When the next item at rest is due."""
        return self._resting[0][0] if self._resting else None

    def park(self, work: Work[Item]) -> None:
        """Behind those of its function."""
        self._lanes.setdefault(work.function_name, deque()).append(work)

    def rest(self, work: Work[Item], due: float) -> None:
        """Until then; afterwards it goes before those of its function that have not begun."""
        heapq.heappush(self._resting, (due, work.index, work))

    def take(self, admission: Admission, now: float) -> Work[Item] | None:
        """The next item whose function has room."""
        while self._resting and self._resting[0][0] <= now:
            work = heapq.heappop(self._resting)[2]
            self._lanes.setdefault(work.function_name, deque()).appendleft(work)
        for function, lane in self._lanes.items():
            if admission.room(function, now):
                work = lane.popleft()
                if not lane:
                    del self._lanes[function]  # a map may come by thousands of functions, and is asked for each item
                return work
        return None

    def clear(self) -> list[Work[Item]]:
        """All of them, which are not here any more."""
        left = [work for lane in self._lanes.values() for work in lane] + [work for _, _, work in sorted(self._resting)]
        self._lanes.clear()
        self._resting.clear()
        return left
