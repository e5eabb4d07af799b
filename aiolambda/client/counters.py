"""The counters of the calls of a client: by outcome since it was built, and the durations of the last minutes.

Laws: memory does not grow with the calls, nor with the error codes that a server sends. Another thread may read.

Owns the numbers of `client.stats`. Must not know how an outcome is found. Time is an argument.
"""

import math
from typing import TYPE_CHECKING

from ..pipeline.context import PipelineState
from ..policy.distribution import RATE_STEP, Distribution, Rate, percentiles_of
from ..types.events import Outcome
from ..types.stats import ClientStats
from ..types.values import Delivery

if TYPE_CHECKING:
    from ..operations.report import Report

__all__ = ["CallCounters"]

_SPAN = 300.0
_SLICE = 60.0
"""Seconds that the percentiles look back, and seconds whose calls are forgotten together."""
_MOST_CODES = 50
_OTHER = "other"
"""Error codes that are told apart, and the key of the others: a server in between may invent any number."""


class _Slice:
    """The calls that ended within a minute."""

    __slots__ = ("began", "durations", "waits")

    def __init__(self, began: float) -> None:
        self.began = began
        self.durations, self.waits = Distribution(), Distribution()


class CallCounters:
    """Counts the ends of calls; `stats` returns the totals."""

    def __init__(self) -> None:
        self.ran = 0
        """The calls with the outcome `EXECUTED` that `Endings.returned` counts by itself."""
        self.durations: list[float] = []
        self.waits: list[float] = []
        """Seconds that calls took and have waited, and that `fold` has not counted yet. Waits of 0 are left out."""
        self.last = self.next_fold = -math.inf
        """The time of the last end. From `next_fold` on, `fold` comes before the next end."""
        self._outcomes = dict.fromkeys(Outcome, 0)
        self._failed: dict[Delivery, int] = {}
        self._refused: dict[str, int] = {}
        self._billed_ms = 0.0
        self._cold_starts = 0
        self._slices: tuple[_Slice, ...] = ()  # replaced as a whole, so that a reader in another thread has a whole one
        self._rate = Rate()
        self._began = 0.0

    @property
    def done(self) -> int:
        """The calls that have ended."""
        return self.ran + sum(self._outcomes.values())

    def count(self, outcome: Outcome, now: float, duration: float, queued: float) -> None:
        """Count the end of a call, with the seconds that it took and those that it waited."""
        if not self.last <= now < self.next_fold:
            self.fold(now, duration)
        self.last = now
        self._outcomes[outcome] += 1
        self.durations.append(duration)
        if queued:
            self.waits.append(queued)

    def count_failure(self, outcome: Outcome, verdict: Delivery, code: str) -> None:
        """Count the failure of a call that is counted as ended."""
        self._failed[verdict] = self._failed.get(verdict, 0) + 1
        if outcome is Outcome.REFUSED:
            if code not in self._refused and len(self._refused) >= _MOST_CODES:
                code = _OTHER
            self._refused[code] = self._refused.get(code, 0) + 1

    def bill(self, report: "Report") -> None:
        """Count the cost of an invocation."""
        self._billed_ms += report.billed_duration_ms or 0.0
        self._cold_starts += report.is_cold_start

    def fold(self, now: float, duration: float) -> None:
        """Count the durations since the last time, before the end of a call that took so long."""
        if self._slices:
            self._slices[-1].durations.add(*self.durations)
            self._slices[-1].waits.add(*self.waits)
        self.durations.clear()
        self.waits.clear()
        if now < self.last or not self._slices:  # the clock is that of another event loop
            self._began, self._slices = now - duration, ()
        if not self._slices or now >= self._slices[-1].began + _SLICE:
            self._slices = (*_lately(self._slices, now), _Slice(now))
        self._rate.begin_step(now, self.done)
        self.next_fold = now + RATE_STEP

    def stats(self, state: PipelineState, now: float | None) -> ClientStats:
        """The totals at this moment; `None` for that of the last end, if no clock is at hand."""
        now = self.last if now is None else now
        requests, outcomes, slices = state.counters, self._outcomes.copy(), _lately(self._slices, now)
        outcomes[Outcome.EXECUTED] += self.ran
        done = sum(outcomes.values())
        durations, waits = [part.durations for part in slices], [part.waits for part in slices]
        if slices:  # the ends since the last fold
            durations.append(Distribution(*self.durations))
            waits.append(Distribution(*self.waits))
        unqueued = sum(part.total for part in durations) - sum(part.total for part in waits)
        return ClientStats(
            in_flight=state.slots.in_flight,
            waiting=state.slots.waiting,
            done=done,
            outcomes=outcomes,
            failed=self._failed.copy(),
            refused=self._refused.copy(),
            throttled=requests.throttled.copy(),
            attempts=requests.attempts,
            retries=requests.retries,
            hedged=requests.hedged,
            hedges_won=requests.hedges_won,
            rate=self._rate.per_second(now, done, began=self._began),
            percentiles=percentiles_of(durations),
            queue_percentiles=percentiles_of(waits, zeros=unqueued),
            billed_ms=self._billed_ms,
            cold_starts=self._cold_starts,
        )


def _lately(slices: tuple[_Slice, ...], now: float) -> tuple[_Slice, ...]:
    """Those that the percentiles are about."""
    return tuple(part for part in slices if part.began > now - _SPAN)
