"""The totals of a map: its results, failures and throttles, its rate, its cost.

Owns the counters, whose memory does not grow with the items. Must not know how an item is sent. Time is an argument.
"""

from collections import Counter
from typing import Any

from ..errors import NotSentError
from ..policy.distribution import Distribution, Rate, percentiles_of
from ..types.values import Delivery, ThrottleReason
from .causes import CauseCounter, request_id_of
from .cost import NO_COST, Cost
from .values import MapResult, MapStats

__all__ = ["StatsCounter", "are_too_many"]

_LEAST_FOR_RATIO = 10
"""Items that must be done before the share of failures is compared with its limit."""
_SHORTEST_RUN = 0.001
"""Seconds over which the average rate of a run is taken, at least."""


def are_too_many(failures: int, done: int, max_failures: int | None, max_ratio: float | None) -> bool:
    """Whether so many failures exceed this number, or this share of the items that are done."""
    if max_failures is not None and failures > max_failures:
        return True
    return max_ratio is not None and done >= _LEAST_FOR_RATIO and failures > max_ratio * done


class StatsCounter:
    """Counts results, throttles and cost; `stats` returns the totals."""

    def __init__(self) -> None:
        self.done = 0
        self.failures = 0
        self.replayed = 0
        self.unsent = 0
        self.hedged = self.hedges_won = 0
        self._failed: Counter[Delivery] = Counter()
        self._throttled: Counter[ThrottleReason | None] = Counter()
        self._attempts = self._retries = 0
        self._durations = Distribution()
        self._rate, self._timed = Rate(), 0
        self._cost = NO_COST
        self._causes = CauseCounter()

    def count_throttle(self, reason: ThrottleReason | None) -> None:
        """Count a request that was throttled."""
        self._throttled[reason] += 1

    def bill(self, cost: Cost) -> None:
        """Add the cost of invocations."""
        self._cost += cost

    def count_result(self, result: MapResult[Any], now: float, *, abandoned: bool = False) -> None:
        """Count an item that is done, or that its run has abandoned."""
        self.done += 1
        if isinstance(result.error, NotSentError):
            self.unsent += 1
        elif result.error is not None:
            self.failures += not (abandoned or result.replayed)
            self._failed[result.delivery] += 1
            self._causes.add(result.error, result.delivery, result.index, request_id_of(result.output, result.error))
        if result.replayed:
            self.replayed += 1
            return
        self._attempts += result.attempts
        self._retries += max(0, result.attempts - 1)
        if not abandoned:
            self._durations.add(result.duration)
            if now >= self._rate.next_step:
                self._rate.begin_step(now, self._timed)
            self._timed += 1

    def has_too_many_failures(self, max_failures: int | None, max_ratio: float | None) -> bool:
        """Whether the failures exceed this number, or this share of all items."""
        return are_too_many(self.failures, self.done, max_failures, max_ratio)

    def stats(self, now: float, *, began: float, pending: int, in_flight: int, window: int) -> MapStats:
        """The totals at this moment."""
        return MapStats(
            pending=pending,
            in_flight=in_flight,
            done=self.done,
            replayed=self.replayed,
            unsent=self.unsent,
            failed=dict(self._failed),
            throttled=dict(self._throttled),
            window=window,
            attempts=self._attempts,
            retries=self._retries,
            hedged=self.hedged,
            hedges_won=self.hedges_won,
            rate=self._rate.per_second(now, self._timed, began=began),
            average_rate=self._timed / max(now - began, _SHORTEST_RUN),
            elapsed=now - began,
            percentiles=percentiles_of([self._durations]),
            billed_ms=self._cost.billed_ms,
            cold_starts=self._cost.cold_starts,
            gb_seconds=self._cost.gb_seconds,
            billed_invocations=self._cost.invocations,
            causes=self._causes.causes(),
        )
