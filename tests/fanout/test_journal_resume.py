"""What a resume sends again, what it replays, and what it tells of it."""

import base64
import contextlib
import logging
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest

from aiolambda import (
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    DecodeError,
    FunctionError,
    InvokeCommand,
    LambdaClient,
    MapResult,
    Request,
    Response,
    UnknownOutcomeError,
)
from aiolambda.fanout import Journal
from aiolambda.fanout.journal_reader import JournalReader
from aiolambda.fanout.journal_rows import ItemState, packed
from aiolambda.fanout.resumption import Resumption
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers

REPORT = (
    "REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t"
    "Init Duration: 5 ms\t"
)
OK, FAILS, REFUSED, LOST = 0, 1, 2, 3
SECRET = "hunter2"


class Lambda(FakeTransport):
    """Items of four kinds: they succeed, fail, are refused, or lose their answer. In another `mood` all succeed."""

    def __init__(self, mood: Literal["bad", "good", "busy"] = "bad") -> None:
        super().__init__({"f": lambda item: {"item": item, "secret": SECRET}})
        self.mood = mood
        self.executed: Counter[int] = Counter()

    async def send(self, request: Request, /) -> Response:
        item = int(request.body)
        if self.mood == "busy":
            kind = {"x-amzn-errortype": "TooManyRequestsException"}
            return Response(429, Headers(kind), b'{"Reason": "CallerRateLimitExceeded", "message": "Rate Exceeded."}')
        if self.mood == "bad" and item == REFUSED:
            raise ConnectError("refused", transient=False)
        answer = await super().send(request)
        self.executed[item] += 1
        if self.mood == "bad" and item == LOST:
            raise ConnectionLostError("lost")
        fields = {**answer.headers, "x-amz-log-result": base64.b64encode(REPORT.encode()).decode()}
        if self.mood == "bad" and item == FAILS:
            fields["x-amz-function-error"] = "Unhandled"
            return Response(200, Headers(fields), b'{"errorType": "ValueError", "errorMessage": "%s"}' % SECRET.encode())
        return Response(200, Headers(fields), answer.body)


async def mapped(path: Path, transport: Lambda, items: Any = range(4), **options: Any) -> tuple[dict[int, MapResult[int]], Any]:
    settings: dict[str, Any] = {"key": str, "journal": path, "log_type": "Tail", **options}
    async with LambdaClient(transport=transport) as client:
        async with client.map("f", items, **settings) as run:
            found = {result.item: result async for result in run}
    return found, run


@pytest.mark.parametrize(
    ("retry_failed", "idempotent", "again"),
    [
        (False, False, {REFUSED}),
        (True, False, {REFUSED}),
        (False, True, {REFUSED, LOST}),
        (True, True, {REFUSED, LOST, FAILS}),
    ],
)
@pytest.mark.parametrize("kept", ["all", "outcome"])
async def test_a_resume_sends_again_what_is_safe(
    kept: str, retry_failed: bool, idempotent: bool, again: set[int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run.db"
    before, run = await mapped(path, Lambda(), journal_results=kept)
    assert {item for item, result in before.items() if not result.ok} == {FAILS, REFUSED, LOST}
    assert (run.resumption, run.stats.billed_ms, run.stats.cold_starts) == (None, 200, 2)
    caplog.set_level(logging.INFO, logger="aiolambda")
    good = Lambda("good")
    found, run = await mapped(path, good, journal_results=kept, retry_failed=retry_failed, idempotent=idempotent)
    assert good.executed == dict.fromkeys(again, 1)
    assert {item for item, result in found.items() if not result.replayed} == again
    assert all(found[item].ok for item in again)
    assert run.resumption == Resumption(replayed=4 - len(again), sent_again=len(again))
    assert run.stats.replayed == 4 - len(again)
    assert run.stats.billed_ms == 200 + 100 * len(again)  # with what item 1 has cost before
    told = [record.getMessage() for record in caplog.records if "resumes" in record.getMessage()]
    said = f"of the items in its journal, {4 - len(again)} are replayed and {len(again)} are sent again"
    assert told == [f"map of 'f' resumes: {said}"]
    found, run = await mapped(path, Lambda("good"), retry_failed=True, idempotent=True)
    assert run.stats.billed_ms == 200 + 100 * len(again | {LOST, FAILS})


async def test_an_outcome_has_no_payload_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    first, _ = await mapped(path, Lambda(), journal_results="outcome")
    assert first[OK].value()["secret"] == SECRET
    found, run = await mapped(path, Lambda())
    result, failed = found[OK], found[FAILS]
    assert (result.ok, result.delivery, result.replayed) == (True, "executed", True)
    assert (run.stats.billed_ms, run.stats.cold_starts) == (200, 2)
    for read in (result.value, lambda: result.decode(dict)):
        with pytest.raises(DecodeError, match="replayed without its payload: the journal keeps outcomes only"):
            read()
    assert result.output is not None
    assert first[OK].output is not None
    assert result.output.metadata.request_id == first[OK].output.metadata.request_id
    assert (result.output.payload, result.output.log_tail, dict(result.output.metadata.headers)) == (b"", None, {})
    assert isinstance(failed.error, FunctionError)
    assert (failed.error.error_type, failed.error.error_message) == ("ValueError", None)
    assert isinstance(found[LOST].error, ConnectionLostError)
    stored = "".join(map(str, packed_rows(path)))
    assert SECRET not in stored


def packed_rows(path: Path) -> list[Any]:
    """All that the journal stores, in words."""
    with JournalReader(path) as journal:
        items = list(journal.items())
    return [(item, item.result and item.result.output and item.result.output.payload) for item in items]


async def test_an_outcome_keeps_no_secret_in_the_file(tmp_path: Path) -> None:
    for kept in ("outcome", "all"):
        path = tmp_path / f"{kept}.db"
        await mapped(path, Lambda(), journal_results=kept)
        with contextlib.closing(sqlite3.connect(path)) as db:
            samples = b"".join(content for (content,) in db.execute("SELECT content FROM dictionaries"))
        assert (SECRET.encode() in samples) == (kept == "all")
        assert (SECRET.encode() in path.read_bytes()) == (kept == "all")


async def started(path: Path, *items: int) -> None:
    """As a killed run leaves these items: sent, and without a result."""
    journal = Journal(path, {"function": "f", "qualifier": None, "type": "RequestResponse", "tenant": None})
    await journal.open()
    try:
        for item in items:
            await journal.mark_started((await journal.claim(str(item), None)).row)
    finally:
        await journal.close()


async def test_cost_survives_a_kill_after_an_item_was_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await mapped(path, Lambda())
    await started(path, FAILS)
    found, run = await mapped(path, Lambda("good"))
    assert isinstance(found[FAILS].error, UnknownOutcomeError)
    assert run.stats.billed_ms == 300  # two before, one for the refused item
    _, run = await mapped(path, Lambda("good"), idempotent=True)
    assert run.stats.billed_ms == 500  # and two for the items that were unknown


async def test_an_item_throttled_to_the_end_keeps_its_result(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await mapped(path, Lambda())
    await mapped(path, Lambda("busy"), idempotent=True, retry_failed=True, deadline=0.2)
    good = Lambda("good")
    found, run = await mapped(path, good)
    assert (good.executed, run.stats.billed_ms) == ({REFUSED: 1}, 300)
    assert isinstance(found[FAILS].error, FunctionError)
    assert isinstance(found[LOST].error, ConnectionLostError)


async def test_a_started_item_throttled_to_the_end_stays_unknown(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await started(path, OK)
    await mapped(path, Lambda("busy"), [OK], idempotent=True, deadline=0.2)
    good = Lambda("good")
    found, _ = await mapped(path, good, [OK])
    assert isinstance(found[OK].error, UnknownOutcomeError)
    assert not good.executed


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"journal_results": "payloads", "journal": "run.db"}, "journal_results must be 'all' or 'outcome'; got 'payloads'"),
        ({"journal_results": "outcomes", "journal": "run.db"}, r"did you mean 'outcome'\?"),
        ({"journal_results": "outcome"}, "journal_results is given without a journal: name its file with journal="),
        ({"journal_results": None, "journal": "run.db"}, "journal_results must be"),
        ({"retry_failed": True}, "retry_failed is given without a journal"),
        ({"retry_failed": "yes", "journal": "run.db"}, "retry_failed must be True or False"),
    ],
)
async def test_a_wrong_choice_is_refused(settings: dict[str, Any], text: str) -> None:
    async with LambdaClient(transport=Lambda()) as client:
        with pytest.raises(ConfigurationError, match=text):
            client.map("f", [1], **settings)
        with pytest.raises(ConfigurationError, match=text):
            client.map_commands([InvokeCommand(function_name="f")], **settings)


async def test_many_equal_payloads_are_separate_items(tmp_path: Path) -> None:
    path, count = tmp_path / "run.db", 300
    first = Lambda("good")
    async with LambdaClient(transport=first) as client:
        async with client.map("f", [7] * count, journal=path) as run:
            keys = [result.key async for result in run]
    assert len(set(keys)) == count
    assert {len(packed(key)) for key in keys} == {32, 33, 34}
    again = Lambda("good")
    async with LambdaClient(transport=again) as client:
        async with client.map("f", [7] * (count + 5), journal=path) as run:
            found = [result.replayed async for result in run]
    assert (Counter(found), again.executed) == ({True: count, False: 5}, {7: 5})


async def test_an_earlier_result_is_replaced_not_added(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    for mood in ("bad", "bad", "good"):
        await mapped(path, Lambda(mood), idempotent=True, retry_failed=True)  # type: ignore[arg-type]
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM results").fetchone() == (4,)
        assert {state for (state,) in db.execute("SELECT state FROM items")} == {ItemState.OK}
