"""The concurrency of a cluster, divided by its workers; and the room that the coordinator has for items.

Owns the division and its order: shares shrink before others grow. Must not know how a worker is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from ...policy.concurrency import FixedAdmission

__all__ = ["Budget", "ClusterAdmission", "shares_of"]


def shares_of(total: int, workers: Collection[str]) -> dict[str, int]:
    """Whole numbers that add up to the total; the first workers have one more than the last."""
    if not workers:
        return {}
    each, more = divmod(total, len(workers))
    return {worker: each + (place < more) for place, worker in enumerate(workers)}


class Budget:
    """The shares of a total. `tell(worker, share)` returns once the worker has no more calls in flight than that."""

    def __init__(self, total: int, tell: Callable[[str, int], Awaitable[bool]]) -> None:
        self.total = total
        self.shares: dict[str, int] = {}
        self._tell = tell

    async def divide(self, workers: Collection[str], *, draining: Collection[str] = ()) -> bool:
        """Divide the total by these workers. Returns whether all of them have answered.

        Workers that are gone have no share any more; those of `draining` keep theirs, because their calls still run. It may be
        cancelled, and begun again.
        """
        aims = shares_of(self.total, workers)
        for gone in self.shares.keys() - aims.keys() - set(draining):
            del self.shares[gone]
        shrinking = {worker: aim for worker, aim in aims.items() if aim < self.shares.get(worker, 0)}
        async with asyncio.TaskGroup() as group:
            shrunk = {worker: group.create_task(self._shrink(worker, aim)) for worker, aim in shrinking.items()}
        growing: dict[str, int] = {}
        for worker, aim in aims.items():
            now = self.shares.get(worker, 0)
            grown = min(aim, now + self.total - sum(self.shares.values()))
            if grown > now:
                growing[worker] = self.shares[worker] = grown  # counted before it is told: it may arrive without an answer
        answers = await asyncio.gather(*(self._tell(worker, grown) for worker, grown in growing.items()))  # one may be stalled
        return all(answers) and all(task.result() for task in shrunk.values())

    async def _shrink(self, worker: str, aim: int) -> bool:
        has_answered = await self._tell(worker, aim)
        if has_answered:
            self.shares[worker] = aim
        return has_answered


class ClusterAdmission(FixedAdmission):
    """Room for the items that may be at the workers, or on their way to them: it moves as workers come and go."""

    def __init__(self, most: Callable[[], int]) -> None:
        super().__init__(most())
        self._most_now = most

    def room(self, function: str, now: float) -> int:
        return self._most_now() - self._in_flight

    def window(self, function: str) -> int:
        return self._most_now()
