"""The answers about durable executions: histories, lists and pages. Their forms are those of the API's model."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import botocore.parsers
import botocore.session
import pytest

from aiolambda import LambdaServiceException, ResourceNotFoundException
from aiolambda.emulation.durable.answers import DURABLE_OPERATIONS
from aiolambda.emulation.durable.store import STATUSES
from aiolambda.operations.api import commands, structures
from aiolambda.operations.structure import table_of
from aiolambda.testing.durable import Callback, Context, Fail, Invoke, Paused, Step, Succeed, TimeOut, Wait
from aiolambda.types.http import Headers, Request

from ...support.durable import Stage, moment, stage

pytestmark = pytest.mark.virtual_time

MODEL = botocore.session.Session().get_service_model("lambda")
PARSER = botocore.parsers.create_parser(MODEL.protocol)

BUSY = Fail("Busy", "later")
SCRIPTS: dict[str, Any] = {
    "succeeded": [
        Step("charge", error=BUSY, failures=1, result={"paid": True}),
        Context("all", [Wait("cool down", seconds=60), Invoke("other", result=3)]),
        Paused("lunch", seconds=5),
        Callback("approval", timeout=10, heartbeat_timeout=5, caught=True),
        Invoke("slow", error=BUSY, ends="TIMED_OUT", caught=True),
        Invoke("cut", error=BUSY, ends="STOPPED", caught=True),
        Succeed("done"),
    ],
    "failed": [Context("all", [Context("some", [Invoke("other", error=BUSY)])])],
    "timed out": [Wait("first"), TimeOut()],
}
HISTORIES = {
    "succeeded": [
        ("ExecutionStarted", "order-7"),
        ("StepStarted", "charge"),
        ("StepFailed", "charge"),
        ("StepStarted", "charge"),
        ("StepSucceeded", "charge"),
        ("ContextStarted", "all"),
        ("WaitStarted", "cool down"),
        ("WaitSucceeded", "cool down"),
        ("ChainedInvokeStarted", "other"),
        ("ChainedInvokeSucceeded", "other"),
        ("ContextSucceeded", "all"),
        ("ExecutionPaused", None),
        ("ExecutionResumed", None),
        ("CallbackStarted", "approval"),
        ("CallbackTimedOut", "approval"),
        ("ChainedInvokeStarted", "slow"),
        ("ChainedInvokeTimedOut", "slow"),
        ("ChainedInvokeStarted", "cut"),
        ("ChainedInvokeStopped", "cut"),
        ("ExecutionSucceeded", "order-7"),
    ],
    "failed": [
        ("ExecutionStarted", "order-7"),
        ("ContextStarted", "all"),
        ("ContextStarted", "some"),
        ("ChainedInvokeStarted", "other"),
        ("ChainedInvokeFailed", "other"),
        ("ContextFailed", "some"),
        ("ContextFailed", "all"),
        ("ExecutionFailed", "order-7"),
    ],
    "timed out": [
        ("ExecutionStarted", "order-7"),
        ("WaitStarted", "first"),
        ("WaitSucceeded", "first"),
        ("ExecutionTimedOut", "order-7"),
    ],
}


@pytest.fixture
async def orders() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def listed(orders: Stage, **members: Any) -> list[str]:
    """The names of the executions in a list."""
    answer = await orders.ask("ListDurableExecutionsByFunction", **{"function_name": "orders", **members})
    return [entry["DurableExecutionName"] for entry in answer["DurableExecutions"]]


# Histories


@pytest.mark.parametrize("case", SCRIPTS)
async def test_a_history_has_the_events_of_the_script(orders: Stage, case: str) -> None:
    orders.fake.add_durable("orders", SCRIPTS[case])
    arn = await orders.start(name="order-7", payload={"id": 7})
    await asyncio.sleep(1000)
    events = await orders.history(arn)
    assert [event["EventId"] for event in events] == list(range(1, len(events) + 1))
    times = [event["EventTimestamp"] for event in events]
    assert times == sorted(times)
    told = [(event["EventType"], event.get("Name")) for event in events if event["EventType"] != "InvocationCompleted"]
    assert told == HISTORIES[case]
    for event in events:  # each with the details of its type, and with no others
        assert [name for name in event if name.endswith("Details")] == [f"{event['EventType']}Details"]


async def test_every_type_of_event_can_happen(orders: Stage) -> None:
    seen: set[str] = set()
    orders.fake.add_durable("orders", [Callback("approval"), Wait("long", seconds=1000)])
    for answer in ("Success", "Failure"):
        arn = await orders.start()
        await orders.ask(f"SendDurableExecutionCallback{answer}", callback_id=orders.fake.callbacks[-1].id)
        await orders.ask("StopDurableExecution", durable_execution_arn=arn)
        seen |= {event["EventType"] for event in await orders.history(arn)}
    for script in SCRIPTS.values():
        orders.fake.add_durable("orders", script)
        arn = await orders.start()
        await asyncio.sleep(1000)
        seen |= {event["EventType"] for event in await orders.history(arn)}
    known = {name.removesuffix("Details") for name in table_of(structures.Event).by_api_name if name.endswith("Details")}
    assert len(known) == 26
    assert known == seen


async def test_the_details_of_a_step(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", error=BUSY, failures=1, retry_delay=5, result=[1])])
    arn = await orders.start()
    await asyncio.sleep(5)
    events = {event["EventType"]: event for event in await orders.history(arn)}
    assert events["StepFailed"]["StepFailedDetails"] == {
        "Error": {"Payload": {"ErrorType": "Busy", "ErrorMessage": "later"}, "Truncated": False},
        "RetryDetails": {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 5},
    }
    assert events["StepSucceeded"]["StepSucceededDetails"] == {
        "Result": {"Payload": "[1]", "Truncated": False},
        "RetryDetails": {"CurrentAttempt": 2},
    }


async def test_an_operation_has_one_id_and_its_parent(orders: Stage) -> None:
    orders.fake.add_durable("orders", SCRIPTS["failed"])
    events = await orders.history(await orders.start())
    by_name: dict[str, set[tuple[Any, Any]]] = {}
    for event in events:
        if event.get("ParentId") is not None or event["EventType"].startswith("Context"):
            by_name.setdefault(event["Name"], set()).add((event["Id"], event.get("ParentId")))
    assert {len(ids) for ids in by_name.values()} == {1}
    ((all_id, all_parent),), ((some_id, some_parent),) = by_name["all"], by_name["some"]
    ((_, other_parent),) = by_name["other"]
    assert (all_parent, some_parent, other_parent) == (None, all_id, some_id)


async def test_a_history_without_data_has_none(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", result="secret"), Paused("secret", seconds=1), Fail("A", "secret")])
    arn = await orders.start(payload={"card": "secret"})
    await asyncio.sleep(1)
    assert str(await orders.history(arn)).count("secret") == 4
    events = await orders.history(arn, include_execution_data=False)
    assert "secret" not in str(events)
    assert events[0]["ExecutionStartedDetails"]["Input"] == {"Truncated": True}


async def test_pages_of_a_history(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step(f"step {number}") for number in range(600)])
    arn = await orders.start()
    pages: list[list[int]] = []
    marker = None
    while True:
        answer = await orders.ask("GetDurableExecutionHistory", durable_execution_arn=arn, marker=marker, max_items=0)
        pages.append([event["EventId"] for event in answer["Events"]])
        if (marker := answer["NextMarker"]) is None:
            break
    assert [len(page) for page in pages] == [100] * 12 + [3]
    assert [event_id for page in pages for event_id in page] == list(range(1, 1204))
    assert len(await orders.history(arn)) == 1000


async def test_a_history_from_its_end(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge"), Step("ship")])
    arn = await orders.start()
    first = await orders.ask("GetDurableExecutionHistory", durable_execution_arn=arn, reverse_order=True, max_items=2)
    rest = await orders.ask(
        "GetDurableExecutionHistory", durable_execution_arn=arn, reverse_order=True, marker=first["NextMarker"]
    )
    ids = [event["EventId"] for event in [*first["Events"], *rest["Events"]]]
    assert ids == sorted(ids, reverse=True) == list(range(7, 0, -1))


@pytest.mark.parametrize(
    "members", [{"max_items": 1001}, {"max_items": -1}, {"marker": "nonsense"}], ids=["many", "negative", "marker"]
)
async def test_a_wrong_page_is_refused(orders: Stage, members: dict[str, Any]) -> None:
    orders.fake.add_durable("orders", [])
    arn = await orders.start()
    for operation, place in (
        ("GetDurableExecutionHistory", {"durable_execution_arn": arn}),
        ("ListDurableExecutionsByFunction", {"function_name": "orders"}),
    ):
        with pytest.raises(LambdaServiceException) as raised:
            await orders.ask(operation, **place, **members)
        assert raised.value.status_code == 400


# Lists


async def test_a_list_is_newest_first(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    for number in range(3):
        await orders.start(name=f"order-{number}")
    assert await listed(orders) == ["order-2", "order-1", "order-0"]
    assert await listed(orders, reverse_order=True) == ["order-0", "order-1", "order-2"]


async def test_a_list_is_filtered(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Wait("a minute", seconds=60)], qualifier="live", version="7")
    orders.fake.add_durable("orders", [], qualifier="beta", version="8")
    first = await orders.start("orders:live", name="a")
    await asyncio.sleep(10)
    second = await orders.start("orders:beta", name="b")
    await orders.start("orders:beta", name="c")
    started = (await orders.describe(second))["StartTimestamp"]
    assert await listed(orders, qualifier="live") == await listed(orders, function_name="orders:7") == ["a"]
    assert await listed(orders, durable_execution_name="b") == ["b"]
    assert await listed(orders, statuses=["RUNNING"]) == ["a"]
    assert await listed(orders, statuses=["SUCCEEDED", "FAILED"]) == ["c", "b"]
    assert await listed(orders, started_after=moment(started - 5)) == ["c", "b"]
    assert await listed(orders, started_before=moment(started - 5)) == ["a"]
    assert await listed(orders, started_after=moment(started - 15), started_before=moment(started - 5)) == ["a"]
    assert await listed(orders, qualifier="live", statuses=["SUCCEEDED"]) == []
    await asyncio.sleep(50)
    assert await listed(orders, statuses=["SUCCEEDED"], qualifier="live") == ["a"]
    assert first.split("/")[-2] == "a"


async def test_an_entry_of_a_list(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Succeed("secret")])
    arn = await orders.start(name="order-7")
    found = await orders.describe(arn)
    (entry,) = (await orders.ask("ListDurableExecutionsByFunction", function_name="orders"))["DurableExecutions"]
    assert entry == {name: found[name] for name in entry}
    assert sorted(entry) == [
        "DurableExecutionArn",
        "DurableExecutionName",
        "EndTimestamp",
        "FunctionArn",
        "StartTimestamp",
        "Status",
    ]


async def test_a_marker_stays_right_if_executions_come(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    for number in range(4):
        await orders.start(name=f"order-{number}")
    first = await orders.ask("ListDurableExecutionsByFunction", function_name="orders", max_items=2)
    await orders.start(name="order-4")
    rest = await listed(orders, marker=first["NextMarker"])
    assert [*(entry["DurableExecutionName"] for entry in first["DurableExecutions"]), *rest] == [
        "order-3",
        "order-2",
        "order-1",
        "order-0",
    ]


async def test_lists_of_other_functions(orders: Stage) -> None:
    orders.fake.add("plain", lambda event: event)
    orders.fake.add_durable("orders", [], qualifier="live")
    orders.fake.add_durable("orders-archive", [])
    await orders.start("orders-archive:live", name="other")
    assert await listed(orders) == await listed(orders, function_name="plain") == []
    for name in ("missing", "orders:missing"):
        with pytest.raises(ResourceNotFoundException, match="Function not found"):
            await listed(orders, function_name=name)


@pytest.mark.parametrize(
    "members",
    [{"statuses": ["DONE"]}, {"statuses": ["FAILED"] * 11}],
    ids=["unknown", "many"],
)
async def test_a_wrong_filter_is_refused(orders: Stage, members: dict[str, Any]) -> None:
    orders.fake.add_durable("orders", [])
    with pytest.raises(LambdaServiceException, match="statuses") as raised:
        await listed(orders, **members)
    assert raised.value.code == "ValidationException"


# The model


def test_every_operation_of_a_caller_is_answered() -> None:
    named = {name.removesuffix("Command") for name in commands.__all__ if "Durable" in name and name.endswith("Command")}
    assert named - DURABLE_OPERATIONS == {"CheckpointDurableExecution", "GetDurableExecutionState"}
    assert named >= DURABLE_OPERATIONS


def test_no_status_of_the_model_is_missing() -> None:
    assert set(MODEL.shape_for("ExecutionStatus").enum) <= set(STATUSES)  # an older model has not all of them


async def test_botocore_reads_the_answers(orders: Stage) -> None:
    """What its parser makes of an answer, and what this package does, is the same."""
    orders.fake.add_durable("orders", SCRIPTS["succeeded"])
    arn = await orders.start(payload={"id": 7}, name="order-7")
    await asyncio.sleep(1000)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("GetDurableExecution", {"durable_execution_arn": arn}),
        ("GetDurableExecutionHistory", {"durable_execution_arn": arn}),
        ("ListDurableExecutionsByFunction", {"function_name": "orders"}),
        ("StopDurableExecution", {"durable_execution_arn": arn}),
    ]
    for operation, members in asked:
        raw = await orders.ask(operation, **members)
        answer = {"status_code": 200, "headers": {}, "body": json.dumps(raw).encode()}
        read = PARSER.parse(answer, MODEL.operation_model(operation).output_shape)
        del read["ResponseMetadata"]
        assert_same(read, raw)


def assert_same(read: Any, raw: Any) -> None:
    """All that the parser knows is what was sent."""
    if isinstance(read, dict):
        for name, value in read.items():
            assert_same(value, raw[name])
    elif isinstance(read, list):
        assert len(read) == len(raw)
        for one, other in zip(read, raw, strict=True):
            assert_same(one, other)
    else:
        assert (read.timestamp() if isinstance(read, dt.datetime) else read) == pytest.approx(raw)


async def test_timestamps_are_those_of_now(orders: Stage) -> None:
    before = dt.datetime.now(dt.UTC).timestamp()
    orders.fake.add_durable("orders", [])
    found = await orders.describe(await orders.start())
    assert before - 1 <= found["StartTimestamp"] <= dt.datetime.now(dt.UTC).timestamp() + 1


# Requests that no client of this package sends


async def sent(orders: Stage, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """The status and the content of the answer to a raw request."""
    request = Request(method, f"https://lambda.nowhere.amazonaws.com/2025-12-01/{path}", Headers({}), body)
    response = await orders.fake.send(request)
    return response.status, json.loads(response.body)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("stop", b"nonsense"),
        ("stop", b"[]"),
        ("stop", b"[" * 100_000),
        ("stop", b"\xff"),
        ("stop", b'{"ErrorType": 7}'),
        ("stop", b'{"StackTrace": "line 1"}'),
        ("stop", b'{"StackTrace": [7]}'),
        ("pause", b'{"Reason": 7}'),
        ("pause", b'{"ExecutionTimeoutPaused": "yes"}'),
        ("pause", b'{"ClientToken": ""}'),
        ("resume", b"nonsense"),
    ],
    ids=["text", "list", "deep", "bytes", "type", "trace", "lines", "reason", "flag", "token", "resume"],
)
async def test_a_wrong_body_changes_nothing(orders: Stage, action: str, body: bytes) -> None:
    orders.fake.add_durable("orders", [Wait("long", seconds=1000)])
    arn = await orders.start()
    status, content = await sent(orders, "POST", f"durable-executions/{quote(arn, safe='')}/{action}", body)
    assert (status, "message" in content) == (400, True)
    assert await orders.status(arn) == "RUNNING"


@pytest.mark.parametrize(
    "query",
    [
        "IncludeExecutionData=maybe",
        "IncludeExecutionData=",
    ],
    ids=["word", "empty"],
)
async def test_a_wrong_flag_is_refused(orders: Stage, query: str) -> None:
    orders.fake.add_durable("orders", [])
    path = f"durable-executions/{quote(await orders.start(), safe='')}"
    for place in (path, f"{path}/history"):
        assert (await sent(orders, "GET", f"{place}?{query}"))[0] == 400


async def test_dates_of_a_filter(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    await orders.start()
    path = "functions/orders/durable-executions?StartedAfter="
    assert (await sent(orders, "GET", f"{path}yesterday"))[0] == 400
    status, content = await sent(orders, "GET", f"{path}2026-01-01T00:00:00")
    assert (status, len(content["DurableExecutions"])) == (200, 1)


async def test_an_error_without_members_is_one(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    arn = await orders.start()
    callback_id = quote(orders.fake.callbacks[0].id, safe="")
    assert await sent(orders, "POST", f"durable-execution-callbacks/{callback_id}/fail") == (200, {})
    assert (await orders.describe(arn))["Error"] == {}
