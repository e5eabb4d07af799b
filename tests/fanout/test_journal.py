"""The journal of a map: what is damaged is an error that names the file, and never a reason to send an item again."""

import asyncio
import contextlib
import enum
import itertools
import json
import os
import random
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiolambda import (
    AiolambdaError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    FunctionError,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    MapResult,
    QueueTimeoutError,
    Request,
    Response,
    TooManyRequestsException,
    UnknownOutcomeError,
)
from aiolambda.codecs import JsonCodec
from aiolambda.errors.service import EXCEPTIONS
from aiolambda.fanout import journal as journals
from aiolambda.fanout import journal_outputs, journal_packing, journal_records, journal_rows
from aiolambda.fanout.item import WorkItem
from aiolambda.fanout.journal_rows import ItemRow, ItemState
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers
from aiolambda.types.values import Attempt, Delivery, Metadata, RetryAction

from ..support import THOROUGH

ITEMS = range(20)
NUMBERS = itertools.count()
MEMORY = Path("/dev/shm")  # noqa: S108 - each test has a directory of its own there


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory, if there is such a place: a run waits for its disk many times."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


class Counting:
    """A function that counts what it was invoked with."""

    def __init__(self) -> None:
        self.executed: Counter[int] = Counter()

    def __call__(self, event: int) -> Any:
        self.executed[event] += 1
        if event == 3:
            raise ValueError("three")
        return {"item": event, "text": "x" * 50}

    def client(self) -> LambdaClient:
        return LambdaClient(transport=FakeTransport({"f": self}))


async def mapped(path: Path, function: Counting, items: Any = ITEMS, **options: Any) -> list[MapResult[Any]]:
    async with function.client() as client, client.map("f", items, journal=path, **options) as run:
        return [result async for result in run]


async def written(path: Path) -> None:
    await mapped(path, Counting())


def change(path: Path, sql: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


def forge(path: Path, **columns: Any) -> None:
    """Change the row of an item or its result, and give both the checksums that they would have."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.text_factory = journal_rows.decoded
        names = ("number", "dictionary", "content", "payload")
        result = dict(
            zip(names, db.execute("SELECT number, dictionary, content, payload FROM results").fetchone(), strict=True)
        )
        names = ("key", "claimed", "state", "result")
        item = dict(zip(names, db.execute("SELECT key, claimed, state, result FROM items LIMIT 1").fetchone(), strict=True))
        key = item["key"]
        if "record" in columns:
            packer = journal_packing.Packer()
            packed = packer.pack(columns["record"], columns.get("value", b"{}"), shape=0)
            result |= {"dictionary": 0, "content": packed.content, "payload": packed.payload}
        for values in (item, result):
            values |= {name: value for name, value in columns.items() if name in values}
        with contextlib.suppress(TypeError, AttributeError):  # a checksum covers values of the right types only
            item["sum"] = journal_rows.item_checksum(*item.values())
        with contextlib.suppress(TypeError, AttributeError):
            result["sum"] = journal_rows.result_checksum(*result.values())
        for table, values, name, old in (("items", item, "key", key), ("results", result, "number", result["number"])):
            assignments = ", ".join(f"{column} = ?" for column in values)
            db.execute(f"UPDATE {table} SET {assignments} WHERE {name} = ?", (*values.values(), old))  # noqa: S608 - names in this file


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("UPDATE items SET result = ? WHERE result = 2", 3),
        ("UPDATE items SET result = ? WHERE result = 2", None),
        ("UPDATE items SET state = ?", "done"),
        ("UPDATE items SET state = ?", 0),
        ("UPDATE items SET state = ?", 99),
        ("UPDATE items SET claimed = ?", 77),
        ("UPDATE items SET claimed = ?", "first"),
        ("UPDATE items SET key = 'x' || key || ?", ""),
        ("UPDATE results SET content = ? WHERE number = 2", b"another"),
        ("UPDATE results SET content = ? WHERE number = 2", "text"),
        ("UPDATE results SET payload = ? WHERE number = 2", b"another"),
        ("UPDATE results SET payload = ? WHERE number = 2", "text"),
        ("UPDATE results SET dictionary = ? WHERE number = 2", 7),
        ("UPDATE results SET number = 70 + number WHERE number = 2 OR ?", 0),
        ("DELETE FROM results WHERE number = ?", 2),
        ("UPDATE dictionaries SET content = ?", b"another"),
        ("UPDATE dictionaries SET number = 7 + number WHERE number = 2 OR ?", 0),
        ("UPDATE map SET value = ? WHERE name = 'run'", "seven"),
        ("UPDATE map SET value = ? WHERE name = 'run'", "0"),
        ("UPDATE map SET value = ? WHERE name = 'function'", b"f"),
        ("UPDATE map SET name = ? WHERE name = 'run'", b"run"),
        ("DELETE FROM map WHERE name <> ?", ""),
        ("DELETE FROM map WHERE name = ?", "sum"),
    ],
)
async def test_damaged_row_is_an_error(sql: str, value: object, tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await written(path)
    change(path, sql, value)
    with pytest.raises(ConfigurationError, match=r"run\.db' is damaged: .*; restore the file from a copy, or give another"):
        await mapped(path, function)
    assert not function.executed


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "done"},
        {"state": 99},
        {"state": 0},
        {"claimed": 2**40},
        {"claimed": 0},
        {"claimed": "first"},
        {"claimed": 1.5},
        {"result": None},
        {"record": "no json"},
        {"record": "{}"},
        {"record": "[]"},
        {"record": "[" * 10_000},
        {"record": '{"delivery": "executed", "output": {"kind": "magic"}}'},
        {"content": b"{}"},
        {"content": "text"},
        {"payload": "text"},
        {"payload": b"text"},
        {"dictionary": 9},
    ],
)
async def test_invalid_row_names_the_journal_and_item(columns: dict[str, Any], tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await mapped(path, function, [7])
    forge(path, **columns)
    with pytest.raises(ConfigurationError, match=r"run\.db' is damaged: the (row|result) of the item '7902699be") as raised:
        await mapped(path, function, [7])
    assert raised.value.__context__ is None  # which would hold what was stored
    assert function.executed == {7: 1}


@pytest.mark.parametrize("key", [b"bytes", b"x" * 31, b"x" * 32 + b"\1", 7, None, "f" * 64 + "-1"])
async def test_a_damaged_key_is_named_by_its_row(key: object, tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await mapped(path, function, [7])
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        columns = db.execute("SELECT claimed, state, result FROM items").fetchone()
        sum = journal_rows.item_checksum(key, *columns) if isinstance(key, str | bytes) else 0
        db.execute("PRAGMA ignore_check_constraints = ON")
        with contextlib.suppress(sqlite3.IntegrityError):  # SQLite itself refuses NULL
            db.execute("UPDATE items SET key = ?, sum = ?", (key, sum))
    if key is None:
        return
    with pytest.raises(ConfigurationError, match=r"run\.db' is damaged: the key in row 1 of its table 'items' was changed"):
        await mapped(path, function, [7])
    assert function.executed == {7: 1}


async def test_damaged_byte_never_runs_an_item_twice(tmp_path: Path) -> None:
    """Random bytes of a journal of 20 items, changed one at a time."""
    path, changed, before = tmp_path / "run.db", tmp_path / "changed.db", Counting()
    async with before.client() as client, client.map("f", ITEMS, journal=path, concurrency=2) as run:
        async for _ in run:
            if sum(before.executed.values()) >= 15:
                break
    sound, random_ = path.read_bytes(), random.Random(14)  # noqa: S311 - the same bytes every time
    ended: Counter[str] = Counter()
    changes = 400 if THOROUGH else 80
    for _ in range(changes):
        data = bytearray(sound)
        data[random_.randrange(len(data))] ^= random_.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
        changed.write_bytes(data)
        function, error = Counting(), None
        try:
            results = await mapped(changed, function)
        except ConfigurationError as raised:
            error, results = raised, []
        ended["went on" if error is None else "refused"] += 1
        assert len(results) == (len(ITEMS) if error is None else 0)
        assert error is None or (str(changed) in str(error) and "give another" in str(error))
        assert not function.executed.keys() & before.executed.keys()
    assert min(ended["refused"], ended["went on"]) > changes / 8  # pages have room that holds nothing


@pytest.mark.parametrize("size", [1, 100, 4096, -4096, -3])
async def test_truncated_journal_is_an_error(size: int, tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await written(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ConfigurationError, match=r"run\.db"):
        await mapped(path, function)
    assert not function.executed


async def test_foreign_database_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE orders (id)")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"shop\.db' is not a journal of this version"):
        await mapped(path, Counting())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]


async def test_journal_failure_still_yields_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise ConfigurationError("the journal cannot be used: disk I/O error")

    monkeypatch.setattr(journals.Journal, "mark_done", fails)
    function, results = Counting(), []
    async with function.client() as client, client.map("f", [1], journal=tmp_path / "run.db") as run:
        with pytest.raises(ConfigurationError, match="disk I/O error"):
            async for result in run:
                results.append(result)  # noqa: PERF401 - an error ends it
    assert function.executed == {1: 1}
    assert [result.output.json()["item"] for result in results] == [1]


async def test_missing_sqlite_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    function = Counting()
    with pytest.raises(ConfigurationError, match="this Python has no sqlite3"):
        await mapped(tmp_path / "run.db", function)
    assert not function.executed


async def test_impossible_journal_path_is_refused() -> None:
    for path in ("run\0.db", "run\ud800.db"):
        with pytest.raises(ConfigurationError, match="no file can have this name"):
            await mapped(Path(path), Counting())


async def test_only_the_start_of_an_item_waits_for_the_disk(tmp_path: Path) -> None:
    journal = journals.Journal(tmp_path / "run.db", {})
    await journal.open()
    failures: list[BaseException] = []
    try:
        waited = [journal._is_durable]
        entry = await journal.claim("k", None)
        waited.append(journal._is_durable)
        await journal.mark_started(entry.row)
        waited.append(journal._is_durable)
        journal.mark_unsent(entry.row, failures.append)
        other = await journal.claim("other", None)
        waited.append(journal._is_durable)
        journal.mark_unsent(entry.row, failures.append)
        await journal.mark_started(entry.row)  # comes last, although nothing waited for the other
        await journal.mark_done(other.row, ItemState.OK, {}, None)
        waited.append(journal._is_durable)
    finally:
        await journal.close()
    assert (waited, failures) == ([True, False, True, False, False], [])
    with contextlib.closing(sqlite3.connect(tmp_path / "run.db")) as db:
        assert dict(db.execute("SELECT key, state FROM items")) == {"k": ItemState.STARTED, "other": ItemState.OK}


async def test_a_mark_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    journal = journals.Journal(tmp_path / "run.db", {})
    await journal.open()
    failures: list[BaseException] = []
    try:
        journal.mark_unsent(ItemRow("\ud800", ItemState.STARTED), failures.append)
        await journal.claim("k", None)
    finally:
        await journal.close()
    assert [type(failure) for failure in failures] == [InvalidInputError]


async def killed_run(path: Path) -> tuple[Counting, list[MapResult[Any]]]:
    """Leave a journal and its log at `path`, as `kill -9` leaves them after ten results."""
    function, results = Counting(), list[MapResult[Any]]()
    live = path.with_name("live.db")
    async with function.client() as client, client.map("f", ITEMS, journal=live, concurrency=1) as run:
        async for result in run:
            results.append(result)
            if len(results) == 10:
                for suffix in ("", "-wal"):
                    shutil.copyfile(f"{live}{suffix}", f"{path}{suffix}")
                break
    return function, results


async def test_every_yielded_result_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    before, results = await killed_run(path)
    function = Counting()
    after = {result.key: result for result in await mapped(path, function)}
    assert all(after[result.key].replayed and after[result.key].ok == result.ok for result in results)
    assert not function.executed.keys() & {result.item for result in results}
    assert before.executed.keys() | function.executed.keys() == set(ITEMS)


async def test_a_journal_without_its_log_is_refused(tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await killed_run(path)
    (tmp_path / "run.db-wal").unlink()
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"run\.db' is damaged: the file 'run\.db-wal', which belongs to it, is missi"
        ):
            await mapped(path, function)
    assert not function.executed


async def test_a_killed_run_may_be_looked_at_with_sqlite(tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await killed_run(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("SELECT count(*) FROM items").fetchone()
    assert not (tmp_path / "run.db-wal").exists()
    assert len(await mapped(path, function)) == len(ITEMS)


async def test_a_refused_start_keeps_the_log_of_a_killed_run(tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    await killed_run(path)
    with pytest.raises(ConfigurationError, match="of another map"):
        await mapped(path, function, qualifier="live")
    assert len(await mapped(path, function)) == len(ITEMS)


async def test_a_run_that_was_killed_before_its_first_item_resumes(tmp_path: Path) -> None:
    path, function, started = tmp_path / "run.db", Counting(), asyncio.Event()

    async def none_yet() -> AsyncIterator[int]:
        started.set()
        await asyncio.Event().wait()
        yield 1

    async with function.client() as client, client.map("f", none_yet(), journal=tmp_path / "live.db"):
        await started.wait()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{tmp_path / 'live.db'}{suffix}", f"{path}{suffix}")
    with pytest.raises(ConfigurationError, match="of another map"):
        await mapped(path, function, qualifier="live")
    assert len(await mapped(path, function)) == len(ITEMS)


async def test_damaged_byte_in_the_log_never_runs_an_item_twice(tmp_path: Path) -> None:
    path, random_ = tmp_path / "run.db", random.Random(15)  # noqa: S311 - the same bytes every time
    _, results = await killed_run(path)
    file, log = path.read_bytes(), (tmp_path / "run.db-wal").read_bytes()
    ended: Counter[str] = Counter()
    for _ in range(200 if THOROUGH else 40):
        data = bytearray(log)
        data[random_.randrange(len(data))] ^= random_.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
        path.write_bytes(file)
        (tmp_path / "run.db-wal").write_bytes(data)
        function = Counting()
        try:
            await mapped(path, function)
        except ConfigurationError as error:
            assert "log was changed; restore the file from a copy" in str(error)  # noqa: PT017 - either end is right
            ended["refused"] += 1
        assert not function.executed.keys() & {result.item for result in results}
    assert ended["refused"] > 30


async def test_a_log_whose_last_transaction_is_cut_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    _, results = await killed_run(path)
    log = (tmp_path / "run.db-wal").read_bytes()
    (tmp_path / "run.db-wal").write_bytes(log + log[32 : 32 + 24 + 4000])
    function = Counting()
    await mapped(path, function)
    assert not function.executed.keys() & {result.item for result in results}


async def test_a_long_log_is_moved_into_the_file(tmp_path: Path) -> None:
    path, largest = tmp_path / "run.db", 0
    async with LambdaClient(
        transport=FakeTransport({"f": lambda number: random.Random(number).randbytes(1_000_000).hex()})  # noqa: S311 - no secret
    ) as client:
        async with client.map("f", ITEMS, journal=path, concurrency=1) as run:
            async for _ in run:
                largest = max(largest, (tmp_path / "run.db-wal").stat().st_size)
    assert 3_000_000 < largest < 5_000_000


async def test_a_killed_run_resumes_after_its_log_was_moved(tmp_path: Path) -> None:
    live, path = tmp_path / "live.db", tmp_path / "run.db"
    sizes = list[int]()
    journal = journals.Journal(live, {})
    await journal.open()
    try:
        for number in range(200):
            row = (await journal.claim(str(number), None)).row
            await journal.mark_started(row)
            await journal.mark_done(row, ItemState.OK, {}, random.Random(number).randbytes(3000))  # noqa: S311 - no secret
            sizes.append((tmp_path / "live.db-wal").stat().st_size)
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{live}{suffix}", f"{path}{suffix}")
        shutil.copyfile(live, tmp_path / "alone.db")
    finally:
        await journal.close()
    assert 0 < sizes[-1] < max(sizes)
    resumed = journals.Journal(path, {})
    await resumed.open()
    await resumed.close()
    assert resumed.known_items == 200
    with pytest.raises(ConfigurationError, match="which belongs to it, is missing"):
        await journals.Journal(tmp_path / "alone.db", {}).open()


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize("key", [Colour, type("Text", (str,), {})])
async def test_a_key_of_a_subclass_of_str_is_resumed(key: Callable[[str], str], tmp_path: Path) -> None:
    for is_replayed in (False, True):
        (result,) = await mapped(tmp_path / "run.db", Counting(), ["red"], payload=lambda _: 1, key=key)
        assert (result.key, type(result.key), result.replayed) == ("red", str, is_replayed)


async def test_a_bytearray_as_payload_is_resumed(tmp_path: Path) -> None:
    for is_replayed in (False, True):
        async with converting(bytearray) as client, client.map("f", [1], journal=tmp_path / "run.db") as run:
            (result,) = [result async for result in run]
        assert (result.ok, result.value(), result.replayed) == (True, {"item": 1, "text": "x" * 50}, is_replayed)


async def test_a_payload_of_another_type_does_not_damage_the_journal(tmp_path: Path) -> None:
    results: list[MapResult[Any]] = []
    async with converting(bytes.decode) as client, client.map("f", [1], journal=tmp_path / "run.db") as run:
        with pytest.raises(AiolambdaError, match="payload of the type str, and a journal stores bytes: check the middleware"):
            results += [result async for result in run]
    (again,) = await mapped(tmp_path / "run.db", Counting(), [1])
    assert isinstance(again.error, UnknownOutcomeError)


def converting(kind: Callable[[bytes], Any]) -> LambdaClient:
    """A client with a middleware that gives the payload this type."""

    async def convert(call: Any, next: Any) -> Any:
        output = await next(call)
        return attrs.evolve(output, payload=kind(output.payload))

    client = Counting().client()
    client.middleware_stack.add(convert, step="initialize")
    return client


# --- any row at all --------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(Delivery) + sorted(EXCEPTIONS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def contents() -> list[dict[str, Any]]:
    metadata = Metadata(http_status_code=429, request_id="r", headers={"a": "b"})
    error = TooManyRequestsException("slow down", code="TooManyRequestsException", metadata=metadata)
    late = InvocationTimeoutError("late", exceeded="read", stage="wait")
    result: MapResult[Any] = MapResult(index=0, key="k", item=1, error=error, delivery=Delivery.REFUSED)
    other: MapResult[Any] = MapResult(index=0, key="k", item=1, error=late, delivery=late.delivery)
    found = json.loads(json.dumps([journal_records.dump(result)[0], journal_records.dump(other)[0]]))
    output = dict.fromkeys(journal_outputs._OUTPUT_MEMBERS) | {"status_code": 200, "metadata": found[0]["error"]["metadata"]}
    cost = {"billed_ms": 1.0, "cold_starts": 0, "gb_seconds": 0.5, "invocations": 1}
    return [*found, {"delivery": "executed", "attempts": 1, "duration": 0.1, **cost, "output": output}]


@st.composite
def damaged(draw: Callable[..., Any]) -> Any:
    """A stored result in which some member, at any depth, is gone or is anything else."""
    content = draw(st.sampled_from(contents()))
    content = json.loads(json.dumps(content))
    place: Any = content
    while True:
        name = draw(st.sampled_from(sorted(place)))
        if isinstance(place[name], dict) and place[name] and draw(st.booleans()):
            place = place[name]
            continue
        if draw(st.booleans()):
            del place[name]
        else:
            place[name] = draw(JSON)
        return content


@settings(derandomize=False)
@given(content=JSON | damaged(), payload=st.none() | st.binary(max_size=20) | st.just(b'{"errorType": 1}'))
def test_any_stored_result_is_restored_or_unreadable(content: Any, payload: bytes | None) -> None:
    work = WorkItem(index=0, item=1, key="k", command=InvokeCommand(function_name="f"), function_name="f")
    try:
        result = journal_records.load(work, content, payload, codec=JsonCodec())
        cost = journal_records.cost_of(content, result.output)
    except journal_records.UnreadableError:
        return
    assert {0.0 * figure for figure in (*attrs.astuple(cost), result.duration, result.attempts)} == {0.0}
    assert str(result.error)
    assert repr(result)
    if result.output is not None:
        assert result.output.report is None
    if isinstance(result.error, LambdaServiceException):
        assert (result.error.fault, result.error.request_id, result.error.body) is not None


@settings(derandomize=False, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.fixed_dictionaries(
        {},
        optional={
            "claimed": st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3) | st.binary(max_size=3) | st.floats(0, 9),
            "state": st.sampled_from(ItemState) | st.integers(-9, 99) | st.text(max_size=8) | st.binary(max_size=8),
            "result": st.none() | st.integers(-1, 3) | st.text(max_size=8) | st.binary(max_size=8),
            "record": st.text(max_size=8) | JSON.map(json.dumps),
            "dictionary": st.integers(-1, 9) | st.text(max_size=3),
            "content": st.none() | st.text(max_size=8) | st.binary(max_size=8),
            "payload": st.none() | st.text(max_size=8) | st.binary(max_size=8),
        },
    )
)
def test_any_row_is_a_result_or_one_clear_error(columns: dict[str, Any], tmp_path: Path) -> None:
    path, function = tmp_path / f"{next(NUMBERS)}.db", Counting()

    async def run() -> None:
        await mapped(path, function, [7])
        forge(path, **columns)
        try:
            (result,) = await mapped(path, function, [7])
            text = ""
        except ConfigurationError as error:
            result, text = None, str(error)
        assert str(path) in text or result is not None
        says_not_run = columns.get("state") == ItemState.CLAIMED and "result" in columns and columns["result"] is None
        assert function.executed[7] in ((1, 2) if says_not_run else (1,))
        assert result is None or result.replayed is (function.executed[7] == 1)

    asyncio.run(run())


def test_restored_errors_keep_their_attributes() -> None:
    metadata = Metadata(http_status_code=400, request_id="r")
    errors = [
        InvalidInputError("bad", member="payload"),
        ConnectError("refused"),
        ConnectionLostError("lost", stale_connection=True),
        QueueTimeoutError("full"),
        UnknownOutcomeError("unknown"),
        *(kind("no", code=code, metadata=metadata) for code, kind in EXCEPTIONS.items()),
    ]
    for error in errors[2:]:
        error.retry_action = RetryAction.RETRY
        history = [
            Attempt(delivery=Delivery.REFUSED, duration=0.25, status_code=429),
            Attempt(delivery=Delivery.UNKNOWN, duration=2, status_code=None),
        ]
        error._locate("f", Delivery.UNKNOWN, history=history, elapsed=2.5, total_retry_delay=0.25)
    work = WorkItem(index=0, item=1, key="k", command=InvokeCommand(function_name="f"), function_name="f")
    for error in errors:
        content, payload = journal_records.dump(MapResult(index=0, key="k", item=1, error=error, delivery=error.delivery))
        result = journal_records.load(work, json.loads(json.dumps(content)), payload, codec=JsonCodec())
        assert type(result.error) is type(error)
        for name, value in vars(error).items():
            if name != "_located":
                assert getattr(result.error, name) == value, (type(error), name)
        assert str(result.error) == str(error)


@pytest.mark.parametrize(
    "members",
    [
        {"retry_action": "never"},
        {"retry_action": []},
        {"history": {}},
        {"history": [["unknown", 1.0]]},
        {"history": [["perhaps", 1.0, None]]},
        {"history": [["unknown", True, None]]},
        {"history": [["unknown", 1.0, "200"]]},
        {"history": ["unknown"]},
    ],
    ids=str,
)
def test_error_with_a_wrong_history_is_unreadable(members: dict[str, Any]) -> None:
    error = {"kind": "ConnectionLostError", "text": "lost", "function_name": "f"} | members
    content = {"delivery": "unknown", "attempts": 1, "duration": 0.1, "error": error}
    work = WorkItem(index=0, item=1, key="k", command=InvokeCommand(function_name="f"), function_name="f")
    with pytest.raises(journal_records.UnreadableError):
        journal_records.load(work, content, None, codec=JsonCodec())


# --- whose file it is ------------------------------------------------------------------------------------------------


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.parametrize("mode", [None, 0o666, 0o644, 0o4640])
async def test_journal_is_readable_by_its_owner_only(mode: int | None, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    if mode is not None:
        await written(path)
        for name in ("run.db", "run.db-shm"):
            (tmp_path / name).touch()
            (tmp_path / name).chmod(mode)
    umask = os.umask(0)
    try:
        async with Counting().client() as client, client.map("f", ITEMS, journal=path) as run:
            found = modes(tmp_path)
            async for _ in run:
                pass
    finally:
        os.umask(umask)
    assert found.keys() >= {"run.db", "run.db-wal"}
    assert set(found.values()) == {0o600}
    assert set(modes(tmp_path).values()) == {0o600}


async def test_device_as_journal_keeps_its_mode(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o666)
    (tmp_path / "pipe").chmod(0o666)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        await asyncio.wait_for(mapped(tmp_path / "folder" / ".." / "pipe", Counting()), 5)
    assert modes(tmp_path) == {"pipe": 0o666}


async def test_second_run_keeps_the_journal_locked(tmp_path: Path) -> None:
    path, function = tmp_path / "run.db", Counting()
    async with function.client() as client, client.map("f", iter(range(10**9)), journal=path):
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="another run uses it"):
                await mapped(path, function)
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0)) as db:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                db.execute("SELECT * FROM items")


# --- its accounts ----------------------------------------------------------------------------------------------------


class Encoding(JsonCodec):
    def __init__(self) -> None:
        self.encoded: Counter[str] = Counter()

    def encode(self, value: object, /) -> bytes:
        self.encoded[repr(value)] += 1
        return super().encode(value)


@pytest.mark.parametrize("has_journal", [False, True])
@pytest.mark.parametrize("has_key", [False, True])
async def test_every_payload_is_encoded_once(has_journal: bool, has_key: bool, tmp_path: Path) -> None:
    codec, seen = Encoding(), []

    async def see(call: Any, call_next: Any) -> Any:
        seen.append(call.command_name)
        return await call_next(call)

    options: dict[str, Any] = {"journal": tmp_path / "run.db"} if has_journal else {}
    commands = [InvokeCommand(function_name="f", payload={"item": number}) for number in range(5)]
    commands[0].middleware_stack.add(see)
    async with LambdaClient(transport=FakeTransport({"f": lambda event: event}), codec=codec) as client:
        key = {"key": lambda command: str(command.input.payload)} if has_key else {}
        async with client.map_commands(commands, **key, **options) as run:
            found = [result async for result in run]
        assert {result.item.input.payload["item"] for result in found if result.ok} == set(range(5))
        assert (seen, set(codec.encoded.values()), len(codec.encoded)) == (["InvokeCommand"], {1}, 5)
        codec.encoded.clear()
        options = {"journal": tmp_path / "items.db"} if has_journal else {}
        async with client.map("f", [{"item": number} for number in range(5)], **options) as items:
            assert len([result async for result in items]) == 5
        assert (set(codec.encoded.values()), len(codec.encoded)) == ({1}, 5)


async def test_resumed_run_adds_up_the_billed_time(tmp_path: Path) -> None:
    import base64

    report = "REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t"

    class Reporting(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            answer = await super().send(request)
            line = report + ("Init Duration: 5 ms" if len(self.calls) == 1 else "")
            fields = {**answer.headers, "x-amz-log-result": base64.b64encode(line.encode()).decode()}
            is_failure = request.body == b"3"
            return Response(200, Headers(fields | ({"x-amz-function-error": "Unhandled"} if is_failure else {})), answer.body)

    async def totals(limit: int) -> tuple[float, int, int]:
        async with LambdaClient(transport=Reporting({"f": lambda event: event})) as client:
            settings: dict[str, Any] = {"journal": tmp_path / "run.db", "log_type": "Tail", "concurrency": 1}
            async with client.map("f", range(limit), retry_function_errors=2, **settings) as run:
                assert len([result async for result in run]) == limit
        return run.stats.billed_ms, run.stats.cold_starts, run.stats.replayed

    assert await totals(10) == (1200, 1, 0)  # item 3 was tried three times
    assert await totals(10) == (1200, 1, 10)
    assert await totals(12) == (1400, 2, 10)


async def test_unretried_function_error_is_replayed(tmp_path: Path) -> None:
    function = Counting()
    async with function.client() as client:
        async with client.map("f", [3], journal=tmp_path / "run.db", retry_function_errors=100) as run:
            while function.executed[3] < 4 or run.stats.in_flight:
                await asyncio.sleep(0.001)
        executed = function.executed[3]
        (result,) = await mapped(tmp_path / "run.db", function, [3])
    assert isinstance(result.error, FunctionError)
    assert (result.replayed, function.executed[3]) == (True, executed)


@pytest.mark.parametrize("idempotent", [True, False])
async def test_waiting_retry_is_sent_by_a_later_run(idempotent: bool, tmp_path: Path) -> None:
    class Patient:
        def pause(self, failure: Any, /) -> float:
            return 1000

        def succeeded(self, failures: Any, /) -> None: ...

    class Lost(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            await super().send(request)
            raise ConnectionLostError("lost") if idempotent else ConnectError("refused")

    lost, function = Lost({"f": Counting()}), Counting()
    async with LambdaClient(transport=lost, retry=Patient()) as client:
        async with client.map("f", [7], journal=tmp_path / "run.db", idempotent=idempotent) as run:
            while not lost.calls:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
            run.stop()
            (result,) = [result async for result in run]
    assert (result.delivery.may_have_run, len(lost.calls)) == (idempotent, 1)
    (result,) = await mapped(tmp_path / "run.db", function, [7], idempotent=idempotent)
    assert (result.ok, result.replayed, function.executed) == (True, False, {7: 1})


def test_checksums_cover_forms_and_lengths() -> None:
    items = [
        ("a", 1, 1, 1),
        (b"a", 1, 1, 1),
        ("a", 11, 1, 1),
        ("a", 1, 11, 1),
        ("a", 1, 1, 11),
        ("a", 1, 1, None),
        ("a1", 1, 1, 1),
    ]
    assert len({journal_rows.item_checksum(*row) for row in items}) == len(items)
    results = [(1, 1, b"ab", None), (1, 1, b"ab", b""), (1, 1, b"a", b"b"), (11, 1, b"ab", None), (1, 11, b"ab", None)]
    assert len({journal_rows.result_checksum(*row) for row in results}) == len(results)
    names = [{"a": "b"}, {"ab": ""}, {"a": b"b"}, {"a": "b", "": ""}]
    assert len({journal_rows.map_checksum(rows) for rows in names}) == len(names)
