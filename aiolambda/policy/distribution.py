"""Percentiles of durations, and the rate at which things end. Their memory does not grow with the number of durations.

Laws: a percentile is exact to 5 %, the longest duration is exact. Another thread may read while one adds.

Owns the buckets. Never reads a clock: times are seconds of any monotonic clock.
"""

import math
from collections import deque
from collections.abc import Iterable

__all__ = ["PERCENTILES", "RATE_STEP", "Distribution", "Rate", "percentiles_of", "quantile_of"]

PERCENTILES = (50, 90, 99, 100)
"""Per cent. The last is the longest duration."""
_STEP = math.log(1.05)
"""Each bucket is 5 % longer than the one before it."""
_SHORTEST = 1e-6
"""Seconds. Anything shorter counts as 0."""
_ZERO = math.floor(math.log(_SHORTEST) / _STEP)
"""The bucket of 0."""
RATE_STEP = 0.1
_RATE_SPAN = 5.0
"""Seconds whose results are counted together, and seconds over which the rate is taken."""


class Distribution:
    """Counts durations by their length."""

    __slots__ = ("_counts", "_longest")

    def __init__(self, *durations: float) -> None:
        self._counts: dict[int, int] = {}
        self._longest = 0.0
        self.add(*durations)

    def add(self, *durations: float) -> None:
        """Count durations, in seconds."""
        counts = self._counts
        for seconds in durations:
            bucket = round(math.log(seconds) / _STEP) if seconds > _SHORTEST else _ZERO
            counts[bucket] = counts.get(bucket, 0) + 1
            if seconds > self._longest:  # noqa: PLR1730 - `max` takes several times as long
                self._longest = seconds

    def counts(self) -> dict[int, int]:
        """A copy of the counts, by bucket. A copy is made in one piece, whatever another thread adds meanwhile."""
        return self._counts.copy()

    @property
    def total(self) -> int:
        """The number of durations."""
        return sum(self.counts().values())

    @property
    def longest(self) -> float:
        """The longest duration, in seconds."""
        return self._longest


def percentiles_of(distributions: Iterable[Distribution], *, zeros: int = 0) -> dict[int, float]:
    """The percentiles of all of their durations together, in seconds, by per cent. Empty if there are none.

    `zeros` is a number of durations of 0 that were not added.
    """
    counts = {_ZERO: zeros} if zeros > 0 else {}
    longest = 0.0
    for distribution in distributions:
        longest = max(longest, distribution.longest)
        for bucket, count in distribution.counts().items():
            counts[bucket] = counts.get(bucket, 0) + count
    total, seen, last = sum(counts.values()), 0, max(counts, default=_ZERO)
    found: dict[int, float] = {}
    for bucket in sorted(counts):
        seen += counts[bucket]
        seconds = longest if bucket == last else 0.0 if bucket == _ZERO else math.exp(bucket * _STEP)
        for per_cent in PERCENTILES:
            if per_cent not in found and seen * 100 >= total * per_cent:
                found[per_cent] = seconds
    return found


def quantile_of(distributions: Iterable[Distribution], share: float) -> float:
    """The seconds within which this share of all their durations lies; 0 if there are none.

    It is the upper end of a bucket: at most 5 % too long, and never too short.
    """
    counts: dict[int, int] = {}
    for distribution in distributions:
        for bucket, count in distribution.counts().items():
            counts[bucket] = counts.get(bucket, 0) + count
    wanted, seen = share * sum(counts.values()), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return 0.0 if bucket == _ZERO else math.exp((bucket + 0.5) * _STEP)
    return 0.0


class Rate:
    """Results per second over the last 5 s. Call `begin_step` before counting a result, once `next_step` has come."""

    __slots__ = ("_steps", "next_step")

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()  # when each step began, and the results before it
        self.next_step = -math.inf
        """The time of the next step. Comparing it takes less than a call for each result."""

    def begin_step(self, now: float, results: int) -> None:
        """Begin a tenth of a second, before which there were so many results."""
        if self._steps and now < self._steps[-1][0]:  # the clock is that of another event loop
            self._steps.clear()
        self._steps.append((now, results))
        while now - self._steps[0][0] > _RATE_SPAN:
            self._steps.popleft()
        self.next_step = now + RATE_STEP

    def per_second(self, now: float, results: int, *, began: float) -> float:
        """The rate now, with so many results in all. Before 5 s have passed since `began`, it is taken over that time."""
        before = next((before for at, before in self._steps.copy() if now - at <= _RATE_SPAN), results)
        return (results - before) / max(min(_RATE_SPAN, now - began), 0.001)
