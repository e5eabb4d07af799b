"""The progress of a map on stderr: a display on a terminal, plain lines elsewhere.

Must not know how the map works.
"""

import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..fanout.values import MapStats
from ..types.values import ThrottleReason
from . import colour
from .files import print_error

__all__ = ["ProgressListener", "progress"]

_LINE_INTERVAL = 5.0
"""Seconds between two plain lines."""
_LEAST_BAR = 12
"""Columns that the display leaves for its bar."""
_MANY = 0.1
"""The share of failures from which on the display is red."""
_REASONS: dict[ThrottleReason | None, str] = {
    None: "no reason",
    ThrottleReason.CONCURRENT_INVOCATION_LIMIT_EXCEEDED: "account",
    ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED: "reserved",
    ThrottleReason.FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED: "function rate",
    ThrottleReason.RESERVED_FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED: "reserved rate",
    ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: "caller rate",
    ThrottleReason.CONCURRENT_SNAPSHOT_CREATE_LIMIT_EXCEEDED: "snapshots",
}
"""Short names: the summary at the end has the whole ones."""


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
    shown = console.Console(stderr=True, no_color=not colour.is_on(sys.stderr))
    with rich_progress.Progress(
        rich_progress.TextColumn("[{task.fields[health]}]{task.fields[details]}", table_column=table.Column(no_wrap=True)),
        rich_progress.BarColumn(bar_width=None, table_column=table.Column(ratio=1)),  # takes the columns that are left
        console=shown,
        expand=True,
        transient=True,  # the summary follows
    ) as display:
        task = display.add_task("items", total=total, details="", health="default")

        def update(stats: MapStats, /) -> None:
            details = "\n".join(_wrapped(_parts(stats, total), shown.width - _LEAST_BAR))
            display.update(task, completed=stats.done, details=details, health=_health(stats))

        yield update


def _details(stats: MapStats, total: int | None) -> str:
    return ", ".join(_parts(stats, total))


def _parts(stats: MapStats, total: int | None) -> Iterator[str]:
    """Items, share, failures, throttles by reason, rate, time left and window."""
    done, failed = stats.done, sum(stats.failed.values())
    if total is not None and done > total:  # the file has grown
        total = None
    yield f"{done:,} done" if total is None else f"{done:,} of {total:,} done ({done / max(total, 1):.0%})"
    if failed:
        yield f"{failed:,} failed"
    if stats.throttled:
        yield f"{sum(stats.throttled.values()):,} throttled ({_reasons(stats)})"
    yield f"{stats.rate:,.0f}/s"
    if total is not None and stats.rate > 0 and total > done:
        yield f"{_clock((total - done) / stats.rate)} left"
    yield f"{stats.in_flight:,} of {stats.window:,} in flight"


def _reasons(stats: MapStats) -> str:
    """The reasons of throttles, the most frequent one first; with their counts if there are several."""
    ranked = sorted(stats.throttled.items(), key=lambda entry: -entry[1])
    if len(ranked) == 1:
        return _name_of(ranked[0][0])
    return ", ".join(f"{_name_of(reason)} {count:,}" for reason, count in ranked)


def _name_of(reason: ThrottleReason | None) -> str:
    return _REASONS.get(reason, str(reason))


def _wrapped(parts: Iterator[str], width: int) -> Iterator[str]:
    """The parts in lines of this width: the columns of a narrow terminal do not cut the end off."""
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if line and len(longer) > width:
            yield f"{line},"
            longer = part
        line = longer
    yield line


def _health(stats: MapStats) -> str:
    """The colour of the display: red if many items failed, yellow if some did or requests were throttled, else green."""
    failed = sum(stats.failed.values())
    if failed > _MANY * max(stats.done, 1):
        return "red"
    return "yellow" if failed or stats.throttled else "green"


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
