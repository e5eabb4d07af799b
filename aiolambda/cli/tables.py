"""`-o table`: a value as columns of plain text.

Objects of a list are rows, with a column for each member; a single object has a row for each member. Nested values are JSON in
one line. Must not know where a value comes from.
"""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, cast

__all__ = ["table_lines"]

_GAP = "  "


def table_lines(value: Any) -> Iterator[str]:
    """The lines of a table. Control characters are left to the caller."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        lists = [cast("Sequence[Any]", member) for member in members.values() if isinstance(member, list)]
        if len(lists) == sum(member is not None for member in members.values()) == 1:  # the answer of a List operation
            yield from _rows(lists[0])
        else:
            yield from _aligned([[name, _cell(member)] for name, member in members.items()])
    elif isinstance(value, list):
        yield from _rows(cast("Sequence[Any]", value))
    else:
        yield _cell(value)


def _rows(values: Sequence[Any]) -> Iterator[str]:
    if values and all(isinstance(value, dict) for value in values):
        names = list(dict.fromkeys(name for value in values for name in value))
        yield from _aligned([names, *([_cell(value.get(name)) for name in names] for value in values)])
    elif values and all(isinstance(value, list) for value in values):
        yield from _aligned([[_cell(cell) for cell in value] for value in values])
    else:
        yield from map(_cell, values)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(_width(row[column]) for row in rows if column < len(row)) for column in range(max(map(len, rows), default=0))]
    for row in rows:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
        yield _GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """The columns that a text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value.replace("\n", " ").replace("\t", " ")
    return json.dumps(value, ensure_ascii=False)
