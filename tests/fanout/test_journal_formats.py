"""Journals of earlier formats are continued, and lose nothing."""

import contextlib
import hashlib
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, FunctionError, LambdaClient, MapResult
from aiolambda.fanout import journal_old, journal_rows
from aiolambda.fanout.journal_reader import JournalReader
from aiolambda.fanout.journal_rows import ItemState
from aiolambda.testing import FakeTransport

GIGABYTES = 0.125
"""Of the function whose log is in the file."""
FORMAT_4 = Path(__file__).with_name("journals") / "format-4.sql"
"""By the version before format 5. The payloads: 1, 1, 2, 3 (failed), 4 (not connected), 5 (lost), 6 (claimed), 7 (started)."""


def hash_of(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()


def old_journal(path: Path, format: str = "4") -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript(FORMAT_4.read_text())
        if format != "4":  # format 3 had no row `log`
            db.execute("DELETE FROM map WHERE name = 'log'")
            known = dict(db.execute("SELECT name, value FROM map WHERE name <> 'sum'")) | {"format": json.dumps(format)}
            rows = [(json.dumps(format), "format"), (journal_rows.map_checksum(known), "sum")]
            db.executemany("UPDATE map SET value = ? WHERE name = ?", rows)


async def mapped(path: Path, items: list[int], **options: Any) -> tuple[dict[str, MapResult[int]], Counter[int], Any]:
    executed: Counter[int] = Counter()

    def count(event: int) -> Any:
        executed[event] += 1
        return {"item": event, "now": True}

    async with LambdaClient(transport=FakeTransport({"f": count})) as client:
        async with client.map("f", items, journal=path, **options) as run:
            found = {result.key: result async for result in run}
    return found, executed, run


@pytest.mark.parametrize("format", ["3", "4"])
async def test_an_earlier_format_is_continued(format: str, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    old_journal(path, format)
    for number in range(2):
        found, executed, run = await mapped(path, [1, 1, 2, 3, 4, 5, 6, 7, 8])
        assert executed == ({4: 1, 6: 1, 8: 1} if number == 0 else {})
        assert (run.stats.billed_ms, run.stats.cold_starts) == (400, 4)
        assert (run.stats.billed_invocations, run.stats.gb_seconds) == (4, pytest.approx(0.4 * GIGABYTES))
        assert [found[f"{hash_of('1')}-{ordinal}"].value() for ordinal in (1, 2)] == [{"item": 1}] * 2
        failed, lost, started = (found[f"{hash_of(payload)}-1"] for payload in "357")
        assert isinstance(failed.error, FunctionError)
        assert (lost.delivery, started.delivery) == ("unknown", "unknown")
        output = found[f"{hash_of('2')}-1"].output
        assert output is not None
        assert output.metadata.headers["x-amz-log-result"] == output.log_result
        assert output.report is not None or output.log_tail is not None
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert {name for (name,) in db.execute("SELECT name FROM sqlite_master")} == set(journal_rows.TABLES)


@pytest.mark.parametrize("format", ["3", "4"])
def test_an_earlier_format_is_read_unchanged(format: str, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    old_journal(path, format)
    before = path.read_bytes()
    with JournalReader(path) as journal:
        states = Counter(item.state for item in journal.items())
    assert (journal.format, journal.runs, journal.map["function"]) == (format, 2, "f")
    assert states == {
        ItemState.OK: 3,
        ItemState.RAN: 1,
        ItemState.NOT_RUN: 1,
        ItemState.UNKNOWN: 1,
        ItemState.STARTED: 1,
        ItemState.CLAIMED: 2,
    }
    assert path.read_bytes() == before


@pytest.mark.parametrize("format", ["2", "5", "6"])
async def test_another_format_is_refused_unchanged(format: str, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    old_journal(path, format)
    before = path.read_bytes()
    wanted = rf'has the format "{format}", and .* uses "5"; give another file, .* that wrote it'
    with pytest.raises(ConfigurationError, match=wanted):
        await mapped(path, [7])
    with pytest.raises(ConfigurationError, match=wanted), JournalReader(path):
        pass
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert dict(db.execute("SELECT name, sql FROM sqlite_master")) == journal_old.OLD_TABLES
    assert len(path.read_bytes()) == len(before)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE items SET result = '{}' WHERE key LIKE '6b86%'", r"the row of the item '6b86b273\w+-1' was changed"),
        ("UPDATE items SET state = 'new' WHERE key LIKE 'd47%'", r"the row of the item 'd4735e3a\w+-1' was changed"),
        ("UPDATE items SET key = x'00' WHERE key LIKE 'd47%'", r"row \d of its table 'items' was changed"),
        ("UPDATE map SET value = '9' WHERE name = 'run'", "the rows of its table 'map' were changed"),
    ],
)
async def test_damage_in_an_earlier_format_converts_nothing(sql: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    old_journal(path)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(sql)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=fault):
            await mapped(path, [1])
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert dict(db.execute("SELECT name, sql FROM sqlite_master")) == journal_old.OLD_TABLES


async def test_an_old_journal_of_another_map_is_not_converted(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    old_journal(path)
    with pytest.raises(ConfigurationError, match="of another map: its qualifier is null"):
        await mapped(path, [1], qualifier="live")
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert dict(db.execute("SELECT name, sql FROM sqlite_master")) == journal_old.OLD_TABLES


def test_stored_keys_are_one_set_of_names() -> None:
    hash = "0f" * 32
    names = [
        "",
        "a",
        "é",
        "0",
        hash,
        f"{hash}-0",
        f"{hash}-01",
        f"{hash}-x",
        f"{hash.upper()}-1",
        f"{hash}-1\n",
        f"{hash}-\u0661",
    ]
    names += [f"{hash}-{ordinal}" for ordinal in (1, 2, 255, 256, 65536, 999_999_999, 1_000_000_000)]
    stored = [journal_rows.packed(name) for name in names]
    assert [journal_rows.unpacked(key) for key in stored] == names
    assert len(set(stored)) == len(names)
    assert [len(key) for key in stored if isinstance(key, bytes)] == [32, 33, 33, 34, 35, 36]
