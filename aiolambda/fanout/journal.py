"""The journal of a map: what was started and what came of it, in an SQLite file, so that a run can go on where another ended.

Laws: what is awaited here is committed when it is there; a file belongs to one map (function, qualifier, type), and to one run
at a time.

Owns the file and the one thread that writes it. Must not know when an item is sent, or what a result is good for.
"""

import asyncio
import contextlib
import json
import os
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..threads import FILES

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Journal", "Stored"]

_FORMAT = "1"
_AT_ONCE = 500
"""Changes in one transaction."""

_TABLES = """
CREATE TABLE IF NOT EXISTS map (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    key TEXT PRIMARY KEY,
    claimed INTEGER NOT NULL,  -- by which run
    state TEXT NOT NULL,  -- claimed, started, done
    result TEXT,
    payload BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repeats (hash TEXT PRIMARY KEY, claimed INTEGER NOT NULL, count INTEGER NOT NULL) WITHOUT ROWID;
"""


@attrs.frozen
class Stored:
    """What the journal knows of an item: `state` as an earlier run left it, and its result when it is done."""

    key: str
    state: Literal["new", "started", "done"]
    result: Mapping[str, Any] | None = None
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
        """Open the file, or make it. `ConfigurationError` for that of another map, one in use, or no journal at all."""
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
        await self._do(lambda db: db.execute("UPDATE items SET state = 'started' WHERE key = ?", (key,)) and None)

    async def refused(self, key: str) -> None:
        """It was not let in, and has not run."""
        await self._do(lambda db: db.execute("UPDATE items SET state = 'claimed' WHERE key = ?", (key,)) and None)

    async def done(self, key: str, result: Mapping[str, Any], payload: bytes | None) -> None:
        """What came of it."""
        change = (json.dumps(result), payload, key)
        sql = "UPDATE items SET state = 'done', result = ?, payload = ? WHERE key = ?"
        await self._do(lambda db: db.execute(sql, change) and None)

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            with contextlib.suppress(OSError):  # no thread can be started to wait in: this one ends all the same
                await FILES.run(thread.join)

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
        import sqlite3  # noqa: PLC0415 - loaded when a journal is asked for, never by `import aiolambda`

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
        """All of it in one transaction, which is committed before anybody is told."""
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
        except BaseException as error:  # noqa: BLE001 - whoever awaits is told, whatever it is
            if db is not None:
                db.rollback()  # whoever was told that it failed must not find it written
            failure = _explained(error, self._path)
            outcomes = [(done, None, failure) for _, done in jobs]
        assert self._loop is not None  # noqa: S101
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nobody waits on it
            self._loop.call_soon_threadsafe(_tell, outcomes)
        return db

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - as above

        db = sqlite3.connect(self._path, timeout=0.5, check_same_thread=False)
        try:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(_TABLES)
        except BaseException:
            db.close()
            raise
        return db

    def _begin(self, db: "sqlite3.Connection") -> tuple[int, int]:
        known = dict(db.execute("SELECT name, value FROM map"))
        for name, value in self._identity.items():
            said = json.dumps(value)
            if known.setdefault(name, said) != said:
                raise ConfigurationError(
                    f"the journal {str(self._path)!r} is of another map: its {name} is {known[name]}, and this one's is {said}"
                )
        run = int(json.loads(known.get("run", "0"))) + 1
        known["run"] = json.dumps(run)
        db.executemany("INSERT OR REPLACE INTO map VALUES (?, ?)", known.items())
        (stored,) = db.execute("SELECT count(*) FROM items WHERE state IN ('started', 'done')").fetchone()
        return run, stored

    def _claim(self, db: "sqlite3.Connection", key: str | None, hash_: str | None) -> Stored:
        if key is None:
            key = self._key_of(db, str(hash_))
        row = db.execute("SELECT claimed, state, result, payload FROM items WHERE key = ?", (key,)).fetchone()
        if row is None:
            db.execute("INSERT INTO items (key, claimed, state) VALUES (?, ?, 'claimed')", (key, self._run))
            return Stored(key, "new")
        claimed, state, result, payload = row
        if claimed == self._run:
            raise InvalidInputError(f"the key {key!r} stands for two items of this map", member="key")
        db.execute("UPDATE items SET claimed = ? WHERE key = ?", (self._run, key))
        if state == "claimed":
            return Stored(key, "new")
        return Stored(key, state, None if result is None else json.loads(result), payload)

    def _key_of(self, db: "sqlite3.Connection", hash_: str) -> str:
        """Equal payloads are separate items: the how-manieth of its kind in this run this one is."""
        row = db.execute("SELECT claimed, count FROM repeats WHERE hash = ?", (hash_,)).fetchone()
        count = row[1] + 1 if row is not None and row[0] == self._run else 1
        db.execute("INSERT OR REPLACE INTO repeats VALUES (?, ?, ?)", (hash_, self._run, count))
        return f"{hash_}-{count}"


def _tell(outcomes: "list[tuple[asyncio.Future[Any], Any, BaseException | None]]") -> None:
    for done, value, error in outcomes:
        if done.done():
            continue
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)


def _explained(error: BaseException, path: Path) -> BaseException:
    import sqlite3  # noqa: PLC0415 - as above

    if isinstance(error, sqlite3.Error):
        said = "another run uses it" if "locked" in str(error) else str(error)
        return ConfigurationError(f"the journal {str(path)!r} cannot be used: {said}")
    return error
