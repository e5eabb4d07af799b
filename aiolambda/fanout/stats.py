"""The totals of a map: its results, failures and throttles, its rate, its cost.

Owns the counters, whose memory does not grow with the items. Must not know how an item is sent. Time is an argument.
"""

from collections import Counter
from typing import Any

from ..errors import NotSentError
from ..policy.distribution import Distribution, Rate, percentiles_of
from ..types.values import Delivery, ThrottleReason
from .values import MapResult, MapStats

__all__ = ["StatsCounter"]

_LEAST_FOR_RATIO = 10
"""Items that must be done before the share of failures is compared with its limit."""


class StatsCounter:
    """Counts results, throttles and cost; `stats` returns the totals."""

    def __init__(self) -> None:
        self.done = 0
        self.failures = 0
        self.replayed = 0
        self.unsent = 0
        self._failed: Counter[Delivery] = Counter()
        self._throttled: Counter[ThrottleReason | None] = Counter()
        self._attempts = self._retries = 0
        self._durations = Distribution()
        self._rate, self._timed = Rate(), 0
        self._billed_ms = 0.0
        self._cold_starts = 0

    def count_throttle(self, reason: ThrottleReason | None) -> None:
        """Count a request that was throttled."""
        self._throttled[reason] += 1

    def bill(self, billed_ms: float, cold_starts: int) -> None:
        """Add the cost of invocations."""
        self._billed_ms += billed_ms
        self._cold_starts += cold_starts

    def count_result(self, result: MapResult[Any], now: float, *, abandoned: bool = False) -> None:
        """Count an item that is done, or that its run has abandoned."""
        self.done += 1
        if isinstance(result.error, NotSentError):
            self.unsent += 1
        elif result.error is not None:
            self.failures += not (abandoned or result.replayed)
            self._failed[result.delivery] += 1
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
        if max_failures is not None and self.failures > max_failures:
            return True
        return max_ratio is not None and self.done >= _LEAST_FOR_RATIO and self.failures > max_ratio * self.done

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
            rate=self._rate.per_second(now, self._timed, began=began),
            percentiles=percentiles_of([self._durations]),
            billed_ms=self._billed_ms,
            cold_starts=self._cold_starts,
        )
