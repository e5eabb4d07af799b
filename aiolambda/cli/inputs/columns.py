"""The types of columns: `id=int,price=float`, or `auto`, for the fields of a table.

Law: a field that is not of its type is an error with its line and column, without the field.

Must not know how a table is read.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

from ...errors import ConfigurationError
from .tables import Header, MakeRow
from .values import InputError

__all__ = ["Types", "parse_types", "typed"]

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_ANY_INT = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 4000
"""Python refuses longer ones by default."""
_BOOLS = {"true": True, "false": False, "1": True, "0": False}


def _as_int(text: str) -> int:
    if len(text) > _MOST_DIGITS or not _ANY_INT.fullmatch(text):
        raise ValueError
    return int(text)


def _as_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError
    return number


def _as_bool(text: str) -> bool:
    if (value := _BOOLS.get(text.lower())) is None:
        raise ValueError
    return value


def _not_a_number(name: str) -> float:
    raise ValueError(name)


def _as_json(text: str) -> Any:
    return json.loads(text, parse_constant=_not_a_number)


def _guessed(text: str) -> Any:
    """A number, `true`, `false`, or `null` for nothing, as JSON writes them; everything else is a string."""
    if not text:
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INT.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


_TYPES: dict[str, Callable[[str], Any]] = {"int": _as_int, "float": _as_float, "bool": _as_bool, "json": _as_json}
_NAMES = "int, float, bool, json or str"

Types = dict[str, str] | None
"""The type of each column that has one; `None` guesses the type of each field."""


def parse_types(text: str) -> Types:
    """Parse `auto`, or pairs as in `id=int,price=float`."""
    if text == "auto":
        return None
    types: dict[str, str] = {}
    for pair in text.split(","):
        column, equals, name = pair.rpartition("=")
        if not equals or not column or name not in (*_TYPES, "str"):
            raise ConfigurationError(f"--types takes auto, or COLUMN=TYPE,COLUMN=TYPE with the types {_NAMES}")
        if column in types:
            raise ConfigurationError(f"--types names the column {column!r} twice")
        types[column] = name
    return types


def typed(types: Types, header: Header, line: int) -> MakeRow:
    """The maker of an object from a row. Raises `InputError` if the header lacks a column that has a type."""
    if types is None:
        return lambda row, _: dict(zip(header, map(_guessed, row), strict=True))
    if not types:
        return lambda row, _: dict(zip(header, row, strict=True))
    for column in types:
        if column not in header:
            raise InputError(f"expected a column {column!r} in the header, for --types", line=line)
    places = [(header.index(column), column, name, _TYPES[name]) for column, name in types.items() if name in _TYPES]

    def make(row: list[str], line: int) -> dict[str, Any]:
        values: list[Any] = list(row)
        for place, column, name, convert in places:
            try:
                values[place] = convert(row[place]) if row[place] else None
            except (ValueError, RecursionError):
                raise InputError(f"expected {name} in column {column!r}", line=line) from None
        return dict(zip(header, values, strict=True))

    return make
