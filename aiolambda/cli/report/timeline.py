"""What happened in a run, by time, and how long its items took, in a memory that does not grow with the run.

Laws: there are at most 240 spans of equal width; when time passes beyond the last one, neighbours are joined and the width
doubles. Counts are exact, whatever the width. Time is an argument, in seconds since the run began.
"""

import math
from collections import Counter

import attrs

__all__ = ["Durations", "Span", "Timeline"]

_MOST_SPANS = 240
_FIRST_WIDTH = 0.25
"""Seconds."""
_BARS_PER_DECADE = 10
_SHORTEST = 0.001
"""Seconds. Shorter durations are in the first bar."""


@attrs.define
class Span:
    """Counts of results that came in a span of time, throttled requests, and the most invocations that were in flight."""

    ok: int = 0
    failed: int = 0
    unknown: int = 0
    throttled: int = 0
    in_flight: int = 0
    window: int = 0

    def join(self, other: "Span") -> None:
        self.ok += other.ok
        self.failed += other.failed
        self.unknown += other.unknown
        self.throttled += other.throttled
        self.in_flight = max(self.in_flight, other.in_flight)
        self.window = max(self.window, other.window)


class Timeline:
    """The spans of a run, from its beginning on."""

    def __init__(self) -> None:
        self.width = _FIRST_WIDTH
        """Seconds of a span."""
        self.spans: list[Span] = []
        self._throttled = 0

    def add(self, at: float, *, ok: bool, unknown: bool = False) -> None:
        """Count a result."""
        span = self._span(at)
        if ok:
            span.ok += 1
        elif unknown:
            span.unknown += 1
        else:
            span.failed += 1

    def sample(self, at: float, *, in_flight: int, window: int, throttled: int) -> None:
        """Note what is in flight, and the number of all throttled requests so far."""
        span = self._span(at)
        span.in_flight = max(span.in_flight, in_flight)
        span.window = max(span.window, window)
        span.throttled += max(0, throttled - self._throttled)
        self._throttled = max(self._throttled, throttled)

    def _span(self, at: float) -> Span:
        at = max(0.0, at)
        while at >= self.width * _MOST_SPANS:
            self._join_neighbours()
        index = int(at / self.width)
        while len(self.spans) <= index:
            self.spans.append(Span())
        return self.spans[index]

    def _join_neighbours(self) -> None:
        for first, second in zip(self.spans[::2], self.spans[1::2], strict=False):
            first.join(second)
        self.spans = self.spans[::2]
        self.width *= 2


class Durations:
    """Durations in bars, ten for each power of ten."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self._counts[math.floor(math.log10(max(seconds, _SHORTEST)) * _BARS_PER_DECADE)] += 1

    def bars(self) -> list[tuple[float, float, int]]:
        """From, to (seconds), and the count, for each bar from the shortest duration to the longest."""
        if not self._counts:
            return []
        first, last = min(self._counts), max(self._counts)
        return [(_edge(bar), _edge(bar + 1), self._counts[bar]) for bar in range(first, last + 1)]


def _edge(bar: int) -> float:
    return float(10 ** (bar / _BARS_PER_DECADE))
