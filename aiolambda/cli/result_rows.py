"""`--results-format`: the results of a map as rows of CSV or Parquet, in place of lines of JSON.

Laws: a wrong combination of options is an error before anything is sent; a row is written when its result comes, except in
Parquet, whose rows are written in groups. Must not know where the bytes go.
"""

import argparse
import csv
import io
import json
from importlib import import_module
from typing import Any, Protocol, cast

from ..errors import ConfigurationError, FunctionError
from ..fanout.columns import columns_of
from ..fanout.values import MapResult
from ..types.values import Delivery
from .files import STDIO
from .items import Line
from .options import missing_extra
from .wording import in_options

__all__ = ["FORMATS", "RowFormat", "row_format_of"]

FORMATS = ("jsonl", "csv", "parquet")
_GROUP = 10_000
"""Rows that are written together in Parquet."""
_TEXT, _INTEGER, _NUMBER, _FLAG = "string", "int64", "float64", "bool_"
_TYPES = {
    "index": _INTEGER,
    "line": _INTEGER,
    "ok": _FLAG,
    "status_code": _INTEGER,
    "attempts": _INTEGER,
    "duration": _NUMBER,
    "replayed": _FLAG,
    "cold_start": _FLAG,
    "billed_ms": _NUMBER,
    "init_ms": _NUMBER,
    "memory_size_mb": _INTEGER,
    "max_memory_used_mb": _INTEGER,
}
"""The types of the columns in Parquet; all others are text."""


class RowFormat(Protocol):
    """Turns results into the bytes of a file."""

    def begin(self) -> bytes: ...
    def row(self, result: MapResult[Line], /) -> bytes: ...
    def end(self) -> bytes: ...


def row_format_of(options: argparse.Namespace) -> RowFormat | None:
    """The format that was asked for, or that the name of the file has; `None` for lines of JSON."""
    asked: str | None = options.results_format
    name = asked or next((form for form in FORMATS if options.output.lower().endswith(f".{form}")), "jsonl")
    if name == "jsonl" or (asked is None and (options.format is not None or options.query is not None)):
        return None
    if options.format is not None or options.query is not None:
        raise ConfigurationError(f"--results-format {name} has fixed columns: leave --query, and -o json or -o text, out")
    if name == "csv":
        return _Csv(has_item=not options.no_item)
    if options.output == STDIO:
        raise ConfigurationError("Parquet is not written to standard output: name a file with -o FILE")
    return _Parquet(has_item=not options.no_item)


def _cells(result: MapResult[Line], *, has_item: bool) -> dict[str, Any]:
    """The columns of `MapResult.as_dict`, with the number of the line. Item and value are their text, as it was sent."""
    columns = columns_of(result, payloads=False)
    index, key = columns.pop("index"), columns.pop("key")
    cells: dict[str, Any] = {"index": index, "line": result.item.number, "key": key}
    if has_item:
        cells["item"] = _text(result.item.content)
    output = result.output if result.ok else None
    value = None if output is None or not output.payload else _text(output.payload)
    ok = columns.pop("ok")
    error = result.error
    said = error.error_message if isinstance(error, FunctionError) else None if error is None else in_options(str(error))
    return cells | {"ok": ok, "value": value, **columns, "error_message": said}


def _text(data: bytes) -> str:
    return bytes(data).decode(errors="backslashreplace")


class _Csv:
    """Comma-separated values, as RFC 4180 has them, with a header; `true` and `false`, and nothing for a missing value."""

    def __init__(self, *, has_item: bool) -> None:
        self._has_item = has_item

    def begin(self) -> bytes:
        return _csv_line(_names(has_item=self._has_item))

    def row(self, result: MapResult[Line], /) -> bytes:
        return _csv_line([_csv_cell(cell) for cell in _cells(result, has_item=self._has_item).values()])

    def end(self) -> bytes:
        return b""


def _csv_line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode(errors="backslashreplace")


def _csv_cell(cell: Any) -> str:
    if isinstance(cell, bool):
        return json.dumps(cell)
    return "" if cell is None else str(cell)


class _Parquet:
    """Parquet, by pyarrow. The file is readable once its end is written."""

    def __init__(self, *, has_item: bool) -> None:
        try:
            self._arrow = cast("Any", import_module("pyarrow"))
            parquet = cast("Any", import_module("pyarrow.parquet"))
        except ImportError:
            raise missing_extra("Parquet", "pyarrow", extra="parquet") from None
        self._has_item = has_item
        types = [(name, getattr(self._arrow, _TYPES.get(name, _TEXT))()) for name in _names(has_item=has_item)]
        self._schema = self._arrow.schema(types)
        self._written = _Written()
        self._writer = parquet.ParquetWriter(self._written, self._schema)
        self._rows: list[dict[str, Any]] = []

    def begin(self) -> bytes:
        return self._written.taken()

    def row(self, result: MapResult[Line], /) -> bytes:
        cells = _cells(result, has_item=self._has_item)
        self._rows.append({name: _unicode(cell) for name, cell in cells.items()})
        return self._flush() if len(self._rows) >= _GROUP else b""

    def end(self) -> bytes:
        rest = self._flush()
        self._writer.close()
        return rest + self._written.taken()

    def _flush(self) -> bytes:
        rows, self._rows = self._rows, []
        if rows:
            self._writer.write_table(self._arrow.Table.from_pylist(rows, schema=self._schema))
        return self._written.taken()


def _unicode(cell: Any) -> Any:
    """The cell, without lone surrogates, which UTF-8 does not have: a command line or a JSON error may."""
    return cell.encode(errors="backslashreplace").decode() if isinstance(cell, str) else cell


class _Written(io.RawIOBase):
    """A file whose content is taken away as it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _names(*, has_item: bool) -> list[str]:
    sample: MapResult[Line] = MapResult(index=0, key="", item=Line(1, b""), delivery=Delivery.EXECUTED)
    return list(_cells(sample, has_item=has_item))
