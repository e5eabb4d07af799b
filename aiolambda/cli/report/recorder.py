"""Records a run for its report, and writes the report at the end.

Must not know how the page looks.
"""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

from ...errors import NotSentError
from ...fanout.values import MapResult, MapStats
from ...types.values import Delivery
from ...version import __version__
from ..items import Line
from ..price import Price
from .page import RunFacts, page
from .timeline import Durations, Timeline

__all__ = ["Recorder"]


class Recorder:
    """Call `add` with each result and `sample` with the totals; `write` at the end."""

    def __init__(self, path: str, function_name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._function_name = function_name
        self._clock = clock
        self._began = clock()
        self._date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self._timeline = Timeline()
        self._durations = Durations()

    def add(self, result: MapResult[Line]) -> None:
        """Record a result. Replayed ones, and items that were not sent, are in the totals alone."""
        if result.replayed or isinstance(result.error, NotSentError):
            return
        self._timeline.add(self._clock() - self._began, ok=result.ok, unknown=result.delivery is Delivery.UNKNOWN)
        self._durations.add(result.duration)

    def sample(self, stats: MapStats) -> None:
        """Record what is in flight."""
        throttled = sum(stats.throttled.values())
        self._timeline.sample(self._clock() - self._began, in_flight=stats.in_flight, window=stats.window, throttled=throttled)

    def write(self, stats: MapStats, *, total: int | None, unsent: int, stopped_by: str | None, price: Price | None) -> None:
        """Write the page. Raises `OSError`."""
        facts = RunFacts(
            function_name=self._function_name,
            began=self._date,
            seconds=self._clock() - self._began,
            total=total,
            unsent=unsent,
            stopped_by=stopped_by,
            version=__version__,
        )
        text = page(facts, stats, self._timeline, self._durations, price)
        Path(self._path).write_text(text, encoding="utf-8", errors="backslashreplace")
