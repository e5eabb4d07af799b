"""How far a map is: a display on a terminal, a plain line every few seconds elsewhere, and the summary at its end.

Owns what is said of a run on standard error. Must not know how it goes on.
"""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from ..fanout.values import MapStats
from .files import tell

__all__ = ["Teller", "line_of", "progress", "summary_of"]

_EVERY = 5.0
"""Seconds between two plain lines."""


class Teller(Protocol):
    """Is told the totals, at most ten times a second."""

    def __call__(self, stats: MapStats, /) -> None: ...


@contextmanager
def progress(total: int | None, *, plain_every: float = _EVERY) -> Generator[Teller]:
    """A display for as long as the block lasts: of `rich`, on a terminal that has it; plain lines without."""
    rich = _rich() if sys.stderr.isatty() else None
    if rich is None:
        yield _PlainLines(plain_every)
        return
    with rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[details]}"),
        rich.TimeElapsedColumn(),
        console=_console(),
    ) as display:
        task = display.add_task("items", total=total, details="")

        def tell(stats: MapStats, /) -> None:
            display.update(task, completed=stats.done, details=details_of(stats))

        yield tell


def details_of(stats: MapStats) -> str:
    """Rate, window, throttles and errors."""
    said = [f"{stats.rate:,.0f}/s", f"{stats.in_flight} of {stats.window} in flight"]
    said += [f"{sum(stats.throttled.values()):,} throttled"] if stats.throttled else []
    said += [f"{sum(stats.failed.values()):,} failed"] if stats.failed else []
    return ", ".join(said)


def line_of(stats: MapStats) -> str:
    return f"aiolambda: {stats.done:,} done, {details_of(stats)}"


def summary_of(stats: MapStats, *, seconds: float, stopped_by: str | None) -> dict[str, Any]:
    """The totals for machines."""
    return {
        "done": stats.done,
        "ok": stats.done - sum(stats.failed.values()),
        "replayed": stats.replayed,
        "failed": {str(verdict): count for verdict, count in stats.failed.items()},
        "throttled": {str(reason or "without a reason"): count for reason, count in stats.throttled.items()},
        "seconds": round(seconds, 3),
        "percentiles_ms": {f"p{per_cent}": round(value * 1000, 1) for per_cent, value in stats.percentiles.items()},
        "billed_ms": stats.billed_ms,
        "cold_starts": stats.cold_starts,
        "stopped_by": stopped_by,
    }


class _PlainLines:
    def __init__(self, every: float) -> None:
        self._every = every
        self._told = time.monotonic()

    def __call__(self, stats: MapStats, /) -> None:
        if time.monotonic() - self._told >= self._every:
            self._told = time.monotonic()
            tell(line_of(stats))


def _rich() -> Any:
    try:
        import rich.progress  # noqa: PLC0415 - loaded when a terminal is there to show it
    except ImportError:
        return None
    return rich.progress


def _console() -> Any:
    import rich.console  # noqa: PLC0415 - as above

    return rich.console.Console(stderr=True)
