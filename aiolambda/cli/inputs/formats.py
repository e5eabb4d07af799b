"""The form of an input: by its name, and if that does not say it, lines of JSON or a JSON array by the first bytes.

Must not know how a form is read.
"""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePath
from typing import Literal

import attrs

from .chunks import Compression
from .values import InputError

__all__ = ["FORMATS", "Format", "Named", "as_guessed", "check_first", "form_of_name"]

Format = Literal["jsonl", "json", "csv", "tsv", "lines", "nul", "parquet"]

FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv", "tsv", "lines", "nul", "parquet")

_SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}
"""Names that say the format. `.json` does not: such files hold arrays as well as lines."""
_COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst"}
_LOOKED_AT = 64 * 1024
"""Bytes to look at. A first line that is longer and begins with [ is taken for an array."""
_BLANK = b" \t\r\n"


@attrs.frozen
class Named:
    """What the name of a file says: `None` for what it does not say."""

    format: Format | None
    compression: Compression | None


def form_of_name(name: str) -> Named:
    """The form of `orders.csv.gz`. Upper case says the same."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes[-2:]]
    compression = _COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if compression is not None:
        suffixes.pop()
    return Named(_SUFFIXES.get(suffixes[-1]) if suffixes else None, compression)


def as_guessed(chunks: Iterator[bytes]) -> tuple[Literal["jsonl", "json"], Iterator[bytes]]:
    """The form of these bytes, and all of them again. Raises `InputError` if they are neither of the two.

    An input that begins with [ is an array, unless its first line is JSON by itself and a second one follows.
    """
    start = b""
    for chunk in chunks:
        start += chunk
        if _is_enough(start):
            break
    begun = start.lstrip(_BLANK)
    first, has_end, rest = begun.partition(b"\n")
    skipped = start.count(b"\n", 0, len(start) - len(begun))
    again = chain([start], chunks)
    if not first or (len(start) > _LOOKED_AT and not has_end):
        return ("json" if first.startswith(b"[") else "jsonl"), again
    if first.startswith(b"[") and not (_is_json(first) and rest.strip(_BLANK)):
        return "json", again
    check_first(first, skipped + 1)
    return "jsonl", again


def check_first(line: bytes, number: int) -> None:
    """Raise `InputError` if the first line is not JSON: then the input has probably another form."""
    if len(line) <= _LOOKED_AT and not _is_json(line):
        raise InputError(
            "expected JSON, a value in each line or an array; --format csv, tsv, lines or nul reads other files, "
            "and --format jsonl sends each line as it is",
            line=number,
        )


def _is_enough(start: bytes) -> bool:
    """Whether the first line is there, and the start of the next one if that decides."""
    begun = start.lstrip(_BLANK)
    first, has_end, rest = begun.partition(b"\n")
    if len(start) > _LOOKED_AT:
        return True
    return bool(has_end) and (not first.startswith(b"[") or not _is_json(first) or bool(rest.strip(_BLANK)))


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
