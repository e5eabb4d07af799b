"""Events on a local endpoint: handlers of this process and processes, files and functions as destinations, failures, ends."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, ConnectionLostError, InvokeCommand, LambdaClient, NoRetry, ResourceNotFoundException
from aiolambda.local import EventInvokeConfig, LocalEndpoint, LocalFunction, Reload
from aiolambda.local.runtime import handler_threads
from aiolambda.testing import FunctionFailure

from ..support.local import becomes_true, function

HOUR = 3600.0

MEETING = """
import os, pathlib, time

def handler(event, context):
    folder = pathlib.Path(event["folder"])
    (folder / str(os.getpid())).touch()
    end = time.monotonic() + 10
    while len(list(folder.iterdir())) < event["others"]:
        if time.monotonic() > end:
            raise TimeoutError("the others did not come")
        time.sleep(0.01)
"""
"""A function whose runs wait for each other."""


def fails(event: object) -> None:
    raise ValueError("no tea")


def retrying(**settings: Any) -> EventInvokeConfig:
    return EventInvokeConfig(**{"retry_delay": 0.01, **settings})


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    before = set(threading.enumerate())
    async with LocalEndpoint() as endpoint:
        yield endpoint
    left = [one for one in threading.enumerate() if "of LocalEndpoint" in one.name and one not in before]
    assert (left, [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]) == ([], [])


@pytest.fixture
async def client(endpoint: LocalEndpoint) -> AsyncIterator[LambdaClient]:
    async with client_of(endpoint) as client:
        yield client


def client_of(endpoint: LocalEndpoint, **settings: Any) -> LambdaClient:
    settings = {"retry": NoRetry(), **settings}
    return LambdaClient(
        region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials, proxy="", **settings
    )


def attempts(endpoint: LocalEndpoint, name: str = "orders") -> list[tuple[int, str | None]]:
    return [(one.attempt, one.error_type) for one in endpoint.executions_of(name)]


# --- retries ----------------------------------------------------------------------------------------------------------


async def test_a_handler_of_this_process_runs_once(endpoint, client):
    endpoint.add("orders", fails)
    await client.invoke_event("orders", 7)
    await endpoint.wait_idle()
    assert attempts(endpoint) == [(1, "ValueError")]


async def test_a_handler_of_this_process_may_have_retries(endpoint, client):
    endpoint.add("orders", fails, events=retrying())
    receipt = await client.invoke_event("orders", 7)
    await endpoint.wait_idle()
    assert attempts(endpoint) == [(1, "ValueError"), (2, "ValueError"), (3, "ValueError")]
    assert {one.request_id for one in endpoint.executions} == {receipt.metadata.request_id}
    assert len(endpoint.calls) == 1


async def test_a_function_in_processes_has_two_retries(endpoint, client, tmp_path):
    records = tmp_path / "failed.jsonl"
    endpoint.add(function("orders", events=retrying(on_failure=records)))
    await client.invoke_event("orders", {"op": "fail", "text": "no tea"})
    await endpoint.wait_idle()
    assert attempts(endpoint) == [(1, "ValueError"), (2, "ValueError"), (3, "ValueError")]
    (record,) = map(json.loads, records.read_text().splitlines())
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestPayload"] == {"op": "fail", "text": "no tea"}
    assert record["responsePayload"]["errorMessage"] == "no tea"


async def test_a_handler_in_processes_may_have_its_own_treatment(endpoint):
    endpoint.add("orders", fails, process=True, events=retrying(maximum_retry_attempts=1))
    endpoint.add("prices", fails, process=True)
    assert endpoint.functions["orders"].events.maximum_retry_attempts == 1
    assert endpoint.functions["prices"].events.maximum_retry_attempts == 2


async def test_one_scripted_failure_lets_the_retry_succeed(endpoint, client):
    endpoint.add("orders", lambda event: event, events=retrying())
    endpoint.fail("orders", ConnectionLostError, runs=False, payload=8)  # for requests, so it is not asked about a retry
    endpoint.fail("orders", FunctionFailure.timed_out(), times=1)
    await client.invoke_event("orders", 7)
    await endpoint.wait_idle()
    assert attempts(endpoint) == [(1, "Sandbox.Timedout"), (2, None)]


async def test_a_failure_of_requests_is_not_used_up_by_runs(endpoint, client):
    endpoint.add("orders", fails, events=retrying())
    await client.invoke_event("orders", 7)
    endpoint.fail("orders", ConnectionLostError, runs=False, times=1)
    await endpoint.wait_idle()
    assert len(endpoint.executions) == 3
    with pytest.raises(ConnectionLostError):
        await client.invoke("orders", 7)


async def test_waiting_includes_retries_and_records(endpoint, client):
    records: list[Any] = []

    def keep(record: Mapping[str, Any]) -> None:
        time.sleep(0.05)
        records.append(record)

    endpoint.add("orders", fails, events=retrying(on_failure=keep))
    await client.invoke_event("orders")
    await asyncio.to_thread(endpoint.wait_idle_sync, 30)
    assert (len(endpoint.executions), len(records)) == (3, 1)


async def test_duplicates_on_purpose(endpoint, client):
    endpoint.add("orders", lambda event: event, events=EventInvokeConfig(duplicates=1, maximum_retry_attempts=0))
    await client.invoke_event("orders", 7)
    await endpoint.wait_idle()
    assert attempts(endpoint) == [(1, None), (1, None)]
    assert len({one.request_id for one in endpoint.executions}) == 1


async def test_duplicates_that_run_at_once_are_two_runs(tmp_path):
    (tmp_path / "meeting.py").write_text(MEETING)
    folder, statuses = tmp_path / "runs", []
    folder.mkdir()
    events = EventInvokeConfig(duplicates=1)
    orders = LocalFunction(name="orders", handler="meeting.handler", root=tmp_path, events=events)
    async with LocalEndpoint([orders], on_invocation=lambda event: statuses.append(event.status)) as endpoint:
        async with client_of(endpoint) as client:
            await client.invoke_event("orders", {"folder": str(folder), "others": 2})
            await endpoint.wait_idle()
    assert statuses == ["queued", "running", "running", "succeeded", "succeeded"]


# --- concurrency ------------------------------------------------------------------------------------------------------


async def test_events_run_in_several_processes(endpoint, client, tmp_path):
    (tmp_path / "meeting.py").write_text(MEETING)
    folder = tmp_path / "runs"
    folder.mkdir()
    endpoint.add(LocalFunction(name="orders", handler="meeting.handler", root=tmp_path, concurrency=2))
    for _ in range(2):
        await client.invoke_event("orders", {"folder": str(folder), "others": 2})
    await endpoint.wait_idle()
    assert attempts(endpoint) == [(1, None)] * 2


async def test_a_handler_that_blocks_stops_no_function_in_processes(endpoint, client):
    go_on = threading.Event()
    endpoint.add("blocks", lambda _: go_on.wait(30))
    endpoint.add(function("orders"))
    await client.invoke_event("blocks")
    await client.invoke_event("orders", {"op": "echo"})
    await becomes_true(lambda: endpoint.executions)
    go_on.set()
    await endpoint.wait_idle()
    assert [one.function_name for one in endpoint.executions] == ["orders", "blocks"]


async def test_events_wait_for_the_concurrency_of_the_account(tmp_path):
    async with LocalEndpoint(account_concurrency=1) as endpoint, client_of(endpoint) as client:
        endpoint.add(function("orders"))
        endpoint.add("prices", lambda event: event)
        call = asyncio.create_task(client.invoke("orders", {"op": "sleep", "seconds": 0.3, "started": str(tmp_path / "pid")}))
        await becomes_true((tmp_path / "pid").exists)
        await client.invoke_event("prices", 7)
        await client.invoke_event("orders", {"op": "echo"})
        await endpoint.wait_idle()
        await call
        assert [one.attempt for one in endpoint.executions] == [1, 1, 1]
        assert endpoint.executions[0].invocation_type == "RequestResponse"


async def test_a_call_is_answered_among_many_events(endpoint):
    endpoint.add(function("orders", concurrency=1))
    async with client_of(endpoint, retry=None) as client:
        for _ in range(20):
            await client.invoke_event("orders", {"op": "sleep", "seconds": 0.1})
        await client.invoke("orders", {"op": "echo"}, timeout=30)
        kinds = [one.invocation_type for one in endpoint.executions]
        assert (kinds.count("RequestResponse"), kinds.count("Event") < 20) == (1, True)
        await endpoint.wait_idle()
    assert len(endpoint.executions) == 21


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_the_stream_of_an_event_is_collected(endpoint, client):
    records: list[Any] = []

    def write(event: object) -> Iterator[str]:
        yield "green "
        yield "tea"

    endpoint.add("writer", write, events=EventInvokeConfig(on_success=records.append))
    endpoint.add(function("processes", "local_handlers.write", events=EventInvokeConfig(on_success=records.append)))
    await client.invoke_event("writer")
    await endpoint.wait_idle()
    await client.invoke_event("processes", {"pieces": ["[1, ", "2]"]})
    await endpoint.wait_idle()
    assert [record["responsePayload"] for record in records] == ["green tea", [1, 2]]


# --- destinations -----------------------------------------------------------------------------------------------------


async def test_a_function_gets_the_records_in_order_on_a_thread(endpoint, client):
    seen: list[tuple[int, bool]] = []

    def keep(record: Mapping[str, Any]) -> None:
        seen.append((record["requestPayload"], threading.current_thread() is threading.main_thread()))

    for name in ("orders", "prices"):
        endpoint.add(name, lambda event: event, events=EventInvokeConfig(on_success=keep))
    for number in range(20):
        await client.invoke_event("orders" if number % 2 else "prices", number)
    await endpoint.wait_idle()
    assert seen == [(number, False) for number in range(20)]


async def test_a_destination_may_be_a_coroutine_function(endpoint, client):
    conditions: list[str] = []

    async def keep(record: Mapping[str, Any]) -> None:
        await asyncio.sleep(0.01)
        conditions.append(record["requestContext"]["condition"])

    endpoint.add("orders", lambda event: 1 / event, events=retrying(on_success=keep, on_failure=keep))
    for number in (0, 1):
        await client.invoke_event("orders", number)
    await endpoint.wait_idle()
    assert conditions == ["Success", "RetriesExhausted"]


@pytest.mark.parametrize(
    "error",
    [ValueError, pytest.fail.Exception, asyncio.CancelledError, SystemExit, StopIteration],
    ids=lambda error: error.__name__,
)
async def test_a_destination_that_raises_is_reported(endpoint, client, caplog, error):
    seen: list[int] = []

    def keep(record: Mapping[str, Any]) -> None:
        seen.append(record["requestPayload"])
        if len(seen) == 1:
            raise error("no paper")

    endpoint.add("orders", lambda event: event, events=EventInvokeConfig(on_success=keep))
    receipt = await client.invoke_event("orders", 1)
    await client.invoke_event("orders", 2)
    await endpoint.wait_idle()
    assert seen == [1, 2]
    (logged,) = [one for one in caplog.records if one.name == "aiolambda.local.events"]
    assert f"the record of event {receipt.metadata.request_id} of function 'orders' was not delivered" in logged.getMessage()
    assert logged.exc_info[0] is not None


async def test_a_file_that_cannot_be_written_is_reported(endpoint, client, caplog, tmp_path):
    endpoint.add("orders", lambda event: event, events=EventInvokeConfig(on_success=tmp_path / "no folder" / "records.jsonl"))
    await client.invoke_event("orders", 1)
    await endpoint.wait_idle()
    (logged,) = [one for one in caplog.records if one.name == "aiolambda.local.events"]
    assert logged.exc_info[0] is FileNotFoundError
    assert "records.jsonl" in logged.getMessage()


async def test_functions_may_share_a_file(endpoint, client, tmp_path):
    records = tmp_path / "records.jsonl"
    records.write_text("{}\n")
    large = "x" * 100_000
    for name in ("orders", "prices"):
        endpoint.add(function(name, events=EventInvokeConfig(on_success=records)))
    for number in range(10):
        await client.invoke_event("orders" if number % 2 else "prices", {"op": "echo", "id": number, "text": large})
    await endpoint.wait_idle()
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert lines[0] == {}
    assert sorted(line["responsePayload"]["id"] for line in lines[1:]) == list(range(10))


async def test_a_destination_that_blocks_stops_no_other(endpoint, client):
    go_on, seen = threading.Event(), []
    endpoint.add("blocks", lambda event: event, events=EventInvokeConfig(on_success=lambda _: go_on.wait(30)))
    endpoint.add("orders", lambda event: event, events=EventInvokeConfig(on_success=seen.append))
    for number in range(3):
        await client.invoke_event("blocks", number)
        await client.invoke_event("orders", number)
    await becomes_true(lambda: len(seen) == 3)
    assert len(endpoint.executions) == 6
    go_on.set()
    await endpoint.wait_idle()


async def test_a_destination_that_never_returns_is_told(endpoint, client, monkeypatch):
    monkeypatch.setattr(handler_threads, "_GRACE", 0.5)
    go_on, started = threading.Event(), threading.Event()
    endpoint.add("orders", print, events=EventInvokeConfig(on_success=lambda _: started.set() or go_on.wait(30)))
    for _ in range(3):
        await client.invoke_event("orders")
    await asyncio.to_thread(started.wait, 10)
    with pytest.warns(ResourceWarning, match="a destination of the local endpoint still blocks its thread"):
        await endpoint.clear()
    await endpoint.wait_idle()
    (thread,) = [one for one in threading.enumerate() if one.name == "destinations of LocalEndpoint"]
    go_on.set()
    await asyncio.to_thread(thread.join, 10)


async def test_records_that_wait_are_dropped(endpoint, client):
    go_on, started, seen = threading.Event(), threading.Event(), []

    def keep(record: Mapping[str, Any]) -> None:
        seen.append(record["requestPayload"])
        started.set()
        go_on.wait(30)

    endpoint.add("orders", lambda event: event, events=EventInvokeConfig(on_success=keep))
    for number in range(3):
        await client.invoke_event("orders", number)
    await becomes_true(lambda: len(endpoint.executions) == 3)
    await asyncio.to_thread(started.wait, 10)
    endpoint.reset()
    await asyncio.sleep(0)
    go_on.set()
    await endpoint.wait_idle()
    assert seen == [0]


async def test_another_function_may_be_the_destination(endpoint, client):
    endpoint.add("orders", lambda event: event, events=EventInvokeConfig(on_success="audit:live", on_failure="audit"))
    endpoint.add("audit", lambda event, context: [event["requestPayload"], context.invoked_function_arn], qualifier="live")
    await client.invoke_event("orders", 7)
    await endpoint.wait_idle()
    ordered, audited = endpoint.executions
    assert (audited.function_name, audited.version, audited.invocation_type) == ("audit", "1", "Event")
    assert audited.result() == [7, "arn:aws:lambda:us-east-1:000000000000:function:audit:live"]
    assert audited.request_id != ordered.request_id
    assert len(endpoint.calls) == 1


# --- ends -------------------------------------------------------------------------------------------------------------


async def leave_events(endpoint: LocalEndpoint, client: LambdaClient) -> threading.Event:
    """Let event 0 wait for its retry, and 2 and 3 for the end of 1, which runs until the result is set."""
    started, go_on = threading.Event(), threading.Event()

    async def handle(event: int) -> None:
        if event == 1:
            started.set()
            while not go_on.is_set():
                await asyncio.sleep(0.01)
        raise ValueError(event)

    endpoint.add("orders", handle, events=EventInvokeConfig(retry_delay=HOUR, on_failure="orders"))
    for number in range(4):
        await client.invoke_event("orders", number)
    await asyncio.to_thread(started.wait, 10)
    return go_on


async def test_a_removed_function_has_no_events(endpoint, client):
    go_on = await leave_events(endpoint, client)
    endpoint.remove("orders")
    go_on.set()
    await asyncio.wait_for(endpoint.wait_idle(), 10)
    assert [one.event() for one in endpoint.executions] == [0, 1]
    endpoint.add("orders", lambda event: event)
    await client.invoke_event("orders", 5)
    await endpoint.wait_idle()
    assert endpoint.executions[-1].event() == 5


async def test_a_reset_drops_events(endpoint, client):
    go_on = await leave_events(endpoint, client)
    endpoint.reset()
    go_on.set()
    await asyncio.wait_for(endpoint.wait_idle(), 10)
    assert [one.event() for one in endpoint.executions] == [1]
    await client.invoke_event("orders", 5)
    await becomes_true(lambda: len(endpoint.executions) == 2)
    assert endpoint.executions[-1].event() == 5


async def test_a_dropped_event_frees_the_name_of_its_execution(endpoint, client):
    go_on = await leave_events(endpoint, client)
    named = {"function_name": "orders", "payload": 7, "durable_execution_name": "tea"}
    await client.send(InvokeCommand(**named, invocation_type="Event"))
    endpoint.reset()
    go_on.set()
    await endpoint.wait_idle()
    output = await client.send(InvokeCommand(**named), timeout=30)
    assert (output.function_error, [one.event() for one in endpoint.executions]) == ("Unhandled", [1, 7])


async def test_a_retry_runs_the_function_that_replaced_its_own(tmp_path):
    settings, records = tmp_path / "settings", []
    code = "import os\ndef handler(event, context):\n    return event[os.environ['KEY']]\n"
    (tmp_path / "app.py").write_text(code)
    settings.write_text("coffee")

    def read() -> list[LocalFunction]:
        events = EventInvokeConfig(retry_delay=1.0, on_success=records.append)
        environment = {"KEY": settings.read_text()}
        return [LocalFunction(name="orders", handler="app.handler", root=tmp_path, environment=environment, events=events)]

    reload = Reload(files=[settings], read=read)
    async with LocalEndpoint(read(), reload=reload) as endpoint, client_of(endpoint) as client:
        await client.invoke_event("orders", {"tea": 7})
        await becomes_true(lambda: endpoint.executions)
        settings.write_text("tea")
        await endpoint.wait_idle()
        assert attempts(endpoint) == [(1, "KeyError"), (2, None)]
    assert [record["responsePayload"] for record in records] == [7]


async def test_clear_drops_events(endpoint, client):
    await leave_events(endpoint, client)
    await asyncio.wait_for(endpoint.clear(), 10)
    await asyncio.wait_for(endpoint.wait_idle(), 10)
    with pytest.raises(ResourceNotFoundException):
        await client.invoke_event("orders", 5)


async def test_close_does_not_wait_for_retries():
    async with asyncio.timeout(30):
        async with LocalEndpoint() as endpoint, client_of(endpoint) as client:
            await leave_events(endpoint, client)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        await endpoint.wait_idle()


async def test_an_event_does_not_run_while_the_endpoint_closes(monkeypatch):
    monkeypatch.setattr(handler_threads, "_GRACE", 30)
    blocking, go_on, ran = threading.Event(), threading.Event(), []
    endpoint = LocalEndpoint()
    async with endpoint, client_of(endpoint) as client:
        endpoint.add("blocks", lambda _: blocking.set() or go_on.wait(30))
        endpoint.add("orders", ran.append)
        await client.invoke_event("blocks")
        await asyncio.to_thread(blocking.wait, 10)
        closing = asyncio.create_task(endpoint.close())
        await client.invoke_event("orders", 7)
        go_on.set()
        await closing
    assert ran == []


async def test_processes_end_with_their_events(tmp_path):
    async with asyncio.timeout(30):
        async with LocalEndpoint() as endpoint, client_of(endpoint) as client:
            endpoint.add(function("orders", concurrency=2, events=EventInvokeConfig(retry_delay=HOUR)))
            await client.invoke_event("orders", {"op": "fail"})
            await becomes_true(lambda: endpoint.executions)
            for _ in range(5):
                await client.invoke_event("orders", {"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")})
            await becomes_true((tmp_path / "pid").exists)
            endpoint.remove("orders")
            await endpoint.wait_idle()
            assert endpoint.runtime_pids("orders") == []


async def test_a_new_function_of_the_name_gets_no_old_events(endpoint, client, tmp_path):
    endpoint.add(function("orders", concurrency=1))
    for _ in range(3):
        await client.invoke_event("orders", {"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")})
    await becomes_true((tmp_path / "pid").exists)
    endpoint.add(function("orders", concurrency=1))
    await client.invoke_event("orders", {"op": "echo", "id": 7})
    await asyncio.wait_for(endpoint.wait_idle(), 30)
    assert [one.event()["op"] for one in endpoint.executions] == ["echo"]


async def test_an_endpoint_that_starts_again_has_no_old_events():
    endpoint = LocalEndpoint()
    async with endpoint, client_of(endpoint) as client:
        await leave_events(endpoint, client)
    endpoint.reset()
    async with endpoint, client_of(endpoint) as client:
        await client.invoke_event("orders", 7)
        await becomes_true(lambda: endpoint.executions)
        assert [one.event() for one in endpoint.executions] == [7]


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"maximum_retry_attempts": 3}, "maximum_retry_attempts must be a whole number, 0 to 2; got 3"),
        ({"maximum_event_age": 0}, "maximum_event_age must be above 0 and at most 21,600 seconds; got 0"),
        ({"maximum_event_age": 21_601}, "at most 21,600 seconds; got 21601"),
        ({"retry_delay": -1}, "retry_delay must be a number of seconds"),
        ({"duplicates": 1.5}, "duplicates must be a share from 0 to 1; got 1.5"),
        ({"duplicates": True}, "duplicates must be a share"),
        (
            {"on_failure": "failed.jsonl"},
            "on_failure must be the name of a function; got 'failed.jsonl': for a file, write Path",
        ),
        ({"on_success": "logs/records"}, "for a file, write Path"),
        ({"on_success": 7}, "on_success must be a Path, the name of a function, or a function of the record; got an int"),
    ],
)
def test_wrong_settings_of_events(settings, text):
    with pytest.raises(ConfigurationError) as caught:
        EventInvokeConfig(**settings)
    assert text in str(caught.value)


def test_wrong_events_of_a_function():
    endpoint = LocalEndpoint()
    with pytest.raises(ConfigurationError, match="events must be an EventInvokeConfig; got a dict"):
        endpoint.add("orders", print, events={})
    with pytest.raises(ConfigurationError, match=r"LocalFunction\(\.\.\., events=\.\.\.\)"):
        endpoint.add(function("orders"), events=EventInvokeConfig())
    assert endpoint.functions == {}


@pytest.mark.parametrize("name", ["orders", "orders:live", "arn:aws:lambda:us-east-1:000000000000:function:orders"])
def test_a_destination_is_named_as_in_a_call(name):
    assert EventInvokeConfig(on_success=name, on_failure=Path("failed.jsonl")).on_success == name
