"""Tables: CSV and TSV, whose first row names the columns. Each row becomes an object.

Laws: fields may be quoted, and quoted ones may have line breaks (RFC 4180); every row has as many fields as the header; blank
lines are no rows.

Must not know what the rows are for.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .separated import split
from .values import LONGEST, InputError, Record

__all__ = ["Header", "MakeRow", "Table", "rows_of"]

Header = Sequence[str]
MakeRow = Callable[[list[str], int], dict[str, Any]]
"""Makes an object from a row and its line."""
Table = Callable[[Header, bytes, int], MakeRow]
"""Takes the header, its bytes and its line, and returns how to make objects."""


def rows_of(chunks: Iterator[bytes], table: Table, *, delimiter: str) -> Iterator[Record]:
    """The rows after the header, as `table` makes objects of them. `source` of each has all of its lines."""
    csv.field_size_limit(max(LONGEST, csv.field_size_limit()))
    lines = _Lines(chunks)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    make: MakeRow | None = None
    width = 0
    while True:
        lines.begin_row()
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(_reason_of(str(error)), line=lines.first) from None
        if row is None:
            return
        if not row:
            continue
        if make is None:
            _check_header(row, lines.first)
            width, make = len(row), table(row, lines.source(), lines.first)
            continue
        if len(row) != width:
            raise InputError(f"expected {_fields(width)}, as in the header; found {len(row):,}", line=lines.first)
        yield Record(lines.first, lines.source(), None, make(row, lines.first))


class _Lines:
    """The lines as text, for the parser. Keeps the bytes of those that belong to the current row."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._lines = split(chunks, b"\n")
        self._number = 0
        self._row: list[bytes] = []
        self._size = 0
        self.first = 1
        """The line where the current row begins."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self._row.append(line)
        self._size += len(line) + 1
        if self._size > LONGEST:
            raise InputError(
                f'expected a row of at most {LONGEST // 1024 // 1024} MiB; a quoted field may lack its closing "',
                line=self.first,
            )
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError as error:
            raise InputError(f"expected UTF-8, and byte {error.start + 1:,} is not", line=self._number) from None

    def begin_row(self) -> None:
        self._row, self._size = [], 0
        self.first = self._number + 1

    def source(self) -> bytes:
        """The bytes of the current row, without its end."""
        return b"\n".join(self._row).rstrip(b"\r")


def _check_header(names: list[str], line: int) -> None:
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise InputError(f"expected a name for each column, and column {place:,} has none", line=line)
        if (first := names.index(name) + 1) != place:
            raise InputError(f"expected different names of columns; columns {first:,} and {place:,} have one name", line=line)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"


def _reason_of(error: str) -> str:
    """Why the parser refuses a row. Its own texts name no character of the row, and few of them help."""
    if error.startswith("unexpected end of data"):
        return 'expected the closing " of a quoted field, and the input ends'
    if "field larger" in error:
        return 'expected the closing " of a quoted field'
    if "expected after" in error:
        return 'expected a delimiter after the closing " of a field; a " inside a field is written twice'
    return "expected a row that ends with a line feed, and it has a carriage return inside"
