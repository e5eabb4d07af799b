"""When a call is sent a second time, and how often: the percentiles of answer times, and the share of calls that may be hedged.

Laws: nothing is hedged by a percentile before enough answers are known; of the calls of a function, at most a tenth are hedged,
beside the first few; none is while the function is throttled. Memory does not grow with the calls, nor with the functions.

Owns the records of functions. Must not know how a hedge is sent. Never reads a clock: times are seconds of any monotonic clock.
Source: "The Tail at Scale" (Dean and Barroso, 2013), for hedged requests.
"""

from collections import OrderedDict

from ..types.values import HedgeAfter
from .distribution import Distribution, quantile_of

__all__ = ["FunctionRecord", "FunctionRecords"]

_SHARE = 0.1
_BURST = 10.0
"""The share of the calls that may be hedged, and the hedges that a function may have beside it."""
_LEAST_ANSWERS = 100
"""Answers that must be known before a percentile counts: the slowest of fewer is a poor 99th percentile."""
_GENERATION = 5_000
"""Answers after which the older half is forgotten, so that the percentiles follow a function that changes."""
_REFRESHED_AFTER = 50
"""Answers after which a percentile is taken again."""
_SHORTEST = 0.001
"""Seconds. A hedge after less would be sent before an answer can come."""
_THROTTLE_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
"""Seconds without a hedge after a throttle, if it asked for no more, and at most."""
_MOST_FUNCTIONS = 1000
_SHARES = {"p90": 0.90, "p95": 0.95, "p99": 0.99}


class FunctionRecord:
    """The answer times of one function, and the hedges that it may have."""

    def __init__(self) -> None:
        self._tokens = _BURST
        self._before: Distribution | None = None
        self._answers = Distribution()
        self._count = 0
        self._known = 0
        self._delays: dict[str, float] = {}
        self._throttled_until: float | None = None

    @property
    def answers(self) -> int:
        """The answers that are known."""
        return self._known

    def begin(self) -> None:
        """Count a call that may be hedged."""
        self._tokens = min(_BURST, self._tokens + _SHARE)

    def delay(self, after: HedgeAfter) -> float | None:
        """Seconds after which a call is hedged; `None` as long as too few answers are known."""
        if not isinstance(after, str):
            return after
        if self._known < _LEAST_ANSWERS:
            return None
        delay = self._delays.get(after)
        if delay is None:
            known = [self._answers] if self._before is None else [self._before, self._answers]
            delay = self._delays[after] = max(_SHORTEST, quantile_of(known, _SHARES[after]))
        return delay

    def answered(self, seconds: float) -> None:
        """Count the time of a first request: to its answer, or to the moment at which its hedge won.

        A request that was cut would have taken longer still. It counts all the same, with more than the delay of its hedge:
        without it, the percentile would fall with each hedge, and more and more calls would be hedged. The times of hedges do
        not count: only those that win are ever known, so they are too short.
        """
        self._answers.add(seconds)
        self._count += 1
        self._known += 1
        if self._known % _REFRESHED_AFTER == 0:
            self._delays.clear()
        if self._count >= _GENERATION:
            self._known = self._count
            self._before, self._answers, self._count = self._answers, Distribution(), 0

    def throttled(self, now: float, retry_after: float | None) -> None:
        """Lambda throttled a request."""
        self._throttled_until = now + min(_LONGEST_PAUSE, max(_THROTTLE_PAUSE, retry_after or 0.0))

    def may_hedge(self, now: float) -> bool:
        """Whether a call may be hedged now."""
        until = self._throttled_until
        if until is not None:
            if 0 < until - now <= _LONGEST_PAUSE:  # more, if the clock is that of another event loop
                return False
            self._throttled_until = None
        return self._tokens >= 1.0

    def hedged(self) -> None:
        """Count a hedge."""
        self._tokens -= 1.0


class FunctionRecords:
    """The records of the functions that a client has called lately."""

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[str, str | None], FunctionRecord] = OrderedDict()

    def of(self, function_name: str, qualifier: str | None) -> FunctionRecord:
        """The record of a function. The one that was not called for the longest time makes room for a new one."""
        key = function_name, qualifier
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = FunctionRecord()
            if len(self._records) > _MOST_FUNCTIONS:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(key)
        return record
