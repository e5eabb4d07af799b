"""A result as columns, as text and as HTML: nothing raises, and nothing that may be secret is shown unasked."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    Delivery,
    InvokeCommandOutput,
    LambdaClient,
    LambdaServiceException,
    MapCause,
    MapResult,
    MapStats,
    Metadata,
    NotSentError,
    Request,
    Response,
    ThrottleReason,
)
from aiolambda.fanout.causes import CauseCounter
from aiolambda.fanout.columns import columns_of
from aiolambda.fanout.notebook import html_of_stats
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers

REPORT = "REPORT RequestId: an-id\tDuration: 1 ms\tBilled Duration: 2000 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\t"
PLAIN = (str, int, float, bool, type(None))


class Answering(FakeTransport):
    """Answers with the payload; a payload of `fail` fails, `denied` is refused; every log tail has a REPORT line."""

    def __init__(self, *, tail: str = REPORT) -> None:
        super().__init__({})
        self.tail = tail

    async def send(self, request: Request, /) -> Response:
        fields = {"x-amzn-requestid": f"id-{len(request.body)}", "x-amz-executed-version": "7"}
        if request.headers.get("x-amz-log-type") == "Tail":
            fields["x-amz-log-result"] = base64.b64encode(self.tail.encode()).decode()
        if request.body == b'"denied"':
            return Response(403, Headers({**fields, "x-amzn-errortype": "AccessDeniedException"}), b'{"Message":"no"}')
        if request.body == b'"fail"':
            error = b'{"errorType": "<b>Broken</b>", "errorMessage": "a secret"}'
            return Response(200, Headers({**fields, "x-amz-function-error": "Unhandled"}), error)
        return Response(200, Headers(fields), json.loads(request.body).encode("latin-1"))


def output(payload: Any) -> InvokeCommandOutput:
    return InvokeCommandOutput(status_code=200, payload=payload, metadata=Metadata(http_status_code=200, request_id="an-id"))


def result(**members: Any) -> MapResult[Any]:
    return MapResult(**{"index": 0, "key": "0", "item": "an item", "delivery": Delivery.EXECUTED} | members)


@pytest.mark.virtual_time
async def test_all_results_have_the_same_flat_columns() -> None:
    async with LambdaClient(transport=Answering()) as client:
        run = client.map("f", ["[1, 2]", "fail", "denied", "not JSON", "\xff", ""], ordered=True, payload=json.dumps)
        rows = [one.as_dict() for one in await run.collect()]
    assert len({tuple(row) for row in rows}) == 1
    assert all(type(cell) in PLAIN for row in rows for name, cell in row.items() if name not in ("item", "value"))
    assert [row["value"] for row in rows] == [[1, 2], None, None, "not JSON", b"\xff", None]
    assert [row["outcome"] for row in rows] == ["ok", "function_error", "refused", "ok", "ok", "ok"]
    assert [row["error_type"] for row in rows[:3]] == [None, "<b>Broken</b>", "AccessDeniedException"]
    assert [row["request_id"] for row in rows[:3]] == ["id-8", "id-6", "id-8"]
    assert (rows[1]["error_message"], rows[1]["function_error"]) == ("a secret", "Unhandled")
    assert "no" in rows[2]["error_message"]
    assert (rows[0]["executed_version"], rows[0]["attempts"], rows[0]["cold_start"]) == ("7", 1, None)


@pytest.mark.virtual_time
async def test_columns_have_the_cost_of_the_invocation() -> None:
    async with LambdaClient(transport=Answering(tail=f"{REPORT}Init Duration: 5 ms\t")) as client:
        (row,) = [one.as_dict() for one in await client.map("f", ['"1"'], log_type="Tail").collect()]
    assert (row["cold_start"], row["billed_ms"], row["init_ms"]) == (True, 2000.0, 5.0)
    assert (row["memory_size_mb"], row["max_memory_used_mb"]) == (512, 9)


@pytest.mark.parametrize(
    "payload", [None, 7, b"[" * 100_000, b"9" * 5000, bytearray(b"x")], ids=["none", "a number", "deep", "huge", "bytearray"]
)
def test_no_payload_makes_the_columns_raise(payload: Any) -> None:
    assert "value" in result(output=output(payload)).as_dict()


def test_columns_without_payloads_leave_texts_out() -> None:
    columns = columns_of(result(output=output(b'"a secret"')), payloads=False)
    assert {"item", "value", "error_message"}.isdisjoint(columns)
    assert "secret" not in str(columns)


def test_repr_shows_neither_item_nor_payload() -> None:
    shown = repr(result(index=3, key="k" * 50, output=output(b'"a secret"'), duration=0.25))
    assert shown == f"<MapResult 3 key='{'k' * 40}...' ok, 0.250 s>"
    failed = result(error=NotSentError("said"), delivery=Delivery.NOT_DELIVERED, replayed=True)
    assert repr(failed) == "<MapResult 0 key='0' not_sent, error=NotSentError, 0.000 s, replayed>"
    lost = result(error=LambdaServiceException("no", code="C", metadata=Metadata(http_status_code=400)))
    assert lost.as_dict()["outcome"] == "failed"


@pytest.mark.virtual_time
async def test_stats_tell_causes_and_cost() -> None:
    items = ["1", "fail", "denied", "fail"]
    async with LambdaClient(transport=Answering()) as client:
        run = client.map("f", items, payload=json.dumps, log_type="Tail", concurrency=1)
        await run.collect()
    stats = run.stats
    assert stats.causes == (
        MapCause(name="<b>Broken</b>", delivery=Delivery.EXECUTED, count=2, first_index=1, request_id="id-6"),
        MapCause(name="AccessDeniedException", delivery=Delivery.REFUSED, count=1, first_index=2, request_id="id-8"),
    )
    assert sum(cause.count for cause in stats.causes) == sum(stats.failed.values())
    assert (stats.billed_invocations, stats.billed_ms, stats.billed_seconds, stats.gb_seconds) == (3, 6000, 6.0, 3.0)


@pytest.mark.virtual_time
async def test_average_rate_is_that_of_the_whole_run() -> None:
    async def work(event: int) -> int:
        await asyncio.sleep(0.5)
        return event

    async with LambdaClient(transport=FakeTransport({"f": work})) as client:
        run = client.map("f", range(40), concurrency=2)
        await run.collect()
    assert run.stats.elapsed == pytest.approx(10, rel=0.05)
    assert run.stats.average_rate == pytest.approx(4, rel=0.05)


async def test_a_resume_keeps_the_cost_of_earlier_runs(tmp_path: Path) -> None:
    async with LambdaClient(transport=Answering()) as client:
        for count in (3, 5):
            run = client.map("f", map(str, range(count)), payload=json.dumps, log_type="Tail", journal=tmp_path / "run.db")
            await run.collect()
            assert (run.stats.billed_invocations, run.stats.gb_seconds, run.stats.billed_ms) == (count, count, count * 2000)
    assert run.stats.replayed == 3


def test_causes_are_bounded_in_number_and_length() -> None:
    causes = CauseCounter()
    for number in range(150):
        code = f"Code{number}" if number else "x" * 1000
        error = LambdaServiceException("no", code=code, metadata=Metadata(http_status_code=400))
        causes.add(error, Delivery.REFUSED, number, None)
    first, *others = causes.causes()
    assert (first.name, first.count, first.first_index, len(others)) == ("other errors", 50, 100, 100)
    assert others[0].name == "x" * 100 + "..."


def test_html_of_stats_is_escaped() -> None:
    cause = MapCause(name="<script>", delivery=Delivery.EXECUTED, count=2, first_index=1, request_id='"<&')
    stats = MapStats(
        done=7,
        failed={Delivery.EXECUTED: 2},
        throttled={ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 2, None: 1},
        billed_invocations=1,
        billed_ms=1500,
        causes=(cause,),
    )
    html = stats._repr_html_()
    assert html == html_of_stats(stats)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "&quot;&lt;&amp;" in html
    assert "1.5 s" in html
    assert "without a reason: 1" in html
    assert html_of_stats(MapStats()).count("<table>") == 1
