"""A journal as others read it: its map, its runs and its items, also of earlier formats and of a killed run.

Law: reading changes nothing in the journal. If a run uses the file, or begins to use it meanwhile, that is an error.

Must not know how the items are shown.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import attrs

from ..codecs import JsonCodec
from ..errors import ConfigurationError
from ..operations.commands import InvokeCommand
from . import journal_records
from .cost import NO_COST, Cost
from .item import WorkItem
from .journal_files import damaged, explained, is_too_short, log_fault
from .journal_head import FORMAT, LOG_FOLLOWS, check_format, check_tables, read_map
from .journal_old import OLD_TABLES, old_items
from .journal_rows import ItemState, decoded, state_of
from .journal_tables import Tables
from .values import MapResult

if TYPE_CHECKING:
    import sqlite3

__all__ = ["JournalReader", "StoredItem"]

_HEAD = ("format", "run", "log")
"""The rows of the table `map` that do not name the map."""


@attrs.frozen
class StoredItem:
    """An item as its last run left it. `result` is `None` if it was not sent; `unknown` if it was in flight at the end."""

    key: str
    state: ItemState
    run: int
    result: MapResult[None] | None
    cost: Cost = NO_COST


class JournalReader:
    """The content of one file. `with JournalReader(path) as journal: ...`; every error is a `ConfigurationError`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._log = Path(f"{os.path.realpath(path)}-wal")
        self._index = Path(f"{os.path.realpath(path)}-shm")
        self._db: sqlite3.Connection | None = None
        self._tables: Mapping[str, str] = {}
        self._had_log = self._had_index = False
        self._status: os.stat_result | None = None
        self.map: dict[str, Any] = {}
        """The function, its qualifier, the invocation type and a hash of the tenant."""
        self.format = FORMAT
        self.runs = 0
        """The number of runs so far."""

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException as error:  # noqa: BLE001 - raised again, in words
            self._close()
            raise self._explained(error) from None
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()
        if exc[0] is None and (self._log.exists() != self._had_log or _changed(self._status, self._path)):
            raise ConfigurationError(
                f"the journal {str(self._path)!r} cannot be read: a run began to use it meanwhile; wait for the end of that run"
            )

    @property
    def size(self) -> int:
        """Bytes of the file, and of the log that a killed run left beside it."""
        return sum(path.stat().st_size for path in (self._path, self._log) if path.exists())

    def items(self) -> Iterator[StoredItem]:
        """The items, sorted by the stored form of their keys."""
        try:
            yield from self._old_items() if self._tables == OLD_TABLES else self._items()
        except GeneratorExit:
            raise
        except BaseException as error:
            failure = self._explained(error)
            if failure is error:
                raise
        else:
            return
        raise failure

    def _open(self) -> None:
        import sqlite3  # noqa: PLC0415 - loaded by the first journal

        if not self._path.is_file():
            raise ConfigurationError(f"the journal {str(self._path)!r} cannot be read: there is no such file")
        self._status = self._path.stat()
        if is_too_short(self._status.st_size):
            raise damaged(self._path, "it is too short")
        self._had_log, self._had_index = self._log.exists(), self._index.exists()
        if fault := log_fault(self._log):
            raise damaged(self._path, fault)
        # Without a log no run uses the file, and SQLite needs no files beside it, which a folder may not admit.
        mode = "mode=ro" if self._had_log else "mode=ro&immutable=1"
        uri = Path(os.path.realpath(self._path)).as_uri()
        db = self._db = sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=0.5)
        db.text_factory = decoded
        self._tables = check_tables(db, self._path)
        known, self.runs = read_map(db, self._path) if self._tables else ({}, 0)
        check_format(known, self._tables, self._path)
        if known.get("log") == LOG_FOLLOWS and not self._had_log:
            raise damaged(self._path, f"the file {self._log.name!r}, which belongs to it, is missing")
        values: dict[str, Any] = {name: json.loads(value) for name, value in known.items() if name not in ("log", "run")}
        self.format = values.get("format", FORMAT)
        self.map = {name: value for name, value in values.items() if name not in _HEAD}

    def _items(self) -> Iterator[StoredItem]:
        if not self._tables:
            return
        tables = Tables(self._opened, self._path, self._tables)
        tables.load_samples()
        for index, (key, row, run) in enumerate(tables.rows(self.runs)):
            record, payload = (None, None) if row.result is None else tables.result(key, row.result)
            yield self._stored(index, key, row.state, run, None if row.result is None else (record, payload))

    def _old_items(self) -> Iterator[StoredItem]:
        states = {"claimed": ItemState.CLAIMED, "started": ItemState.STARTED}
        for index, old in enumerate(old_items(self._opened, self._path, self.runs)):
            state = states.get(old.state, ItemState.OK)
            yield self._stored(index, old.key, state, old.claimed, None if old.state in states else (old.record, old.payload))

    def _stored(
        self, index: int, key: str, state: ItemState, run: int, found: "tuple[object, bytes | None] | None"
    ) -> StoredItem:
        function = self.map.get("function") or ""
        work: WorkItem[None] = WorkItem(
            index=index, item=None, key=key, command=InvokeCommand(function_name=function), function_name=function
        )
        result = journal_records.unknown_outcome(work) if state is ItemState.STARTED else None
        if found is None:
            return StoredItem(key, state, run, result)
        fault = ""
        try:
            loaded = journal_records.load(work, *found, codec=JsonCodec())
            cost = journal_records.cost_of(found[0], loaded.output)
            if state.is_done:
                result, state = loaded, state_of(loaded)
            return StoredItem(key, state, run, result, cost)
        except journal_records.UnreadableError as error:
            fault = str(error)
        raise damaged(self._path, f"the result of the item {key!r} cannot be read: {fault}")

    @property
    def _opened(self) -> "sqlite3.Connection":
        assert self._db is not None  # noqa: S101 - set by `_open`
        return self._db

    def _explained(self, error: BaseException) -> BaseException:
        if self._had_log and getattr(error, "sqlite_errorname", "") in ("SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY"):
            return ConfigurationError(
                f"the journal {str(self._path)!r} of a killed run cannot be read in a folder that this user cannot write to: "
                f"copy it and {self._log.name!r} to another folder"
            )
        return explained(self._path, error, other="look at it then")

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            if self._had_log and not self._had_index:  # SQLite leaves this index of the log when it may not change the file
                with contextlib.suppress(OSError):
                    self._index.unlink(missing_ok=True)


def _changed(before: os.stat_result | None, path: Path) -> bool:
    after = path.stat()
    return before is None or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size)
