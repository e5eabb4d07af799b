"""The rows of a journal in format 5: their tables, the states of an item, packed keys and checksums.

A key that ends in a number and begins with a hash is stored as bytes, every other key as text. `packed` and `unpacked` are
inverse to each other, so both forms are one set of names.

Must not know the content of a result, or when a row changes.
"""

import re
import zlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import attrs

from ..types.values import Delivery
from .values import MapResult

__all__ = [
    "MAP_TABLE",
    "TABLES",
    "ItemRow",
    "ItemState",
    "decoded",
    "encoded",
    "item_checksum",
    "map_checksum",
    "order_of",
    "packed",
    "packed_hash",
    "result_checksum",
    "sample_checksum",
    "state_of",
    "unpacked",
]

MAP_TABLE = "CREATE TABLE map (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
TABLES = {
    "map": MAP_TABLE,
    # claimed: the number of the run that claimed the item; state: an ItemState; result: the number of its result
    "items": "CREATE TABLE items (key PRIMARY KEY, claimed, state, result, sum) WITHOUT ROWID",
    # in the order of their arrival, so pages are full; dictionary: 0 is the one in the code; payload: if it is long
    "results": "CREATE TABLE results (number INTEGER PRIMARY KEY, dictionary, content, payload, sum)",
    "dictionaries": "CREATE TABLE dictionaries (number INTEGER PRIMARY KEY, content, sum)",
}
"""The tables by name. `sum` is the checksum of the other columns."""

_HASHED = re.compile(r"([0-9a-f]{64})-([1-9][0-9]{0,8})", re.ASCII)
_HASH_SIZE = 32
"""Bytes."""


class ItemState(IntEnum):
    """The state of an item. From `OK` on it is done, and has a result."""

    CLAIMED = 0
    """A run has read it. It was not sent."""
    STARTED = 1
    """It was sent, and its outcome is not known. If it has a result, that is the one of an earlier invocation."""
    OK = 2
    """It succeeded."""
    NOT_RUN = 3
    """It failed, and the function did not run."""
    RAN = 4
    """It failed, and the function ran: in most cases, the function failed."""
    UNKNOWN = 5
    """It failed, and the function may have run."""

    @property
    def is_done(self) -> bool:
        return self >= ItemState.OK


@attrs.define(eq=False)
class ItemRow:
    """The row of an item that this run has claimed. Only the thread of the journal changes it.

    `before` is the state before the last start, to which the item returns if that start has no effect.
    """

    key: str | bytes
    state: ItemState
    result: int | None = None
    before: ItemState = ItemState.CLAIMED


def state_of(result: MapResult[Any]) -> ItemState:
    """The state of an item that has this result."""
    if result.error is None:
        return ItemState.OK
    if result.delivery is Delivery.UNKNOWN:
        return ItemState.UNKNOWN
    return ItemState.RAN if result.delivery.may_have_run else ItemState.NOT_RUN


def decoded(data: bytes) -> str:
    """Text from the file. In a damaged file it may not be UTF-8."""
    return data.decode(errors="surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a text in the file. SQLite sorts by them."""
    return text.encode(errors="surrogateescape")


def packed(key: str) -> str | bytes:
    """The form in which a key is stored."""
    match = _HASHED.fullmatch(key)
    return key if match is None else packed_hash(match[1], int(match[2]))


def packed_hash(hash: str, ordinal: int) -> bytes:
    """The stored form of the key of an item without a name: the hash of its payload, and its number among equal ones."""
    return bytes.fromhex(hash) + (b"" if ordinal == 1 else ordinal.to_bytes((ordinal.bit_length() + 7) // 8))


def unpacked(key: object) -> str:
    """The key of a stored form. `ValueError` if `packed` does not make that form."""
    if isinstance(key, str):
        text = key
    elif isinstance(key, bytes) and len(key) >= _HASH_SIZE:
        text = f"{key[:_HASH_SIZE].hex()}-{int.from_bytes(key[_HASH_SIZE:]) if len(key) > _HASH_SIZE else 1}"
    else:
        raise ValueError("neither text nor a hash")
    if packed(text) != key:
        raise ValueError("not the stored form of a key")
    return text


def order_of(key: str | bytes) -> tuple[bool, bytes]:
    """Sorts keys as SQLite does: text before bytes."""
    return (True, key) if isinstance(key, bytes) else (False, encoded(key))


def item_checksum(key: str | bytes, claimed: int, state: int, result: int | None) -> int:
    """The checksum of a row of `items`."""
    is_hash, data = order_of(key)
    return _signed(zlib.crc32(data, zlib.crc32(b"%d %d %d %d" % (is_hash, claimed, state, result or 0))))


def result_checksum(number: int, dictionary: int, content: bytes, payload: bytes | None) -> int:
    """The checksum of a row of `results`, to which exactly one row of `items` refers by its number."""
    sizes = b"%d %d %d %d" % (number, dictionary, len(content), -1 if payload is None else len(payload))
    return _signed(zlib.crc32(payload or b"", zlib.crc32(content, zlib.crc32(sizes))))


def sample_checksum(number: int, content: bytes) -> int:
    """The checksum of a row of `dictionaries`."""
    return _signed(zlib.crc32(content, number))


def _signed(sum: int) -> int:
    """As a signed number, a checksum takes 4 bytes of the file in place of 6."""
    return sum - (1 << 32) if sum >= 1 << 31 else sum


def map_checksum(known: Mapping[str, object]) -> str:
    """The checksum of the table `map`, over the types, lengths and contents of its rows."""
    columns = [part for row in sorted(known.items()) for part in row]
    parts = [encoded(str(column)) for column in columns]
    forms = [f"{type(column).__name__} {len(part)}" for column, part in zip(columns, parts, strict=True)]
    return str(zlib.crc32(b"".join([str(forms).encode(), *parts])))
