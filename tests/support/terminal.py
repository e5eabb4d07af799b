"""A pseudo-terminal for the program, and a screen that shows what a person would see there. It needs pyte.

Owns the terminal and its size. Must not know the program.
"""

import asyncio
import contextlib
import os
import pty
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

pyte = pytest.importorskip("pyte")


class Screen:
    """The screen of a terminal of this size, as a terminal emulator draws it."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self._screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data
        self._stream.feed(data)

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty, with those that have scrolled away."""
        columns = range(self._screen.columns)
        gone = ["".join(line[column].data for column in columns).rstrip() for line in self._screen.history.top]
        return [line for line in (*gone, *(line.rstrip() for line in self._screen.display)) if line]

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        return self._screen.cursor.x, self._screen.cursor.y

    @property
    def line_of_cursor(self) -> str:
        return str(self._screen.display[self._screen.cursor.y])

    @property
    def is_cursor_hidden(self) -> bool:
        return bool(self._screen.cursor.hidden)


class Terminal(Screen):
    """A pseudo-terminal with its screen. `end` is what the program gets as its standard streams."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        super().__init__(columns, rows)
        self._main, self.end = pty.openpty()
        os.set_blocking(self._main, False)
        termios.tcsetwinsize(self.end, (rows, columns))
        self.before = termios.tcgetattr(self.end)

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._main, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._main)
        os.close(self._main)
        os.close(self.end)

    def type(self, text: str) -> None:
        """Write what a person types."""
        os.write(self._main, text.encode())

    def resize(self, columns: int, rows: int) -> None:
        super().resize(columns, rows)
        termios.tcsetwinsize(self.end, (rows, columns))

    def stop_reading(self) -> None:
        """Read nothing more, as a terminal after Ctrl-S."""
        asyncio.get_running_loop().remove_reader(self._main)

    @property
    def has_the_same_settings(self) -> bool:
        return termios.tcgetattr(self.end) == self.before

    async def shows(self, condition: Callable[[list[str]], object]) -> None:
        """Wait until the lines of the screen meet the condition."""
        try:
            async with asyncio.timeout(30):
                while not condition(self.lines):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError("the screen shows:\n" + "\n".join(self.lines)) from None

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            self.write(os.read(self._main, 65536))


@asynccontextmanager
async def terminal(columns: int = 80, rows: int = 24) -> AsyncIterator[Terminal]:
    opened = Terminal(columns, rows)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()
