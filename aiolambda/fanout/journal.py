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
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..threads import FILES
from .journal_files import OTHER_FILE, REMEDY, damaged, log_fault, private_file, restrict_to_owner
from .journal_rows import checksum, decoded, encoded, map_checksum

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Journal", "JournalEntry"]

_FORMAT = "4"
"""The version of the tables and of the records in them."""
_READABLE_FORMATS = ("3", _FORMAT)
"""A journal of format 3 lacks the row `log`, and is continued in format 4."""
_TRANSACTION_SIZE = 500
"""Changes in one transaction, at most."""
_LOG_SIZE = 4 * 1024 * 1024
"""Bytes of the write-ahead log after which it is moved into the file. Moving waits for the disk three times."""
_LOG_FOLLOWS = "follows"
"""The row `log` in a file from whose log something may be missing. The first change of each log replaces it by `_LOG_IS_IN`."""
_LOG_IS_IN = "is in"

_TABLES = {
    "map": "CREATE TABLE map (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # claimed: the number of the run that claimed the item; state: one of _STATES; sum: the checksum of the other columns
    "items": "CREATE TABLE items (key TEXT PRIMARY KEY, claimed INTEGER NOT NULL, state TEXT NOT NULL, result TEXT, "
    "payload BLOB, sum INTEGER NOT NULL) WITHOUT ROWID",
    # how many items of the last run have each payload hash
    "repeats": "CREATE TABLE repeats (hash TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
}
_STATES = ("claimed", "started", "done")
_RUN_NUMBER = re.compile(r"[0-9]{1,18}")


@attrs.frozen
class JournalEntry:
    """An item in the journal: the state in which the last run left it, and its result if it is done."""

    key: str
    state: Literal["new", "started", "done"]
    result: object = None
    payload: bytes | None = None


@attrs.frozen
class _Job:
    """A change, and the future of its result. `is_durable`: it must outlive a power failure, so it waits for the disk."""

    work: Callable[["sqlite3.Connection"], Any]
    done: "asyncio.Future[Any]"
    is_durable: bool


class Journal:
    """Call `open`, then `claim` and the `mark_` methods for each item, and `close` at the end."""

    def __init__(self, path: str | os.PathLike[str], identity: Mapping[str, str | None]) -> None:
        self._path = Path(path)
        self._identity = identity
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._run = 0
        self._known: dict[str, str] = {}
        """The rows of the table `map`, without their checksum."""
        self._is_durable = True
        """Whether a commit waits for the disk."""
        self._log = Path()
        self._had_log = self._must_move_log = False
        self.known_items = 0
        """Items that earlier runs have started or done."""

    async def open(self) -> None:
        """Open the file, or create it. `ConfigurationError` if it is damaged, in use, of another map, or not a journal."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="journal of a map", daemon=True)
        self._thread.start()
        try:
            self._run, self.known_items = await self._do(self._begin, is_durable=True)
        except BaseException:
            await self.close()
            raise

    async def claim(self, key: str | None, hash_: str | None) -> JournalEntry:
        """Claim an item for this run, by its key or by the hash of its payload. `InvalidInputError` for a duplicate key."""
        entry: JournalEntry = await self._do(lambda db: self._claim(db, key, hash_))
        return entry

    async def mark_started(self, key: str) -> None:
        """Record that the item is about to be sent. Waits for the disk."""
        await self._do(lambda db: self._set(db, key, "started"), is_durable=True)

    def mark_unsent(self, key: str, on_error: Callable[[BaseException], object]) -> None:
        """Record that the item has not run, although it was started: a later run may send it.

        Nothing waits for this. If the item is started again, that change comes after this one.
        """

        def check(done: "asyncio.Future[Any]") -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                on_error(error)

        self._put(lambda db: self._set(db, key, "claimed")).add_done_callback(check)

    async def mark_done(self, key: str, result: Mapping[str, Any], payload: bytes | None) -> None:
        """Record the result of the item."""
        text = json.dumps(result)
        await self._do(lambda db: self._set(db, key, "done", text, payload))

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

    async def _do(self, work: Callable[["sqlite3.Connection"], Any], *, is_durable: bool = False) -> Any:
        return await self._put(work, is_durable=is_durable)

    def _put(self, work: Callable[["sqlite3.Connection"], Any], *, is_durable: bool = False) -> "asyncio.Future[Any]":
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
                    outcomes.append((job.done, job.work(db), None))
                except InvalidInputError as error:
                    outcomes.append((job.done, None, error))
                except UnicodeEncodeError as error:
                    text = f"key {error.object!r} is not valid Unicode text; make key= return another string"
                    outcomes.append((job.done, None, InvalidInputError(text, member="key")))
            self._commit(db, _LOG_FOLLOWS if self._must_move_log else _LOG_IS_IN)
            if self._must_move_log or self._log.stat().st_size > _LOG_SIZE:
                self._commit(db, _LOG_FOLLOWS)
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._must_move_log = False
        except BaseException as error:  # noqa: BLE001 - each job that waits receives it
            if db is not None:
                with contextlib.suppress(Exception):  # the file may be gone
                    db.rollback()  # a change that is reported as failed must not be in the file
            failure = self._explained(error)
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

    def _end(self, db: "sqlite3.Connection") -> None:
        """Close the file. SQLite moves the log into it, and deletes the log."""
        has_begun, is_marked = bool(self._known), False
        with contextlib.suppress(Exception):  # such as a full disk
            if has_begun:
                self._commit(db, _LOG_IS_IN)
                is_marked = True
        db.close()
        if not is_marked and (has_begun or self._had_log):
            with contextlib.suppress(OSError):
                self._log.touch(mode=0o600)  # else the next run would miss the log

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
            is_new = db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            if not is_new:
                self._check_tables(db)  # before the file is changed: it may not be a journal
            restrict_to_owner(path)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA wal_autocheckpoint = 0")  # SQLite would begin the log again over its old frames: not whole
            db.execute("PRAGMA synchronous = FULL")
            if is_new:
                self._check_tables(db)
        except BaseException:
            db.close()
            raise
        return db

    def _check_tables(self, db: "sqlite3.Connection") -> None:
        """Create the tables in an empty file. `ConfigurationError` if the file has other tables, or if SQLite finds damage."""
        found = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type <> 'index'"))
        if not found:
            db.execute("BEGIN IMMEDIATE")
            for sql in _TABLES.values():
                db.execute(sql)
            return
        if found != _TABLES:
            raise ConfigurationError(
                f"the file {str(self._path)!r} is not a journal of this version of aiolambda, or is damaged: it has other "
                f"tables; {OTHER_FILE}, or resume with the version of aiolambda that wrote it"
            )
        faults = [str(fault) for (fault,) in db.execute("PRAGMA integrity_check(1)")]
        if faults != ["ok"]:
            raise self.damaged(f"SQLite finds {faults[0].splitlines()[-1]!r}")

    def _begin(self, db: "sqlite3.Connection") -> tuple[int, int]:
        """Check the file, and begin a run. Returns the number of the run, and that of the items that were started or done."""
        known = dict(db.execute("SELECT name, value FROM map"))
        last_run = self._last_run(known)
        if known.setdefault("format", json.dumps(_FORMAT)) not in map(json.dumps, _READABLE_FORMATS):
            raise ConfigurationError(
                f"the journal {str(self._path)!r} has the format {known['format']}, and this version of aiolambda uses "
                f'"{_FORMAT}"; {OTHER_FILE}, or resume with the version of aiolambda that wrote it'
            )
        for name, value in self._identity.items():
            asked = json.dumps(value)
            if known.setdefault(name, asked) != asked:
                raise ConfigurationError(
                    f"the journal {str(self._path)!r} is of another map: its {name} is {known[name]}, and that of this map is "
                    f"{asked}; {OTHER_FILE}"
                )
        if known.get("log") == _LOG_FOLLOWS and not self._had_log:
            raise self.damaged(f"the file {self._log.name!r}, which belongs to it, is missing")
        known_items = self._checked_items(db, last_run)
        db.execute("DELETE FROM repeats")
        self._known = known | {"format": json.dumps(_FORMAT), "run": str(last_run + 1), "log": ""}
        self._must_move_log = True
        return last_run + 1, known_items

    def _last_run(self, known: dict[Any, Any]) -> int:
        """The number of the last run. Checks the rows of the table `map`, and removes their checksum from `known`."""
        if not known:
            return 0
        stored_sum, run = known.pop("sum", ""), known.get("run")
        if not all(isinstance(part, str) for row in known.items() for part in row) or stored_sum != map_checksum(known):
            raise self.damaged("the rows of its table 'map' were changed")
        if run is None or _RUN_NUMBER.fullmatch(run) is None:
            raise self.damaged("the number of its last run is not a number")
        return int(run)

    def _checked_items(self, db: "sqlite3.Connection", last_run: int) -> int:
        """Check every row, and count the items that were started or done.

        Keys are checked too: a changed key would look like an item that was never sent.
        """
        count, last_key = 0, b""
        for *columns, stored_sum in db.execute("SELECT key, claimed, state, result, payload, sum FROM items"):
            key, claimed, state, result, payload = columns
            is_sound = (
                checksum(*columns) == stored_sum
                and isinstance(key, str)
                and isinstance(claimed, int)
                and isinstance(result, str | None)
                and isinstance(payload, bytes | None)
                and state in _STATES
                and 0 < claimed <= last_run
            )
            if not is_sound or encoded(key) <= last_key:  # in a sound file, the rows are sorted by key
                raise self.damaged(f"the row of the item {key!r} was changed")
            count += state != "claimed"
            last_key = encoded(key)
        return count

    def _claim(self, db: "sqlite3.Connection", key: str | None, hash_: str | None) -> JournalEntry:
        if key is None:  # the hash, and the ordinal of this item among equal payloads
            seen = db.execute("SELECT count FROM repeats WHERE hash = ?", (hash_,)).fetchone()
            ordinal = 1 if seen is None else seen[0] + 1
            db.execute("INSERT OR REPLACE INTO repeats VALUES (?, ?)", (hash_, ordinal))
            key = f"{hash_}-{ordinal}"
        row = db.execute("SELECT claimed, state, result, payload FROM items WHERE key = ?", (key,)).fetchone()
        if row is None:
            self._set(db, key, "claimed")
            return JournalEntry(key, "new")
        claimed, state, result, payload = row
        if claimed == self._run:
            raise InvalidInputError(f"duplicate key {key!r}: make key= return a different string for each item", member="key")
        self._set(db, key, state, result, payload)
        if state == "claimed":
            return JournalEntry(key, "new")
        return JournalEntry(key, state, None if result is None else self._parsed(key, result), payload)

    def _parsed(self, key: str, result: str) -> object:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(result)
        raise self.damaged(f"the result of the item {key!r} is not JSON")  # raised here, so its context does not hold the text

    def _set(
        self, db: "sqlite3.Connection", key: str, state: str, result: str | None = None, payload: bytes | None = None
    ) -> None:
        columns = (key, self._run, state, result, payload)
        db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (*columns, checksum(*columns)))

    def _explained(self, error: BaseException) -> BaseException:
        """The error that the caller receives for one of SQLite or of the file system."""
        if isinstance(error, ImportError):
            return ConfigurationError("this Python has no sqlite3, which journal= needs; use a Python that has it")
        import sqlite3  # noqa: PLC0415 - as above

        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            fault = "another run uses it; wait for the end of that run, or give another file"
        elif isinstance(error, OSError):
            fault = f"{error.strerror or error}; check its path and its disk"
        elif isinstance(error, sqlite3.Error):
            is_full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            fault = f"{error}; free some space on its disk" if is_full else f"{error}; {REMEDY}"
        elif isinstance(error, UnicodeDecodeError):  # from SQLite's own message, which quotes the file
            fault = f"malformed database schema; {REMEDY}"
        else:
            return error
        return ConfigurationError(f"the journal {str(self._path)!r} cannot be used: {fault}")


def _set_results(outcomes: "list[tuple[asyncio.Future[Any], Any, BaseException | None]]") -> None:
    for done, value, error in outcomes:
        if done.done():
            continue
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)
