"""The text of a journal's rows, and their checksums.

Must not know what a row means.
"""

import zlib
from collections.abc import Mapping

__all__ = ["checksum", "decoded", "encoded", "map_checksum"]


def decoded(data: bytes) -> str:
    """Text from the file. In a damaged file it may not be UTF-8."""
    return data.decode(errors="surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a text in the file. SQLite sorts by them."""
    return text.encode(errors="surrogateescape")


def checksum(*columns: object) -> int:
    """A checksum of a row, over the type, length and content of each column."""
    parts = [column if isinstance(column, bytes) else encoded(str(column)) for column in columns]
    forms = [f"{type(column).__name__} {len(part)}" for column, part in zip(columns, parts, strict=True)]
    return zlib.crc32(b"".join([str(forms).encode(), *parts]))


def map_checksum(known: Mapping[str, object]) -> str:
    return str(checksum(*(part for row in sorted(known.items()) for part in row)))
