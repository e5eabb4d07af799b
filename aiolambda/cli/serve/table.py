"""The view on a terminal: a table of the running and the last invocations at the bottom, and all other text above it.

Laws: a line of the table never fills the terminal's width, and the table takes at most half of its height. Text of functions
cannot move the cursor. The cursor stays visible: a program that is killed leaves nothing to repair.

Must not know where the text is written.
"""

import re
import time
from collections import Counter, deque
from collections.abc import Sequence

from ...local import InvocationEvent
from ..colour import Colour, in_colour
from ..files import escape_controls
from .columns import COLUMNS, STATUS, cells_of, line_of, widths_of
from .lines import Item

__all__ = ["TableView"]

_MOST_ROWS = 12
_MOST_QUEUED = 1000
"""Queued events that are known, so that a long queue takes little memory."""
_SGR = re.compile(r"(\x1b\[[0-9;:]*m)")
"""The escape sequence of colours, the only one of a function that is written."""
_END_OF_COLOURS = "\x1b[0m"
_ERASE_BELOW = "\r\x1b[J"
_COLOURS: dict[str, Colour] = {
    "queued": "dim",
    "succeeded": "green",
    "failed": "red",
    "throttled": "yellow",
    "refused": "yellow",
    "stopped": "yellow",
}
_ORDER = ("running", *_COLOURS)
"""The statuses in the order of the counts."""


class TableView:
    """Text that draws the table again in its place, in colours if `has_colours`."""

    def __init__(self, *, has_colours: bool) -> None:
        self._has_colours = has_colours
        self._running: dict[str, InvocationEvent] = {}
        self._queued: dict[str, InvocationEvent] = {}
        self._ended: deque[InvocationEvent] = deque(maxlen=_MOST_ROWS)
        self._counts: Counter[str] = Counter()
        self._partial = ""
        """The start of a line whose end the function has not written yet."""
        self._widths: list[int] = []
        """The widths of the lines of the table that is on the screen."""

    @property
    def is_changing(self) -> bool:
        """Whether the view changes without a new item: a duration grows, or the start of a line waits for its end."""
        return bool(self._running or self._partial)

    def render(self, items: Sequence[Item], *, columns: int, rows: int) -> bytes:
        """The bytes that show these items on a terminal of this size."""
        above = "".join(map(self._text_of, items))
        if not items and self._partial:  # its end has not come for a while
            above = self._whole_partial()
        erase = self._erase(columns)
        lines = self._table(columns - 1, rows)
        self._widths = [len(_SGR.sub("", line)) for line in lines]
        return (erase + above + "\r\n".join(lines)).encode(errors="backslashreplace")

    def end(self) -> bytes:
        """The bytes that leave the last table on the screen, and the cursor below it."""
        partial = self._whole_partial() if self._partial else ""
        return f"\r\n{partial}".encode(errors="backslashreplace") if self._widths or partial else b""

    def forget(self) -> None:
        """Another program has used the terminal, so the next table is drawn below."""
        self._widths = []

    def _erase(self, columns: int) -> str:
        """Erase the table. A terminal that became narrower has wrapped its lines."""
        if not self._widths:
            return ""
        height = sum(max(1, -(-width // columns)) for width in self._widths)
        return (f"\x1b[{height - 1}A" if height > 1 else "") + _ERASE_BELOW

    def _text_of(self, item: Item) -> str:
        """The text above the table."""
        if isinstance(item, InvocationEvent):
            self._note(item)
            return ""
        if isinstance(item, str):
            return f"{escape_controls(item)}\n".replace("\n", "\r\n")
        text = self._partial + item.decode(errors="backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
        whole, newline, self._partial = text.rpartition("\n")
        return self._harmless(whole + newline)

    def _whole_partial(self) -> str:
        line, self._partial = f"{self._partial}\n", ""
        return self._harmless(line)

    def _harmless(self, text: str) -> str:
        """The text without control characters, but with its colours."""
        parts = _SGR.split(text)
        if len(parts) == 1:
            return escape_controls(text).replace("\n", "\r\n")
        kept = [escape_controls(part) if index % 2 == 0 else part * self._has_colours for index, part in enumerate(parts)]
        return "".join(kept).replace("\n", "\r\n") + _END_OF_COLOURS * self._has_colours

    def _note(self, event: InvocationEvent) -> None:
        self._running.pop(event.request_id, None)
        self._queued.pop(event.request_id, None)
        if event.status == "running":
            self._running[event.request_id] = event
        elif event.status == "queued":
            self._queued[event.request_id] = event
            if len(self._queued) > _MOST_QUEUED:
                self._queued.pop(next(iter(self._queued)))
        else:
            self._ended.append(event)
            self._counts[event.status] += 1

    def _table(self, width: int, rows: int) -> list[str]:
        """The lines of the table: the latest invocations, those that run last, and the counts. None before the first."""
        events = [*self._ended, *self._queued.values(), *self._running.values()]
        if not events:
            return []
        room = min(_MOST_ROWS, rows // 2 - 2)
        shown = events[-room:] if room > 0 else []
        cells = [[column.title for column in COLUMNS], *(cells_of(event, time.time()) for event in shown)]
        widths = widths_of(cells, width)
        head, *body = ([cell[: max(width, 0)] for cell in line_of(row, widths)] for row in cells)
        lines = [self._coloured("".join(head), "dim")] if shown else []
        for event, line in zip(shown, body, strict=True):
            if STATUS in widths:
                place = list(widths).index(STATUS)
                line[place] = self._coloured(line[place], _COLOURS.get(event.status))
            lines.append("".join(line))
        return [*lines, self._totals()[:width]]

    def _totals(self) -> str:
        counts = {"running": len(self._running), "queued": len(self._queued), **self._counts}
        return ", ".join(f"{counts[status]:,} {status}" for status in _ORDER if counts.get(status))

    def _coloured(self, text: str, colour: Colour | None) -> str:
        return in_colour(text, colour) if self._has_colours and colour is not None else text
