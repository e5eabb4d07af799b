"""The items of a map: what a file or a pipe holds, in the form that was asked for.

Laws: a regular file is checked before anything is sent, up to 16 MiB of it, and the rest while it is read; a silent pipe blocks
neither the event loop nor the exit.

Must not know what is done with an item.
"""

import functools
import os
import select
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from .feed import Feed
from .inputs.batches import Batch, batches_of
from .inputs.chunks import SIZE, without_mark
from .inputs.formats import Format, as_guessed, check_first
from .inputs.reading import Reading, Recipe
from .inputs.returned import Returned
from .inputs.separated import too_long
from .inputs.values import LONGEST, InputError, Line

__all__ = ["InputError", "Items", "Line"]

_CHECKED = 16 * 1024 * 1024
"""Bytes of a regular file, decompressed, that are read before anything is sent."""
_GROUP = 1000
"""Items to give at once when the rest of an input is read."""
_AS_IT_IS = Recipe()


class Items:
    """The items of one input. `path` names it if it is a regular file. Raises `InputError` if the checked part is wrong."""

    def __init__(self, file: BinaryIO, path: Path | None, recipe: Recipe = _AS_IT_IS) -> None:
        self.lines: Iterator[Line] | AsyncIterator[Line] | AsyncIterator[Batch]
        self.total: int | None = None
        """The number of items; `None` if it is not known."""
        self._has_ended = False
        self._path = path
        self._recipe = recipe
        self._reading: Reading | None = None
        self._format: Format | None = recipe.format
        self._feed: Feed[Line] | Feed[Batch] | None = None
        if path is not None and self._is_lines_of(path):
            self._format = "jsonl"
            self.total = _count(path, is_sure=recipe.is_sure)
            self.lines = self._of_file(file)
            return
        if path is not None:
            self.total = self._check(path)
        self._descriptor = os.dup(file.fileno())  # of its own: the thread may outlive the file
        self.lines = self._feed = self._fed(self._descriptor)

    @property
    def has_ended(self) -> bool:
        """Whether the input was read to its end."""
        return self._has_ended if self._feed is None else self._feed.has_ended

    def returned(self) -> Returned:
        """A writer of items in the form of this input."""
        return Returned(self._format or "jsonl", b"") if self._reading is None else self._reading.returned()

    async def rest(self) -> AsyncGenerator[list[Line]]:
        """The items of a regular file that were not read yet, some at once. The rest of a pipe stays unread."""
        if self._path is None:
            return
        if isinstance(self.lines, Iterator):
            while lines := list(islice(self.lines, _GROUP)):
                yield lines
            return
        group: list[Line] = []
        async for item in self.lines:
            group += item.lines if isinstance(item, Batch) else [item]
            if len(group) >= _GROUP:
                yield group
                group = []
        if group:
            yield group

    def close(self) -> None:
        """End the thread that reads, unless it waits for input."""
        if self._feed is not None and not self._feed.close():
            os.close(self._descriptor)

    def _is_lines_of(self, path: Path) -> bool:
        """Whether the file has lines of JSON that are sent as they are, which is fast without a thread."""
        if not self._recipe.keeps_lines or self._format not in (None, "jsonl"):
            return False
        if self._format == "jsonl":
            return True
        with path.open("rb") as file:
            format, _ = as_guessed(without_mark(_pieces_of(file)))
        return format == "jsonl"

    def _of_file(self, file: BinaryIO) -> Iterator[Line]:
        yield from _lines_of(file)
        self._has_ended = True

    def _check(self, path: Path) -> int | None:
        """Read the file as far as it is checked. Returns the number of items if that is all of it."""
        if self._format == "parquet" and path.stat().st_size > _CHECKED:
            return self._checked_rows(path)
        with path.open("rb") as file:
            count = size = 0
            try:
                for line in Reading(self._recipe, _pieces_of(file), path).lines():
                    count += 1
                    size += len(line.content)
                    if size > _CHECKED:
                        return None
            except OSError as error:
                raise _unreadable(error) from None
        return count

    def _checked_rows(self, path: Path) -> int:
        from .inputs.parquet import row_count  # noqa: PLC0415 - few inputs need pyarrow

        next(Reading(self._recipe, iter(()), path).lines(), None)
        return row_count(path)

    def _fed(self, descriptor: int) -> "Feed[Line] | Feed[Batch]":
        recipe = self._recipe

        def lines(flush: Callable[[], None]) -> Iterator[Line]:
            try:
                self._reading = Reading(recipe, _chunks_of(descriptor, flush), self._path)
                yield from self._reading.lines()
            except OSError as error:
                raise _unreadable(error) from None
            finally:
                os.close(descriptor)

        if (most := recipe.batch) is None:
            return Feed(lines, lambda line: len(line.content))
        return Feed(
            lambda flush: batches_of(lines(flush), most=most, largest=recipe.batch_bytes),
            lambda batch: sum(len(line.content) for line in batch.lines),
        )


def _unreadable(error: OSError) -> InputError:
    return InputError(f"cannot read the items: {error.strerror or type(error).__name__}")


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    return iter(functools.partial(file.read, SIZE), b"")


def _lines_of(file: BinaryIO) -> Iterator[Line]:
    """Lines of JSON, as they are. As fast as a file is read."""
    first = b"".join(without_mark(iter([file.readline(LONGEST)])))
    rest = iter(functools.partial(file.readline, LONGEST), b"")
    for number, line in enumerate(chain([first], rest), start=1):
        if stripped := line.rstrip(b"\r\n"):
            if len(line) == LONGEST and stripped is line:
                raise too_long(number)
            yield Line(number, stripped)


def _chunks_of(descriptor: int, flush: Callable[[], None]) -> Iterator[bytes]:
    """Read without the buffer of a file: a waiting reader would hold its lock and block `close`."""
    while True:
        flush()
        try:
            chunk = os.read(descriptor, SIZE)
        except BlockingIOError:  # another program may have made the pipe non-blocking
            select.select([descriptor], [], [])
            continue
        if not chunk:
            return
        yield chunk


def _count(path: Path, *, is_sure: bool) -> int:
    with path.open("rb") as file:
        lines = _lines_of(file)
        first = next(lines, None)
        if first is None:
            return 0
        if not is_sure:
            check_first(first.content, first.number)
        return 1 + sum(1 for _ in lines)
