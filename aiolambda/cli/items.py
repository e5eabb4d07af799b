"""The items of a map: the lines of a file or of a pipe, with their numbers.

Laws: blank lines are no items; a byte order mark and the ends of the lines belong to no item; a silent pipe blocks neither the
event loop nor the exit.

Must not know what is done with an item.
"""

import asyncio
import itertools
import os
import select
import threading
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import ConfigurationError
from .payloads import check_encoding

__all__ = ["Items", "Line"]

_READ_AHEAD = 1000
"""Lines to read ahead from a pipe."""
_READ_SIZE = 64 * 1024
"""Bytes."""


class Line(NamedTuple):
    """A line without its end, and its number in the input, from 1 on."""

    number: int
    content: bytes


class Items:
    """The items of one input. `path` names it if it is a regular file: its lines are counted first."""

    def __init__(self, file: BinaryIO, path: Path | None) -> None:
        self.lines: Iterator[Line] | AsyncIterator[Line]
        self.total: int | None = None
        """The number of items; `None` for a pipe."""
        self.has_ended = False
        """Whether the input was read to its end."""
        if path is None:
            self.lines = self._of_pipe(file)
        else:
            self.total = _count(path)
            self.lines = self._of_file(file)

    def _of_file(self, file: BinaryIO) -> Iterator[Line]:
        yield from _lines_of(file)
        self.has_ended = True

    async def _of_pipe(self, file: BinaryIO) -> AsyncIterator[Line]:
        """The lines of a pipe. A thread reads them."""
        loop, lines = asyncio.get_running_loop(), asyncio.Queue[Line | OSError | ConfigurationError | None]()
        capacity = threading.Semaphore(_READ_AHEAD)

        def put(line: Line | OSError | ConfigurationError | None) -> None:
            capacity.acquire()
            loop.call_soon_threadsafe(lines.put_nowait, line)

        def read() -> None:
            with suppress(RuntimeError):  # the loop is closed
                try:
                    for line in _lines_of_descriptor(descriptor):
                        put(line)
                    put(None)
                except (OSError, ConfigurationError) as error:
                    put(error)

        descriptor = file.fileno()
        threading.Thread(target=read, name="map input", daemon=True).start()
        while (line := await lines.get()) is not None:
            if isinstance(line, ConfigurationError):
                raise line
            if isinstance(line, OSError):
                raise ConfigurationError(f"cannot read the items: {line.strerror or type(line).__name__}")
            capacity.release()
            yield line
        self.has_ended = True


def _without_mark(start: bytes) -> bytes:
    """The first bytes of the input without a byte order mark."""
    check_encoding(start, "the file of items")
    return start.removeprefix(BOM_UTF8)


def _lines_of(file: BinaryIO) -> Iterator[Line]:
    first = _without_mark(file.readline())
    for number, line in enumerate(itertools.chain([first], file), start=1):
        if stripped := line.rstrip(b"\r\n"):
            yield Line(number, stripped)


def _lines_of_descriptor(descriptor: int) -> Iterator[Line]:
    """Like `_lines_of`, without the buffer of the file: a waiting reader would hold its lock and block `close`."""
    partial, is_start, number = b"", True, 0
    while True:
        try:
            chunk = os.read(descriptor, _READ_SIZE)
        except BlockingIOError:  # another program may have made the pipe non-blocking
            select.select([descriptor], [], [])
            continue
        if not chunk:
            break
        partial += chunk
        if is_start and len(partial) >= len(BOM_UTF8):
            partial, is_start = _without_mark(partial), False
        *lines, partial = partial.split(b"\n")
        for line in lines:
            number += 1
            if stripped := line.rstrip(b"\r\n"):
                yield Line(number, stripped)
    if last := partial.rstrip(b"\r\n"):
        yield Line(number + 1, last)


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in _lines_of(file))
