"""Writes what is shown on a thread of its own: a terminal that is stopped, or a pipe that nobody reads, stops no invocation.

Laws: memory is bounded, so text is left out if it cannot be written, and then a line says so. `close` waits for a second at
most. Must not know what the text is.
"""

import os
import select
import threading
import time
from collections.abc import Sequence
from typing import Protocol, Self

from ...local import InvocationEvent
from .lines import Item

__all__ = ["View", "Writer"]

_PAUSE = 0.05
"""Seconds for which text is collected before it is written together."""
_INTERVAL = 0.5
"""Seconds after which a view that changes by itself is written again."""
_MOST_WAITING = 8 * 1024 * 1024
"""Bytes of text that wait for the terminal or the pipe."""
_EVENT_SIZE = 500
"""Bytes that an event is counted as."""
_LONGEST_END = 1.0
"""Seconds."""
_COLUMNS, _ROWS = 80, 24
"""The size of a terminal that does not know its size."""


class View(Protocol):
    """Turns items into the bytes to write. It is used on the thread of the writer only."""

    @property
    def is_changing(self) -> bool:
        """Whether the bytes change without a new item."""
        ...

    def render(self, items: Sequence[Item], *, columns: int, rows: int) -> bytes:
        """The bytes that show these items."""
        ...

    def end(self) -> bytes:
        """The bytes to write at the end."""
        ...

    def forget(self) -> None:
        """Another program has used the terminal."""
        ...


class Writer:
    """Writes to a file descriptor while it is used as a context manager. `put` may be called on any thread."""

    def __init__(self, view: View, descriptor: int) -> None:
        self._view = view
        self._descriptor = descriptor
        self._items: list[Item] = []
        self._waiting = 0
        """The size of the items that wait."""
        self._left_out = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_closing = False
        self._is_broken = False
        self._is_forgetting = False
        self._thread = threading.Thread(target=self._run, name="output of aiolambda serve", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing = True
        self._wake.set()
        self._thread.join(_LONGEST_END)

    def put(self, item: Item) -> None:
        """Show an item soon."""
        size = _EVENT_SIZE if isinstance(item, InvocationEvent) else len(item)
        with self._lock:
            if self._waiting + size > _MOST_WAITING:
                self._left_out += 1
                return
            self._waiting += size
            self._items.append(item)
        self._wake.set()

    def redraw(self) -> None:
        """The size of the terminal has changed."""
        self._wake.set()

    def forget(self) -> None:
        """Another program has used the terminal: the next text comes below."""
        self._is_forgetting = True
        self._wake.set()

    def _run(self) -> None:
        is_closing = False
        while not is_closing:
            self._wake.wait(_INTERVAL if self._view.is_changing else None)
            self._wake.clear()
            if not self._is_closing:
                self._collect()
            is_closing = self._is_closing  # all items were put before
            if self._is_forgetting:
                self._is_forgetting = False
                self._view.forget()
            columns, rows = self._size()
            self._write(self._view.render(self._take(), columns=columns, rows=rows))
        self._write(self._view.end())

    def _collect(self) -> None:
        """Let text be put. If the program was stopped meanwhile, `forget` may come a little later than this thread goes on."""
        started = time.monotonic()
        time.sleep(_PAUSE)
        if time.monotonic() - started > 2 * _PAUSE:
            time.sleep(_PAUSE)

    def _take(self) -> Sequence[Item]:
        with self._lock:
            items, self._items, self._waiting = self._items, [], 0
            left_out, self._left_out = self._left_out, 0
        note = f"aiolambda: {left_out:,} pieces of output are left out here, because nothing read them"
        return [*items, note] if left_out else items

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._descriptor)
        except OSError:
            columns = rows = 0
        return columns or _COLUMNS, rows or _ROWS

    def _write(self, data: bytes) -> None:
        while data and not self._is_broken:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError:  # the reader has gone, so all further text is lost
                self._is_broken = True
