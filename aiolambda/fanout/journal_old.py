"""Journals of the formats 3 and 4, which had a row of text for each item.

Owns the checks of their rows. Must not know the format that follows.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from .journal_files import damaged, row_shown
from .journal_rows import MAP_TABLE, encoded

if TYPE_CHECKING:
    import sqlite3

__all__ = ["OLD_FORMATS", "OLD_TABLES", "OldItem", "old_items"]

OLD_FORMATS = ("3", "4")
"""Format 3 lacks the row `log`."""
OLD_TABLES = {
    "map": MAP_TABLE,
    "items": "CREATE TABLE items (key TEXT PRIMARY KEY, claimed INTEGER NOT NULL, state TEXT NOT NULL, result TEXT, "
    "payload BLOB, sum INTEGER NOT NULL) WITHOUT ROWID",
    "repeats": "CREATE TABLE repeats (hash TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
}
_STATES = ("claimed", "started", "done")


@attrs.frozen
class OldItem:
    """A row. `record` is the value of its JSON; `None` if the item is not done."""

    key: str
    claimed: int
    state: str
    record: object
    payload: bytes | None


def old_items(db: "sqlite3.Connection", path: Path, last_run: int, *, table: str = "items") -> Iterator[OldItem]:
    """The items of this table, sorted by key. `ConfigurationError` for a row that was changed.

    Keys are checked too: a changed key would look like an item that was never sent.
    """
    last_key = b""
    sql = f"SELECT key, claimed, state, result, payload, sum FROM {table}"  # noqa: S608 - a name of this package
    for number, (*columns, stored_sum) in enumerate(db.execute(sql), start=1):  # a cursor in a local would outlive an error
        key, claimed, state, result, payload = columns
        is_sound = (
            _checksum(*columns) == stored_sum
            and isinstance(key, str)
            and isinstance(claimed, int)
            and isinstance(result, str | None)
            and isinstance(payload, bytes | None)
            and state in _STATES
            and 0 < claimed <= last_run
        )
        if not is_sound or encoded(key) <= last_key:  # in a sound file, the rows are sorted by key
            raise damaged(path, f"{row_shown(key, number)} was changed")
        last_key = encoded(key)
        yield OldItem(key, claimed, state, _parsed(path, key, result), payload)


def _parsed(path: Path, key: str, result: str | None) -> object:
    if result is None:
        return None
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        pass
    raise damaged(path, f"the result of the item {key!r} is not JSON")  # raised here, so its context does not hold the text


def _checksum(*columns: object) -> int:
    """The checksum of a row, over the type, length and content of each column."""
    parts = [column if isinstance(column, bytes) else encoded(str(column)) for column in columns]
    forms = [f"{type(column).__name__} {len(part)}" for column, part in zip(columns, parts, strict=True)]
    return zlib.crc32(b"".join([str(forms).encode(), *parts]))
