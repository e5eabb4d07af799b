"""Handlers of the test's own process behind the local endpoint: threads, events, records, failures on the socket."""

import asyncio
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from aiolambda import (
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Credentials,
    FunctionError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    NoRetry,
    QueueTimeoutError,
    ResourceNotFoundException,
    StreamError,
    TooManyRequestsException,
)
from aiolambda.errors.service import ExpiredTokenException, ServiceException
from aiolambda.local import LocalEndpoint
from aiolambda.local.runtime import handler_threads
from aiolambda.testing import FakeTransport, FunctionFailure, serve_in_thread

from ..support.local import function, is_running
from ..support.local_handlers import write_tea

_threads_before: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _note_threads() -> None:
    _threads_before.clear()
    _threads_before.update(threading.enumerate())


def handler_threads_left() -> list[threading.Thread]:
    """Those that this test has started."""
    return [one for one in threading.enumerate() if one.name.startswith("handlers of") and one not in _threads_before]


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint() as endpoint:
        yield endpoint
    assert handler_threads_left() == []


@pytest.fixture
async def client(endpoint: LocalEndpoint) -> AsyncIterator[LambdaClient]:
    async with client_of(endpoint) as client:
        yield client


def client_of(endpoint: LocalEndpoint, **settings: Any) -> LambdaClient:
    settings = {"retry": NoRetry(), **settings}
    return LambdaClient(
        region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials, proxy="", **settings
    )


def price() -> int:
    return 3


def top_level(event: Any, context: Any) -> dict[str, Any]:
    return {"pid": os.getpid(), "name": context.function_name, "price": price()}


def prints_tea(event: object) -> None:
    print("green tea")  # noqa: T201 - it belongs to the log


# --- handlers ---------------------------------------------------------------------------------------------------------


async def test_a_handler_runs_in_this_process(endpoint, client):
    endpoint.add("orders", top_level)
    with patch(f"{__name__}.price", return_value=7):
        output = await client.invoke("orders", {})
    assert output.json() == {"pid": os.getpid(), "name": "orders", "price": 7}
    assert output.executed_version == "$LATEST"


async def test_handlers_may_be_coroutines_and_take_the_event_alone(endpoint, client):
    async def doubled(event: int) -> int:
        await asyncio.sleep(0)
        return 2 * event

    endpoint.add("orders", doubled)
    assert (await client.invoke("orders", 4)).json() == 8


async def test_a_generator_streams_piece_by_piece(endpoint, client):
    go_on = threading.Event()

    def write(event: object) -> Iterator[str]:
        yield "green "
        assert go_on.wait(10)
        yield "tea"

    endpoint.add("writer", write)
    async with client.stream("writer") as stream:
        chunks = aiter(stream)
        assert await anext(chunks) == b"green "
        go_on.set()
        assert [chunk async for chunk in chunks] == [b"tea"]


async def test_an_asynchronous_generator_streams(endpoint, client):
    async def write(event: object) -> AsyncIterator[bytes]:
        yield b"tea"

    endpoint.add("writer", write)
    async with client.stream("writer") as stream:
        assert await stream.read() == b"tea"
    assert [one.response for one in endpoint.executions] == [b"tea"]


async def test_a_handler_that_blocks_stops_no_other(endpoint, client):
    inner_ran = threading.Event()
    endpoint.add("outer", lambda _: inner_ran.wait(10))
    endpoint.add("inner", lambda _: inner_ran.set())
    outer = asyncio.create_task(client.invoke("outer"))
    await client.invoke("inner")
    assert (await outer).json() is True


async def test_a_thread_is_used_again(endpoint, client):
    endpoint.add("orders", lambda _: threading.get_ident())
    assert (await client.invoke("orders")).json() == (await client.invoke("orders")).json() != threading.get_ident()


async def test_an_error_is_that_of_the_python_runtime(endpoint, client):
    def fails(event: object) -> None:
        raise KeyError("tea")

    endpoint.add("orders", fails)
    with pytest.raises(FunctionError) as raised:
        await client.invoke("orders")
    assert (raised.value.error_type, raised.value.error_message, raised.value.kind) == ("KeyError", "'tea'", "Unhandled")
    (execution,) = endpoint.executions
    assert isinstance(execution.error, KeyError)


async def test_an_exception_outside_of_the_tree_ends_no_server(endpoint, client):
    def fails(event: object) -> None:
        pytest.fail("no tea")

    endpoint.add("orders", fails)
    with pytest.raises(FunctionError, match=r"Runtime\.ExitError"):
        await client.invoke("orders")
    assert isinstance(endpoint.executions[0].error, pytest.fail.Exception)
    endpoint.add("orders", top_level)
    await client.invoke("orders")


async def test_a_tail_has_what_the_handler_prints(endpoint, client):
    endpoint.add("orders", prints_tea)
    output = await client.send(InvokeCommand(function_name="orders", log_type="Tail"))
    assert output.log_tail is not None
    assert "green tea\n" in output.log_tail
    assert "REPORT RequestId" in output.log_tail


async def test_the_log_listener_gets_what_the_handler_prints():
    log = bytearray()
    async with LocalEndpoint(on_log=log.extend) as endpoint, client_of(endpoint) as client:
        endpoint.add("orders", prints_tea)
        await client.invoke("orders")
    assert b"green tea\n" in log


async def test_context_and_qualifier_reach_the_handler(endpoint, client):
    def describe(event: object, context: Any) -> list[Any]:
        return [context.invoked_function_arn, context.client_context.custom, context.tenant_id, context.function_version]

    endpoint.add("orders:live", describe, version="7")
    command = InvokeCommand(function_name="orders", qualifier="live", client_context={"custom": {"a": 1}}, tenant_id="blue")
    output = await client.send(command)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:orders:live"
    assert output.json() == [arn, {"a": 1}, "blue", "7"]
    assert output.executed_version == "7"
    with pytest.raises(ResourceNotFoundException):
        await client.invoke("orders")


# --- processes --------------------------------------------------------------------------------------------------------


async def test_a_handler_may_run_in_a_process(endpoint, client):
    endpoint.add("orders", top_level, process=True)
    output = await client.invoke("orders")
    assert output.json() == {"pid": endpoint.runtime_pids("orders")[0], "name": "orders", "price": 3}
    (execution,) = endpoint.executions_of("orders")
    assert execution.result() == output.json()


async def test_a_function_is_replaced_and_removed(endpoint, client):
    endpoint.add(function("orders"))
    await client.invoke("orders", {"op": "echo"})
    (pid,) = endpoint.runtime_pids("orders")
    endpoint.add("orders", lambda _: "new")
    assert (await client.invoke("orders")).json() == "new"
    endpoint.remove("orders")
    with pytest.raises(ResourceNotFoundException):
        await client.invoke("orders")
    await endpoint.clear()
    assert not is_running(pid)


@pytest.mark.parametrize("handler", [lambda event: event, "x", threading.Thread.start, print])
def test_a_process_takes_only_what_it_can_import(handler):
    with pytest.raises(ConfigurationError, match="at the top of a module|not a function"):
        LocalEndpoint().add("orders", handler, process=True)


def test_a_process_has_no_qualifier():
    with pytest.raises(ConfigurationError, match="no qualifiers"):
        LocalEndpoint().add("orders", top_level, process=True, qualifier="live")


def test_an_unknown_function_cannot_be_removed():
    endpoint = LocalEndpoint([function("orders")])
    with pytest.raises(ConfigurationError, match="did you mean orders"):
        endpoint.remove("order")


# --- events -----------------------------------------------------------------------------------------------------------


async def test_events_run_once_and_in_order(endpoint, client):
    seen: list[int] = []

    async def slow(event: int) -> None:
        await asyncio.sleep(0.001 * (3 - event))
        seen.append(event)

    endpoint.add("orders", slow)
    for number in range(4):
        await client.invoke_event("orders", number)
    await endpoint.wait_idle()
    assert seen == [0, 1, 2, 3]
    assert [call.json() for call in endpoint.events] == seen
    assert [(one.invocation_type, one.payload) for one in endpoint.executions] == [("Event", b"%d" % n) for n in range(4)]


async def test_the_failure_of_an_event_is_recorded(endpoint, client):
    endpoint.add("orders", lambda _: 1 / 0)
    await client.invoke_event("orders")
    await endpoint.wait_idle()
    assert [one.error_type for one in endpoint.executions] == ["ZeroDivisionError"]


async def test_an_event_may_run_in_a_process(endpoint, client):
    endpoint.add("orders", top_level, process=True)
    await client.invoke_event("orders")
    await endpoint.wait_idle()
    assert [one.invocation_type for one in endpoint.executions] == ["Event"]


async def test_an_event_waits_for_a_free_process(endpoint, client, tmp_path):
    endpoint.add(function("orders", concurrency=1))
    call = asyncio.create_task(client.invoke("orders", {"op": "sleep", "seconds": 0.2}))
    while not endpoint.runtime_pids("orders"):
        await asyncio.sleep(0.01)
    await client.invoke_event("orders", {"op": "echo"})
    await endpoint.wait_idle()
    await call
    assert [one.invocation_type for one in endpoint.executions] == ["RequestResponse", "Event"]


async def test_a_dry_run_runs_nothing(endpoint, client):
    endpoint.add("orders", top_level)
    await client.send(InvokeCommand(function_name="orders", invocation_type="DryRun"))
    assert (len(endpoint.calls), endpoint.executions) == (1, [])


async def test_waiting_ends_with_what_a_client_gave_up(endpoint):
    started, go_on = threading.Event(), threading.Event()
    endpoint.add("orders", lambda _: started.set() or go_on.wait(10))
    async with client_of(endpoint) as client:
        call = asyncio.create_task(client.invoke("orders"))
        await asyncio.to_thread(started.wait, 10)
        call.cancel()
        await asyncio.wait([call])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endpoint.wait_idle(), 0.01)
    go_on.set()
    await endpoint.wait_idle()
    assert [one.response for one in endpoint.executions] == [b"true"]


async def test_a_thread_may_wait_too(endpoint, client):
    go_on = threading.Event()
    endpoint.add("orders", lambda _: go_on.wait(10))
    await client.invoke_event("orders")
    with pytest.raises(TimeoutError, match="busy after 0.01 s"):
        await asyncio.to_thread(endpoint.wait_idle_sync, 0.01)
    go_on.set()
    await asyncio.to_thread(endpoint.wait_idle_sync, 10)
    with pytest.raises(ConfigurationError, match="await wait_idle"):
        endpoint.wait_idle_sync()


# --- records ----------------------------------------------------------------------------------------------------------


async def test_calls_are_those_of_the_fake(endpoint):
    fake = FakeTransport()
    for place in (endpoint, fake):
        place.add("orders", lambda event: event)
    async with client_of(endpoint) as real, LambdaClient(transport=fake, region="us-east-1") as faked:
        for client in (real, faked):
            await client.send(InvokeCommand(function_name="orders:$LATEST", payload={"id": 7}, tenant_id="blue"))
    (here,), (there,) = endpoint.calls, fake.calls
    for name in ("function_name", "qualifier", "payload", "attempt", "streamed", "tenant_id", "path", "invocation_type"):
        assert getattr(here, name) == getattr(there, name), name
    assert here.request_id == endpoint.executions[0].request_id
    assert here.url.startswith(endpoint.url)
    (ran,), (faked_run,) = endpoint.executions, fake.executions
    assert (ran.function_name, ran.version, ran.response) == (faked_run.function_name, faked_run.version, faked_run.response)


async def test_a_reset_keeps_the_functions(endpoint, client):
    endpoint.add("orders", top_level)
    endpoint.fail("orders", TooManyRequestsException)
    with pytest.raises(TooManyRequestsException):
        await client.invoke("orders")
    endpoint.reset()
    assert (endpoint.calls, endpoint.executions, endpoint.events) == ([], [], [])
    await client.invoke("orders")


async def test_a_server_need_not_keep_records():
    async with LocalEndpoint(keep_records=False) as endpoint, client_of(endpoint) as client:
        endpoint.add("orders", lambda event: event)
        await client.invoke("orders")
        assert (endpoint.calls, endpoint.executions) == ([], [])


async def test_clear_removes_all_and_drops_what_still_runs(endpoint, client):
    started = threading.Event()

    async def endless(event: object) -> None:
        started.set()
        await asyncio.Event().wait()

    endpoint.add("orders", endless)
    call = asyncio.create_task(client.invoke("orders"))
    await asyncio.to_thread(started.wait, 10)
    await client.invoke_event("orders")
    await client.invoke_event("orders")
    await endpoint.clear()
    await endpoint.wait_idle()
    with pytest.raises(ServiceException):
        await call
    assert (endpoint.calls, endpoint.executions, handler_threads_left()) == ([], [], [])
    with pytest.raises(ResourceNotFoundException):
        await client.invoke("orders")


async def test_clear_kills_processes(endpoint, client):
    endpoint.add("orders", top_level, process=True)
    await client.invoke("orders")
    (pid,) = endpoint.runtime_pids("orders")
    await endpoint.clear()
    assert (is_running(pid), endpoint.functions) == (False, {})


async def test_an_endpoint_may_be_started_again():
    endpoint = LocalEndpoint()
    endpoint.add("here", top_level)
    endpoint.add("there", top_level, process=True)
    for _ in range(2):
        async with endpoint, client_of(endpoint) as client:
            for name in ("here", "there"):
                assert (await client.invoke(name)).json()["name"] == name


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_a_handler_ends_is_not_used_again(endpoint, client):
    ended: list[threading.Thread] = []

    async def leave_an_exit(_: object) -> None:
        ended.append(threading.current_thread())
        asyncio.get_running_loop().call_soon(sys.exit, 3)

    endpoint.add("leaves", leave_an_exit)
    endpoint.add("orders", lambda event: event)
    output = await client.send(InvokeCommand(function_name="leaves"))
    assert output.function_error is None
    await asyncio.to_thread(ended[0].join, 10)
    assert (await client.invoke("orders", 7)).json() == 7


async def test_no_call_begins_while_the_endpoint_closes(monkeypatch):
    monkeypatch.setattr(handler_threads, "_GRACE", 30)
    blocking, go_on, ran = threading.Event(), threading.Event(), []
    endpoint = LocalEndpoint()
    async with endpoint, client_of(endpoint) as client:
        endpoint.add("blocks", lambda _: blocking.set() or go_on.wait(30))
        endpoint.add("orders", ran.append)
        calls = [asyncio.create_task(client.invoke("blocks"))]
        await asyncio.to_thread(blocking.wait, 10)
        closing = asyncio.create_task(endpoint.close())
        calls.append(asyncio.create_task(client.invoke("orders")))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        go_on.set()
        await closing
    assert [type(outcome) for outcome in outcomes] == [ServiceException] * 2
    assert (ran, handler_threads_left()) == ([], [])


async def test_clear_ends_the_tasks_that_handlers_leave_behind(endpoint, client):
    tasks: list[asyncio.Task[object]] = []

    async def starts_a_task(event: object) -> None:
        tasks.append(asyncio.create_task(asyncio.Event().wait()))

    endpoint.add("orders", lambda _: threading.get_ident())
    first = (await client.invoke("orders")).json()
    await endpoint.clear()
    endpoint.add("orders", lambda _: threading.get_ident())
    assert (await client.invoke("orders")).json() == first  # nothing was left, so the thread stays
    endpoint.add("orders", starts_a_task)
    await client.invoke("orders")
    await endpoint.clear()
    assert (tasks[0].cancelled(), handler_threads_left()) == (True, [])


async def test_a_handler_that_never_returns_is_told(endpoint, client, monkeypatch):
    monkeypatch.setattr(handler_threads, "_GRACE", 0.01)
    go_on, started = threading.Event(), threading.Event()

    def blocks(event: object) -> None:
        started.set()
        go_on.wait(10)

    endpoint.add("orders", blocks)
    await client.invoke_event("orders")
    await asyncio.to_thread(started.wait, 10)
    with pytest.warns(ResourceWarning, match="still blocks its thread"):
        await endpoint.clear()
    (thread,) = handler_threads_left()
    go_on.set()
    await asyncio.to_thread(thread.join, 10)
    assert endpoint.executions == []


def test_the_environment_has_a_session_token():
    with serve_in_thread(LocalEndpoint(credentials=Credentials("AKID", "secret", "token"))) as endpoint:
        environment = endpoint.environment()
    assert (environment["AWS_SESSION_TOKEN"], environment["AWS_ACCESS_KEY_ID"]) == ("token", "AKID")


def test_the_environment_is_that_of_the_endpoint():
    with pytest.raises(ConfigurationError, match="before it is started"):
        LocalEndpoint().environment()


# --- scripted failures ------------------------------------------------------------------------------------------------


async def outcome(
    place: Any, client: LambdaClient, name: str, *, streamed: bool, timeout: float | None = None
) -> tuple[Any, ...]:
    """What a caller sees of one call, and how often the function ran."""
    try:
        if streamed:
            async with client.stream(name, {"id": 7}, timeout=timeout) as stream:
                await stream.read()
        else:
            await client.invoke(name, {"id": 7}, timeout=timeout)
    except (LambdaServiceException, FunctionError, StreamError, ConnectionLostError, InvocationTimeoutError) as error:
        await place.wait_idle()
        facts: tuple[Any, ...] = (type(error), error.may_have_run)
        if isinstance(error, LambdaServiceException):
            facts += (error.code, error.status_code, error.retry_after, str(error.message))
        if isinstance(error, FunctionError):
            facts += (error.kind, error.error_type, re.sub(r"[0-9a-f-]{36}", "ID", error.error_message or ""))
        if isinstance(error, StreamError):
            facts += (error.received_chunks,)
    else:
        facts = ("done",)
    return (*facts, len(place.executions))


FAILURES: list[tuple[Any, dict[str, Any], bool]] = [
    (TooManyRequestsException, {"times": 1}, False),
    (TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), {}, False),
    (ServiceException, {}, True),
    (ExpiredTokenException, {}, False),
    (ValueError("no tea"), {}, False),
    (ValueError("no tea"), {}, True),
    (FunctionFailure.timed_out(after=3), {}, False),
    (FunctionFailure.out_of_memory(), {}, True),
    (FunctionFailure.exited(1), {}, False),
    (FunctionFailure("OrderError", "no tea", kind="Handled"), {}, False),
    (FunctionFailure("OrderError", "no tea", kind="Handled"), {}, True),
    (FunctionFailure.timed_out(), {"chunks": 1}, True),
    (ConnectionLostError, {}, False),
    (ConnectionLostError, {"runs": False}, False),
    (ConnectionLostError, {}, True),
    (ConnectionLostError, {"runs": False}, True),
    (StreamError, {"chunks": 1}, True),
    (StreamError, {}, True),
    (StreamError, {"chunks": 9}, True),
]


@pytest.mark.parametrize("process", [False, True])
@pytest.mark.parametrize(("failure", "options", "streamed"), FAILURES)
async def test_a_failure_is_that_of_the_fake(failure, options, streamed, process):
    fake = FakeTransport()
    async with LocalEndpoint() as endpoint:
        fake.add("writer", write_tea)
        if process:
            endpoint.add(function("writer", "local_handlers.write_tea"))
        else:
            endpoint.add("writer", write_tea)
        seen = []
        settings = {"transport": fake, "retry": NoRetry(), "region": "us-east-1"}
        async with client_of(endpoint) as real, LambdaClient(**settings) as faked:
            for place, client in ((endpoint, real), (fake, faked)):
                place.fail("writer", failure, **options)
                seen.append(await outcome(place, client, "writer", streamed=streamed))
    assert seen[0] == seen[1]
    assert seen[0][0] != "done"


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
async def test_silence_lasts_until_the_client_gives_up(endpoint, client, runs, streamed):
    endpoint.add("writer", write_tea)
    await outcome(endpoint, client, "writer", streamed=False)  # the next call finds its connection
    endpoint.fail("writer", InvocationTimeoutError, runs=runs)
    facts = await outcome(endpoint, client, "writer", streamed=streamed, timeout=0.3)
    assert facts == (InvocationTimeoutError, True, 1 + runs)


async def test_a_reset_ends_silence(endpoint, client):
    endpoint.add("orders", top_level)
    endpoint.fail("orders", InvocationTimeoutError, runs=False)
    call = asyncio.create_task(client.invoke("orders"))
    while not endpoint.calls:
        await asyncio.sleep(0)
    endpoint.reset()
    with pytest.raises(ConnectionLostError):
        await call


async def test_a_chunk_arrives_before_the_connection_is_lost(endpoint, client):
    endpoint.add("writer", write_tea)
    endpoint.fail("writer", ConnectionLostError, chunks=1)
    chunks = []
    with pytest.raises((StreamError, ConnectionLostError)):
        async with client.stream("writer") as stream:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 - the loop raises
    assert chunks == [b"green "]
    await endpoint.wait_idle()
    assert [one.response for one in endpoint.executions] == [b"green tea"]


async def test_a_closed_endpoint_aborts_a_stream(endpoint, client):
    async def write(event: object) -> AsyncIterator[bytes]:
        yield b"tea"
        await asyncio.Event().wait()

    endpoint.add("writer", write)
    with pytest.raises((StreamError, ConnectionLostError)):
        async with client.stream("writer") as stream:
            assert await anext(aiter(stream)) == b"tea"
            await endpoint.clear()
            await stream.read()


async def test_an_event_whose_answer_is_lost_runs(endpoint, client):
    endpoint.add("orders", lambda event: event)
    endpoint.fail("orders", ConnectionLostError)
    with pytest.raises(ConnectionLostError):
        await client.invoke_event("orders", 7)
    await endpoint.wait_idle()
    assert [one.payload for one in endpoint.executions] == [b"7"]


async def test_a_buffered_body_may_be_cut(endpoint, client):
    endpoint.add("orders", lambda event: event)
    endpoint.fail("orders", StreamError)
    with pytest.raises(ConnectionLostError):
        await client.invoke("orders", 7)


async def test_a_dry_run_may_fail(endpoint, client):
    endpoint.add("orders", top_level)
    endpoint.fail("orders", ConnectionLostError)
    with pytest.raises(ConnectionLostError):
        await client.send(InvokeCommand(function_name="orders", invocation_type="DryRun"))
    assert endpoint.executions == []


@pytest.mark.parametrize("process", [True, False])
async def test_a_delay_lets_a_limit_expire(endpoint, client, process):
    endpoint.add("orders", top_level, process=process)
    await client.invoke("orders")  # the next call finds its connection, so that its limit is spent on the delay
    endpoint.delay("orders", 0.5, times=1)
    with pytest.raises(InvocationTimeoutError):
        await client.invoke("orders", timeout=0.3)
    await endpoint.wait_idle()
    assert len(endpoint.executions) == 2


@pytest.mark.parametrize("failure", [ConnectError, QueueTimeoutError, ConnectError("refused")])
def test_no_endpoint_refuses_a_connection(failure):
    endpoint = LocalEndpoint([function("orders")])
    with pytest.raises(ConfigurationError, match=r"accepts every connection.* FakeTransport"):
        endpoint.fail("orders", failure)


async def test_a_close_ends_all(new_loop):
    endpoint = LocalEndpoint()
    started = threading.Event()

    async def endless(event: object) -> None:
        started.set()
        await asyncio.Event().wait()

    async with endpoint, client_of(endpoint) as client:
        endpoint.add("orders", endless)
        endpoint.add("silent", endless)
        endpoint.fail("silent", InvocationTimeoutError, runs=False)
        calls = [asyncio.create_task(client.invoke(name)) for name in ("orders", "silent")]
        await asyncio.to_thread(started.wait, 10)
        while len(endpoint.calls) < 2:
            await asyncio.sleep(0)
        await endpoint.close()
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in results] == [ServiceException, ConnectionLostError]
    assert handler_threads_left() == []
