"""The journal of a map: an SQLite file with the items that were started and their results, so that a later run can resume.

Laws: a method that returns has committed its change to the file itself; a file belongs to one map (function, qualifier, type,
tenant), and to one run at a time; the whole file is checked before the first item is claimed, so a damaged file is an error,
and never the reason to send an item again; only the owner of the file can read it.

Owns the file, and the one thread that writes it. Must not know when an item is sent, or what its result means.
"""

import asyncio
import contextlib
import json
import os
import queue
import re
import stat
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..threads import FILES

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Journal", "JournalEntry"]

_FORMAT = "3"
"""The version of the tables and of the records in them."""
_TRANSACTION_SIZE = 500
"""Changes in one transaction, at most."""

_TABLES = {
    "map": "CREATE TABLE map (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # claimed: the number of the run that claimed the item; state: one of _STATES; sum: the checksum of the other columns
    "items": "CREATE TABLE items (key TEXT PRIMARY KEY, claimed INTEGER NOT NULL, state TEXT NOT NULL, result TEXT, "
    "payload BLOB, sum INTEGER NOT NULL) WITHOUT ROWID",
    # how many items of the last run have each payload hash
    "repeats": "CREATE TABLE repeats (hash TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
}
_STATES = ("claimed", "started", "done")
_OTHER_FILE = "give another file, with which every item is sent again"
_REMEDY = f"restore the file from a copy, or {_OTHER_FILE}"
_SMALLEST_PAGE = 512
"""Bytes of the smallest page that SQLite has."""
_RUN_NUMBER = re.compile(r"[0-9]{1,18}")
_OWNER_BITS = 0o700
"""The bits of a file's mode that are kept."""


@attrs.frozen
class JournalEntry:
    """An item in the journal: the state in which the last run left it, and its result if it is done."""

    key: str
    state: Literal["new", "started", "done"]
    result: object = None
    payload: bytes | None = None


Job = tuple[Callable[["sqlite3.Connection"], Any], "asyncio.Future[Any]"]


class Journal:
    """Call `open`, then `claim` and the `mark_` methods for each item, and `close` at the end."""

    def __init__(self, path: str | os.PathLike[str], identity: Mapping[str, str | None]) -> None:
        self._path = Path(path)
        self._identity = identity
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._run = 0
        self.known_items = 0
        """Items that earlier runs have started or done."""

    async def open(self) -> None:
        """Open the file, or create it. `ConfigurationError` if it is damaged, in use, of another map, or not a journal."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="journal of a map", daemon=True)
        self._thread.start()
        try:
            self._run, self.known_items = await self._do(self._begin)
        except BaseException:
            await self.close()
            raise

    async def claim(self, key: str | None, hash_: str | None) -> JournalEntry:
        """Claim an item for this run, by its key or by the hash of its payload. `InvalidInputError` for a duplicate key."""
        entry: JournalEntry = await self._do(lambda db: self._claim(db, key, hash_))
        return entry

    async def mark_started(self, key: str) -> None:
        """Record that the item is about to be sent."""
        await self._do(lambda db: self._set(db, key, "started"))

    async def mark_unsent(self, key: str) -> None:
        """Record that the item has not run, although it was started: a later run may send it."""
        await self._do(lambda db: self._set(db, key, "claimed"))

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
        return ConfigurationError(f"the journal {str(self._path)!r} is damaged: {fault}; {_REMEDY}")

    def detach(self) -> None:
        """Have the thread write all pending changes, close the file and end, without a wait: the loop is gone."""
        self._thread = None
        self._jobs.put(None)

    async def _do(self, work: Callable[["sqlite3.Connection"], Any]) -> Any:
        assert self._loop is not None  # noqa: S101 - set by `open`
        done: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put((work, done))
        return await done

    # The methods below run in the thread.

    def _write(self) -> None:
        db: sqlite3.Connection | None = None
        ended = False
        while not ended:
            jobs: list[Job] = []
            job = self._jobs.get()
            while True:
                if job is None:
                    ended = True
                    break
                jobs.append(job)
                if len(jobs) >= _TRANSACTION_SIZE or self._jobs.empty():
                    break
                job = self._jobs.get()
            if jobs:
                db = self._transact(db, jobs)
        if db is not None:
            db.close()

    def _transact(self, db: "sqlite3.Connection | None", jobs: list[Job]) -> "sqlite3.Connection | None":
        """Do all jobs in one transaction, commit it, and then set the results of the jobs.

        The changes are moved out of the write-ahead log at once: SQLite ignores a damaged log without an error.
        """
        outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            db = db or self._connect()
            for work, done in jobs:
                try:
                    outcomes.append((done, work(db), None))
                except InvalidInputError as error:
                    outcomes.append((done, None, error))
                except UnicodeEncodeError as error:
                    text = f"key {error.object!r} is not valid Unicode text; make key= return another string"
                    outcomes.append((done, None, InvalidInputError(text, member="key")))
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except BaseException as error:  # noqa: BLE001 - each job that waits receives it
            if db is not None:
                with contextlib.suppress(Exception):  # the file may be gone
                    db.rollback()  # a change that is reported as failed must not be in the file
            failure = self._explained(error)
            outcomes = [(done, None, failure) for _, done in jobs]
        assert self._loop is not None  # noqa: S101 - set by `open`
        with contextlib.suppress(RuntimeError):  # the loop is closed, so no job waits
            self._loop.call_soon_threadsafe(_set_results, outcomes)
        return db

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - loaded by the first journal, never by `import aiolambda`

        path = self._private_file()
        db = sqlite3.connect(path, timeout=0.5, check_same_thread=False)
        try:
            db.text_factory = _decoded
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            is_new = db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            if not is_new:
                self._check_tables(db)  # before the file is changed: it may not be a journal
            _restrict_to_owner(path)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            if is_new:
                self._check_tables(db)
        except BaseException:
            db.close()
            raise
        return db

    def _private_file(self) -> str:
        """Create the file for its owner alone, if it does not exist. Returns its real path."""
        try:
            path = os.path.realpath(self._path)  # Path.resolve raises a RuntimeError for a loop of links
            with contextlib.suppress(FileExistsError):  # an existing file stays closed: closing it would end another run's lock
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            if 0 < Path(path).stat().st_size < _SMALLEST_PAGE:  # SQLite would take the file for an empty database
                raise self.damaged("it is too short")
        except PermissionError as error:
            raise ConfigurationError(
                f"the journal {str(self._path)!r} cannot be used: {error.strerror}; give a file that this user owns"
            ) from None
        except ValueError:
            raise ConfigurationError(
                f"the journal {str(self._path)!r} cannot be used: no file can have this name; give another name"
            ) from None
        return path

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
                f"tables; {_OTHER_FILE}, or resume with the version of aiolambda that wrote it"
            )
        faults = [str(fault) for (fault,) in db.execute("PRAGMA integrity_check(1)")]
        if faults != ["ok"]:
            raise self.damaged(f"SQLite finds {faults[0].splitlines()[-1]!r}")

    def _begin(self, db: "sqlite3.Connection") -> tuple[int, int]:
        """Check the file, and begin a run. Returns the number of the run, and that of the items that were started or done."""
        known = dict(db.execute("SELECT name, value FROM map"))
        last_run = self._last_run(known)
        if known.setdefault("format", json.dumps(_FORMAT)) != json.dumps(_FORMAT):
            raise ConfigurationError(
                f"the journal {str(self._path)!r} has the format {known['format']}, and this version of aiolambda uses "
                f'"{_FORMAT}"; {_OTHER_FILE}, or resume with the version of aiolambda that wrote it'
            )
        for name, value in self._identity.items():
            asked = json.dumps(value)
            if known.setdefault(name, asked) != asked:
                raise ConfigurationError(
                    f"the journal {str(self._path)!r} is of another map: its {name} is {known[name]}, and that of this map is "
                    f"{asked}; {_OTHER_FILE}"
                )
        known_items = self._checked_items(db, last_run)
        known["run"] = str(last_run + 1)
        known["sum"] = _map_checksum(known)
        db.executemany("INSERT OR REPLACE INTO map VALUES (?, ?)", known.items())
        db.execute("DELETE FROM repeats")
        return last_run + 1, known_items

    def _last_run(self, known: dict[Any, Any]) -> int:
        """The number of the last run. Checks the rows of the table `map`, and removes their checksum from `known`."""
        if not known:
            return 0
        checksum, run = known.pop("sum", ""), known.get("run")
        if not all(isinstance(part, str) for row in known.items() for part in row) or checksum != _map_checksum(known):
            raise self.damaged("the rows of its table 'map' were changed")
        if run is None or _RUN_NUMBER.fullmatch(run) is None:
            raise self.damaged("the number of its last run is not a number")
        return int(run)

    def _checked_items(self, db: "sqlite3.Connection", last_run: int) -> int:
        """Check every row, and count the items that were started or done.

        Keys are checked too: a changed key would look like an item that was never sent.
        """
        count, last_key = 0, b""
        for *columns, checksum in db.execute("SELECT key, claimed, state, result, payload, sum FROM items"):
            key, claimed, state, result, payload = columns
            is_sound = (
                _checksum(*columns) == checksum
                and isinstance(key, str)
                and isinstance(claimed, int)
                and isinstance(result, str | None)
                and isinstance(payload, bytes | None)
                and state in _STATES
                and 0 < claimed <= last_run
            )
            if not is_sound or _encoded(key) <= last_key:  # in a sound file, the rows are sorted by key
                raise self.damaged(f"the row of the item {key!r} was changed")
            count += state != "claimed"
            last_key = _encoded(key)
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
        db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (*columns, _checksum(*columns)))

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
            fault = f"{error}; free some space on its disk" if is_full else f"{error}; {_REMEDY}"
        elif isinstance(error, UnicodeDecodeError):  # from SQLite's own message, which quotes the file
            fault = f"malformed database schema; {_REMEDY}"
        else:
            return error
        return ConfigurationError(f"the journal {str(self._path)!r} cannot be used: {fault}")


def _restrict_to_owner(path: str) -> None:
    """Let only the owner access the file, and the files that SQLite has put beside it."""
    for file in map(Path, (path, f"{path}-wal", f"{path}-shm", f"{path}-journal")):
        with contextlib.suppress(FileNotFoundError):
            mode = file.stat().st_mode
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & ~_OWNER_BITS:
                file.chmod(stat.S_IMODE(mode) & _OWNER_BITS)


def _decoded(data: bytes) -> str:
    """Text from the file. In a damaged file it may not be UTF-8."""
    return data.decode(errors="surrogateescape")


def _encoded(text: str) -> bytes:
    """The bytes of a text in the file. SQLite sorts by them."""
    return text.encode(errors="surrogateescape")


def _checksum(*columns: object) -> int:
    """A checksum of a row, over the type, length and content of each column."""
    parts = [column if isinstance(column, bytes) else _encoded(str(column)) for column in columns]
    forms = [f"{type(column).__name__} {len(part)}" for column, part in zip(columns, parts, strict=True)]
    return zlib.crc32(b"".join([str(forms).encode(), *parts]))


def _map_checksum(known: Mapping[str, object]) -> str:
    return str(_checksum(*(part for row in sorted(known.items()) for part in row)))


def _set_results(outcomes: "list[tuple[asyncio.Future[Any], Any, BaseException | None]]") -> None:
    for done, value, error in outcomes:
        if done.done():
            continue
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)
