"""The items and results of an open journal: checked, claimed, changed, and converted from an earlier format.

Laws: a row is checked whenever it is read; a result stays until another one of its item replaces it, so what an item has cost
is not lost if it is sent again.

Owns the statements. Must not know when a transaction ends, or in which thread it runs.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ..errors import ConfigurationError, InvalidInputError
from .journal_files import damaged, row_shown
from .journal_old import OLD_TABLES, old_items
from .journal_packing import Packed, Packer, PackingError
from .journal_records import UnreadableError, compacted, state_of_record
from .journal_rows import (
    TABLES,
    ItemRow,
    ItemState,
    item_checksum,
    order_of,
    packed,
    packed_hash,
    result_checksum,
    sample_checksum,
    unpacked,
)

if TYPE_CHECKING:
    import sqlite3

__all__ = ["JournalEntry", "Tables"]

_STATES = frozenset(ItemState)
_MOST_ORDINALS = 10_000
"""Payloads whose number of equal items is kept in memory; that of others is searched for in the file."""


@attrs.frozen
class JournalEntry:
    """An item in the journal: the state in which the last run left it, and its last result, if it has one."""

    key: str
    state: Literal["new", "started", "done"]
    row: ItemRow
    result: object = None
    payload: bytes | None = None


class Tables:
    """The tables of one file, which were `found` in it. `run` is the number of the run that changes them."""

    def __init__(self, db: "sqlite3.Connection", path: Path, found: Mapping[str, str]) -> None:
        self.run = 0
        self.db = self._db = db
        self.found = found
        self._path = path
        self._packer = Packer()
        self._next_result = 1
        self._ordinals: dict[str, int] = {}

    def create(self) -> None:
        """Create the tables if the file has none. They are part of its first transaction."""
        if self.found:
            return
        self._db.execute("BEGIN IMMEDIATE")
        for sql in TABLES.values():
            self._db.execute(sql)

    def check(self, last_run: int) -> Mapping[ItemState, int]:
        """Check every row, and count the items of earlier runs by state."""
        self.load_samples()
        states: Counter[ItemState] = Counter()
        results = total = 0
        for _, row, _ in self.rows(last_run):
            states[row.state] += 1
            results += row.result is not None
            total += row.result or 0
        for number, *columns in self._db.execute("SELECT number, dictionary, content, payload, sum FROM results"):
            self._checked_result(None, number, columns)
            results -= 1
            total -= number
            self._next_result = number + 1
        if results or total:
            raise damaged(self._path, "its tables 'items' and 'results' do not fit each other")
        return states

    def load_samples(self) -> None:
        """Read the dictionaries of the file, and forget those that are not in it."""
        self._ordinals.clear()
        self._packer = Packer()
        for number, content, stored_sum in self._db.execute("SELECT number, content, sum FROM dictionaries"):
            if not isinstance(content, bytes) or number <= 0 or sample_checksum(number, content) != stored_sum:
                raise damaged(self._path, f"row {number} of its table 'dictionaries' was changed")
            self._packer.learn(number, content)

    def rows(self, last_run: int) -> Iterator[tuple[str, ItemRow, int]]:
        """The key, the row and the run of every item, sorted by the stored form of their keys.

        Keys are checked too: a changed key would look like an item that was never sent.
        """
        last_key = (False, b"")
        sql = "SELECT key, claimed, state, result, sum FROM items"
        for number, (key, claimed, state, result, stored_sum) in enumerate(self._db.execute(sql), start=1):
            text = self._key_of(key, number)
            is_sound = (
                isinstance(claimed, int)
                and 0 < claimed <= last_run
                and isinstance(state, int)
                and isinstance(result, int | None)
                and item_checksum(key, claimed, state, result) == stored_sum
                and order_of(key) > last_key  # in a sound file, the rows are sorted by key
            )
            if not is_sound or state not in _STATES or not _fits(ItemState(state), result):
                raise damaged(self._path, f"{row_shown(text, number)} was changed, or is of another version")
            last_key = order_of(key)
            yield text, ItemRow(key, ItemState(state), result), claimed

    def result(self, key: str, number: int) -> tuple[object, bytes | None]:
        """The record and the payload of a result."""
        columns = self._db.execute(
            "SELECT dictionary, content, payload, sum FROM results WHERE number = ?", (number,)
        ).fetchone()
        if columns is None:
            raise damaged(self._path, f"the result of the item {key!r} is missing")
        found = self._checked_result(key, number, columns)
        try:
            record, payload = self._packer.unpack(found)
            return json.loads(record), payload
        except PackingError as error:
            fault = str(error)
        except (ValueError, RecursionError):
            fault = "it is not JSON"
        raise damaged(self._path, f"the result of the item {key!r} cannot be read: {fault}")  # its context holds no text

    def claim(self, key: str | None, hash: str | None) -> JournalEntry:
        """Claim an item for this run, by its key or by the hash of its payload. `InvalidInputError` for a duplicate key."""
        if key is None:
            assert hash is not None  # noqa: S101 - an item without a key has a hash
            stored, found = self._next_of(hash)
        else:
            stored = packed(key)
            found = self._found(stored)
            if found is not None and found[0] == self.run:
                raise InvalidInputError(
                    f"duplicate key {key!r}: make key= return a different string for each item", member="key"
                )
        text = unpacked(stored)
        if found is None:
            row = ItemRow(stored, ItemState.CLAIMED)
            self._write(row)
            return JournalEntry(text, "new", row)
        _, state, result = found
        row = ItemRow(stored, ItemState(state), result)
        self._write(row)
        record, payload = (None, None) if result is None else self.result(text, result)
        if row.state is ItemState.CLAIMED:
            return JournalEntry(text, "new", row)
        return JournalEntry(text, "done" if row.state.is_done else "started", row, record, payload)

    def start(self, row: ItemRow) -> None:
        """Note that the item is about to be sent."""
        row.before, row.state = row.state, ItemState.STARTED
        self._write(row)

    def revert(self, row: ItemRow) -> None:
        """Note that the last start had no effect."""
        row.state = row.before
        self._write(row)

    def finish(self, row: ItemRow, state: ItemState, record: str, payload: bytes | None) -> None:
        """Note the result of the item."""
        number = row.result
        if number is None:
            number = row.result = self._next_result
            self._next_result += 1
        row.state = state
        found = self._packer.pack(record, payload, shape=int(state))
        if found.sample is not None:
            sum = sample_checksum(found.dictionary, found.sample)
            self._db.execute("INSERT INTO dictionaries VALUES (?, ?, ?)", (found.dictionary, found.sample, sum))
        columns = (number, found.dictionary, found.content, found.payload)
        self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", (*columns, result_checksum(*columns)))
        self._write(row)

    def convert(self, last_run: int) -> Mapping[ItemState, int]:
        """Bring a journal of format 3 or 4 into this one, in one transaction. Returns what `check` returns."""
        states: Counter[ItemState] = Counter()
        self._db.execute("BEGIN IMMEDIATE")  # else the module commits each change of a table by itself
        for name in OLD_TABLES.keys() - {"map"}:
            self._db.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
        for name in TABLES.keys() - {"map"}:
            self._db.execute(TABLES[name])
        for old in old_items(self._db, self._path, last_run, table="old_items"):
            self.run = old.claimed
            row = ItemRow(packed(old.key), ItemState.STARTED if old.state == "started" else ItemState.CLAIMED)
            if old.state != "done":
                states[row.state] += 1
                self._write(row)
                continue
            try:
                record = compacted(old.record)
                state = state_of_record(record)
            except UnreadableError as error:
                fault = str(error)
            else:
                states[state] += 1
                self.finish(row, state, json.dumps(record), old.payload)
                continue
            raise damaged(self._path, f"the result of the item {old.key!r} cannot be read: {fault}")
        for name in OLD_TABLES.keys() - {"map"}:
            self._db.execute(f"DROP TABLE old_{name}")
        return states

    def _found(self, key: str | bytes) -> tuple[int, int, int | None] | None:
        found: tuple[int, int, int | None] | None
        found = self._db.execute("SELECT claimed, state, result FROM items WHERE key = ?", (key,)).fetchone()
        return found

    def _next_of(self, hash: str) -> tuple[str | bytes, tuple[int, int, int | None] | None]:
        """The stored key of the next item with this payload, and its row if an earlier run has claimed it.

        This run has claimed the first ones of them without a gap, so the next one is found in a logarithmic number of steps.
        """

        def look(ordinal: int) -> tuple[str | bytes, tuple[int, int, int | None] | None]:
            key = packed(f"{hash}-{ordinal}") if len(hash) != _HASH_LENGTH else packed_hash(hash, ordinal)
            return key, self._found(key)

        def is_claimed(found: tuple[int, int, int | None] | None) -> bool:
            return found is not None and found[0] == self.run

        low = self._ordinals.get(hash, 0)
        high = low + 1
        key, found = look(high)
        while is_claimed(found):
            low, high = high, 2 * high
            key, found = look(high)
        while high - low > 1:
            middle = (low + high) // 2
            middle_key, middle_found = look(middle)
            if is_claimed(middle_found):
                low = middle
            else:
                high, key, found = middle, middle_key, middle_found
        if high > 1:
            if len(self._ordinals) >= _MOST_ORDINALS:
                self._ordinals.clear()
            self._ordinals[hash] = high
        return key, found

    def _write(self, row: ItemRow) -> None:
        columns = (row.key, self.run, int(row.state), row.result)
        self._db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?)", (*columns, item_checksum(*columns)))

    def _key_of(self, key: object, number: int) -> str:
        try:
            return unpacked(key)
        except ValueError:
            pass
        raise damaged(self._path, f"the key in row {number} of its table 'items' was changed")

    def _checked_result(self, key: str | None, number: int, columns: Any) -> Packed:
        dictionary, content, payload, stored_sum = columns
        is_sound = (
            isinstance(dictionary, int)
            and isinstance(content, bytes)
            and isinstance(payload, bytes | None)
            and result_checksum(number, dictionary, content, payload) == stored_sum
        )
        if not is_sound:
            raise self._changed_result(key, number)
        return Packed(dictionary, content, payload)

    def _changed_result(self, key: str | None, number: int) -> ConfigurationError:
        if key is None:
            owner = self._db.execute("SELECT key FROM items WHERE result = ?", (number,)).fetchone()
            key = None if owner is None else self._key_of(owner[0], number)
        shown = f"row {number} of its table 'results'" if key is None else f"the result of the item {key!r}"
        return damaged(self._path, f"{shown} was changed")


_HASH_LENGTH = 64
"""Characters of a hash."""


def _fits(state: ItemState, result: int | None) -> bool:
    """Whether an item in this state has a result, or lacks one, as it should."""
    return (result is not None) if state.is_done else state is ItemState.STARTED or result is None
