"""The columns of the table of invocations, and how they fit a terminal.

Owns the choice of the columns and their widths. Must not know colours, or what is written.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...local import InvocationEvent
from ..files import escape_controls
from .lines import duration_of, name_of, result_of, time_of

__all__ = ["COLUMNS", "STATUS", "cells_of", "line_of", "widths_of"]

_GAP = 2
_NARROW = 14
"""Characters to which a wide column shrinks before another one is left out."""


class _Column(NamedTuple):
    """A column. In a narrow terminal, the one with the lowest rank is left out first."""

    title: str
    rank: int
    most: int
    aligns_right: bool = False


COLUMNS = (
    _Column("TIME", 2, 8),
    _Column("FUNCTION", 5, 40),
    _Column("TYPE", 1, 15),
    _Column("STATUS", 4, 44),
    _Column("DURATION", 3, 10, aligns_right=True),
    _Column("REQUEST", 0, 8),
)
STATUS = 3
"""The index of the column that has a colour."""
_WIDE = (STATUS, 1)
"""The columns that shrink, in this order."""


def cells_of(event: InvocationEvent, now: float) -> Sequence[str]:
    """The cells of an invocation, in ASCII, so that each character takes one place. `now` is in seconds since the epoch."""
    duration = event.duration
    if event.status == "running":
        duration = max(0.0, now - event.started.timestamp())
    cells = (
        time_of(event),
        name_of(event),
        event.invocation_type,
        result_of(event),
        "" if duration is None else duration_of(duration),
        event.request_id[:8],
    )
    return [escape_controls(cell).encode("ascii", "backslashreplace").decode() for cell in cells]


def widths_of(rows: Sequence[Sequence[str]], width: int) -> Mapping[int, int]:
    """The widths of the columns that fit, by index."""
    needed = {
        index: min(column.most, max(len(column.title), *(len(row[index]) for row in rows)))
        for index, column in enumerate(COLUMNS)
    }
    while True:
        widths = dict(needed)
        for index in _WIDE:
            if index in widths and (excess := _total(widths) - width) > 0:
                widths[index] = min(widths[index], max(_NARROW, widths[index] - excess))
        if _total(widths) <= width or len(needed) == 1:
            return widths
        del needed[min(needed, key=lambda index: COLUMNS[index].rank)]


def line_of(cells: Sequence[str], widths: Mapping[int, int]) -> Sequence[str]:
    """The cells of a line with their gaps, in the places of these columns; joined, they are the line."""
    places = [
        cells[index][:width].rjust(width) if COLUMNS[index].aligns_right else cells[index][:width].ljust(width)
        for index, width in widths.items()
    ]
    return [*(place + " " * _GAP for place in places[:-1]), *places[-1:]]


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)
