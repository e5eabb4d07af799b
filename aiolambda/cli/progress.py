"""The progress of a map on stderr: a display on a terminal, plain lines elsewhere, and the final summary.

Must not know how the map works.
"""

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from ..fanout.values import MapStats
from . import colour
from .files import print_error

__all__ = ["ProgressListener", "progress", "status_line", "summary_of"]

_LINE_INTERVAL = 5.0
"""Seconds between two plain lines."""


class ProgressListener(Protocol):
    """Called with the totals, at most ten times a second."""

    def __call__(self, stats: MapStats, /) -> None: ...


@contextmanager
def progress(total: int | None, *, line_interval: float = _LINE_INTERVAL) -> Generator[ProgressListener]:
    """Show progress inside the block: with `rich` if it is installed and stderr is a terminal, else as plain lines."""
    rich = _import_rich() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else None
    if rich is None:
        yield _PlainLines(line_interval)
        return
    console, rich_progress = rich
    with rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[details]}"),
        rich_progress.TimeElapsedColumn(),
        console=console.Console(stderr=True, no_color=not colour.is_on(sys.stderr)),
    ) as display:
        task = display.add_task("items", total=total, details="")

        def update(stats: MapStats, /) -> None:
            display.update(task, completed=stats.done, details=_details(stats))

        yield update


def _details(stats: MapStats) -> str:
    """Rate, window, throttles and errors."""
    parts = [f"{stats.rate:,.0f}/s", f"{stats.in_flight} of {stats.window} in flight"]
    parts += [f"{sum(stats.throttled.values()):,} throttled"] if stats.throttled else []
    failed = sum(stats.failed.values()) - stats.unsent
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{stats.unsent:,} not sent"] if stats.unsent else []
    return ", ".join(parts)


def status_line(stats: MapStats) -> str:
    return f"aiolambda: {stats.done:,} done, {_details(stats)}"


def summary_of(stats: MapStats, *, seconds: float, stopped_by: str | None) -> dict[str, Any]:
    """The totals as JSON values."""
    return {
        "done": stats.done,
        "ok": stats.done - sum(stats.failed.values()),
        "replayed": stats.replayed,
        "unsent": stats.unsent,
        "failed": {str(verdict): count for verdict, count in stats.failed.items()},
        "throttled": {str(reason or "without a reason"): count for reason, count in stats.throttled.items()},
        "seconds": round(seconds, 3),
        "percentiles_ms": {f"p{per_cent}": round(value * 1000, 1) for per_cent, value in stats.percentiles.items()},
        "billed_ms": stats.billed_ms,
        "cold_starts": stats.cold_starts,
        "stopped_by": stopped_by,
    }


class _PlainLines:
    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._printed_at = time.monotonic()

    def __call__(self, stats: MapStats, /) -> None:
        if time.monotonic() - self._printed_at >= self._interval:
            self._printed_at = time.monotonic()
            print_error(status_line(stats))


def _import_rich() -> Any:
    try:
        import rich.console  # noqa: PLC0415 - loaded only for a terminal
        import rich.progress  # noqa: PLC0415 - as above
    except ImportError:
        return None
    return rich.console, rich.progress
