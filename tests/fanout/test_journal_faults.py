"""Faults of the disk and of the file: an error that names the file, and no item that runs twice."""

import contextlib
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, LambdaClient, MapResult
from aiolambda.fanout import Journal
from aiolambda.fanout import journal as journals
from aiolambda.fanout.journal_reader import JournalReader
from aiolambda.fanout.journal_rows import ItemState
from aiolambda.testing import FakeTransport

from ..support import THOROUGH

ITEMS = range(60)
NOBODY = 65534


class Counting:
    def __init__(self) -> None:
        self.executed: Counter[int] = Counter()

    def __call__(self, event: int) -> Any:
        self.executed[event] += 1
        if event == 3:
            raise ValueError("three")
        return {"item": event, "text": random.Random(event).randbytes(60).hex()}  # noqa: S311 - no secret


async def mapped(path: Path, function: Counting, **options: Any) -> list[MapResult[int]]:
    async with LambdaClient(transport=FakeTransport({"f": function})) as client:
        async with client.map("f", ITEMS, journal=path, **options) as run:
            return [result async for result in run]


async def test_each_region_of_the_file_may_be_damaged(tmp_path: Path) -> None:
    """One byte in each stretch of the file, in turn: every page, header, row and column of it."""
    path, changed, before = tmp_path / "run.db", tmp_path / "changed.db", Counting()
    async with LambdaClient(transport=FakeTransport({"f": before})) as client:
        async with client.map("f", ITEMS, journal=path, concurrency=4) as run:
            async for _ in run:
                if before.executed.total() >= 50:
                    break
    sound, random_ = path.read_bytes(), random.Random(21)  # noqa: S311 - the same bytes every time
    stretch = 64 if THOROUGH else 512
    ended: Counter[str] = Counter()
    for start in range(0, len(sound), stretch):
        data = bytearray(sound)
        data[start + random_.randrange(min(stretch, len(sound) - start))] ^= 1 << random_.randrange(8)
        changed.write_bytes(data)
        function = Counting()
        try:
            results = await mapped(changed, function)
        except ConfigurationError as error:
            assert str(changed) in str(error)  # noqa: PT017 - either end is right
            ended["refused"] += 1
        else:
            assert len(results) == len(ITEMS)
            ended["went on"] += 1
        assert not function.executed.keys() & before.executed.keys()
    assert ended["refused"] > 5


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 5])
async def test_a_file_cut_at_a_page_is_refused(parts: int, tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await mapped(path, Counting())
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        file.truncate(4096 * (pages * parts // 6))
    with pytest.raises(ConfigurationError, match=r"run\.db"):
        await mapped(path, function)
    assert not function.executed


async def test_a_full_disk_runs_nothing_twice(tmp_path: Path) -> None:
    path, before = tmp_path / "run.db", Counting()
    async with LambdaClient(transport=FakeTransport({"f": before})) as client:
        run = client.map("f", range(2000), journal=path, concurrency=10)
        found = []
        async with run:
            journal: Any = run._scheduler._journal
            await journal._do(lambda tables: tables.db.execute("PRAGMA max_page_count = 30").fetchone())
            with pytest.raises(ConfigurationError, match="database or disk is full; free some space on its disk"):
                async for result in run:
                    found.append(result)  # noqa: PERF401 - an error ends it
    assert 0 < before.executed.total() < 2000
    assert before.executed.keys() <= {result.item for result in found}
    function = Counting()
    async with LambdaClient(transport=FakeTransport({"f": function})) as client:
        async with client.map("f", range(2000), journal=path) as run:
            assert len([result async for result in run]) == 2000
    assert not function.executed.keys() & before.executed.keys()


@pytest.fixture
def as_a_user() -> Iterator[Path]:
    """A folder of a user who is not root: root may write to every folder."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


async def test_a_folder_that_cannot_be_written_is_an_error(as_a_user: Path) -> None:
    path, function = as_a_user / "run.db", Counting()
    await mapped(path, Counting())
    await killed(as_a_user / "killed.db")
    as_a_user.chmod(0o500)
    try:
        with JournalReader(path) as journal:
            assert len(list(journal.items())) == len(ITEMS)
        with pytest.raises(ConfigurationError, match="copy it and '.*killed.db-wal' to another folder"):
            with JournalReader(as_a_user / "killed.db"):
                pass
        for name in ("run.db", "new.db"):
            with pytest.raises(ConfigurationError, match="cannot be used"):
                await mapped(as_a_user / name, function)
    finally:
        as_a_user.chmod(0o700)
    assert not function.executed


# --- compaction ------------------------------------------------------------------------------------------------------


async def grown(path: Path, *, rounds: int) -> None:
    """A journal with free pages: long results were replaced by short ones."""
    for size in [8000] * rounds + [10]:
        journal = Journal(path, {"function": "f", "qualifier": None, "type": "RequestResponse", "tenant": None})
        await journal.open()
        try:
            for number in range(100):
                row = (await journal.claim(str(number), None)).row
                await journal.mark_started(row)
                noise = random.Random(number).randbytes(size)  # noqa: S311 - no secret
                await journal.mark_done(row, ItemState.OK, {"size": size}, noise)
        finally:
            await journal.close()


async def test_free_pages_are_given_back_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await grown(tmp_path / "run.db", rounds=1)
    assert (tmp_path / "run.db").stat().st_size < 60_000
    monkeypatch.setattr(journals, "_COMPACTED", 0)
    await grown(tmp_path / "large.db", rounds=1)
    assert (tmp_path / "large.db").stat().st_size > 800_000


async def test_a_compaction_that_takes_too_long_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_COMPACTION_TIME", -1.0)
    monkeypatch.setattr(journals, "_STEPS", 1)
    path = tmp_path / "run.db"
    await grown(path, rounds=1)
    assert path.stat().st_size > 800_000
    assert [file.name for file in tmp_path.iterdir()] == ["run.db"]
    await grown(path, rounds=0)


async def test_a_kill_during_the_compaction_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are copied at each step of the compaction, as a kill would leave them."""
    path, copies = tmp_path / "run.db", list[Path]()
    original = journals.Journal._move_log

    def copied(journal: Journal, db: sqlite3.Connection) -> None:
        for moment in ("before", "after"):
            copy = tmp_path / f"{moment}-{len(copies)}.db"
            for suffix in ("", "-wal"):
                if Path(f"{path}{suffix}").exists():
                    shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
            copies.append(copy)
            if moment == "before":
                original(journal, db)

    await grown(path, rounds=1)
    before = path.read_bytes()
    monkeypatch.setattr(journals.Journal, "_move_log", copied)
    journal = Journal(path, {})
    await journal.open()
    await journal.compact()
    await journal.close()
    monkeypatch.setattr(journals.Journal, "_move_log", original)
    assert len(copies) >= 4
    assert path.read_bytes() != before
    for copy in [*copies, path]:
        resumed = Journal(copy, {})
        await resumed.open()  # checks every row
        await resumed.close()
        assert resumed.earlier == {ItemState.OK: 100}


async def killed(path: Path) -> None:
    """Leave a journal and its log at `path`, as `kill -9` leaves them after ten results. While it runs, it cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        live, done = Path(folder) / "run.db", 0
        async with LambdaClient(transport=FakeTransport({"f": Counting()})) as client:
            async with client.map("f", ITEMS, journal=live, concurrency=1) as run:
                async for _ in run:
                    done += 1
                    if done == 10:
                        break
                for suffix in ("", "-wal"):
                    shutil.copyfile(f"{live}{suffix}", f"{path}{suffix}")
                with pytest.raises(ConfigurationError, match="another run uses it; wait for the end of that run"):
                    with JournalReader(live):
                        pass


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await mapped(path, Counting())
    before = path.read_bytes()
    with JournalReader(path) as journal:
        states = Counter(item.state for item in journal.items())
    assert (states, journal.runs, journal.format) == ({ItemState.OK: 59, ItemState.RAN: 1}, 1, "5")
    assert (path.read_bytes(), [file.name for file in tmp_path.iterdir()]) == (before, ["run.db"])


async def test_the_journal_of_a_killed_run_is_read_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await killed(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for _ in range(2):
        with JournalReader(path) as journal:
            states = Counter(item.state for item in journal.items())
        assert states.total() >= 10
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    (tmp_path / "run.db-wal").unlink()
    with pytest.raises(ConfigurationError, match="which belongs to it, is missing"), JournalReader(path):
        pass


async def test_a_run_that_begins_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await mapped(path, Counting())
    with pytest.raises(ConfigurationError, match="a run began to use it meanwhile"):
        with JournalReader(path) as journal:
            items = journal.items()
            next(items)
            await started_run(path)
            items.close()


async def started_run(path: Path) -> None:
    journal = Journal(path, {"function": "f", "qualifier": None, "type": "RequestResponse", "tenant": None})
    await journal.open()
    await journal.close()


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 5000, None])
def test_a_file_that_is_no_journal_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    if content is not None:
        path.write_bytes(content)
    if content == b"":  # as of a run that was killed before its first change
        with JournalReader(path) as journal:
            assert list(journal.items()) == []
        return
    with pytest.raises(ConfigurationError, match=r"run\.db"), JournalReader(path):
        pass


async def test_a_damaged_item_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await mapped(path, Counting(), key=str)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE results SET content = x'00' WHERE number = (SELECT result FROM items WHERE key = '42')")
    with pytest.raises(ConfigurationError, match="is damaged: the result of the item '42' was changed"):
        with JournalReader(path) as journal:
            list(journal.items())
    function = Counting()
    with pytest.raises(ConfigurationError, match="is damaged: the result of the item '42' was changed"):
        await mapped(path, function, key=str)
    assert not function.executed
