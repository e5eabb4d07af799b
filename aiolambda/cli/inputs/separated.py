"""Records with a separator after each: lines of JSON, lines of text, and text with NUL bytes between.

Laws: blank records are no items; the ends of lines belong to no item; a record is never longer than `LONGEST`.

Must not know where the bytes come from.
"""

import json
from collections.abc import Iterator

from .values import LONGEST, InputError, Record

__all__ = ["is_json", "json_lines", "lines_of", "split", "texts", "too_long"]

_CHECKED = 256 * 1024
"""Bytes of JSON to parse at once: more would hold the interpreter for milliseconds."""


def split(chunks: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
    """The records, without their separators; the last one need not have one."""
    partial = bytearray()
    for chunk in chunks:
        if separator not in chunk:
            partial += chunk
        else:
            first, *records = chunk.split(separator)
            last = records.pop()
            yield bytes(partial) + first if partial else first
            yield from records
            partial = bytearray(last)
        if len(partial) > LONGEST:
            yield bytes(partial)  # its reader refuses it
            return
    if partial:
        yield bytes(partial)


def lines_of(chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends, each with its number from 1 on."""
    for number, line in enumerate(split(chunks, b"\n"), start=1):
        if len(line) > LONGEST:
            raise too_long(number)
        if stripped := line.rstrip(b"\r\n"):
            yield number, stripped


def json_lines(chunks: Iterator[bytes], *, checked: bool) -> Iterator[Record]:
    """The lines of JSON, unchanged. If `checked`, each must be JSON; otherwise Lambda decides."""
    for number, line in lines_of(chunks):
        if checked and not is_json(line):
            raise InputError("expected JSON, one value in each line", line=number)
        yield Record(number, line, line)


def texts(chunks: Iterator[bytes], separator: bytes) -> Iterator[Record]:
    """Each record as a JSON string. Records with NUL bytes between are counted as lines are."""
    is_lines = separator == b"\n"
    unit = "line" if is_lines else "record"
    for number, record in enumerate(split(chunks, separator), start=1):
        if len(record) > LONGEST:
            raise too_long(number, unit=unit)
        stripped = record.rstrip(b"\r\n") if is_lines else record
        if not stripped:
            continue
        try:
            value = stripped.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"expected UTF-8, and byte {error.start + 1:,} is not", line=number, unit=unit) from None
        yield Record(number, stripped, None, value)


def is_json(data: bytes) -> bool:
    """Whether the data are JSON. Of long data this is not known, and the answer is yes: Lambda checks them too."""
    if len(data) > _CHECKED:
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def too_long(number: int, *, unit: str = "line") -> InputError:
    """The error for an element that no payload can hold."""
    return InputError(
        f"expected at most {LONGEST // 1024 // 1024} MiB, and it is longer: --format says another form", line=number, unit=unit
    )
