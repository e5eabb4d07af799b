"""The rows of a Parquet file as objects, with pyarrow.

Laws: a few hundred rows are in memory, beside the buffers of pyarrow. Values that JSON does not have become text: dates and
times in ISO 8601, decimals in digits, bytes in base64.

Must not know what the rows are for.
"""

import base64
import datetime as dt
import decimal
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ..options import missing_extra
from .values import InputError, Record

__all__ = ["parquet_rows", "row_count"]

_ROWS = 256
"""Rows to convert at once: they hold the interpreter meanwhile."""


def parquet_rows(path: Path, check_header: Callable[[Sequence[str], int], object]) -> Iterator[Record]:
    """The rows, each with its number. Raises `InputError` if it is no Parquet file, `ConfigurationError` without pyarrow."""
    pyarrow = _pyarrow()
    try:
        with _opened(path) as file:
            check_header(file.schema_arrow.names, 1)
            number = 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield _record(number, row)
    except (pyarrow.ArrowException, OSError):
        raise InputError("expected a Parquet file, and pyarrow cannot read this one: it is damaged or incomplete") from None


def row_count(path: Path) -> int:
    """The number of rows, as the end of the file says."""
    pyarrow = _pyarrow()
    try:
        with _opened(path) as file:
            return int(file.metadata.num_rows)
    except (pyarrow.ArrowException, OSError):
        raise InputError("expected a Parquet file, and pyarrow cannot read this one: it is damaged or incomplete") from None


def _pyarrow() -> Any:
    try:
        return cast("Any", import_module("pyarrow"))
    except ImportError:
        raise missing_extra("a Parquet file", "pyarrow", extra="parquet") from None


def _opened(path: Path) -> Any:
    return cast("Any", import_module("pyarrow.parquet")).ParquetFile(path)


def _record(number: int, row: dict[str, Any]) -> Record:
    try:
        content = json.dumps(row, default=_as_text, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise InputError("expected numbers that JSON has, and a float is NaN or infinite", line=number, unit="row") from None
    return Record(number, content.encode(errors="surrogatepass"), content.encode(errors="surrogatepass"))


def _as_text(value: Any) -> str:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.timedelta | decimal.Decimal | uuid.UUID):
        return str(value)
    raise ValueError(type(value).__name__)
