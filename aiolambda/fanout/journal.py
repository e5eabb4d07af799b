"""The journal of a map: what was started and what came of it, in an SQLite file, so that a run can go on where another ended.

Laws: what is awaited here is committed, and stands in the file itself, when it is there; a file belongs to one map (function,
qualifier, type), and to one run at a time; the whole file is checked before the first item is given, so a damaged one is an
error, and never the cause of sending an item again; nobody but its owner can read it.

Owns the file and the one thread that writes it. Must not know when an item is sent, or what a result is good for.
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

__all__ = ["Journal", "Stored"]

_FORMAT = "2"
_AT_ONCE = 500
"""Changes in one transaction."""

_TABLES = {
    "map": "CREATE TABLE map (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # claimed: by which run; state: claimed, started or done; sum: of the others
    "items": "CREATE TABLE items (key TEXT PRIMARY KEY, claimed INTEGER NOT NULL, state TEXT NOT NULL, result TEXT, "
    "payload BLOB, sum INTEGER NOT NULL) WITHOUT ROWID",
    # how often each hash came in the run that wrote last
    "repeats": "CREATE TABLE repeats (hash TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
}
_STATES = ("claimed", "started", "done")
_REMEDY = "restore the file from a copy, or give another one, with which every item is sent again"
_SHORTEST = 512
"""Bytes of the smallest page that SQLite has."""
_RUN = re.compile(r"[0-9]{1,18}")
_PRIVATE = 0o700
"""What may be left of a file's mode."""


@attrs.frozen
class Stored:
    """What the journal knows of an item: `state` as an earlier run left it, and its result when it is done."""

    key: str
    state: Literal["new", "started", "done"]
    result: object = None
    payload: bytes | None = None


Job = tuple[Callable[["sqlite3.Connection"], Any], "asyncio.Future[Any]"]


class Journal:
    """`open`, then `claim` each item, tell when it is `started`, `refused` and `done`; `close` at the end."""

    def __init__(self, path: str | os.PathLike[str], identity: Mapping[str, str | None]) -> None:
        self._path = Path(path)
        self._identity = {**identity, "format": _FORMAT}
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._run = 0
        self.stored = 0
        """Items that an earlier run has started or done."""

    async def open(self) -> None:
        """Open the file, or make it. `ConfigurationError` for that of another map, one in use, a damaged one, or no journal."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="journal of a map", daemon=True)
        self._thread.start()
        try:
            self._run, self.stored = await self._do(self._begin)
        except BaseException:
            await self.close()
            raise

    async def claim(self, key: str | None, hash_: str | None) -> Stored:
        """Take an item for this run, by its key, or by the hash of its payload. `InvalidInputError` for a key that is taken."""
        stored: Stored = await self._do(lambda db: self._claim(db, key, hash_))
        return stored

    async def started(self, key: str) -> None:
        """It is about to be sent."""
        await self._do(lambda db: self._set(db, key, "started"))

    async def refused(self, key: str) -> None:
        """It was not let in, and has not run."""
        await self._do(lambda db: self._set(db, key, "claimed"))

    async def done(self, key: str, result: Mapping[str, Any], payload: bytes | None) -> None:
        """What came of it."""
        text = json.dumps(result)
        await self._do(lambda db: self._set(db, key, "done", text, payload))

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            with contextlib.suppress(OSError):  # no thread can be started to wait in: this one ends all the same
                await FILES.run(thread.join)

    def damaged(self, what: str) -> ConfigurationError:
        """The error of a journal that does not hold what was written into it."""
        return ConfigurationError(f"the journal {str(self._path)!r} is damaged: {what}; {_REMEDY}")

    def abandon(self) -> None:
        """Write what is left, and let the thread end by itself: the loop that was told of it is closed."""
        self._thread = None
        self._jobs.put(None)

    async def _do(self, work: Callable[["sqlite3.Connection"], Any]) -> Any:
        assert self._loop is not None  # noqa: S101
        done: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put((work, done))
        return await done

    # What follows runs in the thread.

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
                if len(jobs) >= _AT_ONCE or self._jobs.empty():
                    break
                job = self._jobs.get()
            if jobs:
                db = self._transact(db, jobs)
        if db is not None:
            db.close()

    def _transact(self, db: "sqlite3.Connection | None", jobs: list[Job]) -> "sqlite3.Connection | None":
        """All of it in one transaction, which is committed before anybody is told.

        It is moved out of the write-ahead log at once: SQLite passes over a log in which a byte is wrong without a word.
        """
        outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            db = db or self._connect()
            for work, done in jobs:
                try:
                    outcomes.append((done, work(db), None))
                except InvalidInputError as error:
                    outcomes.append((done, None, error))
                except UnicodeEncodeError:
                    outcomes.append((done, None, InvalidInputError("a key holds a character that is no text", member="key")))
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except BaseException as error:  # noqa: BLE001 - whoever awaits is told, whatever it is
            if db is not None:
                with contextlib.suppress(Exception):  # of a file that is gone, nothing is left to take back
                    db.rollback()  # whoever was told that it failed must not find it written
            failure = self._explained(error)
            outcomes = [(done, None, failure) for _, done in jobs]
        assert self._loop is not None  # noqa: S101
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nobody waits on it
            self._loop.call_soon_threadsafe(_tell, outcomes)
        return db

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - loaded when a journal is asked for, never by `import aiolambda`

        path = self._private_file()
        db = sqlite3.connect(path, timeout=0.5, check_same_thread=False)
        try:
            db.text_factory = _text
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            is_new = db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            if not is_new:
                self._check_tables(db)  # before anything of it is changed: it may be somebody else's
            _close_to_others(path)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            if is_new:
                self._check_tables(db)
        except BaseException:
            db.close()
            raise
        return db

    def _private_file(self) -> str:
        """The path of the file, which is there now, and which nobody but its owner can read."""
        try:
            path = os.path.realpath(self._path)  # Path.resolve raises a RuntimeError for a loop of links
            _make(path)
            if 0 < Path(path).stat().st_size < _SHORTEST:  # which passes for an empty database
                raise self.damaged("it is too short")
        except PermissionError as error:
            raise ConfigurationError(
                f"the journal {str(self._path)!r} cannot be used: {error.strerror}; give a file of yours, closed to others"
            ) from None
        except ValueError:
            raise ConfigurationError(f"the journal {str(self._path)!r} cannot be used: no file can have this name") from None
        return path

    def _check_tables(self, db: "sqlite3.Connection") -> None:
        """Make the tables in an empty file; in any other they must be as they were made."""
        found = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type <> 'index'"))
        if not found:
            db.execute("BEGIN IMMEDIATE")
            for sql in _TABLES.values():
                db.execute(sql)
            return
        if found != _TABLES:
            raise ConfigurationError(
                f"the file {str(self._path)!r} is not a journal of this version of aiolambda, or is damaged: its tables are "
                "others; give another file, with which every item is sent again, or go on with the version that wrote it"
            )
        faults = [str(fault) for (fault,) in db.execute("PRAGMA integrity_check(1)")]
        if faults != ["ok"]:
            raise self.damaged(f"SQLite finds {faults[0].splitlines()[-1]!r}")

    def _begin(self, db: "sqlite3.Connection") -> tuple[int, int]:
        known = dict(db.execute("SELECT name, value FROM map"))
        run = self._last_run(known) + 1
        for name, value in self._identity.items():
            said = json.dumps(value)
            if known.setdefault(name, said) != said:
                raise ConfigurationError(
                    f"the journal {str(self._path)!r} is of another map: its {name} is {known[name]}, and this one's is {said}"
                )
        stored = self._checked(db, run - 1)
        known["run"] = str(run)
        known["sum"] = _sum_of(known)
        db.executemany("INSERT OR REPLACE INTO map VALUES (?, ?)", known.items())
        db.execute("DELETE FROM repeats")
        return run, stored

    def _last_run(self, known: dict[Any, Any]) -> int:
        """The number of the run before; takes the sum out of what is known of the map, and checks it."""
        if not known:
            return 0
        said, run = known.pop("sum", ""), known.get("run")
        if not all(isinstance(part, str) for item in known.items() for part in item) or said != _sum_of(known):
            raise self.damaged("the rows of its table 'map' are not what was written")
        if run is None or _RUN.fullmatch(run) is None:
            raise self.damaged("the number of its last run is none")
        return int(run)

    def _checked(self, db: "sqlite3.Connection", last_run: int) -> int:
        """Check every row; how many items were started or done. A key that has changed would pass for an item never sent."""
        stored, before = 0, b""
        for *columns, sum_ in db.execute("SELECT key, claimed, state, result, payload, sum FROM items"):
            key, claimed, state = columns[:3]
            is_sound = _sum(*columns) == sum_ and _has_types(*columns) and state in _STATES and 0 < claimed <= last_run
            if not is_sound or _bytes_of(key) <= before:
                raise self.damaged(f"the row of the item {key!r} is not what was written")
            stored += state != "claimed"
            before = _bytes_of(key)
        return stored

    def _claim(self, db: "sqlite3.Connection", key: str | None, hash_: str | None) -> Stored:
        if key is None:
            key = self._key_of(db, str(hash_))
        row = db.execute("SELECT claimed, state, result, payload FROM items WHERE key = ?", (key,)).fetchone()
        if row is None:
            self._set(db, key, "claimed")
            return Stored(key, "new")
        claimed, state, result, payload = row
        if claimed == self._run:
            raise InvalidInputError(f"the key {key!r} stands for two items of this map", member="key")
        self._set(db, key, state, result, payload)
        if state == "claimed":
            return Stored(key, "new")
        return Stored(key, state, None if result is None else self._parsed(key, result), payload)

    def _parsed(self, key: str, result: str) -> object:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(result)
        raise self.damaged(f"the result of the item {key!r} is not JSON")  # here, without the text in its context

    def _set(
        self, db: "sqlite3.Connection", key: str, state: str, result: str | None = None, payload: bytes | None = None
    ) -> None:
        columns = (key, self._run, state, result, payload)
        db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (*columns, _sum(*columns)))

    def _key_of(self, db: "sqlite3.Connection", hash_: str) -> str:
        """Equal payloads are separate items: the how-manieth of its kind in this run this one is."""
        row = db.execute("SELECT count FROM repeats WHERE hash = ?", (hash_,)).fetchone()
        count = 1 if row is None else row[0] + 1
        db.execute("INSERT OR REPLACE INTO repeats VALUES (?, ?)", (hash_, count))
        return f"{hash_}-{count}"

    def _explained(self, error: BaseException) -> BaseException:
        if isinstance(error, ImportError):
            return ConfigurationError("this Python has no sqlite3, which a journal is kept with; use one that has")
        import sqlite3  # noqa: PLC0415 - as above

        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            said = "another run uses it"
        elif isinstance(error, OSError):
            said = error.strerror or str(error)
        elif isinstance(error, sqlite3.Error):
            is_full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            said = f"{error}; make room for it" if is_full else f"{error}; {_REMEDY}"
        elif isinstance(error, UnicodeDecodeError):  # of SQLite's own words, which quote the file
            said = f"malformed database schema; {_REMEDY}"
        else:
            return error
        return ConfigurationError(f"the journal {str(self._path)!r} cannot be used: {said}")


def _make(path: str) -> None:
    """Make the file, for its owner alone.

    It is not opened if it is there: closing it would end the lock that another run of this process has on it.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _close_to_others(path: str) -> None:
    """Leave the file, and those that SQLite has put beside it, to its owner alone."""
    for file in map(Path, (path, f"{path}-wal", f"{path}-shm", f"{path}-journal")):
        with contextlib.suppress(FileNotFoundError):
            mode = file.stat().st_mode
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & ~_PRIVATE:
                file.chmod(stat.S_IMODE(mode) & _PRIVATE)


def _text(data: bytes) -> str:
    """Text out of the file, which is UTF-8 only if it is sound."""
    return data.decode(errors="surrogateescape")


def _sum(*columns: object) -> int:
    """A checksum of a row, over each column's type, length and content."""
    parts = [column if isinstance(column, bytes) else _bytes_of(str(column)) for column in columns]
    forms = [f"{type(column).__name__} {len(part)}" for column, part in zip(columns, parts, strict=True)]
    return zlib.crc32(b"".join([str(forms).encode(), *parts]))


def _sum_of(known: Mapping[str, object]) -> str:
    return str(_sum(*(part for item in sorted(known.items()) for part in item)))


def _bytes_of(text: str) -> bytes:
    """The bytes that stand in the file, by which SQLite sorts."""
    return text.encode(errors="surrogateescape")


def _has_types(key: object, claimed: object, state: object, result: object, payload: object) -> bool:
    return (
        isinstance(key, str)
        and isinstance(claimed, int)
        and isinstance(state, str)
        and isinstance(result, str | None)
        and isinstance(payload, bytes | None)
    )


def _tell(outcomes: "list[tuple[asyncio.Future[Any], Any, BaseException | None]]") -> None:
    for done, value, error in outcomes:
        if done.done():
            continue
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)
