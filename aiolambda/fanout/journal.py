"""The journal of a map: an SQLite file with the items that were started and their results, so that a later run can resume.

Laws: a change whose method has returned outlives the process; that an item was started outlives a power failure, too. A file
belongs to one map (function, qualifier, type, tenant), and to one run at a time. The file and the log that a killed run leaves
beside it are checked before the first item is claimed, so damage is an error, and never the reason to send an item again. Only
the owner of the file can read it.

Owns the file, and the one thread that writes it. Must not know when an item is sent, or what its result means.
"""

import asyncio
import contextlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..threads import FILES
from .journal_files import damaged, explained, log_fault, private_file, restrict_to_owner
from .journal_head import FORMAT, LOG_FOLLOWS, LOG_IS_IN, check_format, check_identity, check_tables, read_map
from .journal_old import OLD_TABLES
from .journal_rows import ItemRow, ItemState, decoded, map_checksum
from .journal_tables import JournalEntry, Tables

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Journal", "JournalEntry"]

_TRANSACTION_SIZE = 500
"""Changes in one transaction, at most."""
_LOG_SIZE = 4 * 1024 * 1024
"""Bytes of the write-ahead log after which it is moved into the file. Moving waits for the disk three times."""
_COMPACTED = 256 * 1024 * 1024
"""Bytes of content up to which a run compacts its file at its end: all of it passes through the log, which is checked if the
program is killed meanwhile."""
_COMPACTION_TIME = 10.0
"""Seconds after which a run gives up to compact its file. It then stays as it is."""
_STEPS = 10_000
"""Steps of SQLite between two looks at the clock."""
_WORTH_IT = 0.2
"""The share of free pages from which on a file is compacted."""
_LEAST_FREE = 256 * 1024
"""Bytes that must be free."""


@attrs.frozen
class _Job:
    """A change, and the future of its result. `is_durable`: it must outlive a power failure, so it waits for the disk."""

    work: Callable[[Tables], Any]
    done: "asyncio.Future[Any]"
    is_durable: bool


class Journal:
    """Call `open`, then `claim` and the `mark_` methods for each item, and `close` at the end.

    `results` says what is kept of a result: `"all"`, or its `"outcome"` without payload and log tail.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        identity: Mapping[str, str | None],
        *,
        results: Literal["all", "outcome"] = "all",
    ) -> None:
        self.keeps_payloads = results == "all"
        self.earlier: Mapping[ItemState, int] = {}
        """The items of earlier runs, by state."""
        self._path = Path(path)
        self._identity = identity
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._known: dict[str, str] = {}
        """The rows of the table `map`, without their checksum."""
        self._is_durable = True
        """Whether a commit waits for the disk."""
        self._log = Path()
        self._had_log = self._must_move_log = False
        self._tables: Tables | None = None

    @property
    def known_items(self) -> int:
        """Items that earlier runs have started or done."""
        return sum(count for state, count in self.earlier.items() if state is not ItemState.CLAIMED)

    async def open(self) -> None:
        """Open the file, or create it. `ConfigurationError` if it is damaged, in use, of another map, or not a journal."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="journal of a map", daemon=True)
        self._thread.start()
        try:
            self.earlier = await self._do(self._begin, is_durable=True)
        except BaseException:
            await self.close()
            raise

    async def claim(self, key: str | None, hash_: str | None) -> JournalEntry:
        """Claim an item for this run, by its key or by the hash of its payload. `InvalidInputError` for a duplicate key."""
        entry: JournalEntry = await self._do(lambda tables: tables.claim(key, hash_))
        return entry

    async def mark_started(self, row: ItemRow) -> None:
        """Record that the item is about to be sent. Waits for the disk."""
        await self._do(lambda tables: tables.start(row), is_durable=True)

    def mark_unsent(self, row: ItemRow, on_error: Callable[[BaseException], object]) -> None:
        """Record that the item has not run since it was started: it is again in the state that it had before.

        Nothing waits for this. If the item is started again, that change comes after this one.
        """

        def check(done: "asyncio.Future[Any]") -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                on_error(error)

        self._put(lambda tables: tables.revert(row)).add_done_callback(check)

    async def mark_done(self, row: ItemRow, state: ItemState, record: Mapping[str, Any], payload: bytes | None) -> None:
        """Record the result of the item. It takes the place of an earlier one."""
        text = json.dumps(record)
        await self._do(lambda tables: tables.finish(row, state, text, payload))

    async def compact(self) -> None:
        """Write the file anew, without free space. It may take as much of the disk again meanwhile."""
        await self._do(lambda tables: self._compact(tables.db))

    async def close(self) -> None:
        """Write all pending changes, close the file, and wait for the end of the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            with contextlib.suppress(OSError):  # no thread could be started for the wait: the journal's own ends without it
                await FILES.run(thread.join)

    def damaged(self, fault: str) -> ConfigurationError:
        """The error for a file whose content differs from the content that was written."""
        return damaged(self._path, fault)

    def detach(self) -> None:
        """Have the thread write all pending changes, close the file and end, without a wait: the loop is gone."""
        self._thread = None
        self._jobs.put(None)

    async def _do(self, work: Callable[[Tables], Any], *, is_durable: bool = False) -> Any:
        return await self._put(work, is_durable=is_durable)

    def _put(self, work: Callable[[Tables], Any], *, is_durable: bool = False) -> "asyncio.Future[Any]":
        assert self._loop is not None  # noqa: S101 - set by `open`
        done: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put(_Job(work, done, is_durable))
        return done

    # The methods below run in the thread.

    def _write(self) -> None:
        db: sqlite3.Connection | None = None
        ended = False
        while not ended:
            jobs: list[_Job] = []
            job = self._jobs.get()
            while True:
                if job is None:
                    ended = True
                    break
                jobs.append(job)
                if len(jobs) >= _TRANSACTION_SIZE or self._jobs.empty():
                    break
                job = self._jobs.get()
            for is_durable in (False, True):  # two jobs for one item stand in this order: marked as unsent, and started again
                if group := [job for job in jobs if job.is_durable == is_durable]:
                    db = self._transact(db, group, is_durable=is_durable)
        if db is not None:
            self._end(db)

    def _transact(self, db: "sqlite3.Connection | None", jobs: list[_Job], *, is_durable: bool) -> "sqlite3.Connection | None":
        """Do all jobs in one transaction, commit it, and then set the results of the jobs."""
        outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            db = db or self._connect()
            if is_durable is not self._is_durable:
                db.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
                self._is_durable = is_durable
            for job in jobs:
                try:
                    outcomes.append((job.done, job.work(self._opened), None))
                except InvalidInputError as error:
                    outcomes.append((job.done, None, error))
                except UnicodeEncodeError as error:
                    text = f"key {error.object!r} is not valid Unicode text; make key= return another string"
                    outcomes.append((job.done, None, InvalidInputError(text, member="key")))
            self._commit(db, LOG_FOLLOWS if self._must_move_log else LOG_IS_IN)
            if self._must_move_log or self._log.stat().st_size > _LOG_SIZE:
                self._move_log(db)
                self._must_move_log = False
        except BaseException as error:  # noqa: BLE001 - each job that waits receives it
            if db is not None:
                with contextlib.suppress(Exception):  # the file may be gone
                    db.rollback()  # a change that is reported as failed must not be in the file
                    self._opened.load_samples()
            failure = explained(self._path, error)
            outcomes = [(job.done, None, failure) for job in jobs]
        assert self._loop is not None  # noqa: S101 - set by `open`
        with contextlib.suppress(RuntimeError):  # the loop is closed, so no job waits
            self._loop.call_soon_threadsafe(_set_results, outcomes)
        return db

    def _commit(self, db: "sqlite3.Connection", log: str) -> None:
        """Commit the transaction, with the row `log` in this state."""
        known = self._known | {"log": log}
        if known != self._known:
            rows = known | {"sum": map_checksum(known)}
            db.executemany("INSERT OR REPLACE INTO map VALUES (?, ?)", rows.items())
        db.commit()
        self._known = known

    def _move_log(self, db: "sqlite3.Connection") -> None:
        self._commit(db, LOG_FOLLOWS)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _end(self, db: "sqlite3.Connection") -> None:
        """Compact the file if it is worth it, and close it. SQLite moves the log into it, and deletes the log."""
        has_begun, is_marked = bool(self._known), False
        with contextlib.suppress(Exception):  # such as a full disk
            if has_begun:
                self._compact_if_worth_it(db)
        with contextlib.suppress(Exception):  # as above
            if has_begun:
                self._commit(db, LOG_IS_IN)
                is_marked = True
        db.close()
        if not is_marked and (has_begun or self._had_log):
            with contextlib.suppress(OSError):
                self._log.touch(mode=0o600)  # else the next run would miss the log

    def _compact_if_worth_it(self, db: "sqlite3.Connection") -> None:
        """Compact the file if many pages are free, its content is not too large, and it does not take too long."""
        pages, free, size = (_pragma(db, name) for name in ("page_count", "freelist_count", "page_size"))
        if free < pages * _WORTH_IT or free * size < _LEAST_FREE or (pages - free) * size > _COMPACTED:
            return
        ends_at = time.monotonic() + _COMPACTION_TIME
        db.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS)
        try:
            self._compact(db)
        finally:
            db.set_progress_handler(None, 0)

    def _compact(self, db: "sqlite3.Connection") -> None:
        """Write the content of the file anew, without free space. Until the log has all of it, the file stays as it is."""
        self._move_log(db)
        db.execute("VACUUM")
        self._move_log(db)

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - loaded by the first journal, never by `import aiolambda`

        path = private_file(self._path)
        self._log = Path(f"{path}-wal")
        self._had_log = self._log.exists()
        if fault := log_fault(self._log):  # before SQLite opens the file: it would delete the log
            raise self.damaged(fault)
        db = sqlite3.connect(path, timeout=0.5, check_same_thread=False)
        try:
            db.text_factory = decoded
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            found = check_tables(db, self._path)  # before the file is changed: it may not be a journal
            restrict_to_owner(path)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA wal_autocheckpoint = 0")  # SQLite would begin the log again over its old frames: not whole
            db.execute("PRAGMA synchronous = FULL")
            self._tables = Tables(db, self._path, found)
            self._tables.create()
        except BaseException:
            db.close()
            raise
        return db

    @property
    def _opened(self) -> Tables:
        assert self._tables is not None  # noqa: S101 - set by `_connect`
        return self._tables

    def _begin(self, tables: Tables) -> Mapping[ItemState, int]:
        """Check the file, convert it if it is of an earlier format, and begin a run. Returns the items of earlier runs."""
        known, last_run = read_map(tables.db, self._path)
        check_format(known, tables.found, self._path)
        known = check_identity(known, self._identity, self._path)
        if known.get("log") == LOG_FOLLOWS and not self._had_log:
            raise self.damaged(f"the file {self._log.name!r}, which belongs to it, is missing")
        earlier = tables.convert(last_run) if tables.found == OLD_TABLES else tables.check(last_run)
        tables.run = last_run + 1
        self._known = known | {"format": json.dumps(FORMAT), "run": str(last_run + 1), "log": ""}
        self._must_move_log = True
        return earlier


def _pragma(db: "sqlite3.Connection", name: str) -> int:
    value: int = db.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _set_results(outcomes: "list[tuple[asyncio.Future[Any], Any, BaseException | None]]") -> None:
    for done, value, error in outcomes:
        if done.done():
            continue
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)
