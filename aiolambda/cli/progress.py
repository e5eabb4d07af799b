"""The progress of a map on stderr: a display on a terminal, plain lines elsewhere.

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

__all__ = ["ProgressListener", "progress"]

_LINE_INTERVAL = 5.0
"""Seconds between two plain lines."""


class ProgressListener(Protocol):
    """Called with the totals, at most ten times a second."""

    def __call__(self, stats: MapStats, /) -> None: ...


@contextmanager
def progress(
    total: int | None, *, line_interval: float = _LINE_INTERVAL, has_display: bool = True
) -> Generator[ProgressListener]:
    """Show progress inside the block: with `rich` if it is installed and stderr is a terminal, else as plain lines.

    `has_display` is false if results go to the same terminal: they would break the display.
    """
    is_possible = has_display and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    rich = _import_rich() if is_possible else None
    if rich is None:
        yield _PlainLines(line_interval, total)
        return
    console, rich_progress, table = rich
    with rich_progress.Progress(
        rich_progress.TextColumn("{task.fields[details]}", table_column=table.Column(no_wrap=True)),
        rich_progress.BarColumn(bar_width=None, table_column=table.Column(ratio=1)),  # takes the columns that are left
        console=console.Console(stderr=True, no_color=not colour.is_on(sys.stderr)),
        expand=True,
        transient=True,  # the summary follows
    ) as display:
        task = display.add_task("items", total=total, details="")

        def update(stats: MapStats, /) -> None:
            display.update(task, completed=stats.done, details=_details(stats, total))

        yield update


def _details(stats: MapStats, total: int | None) -> str:
    """Items, share, failures, throttles, rate, time left and window: a narrow terminal cuts the end off."""
    done, failed = stats.done, sum(stats.failed.values())
    parts = [f"{done:,} done" if total is None else f"{done:,} of {total:,} done ({done / max(total, 1):.0%})"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{sum(stats.throttled.values()):,} throttled"] if stats.throttled else []
    parts += [f"{stats.rate:,.0f}/s"]
    if total is not None and stats.rate > 0 and total > done:
        parts += [f"{_clock((total - done) / stats.rate)} left"]
    parts += [f"{stats.in_flight:,} of {stats.window:,} in flight"]
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _PlainLines:
    def __init__(self, interval: float, total: int | None) -> None:
        self._interval = interval
        self._total = total
        self._printed_at = time.monotonic()

    def __call__(self, stats: MapStats, /) -> None:
        if time.monotonic() - self._printed_at >= self._interval:
            self._printed_at = time.monotonic()
            print_error(f"aiolambda: {_details(stats, self._total)}")


def _import_rich() -> Any:
    try:
        import rich.console  # noqa: PLC0415 - loaded only for a terminal
        import rich.progress  # noqa: PLC0415 - as above
        import rich.table  # noqa: PLC0415 - as above
    except ImportError:
        return None
    return rich.console, rich.progress, rich.table
