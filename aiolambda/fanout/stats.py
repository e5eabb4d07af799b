"""The totals of a map: its results, failures and throttles, its rate, its cost.

Owns the counters, whose memory does not grow with the items. Must not know how an item is sent. Time is an argument.
"""

import math
from collections import Counter, deque
from typing import Any

from ..errors import NotSentError
from ..types.values import Delivery, ThrottleReason
from .values import MapResult, MapStats

__all__ = ["StatsCounter"]

_PER_BUCKET = math.log(1.05)
_LEAST_FOR_RATIO = 10
"""Items that must be done before the share of failures is compared with its limit."""
_PERCENTILES = (50, 90, 99)
_RATE_SPAN = 5.0
_RATE_STEP = 0.1
"""Seconds over which the rate is taken, and seconds whose results are counted together."""


class StatsCounter:
    """Counts results, throttles and cost; `stats` returns the totals."""

    def __init__(self) -> None:
        self.done = 0
        self.failures = 0
        self.replayed = 0
        self.unsent = 0
        self._failed: Counter[Delivery] = Counter()
        self._throttled: Counter[ThrottleReason | None] = Counter()
        self._durations: Counter[int] = Counter()  # by the logarithm of milliseconds
        self._billed_ms = 0.0
        self._cold_starts = 0
        self._recent = deque([[-math.inf, 0.0]])  # tenths of a second: when each began, and its number of results

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
        elif not abandoned:
            self._durations[round(math.log(max(result.duration * 1000, 0.001)) / _PER_BUCKET)] += 1
            if now - self._recent[-1][0] < _RATE_STEP:
                self._recent[-1][1] += 1
            else:
                self._begin_step(now)

    def _begin_step(self, now: float) -> None:
        self._recent.append([now, 1])
        while now - self._recent[0][0] > _RATE_SPAN:
            self._recent.popleft()

    def has_too_many_failures(self, max_failures: int | None, max_ratio: float | None) -> bool:
        """Whether the failures exceed this number, or this share of all items."""
        if max_failures is not None and self.failures > max_failures:
            return True
        return max_ratio is not None and self.done >= _LEAST_FOR_RATIO and self.failures > max_ratio * self.done

    def stats(self, now: float, *, began: float, pending: int, in_flight: int, window: int) -> MapStats:
        """The totals at this moment."""
        recent: float = sum(count for at, count in self._recent if now - at <= _RATE_SPAN)
        return MapStats(
            pending=pending,
            in_flight=in_flight,
            done=self.done,
            replayed=self.replayed,
            unsent=self.unsent,
            failed=dict(self._failed),
            throttled=dict(self._throttled),
            window=window,
            rate=recent / max(min(_RATE_SPAN, now - began), 0.001),
            percentiles=self._percentiles(),
            billed_ms=self._billed_ms,
            cold_starts=self._cold_starts,
        )

    def _percentiles(self) -> dict[int, float]:
        total = self._durations.total()
        found: dict[int, float] = {}
        seen = 0
        for bucket in sorted(self._durations):
            seen += self._durations[bucket]
            for per_cent in _PERCENTILES:
                if per_cent not in found and seen * 100 >= total * per_cent:
                    found[per_cent] = math.exp(bucket * _PER_BUCKET) / 1000
        return found
