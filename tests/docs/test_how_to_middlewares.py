"""The ready middlewares of the manual do as their page says."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from aiolambda import (
    ConnectError,
    ConnectionLostError,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    NoRetry,
    Request,
    Response,
    TransportError,
)
from aiolambda.testing import FakeTransport

from ..support.pages import run_fragments


@pytest.fixture
def page() -> dict[str, Any]:
    return run_fragments("docs/how-to/middlewares.md")


class Gate:
    """A function that waits until it is let on, and answers with its event."""

    def __init__(self) -> None:
        self.begun = 0
        self.opened = asyncio.Event()

    async def __call__(self, event: Any) -> Any:
        self.begun += 1
        await self.opened.wait()
        if event == "fail":
            raise ValueError(event)
        return event


class Failing(FakeTransport):
    """Fails its first requests with these errors."""

    def __init__(self, *errors: TransportError) -> None:
        super().__init__({"orders": lambda event: event})
        self._errors = list(errors)

    async def send(self, request: Request, /) -> Response:
        response = await super().send(request)
        if self._errors:
            raise self._errors.pop(0)
        return response


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0)


def sent(client: LambdaClient) -> int:
    assert isinstance(client.config.transport, FakeTransport)
    return len(client.config.transport.calls)


# The header


async def test_the_header_is_signed(page: dict[str, Any]) -> None:
    transport = FakeTransport({"orders": lambda _: None})
    async with LambdaClient(transport=transport) as client:
        client.middleware_stack.add(page["with_request_id"], step="build")
        await client.invoke("orders")
        page["request_id"].set("42")
        await client.invoke("orders")
    without, headers = (call.headers for call in transport.calls)
    assert "x-request-id" not in without
    assert headers["x-request-id"] == "42"
    assert "x-request-id" in headers["authorization"]


# The cache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def cached(page: dict[str, Any], clock: Clock, gate: Gate) -> AsyncGenerator[LambdaClient]:
    async def write(event: Any) -> AsyncGenerator[str]:
        yield event

    def echo(event: Any) -> Any:
        if event == "fail":
            raise ValueError(event)
        return event

    transport = FakeTransport({"orders": echo, "writer": write, "gate": gate})
    async with LambdaClient(transport=transport) as client:
        cache = page["Cache"](seconds=60, most_bytes=100, clock=clock)
        client.middleware_stack.add(cache, step="build", only=InvokeCommand)
        yield client
        assert cache._flights == {}
        assert cache._bytes == sum(len(output.payload) for _, output in cache._answers.values()) <= 100


async def test_the_cache_answers_without_a_call(cached: LambdaClient) -> None:
    assert [(await cached.invoke("orders", {"id": 7})).json() for _ in range(2)] == [{"id": 7}] * 2
    assert sent(cached) == 1
    await cached.invoke("orders", {"id": 8})
    await cached.invoke("orders", {"id": 7}, qualifier="live")
    assert sent(cached) == 3


async def test_the_cache_forgets_in_time(cached: LambdaClient, clock: Clock) -> None:
    for clock.now, calls in ((0, 1), (59.9, 1), (60, 2)):
        await cached.invoke("orders", {"id": 7})
        assert sent(cached) == calls


async def test_the_cache_keeps_so_many_bytes(cached: LambdaClient) -> None:
    for letter in "abca":
        await cached.invoke("orders", letter * 38 if letter == "_" else json.dumps(letter * 38))
    assert sent(cached) == 4  # "a" had made room for "c"
    await cached.invoke("orders", json.dumps("c" * 38))
    assert sent(cached) == 4
    for _ in range(2):
        await cached.invoke("orders", json.dumps("x" * 200))
    assert sent(cached) == 6


async def test_the_cache_lets_events_and_dry_runs_pass(cached: LambdaClient) -> None:
    await cached.invoke("orders", b"{}")
    assert [(await cached.invoke_event("orders", b"{}")).status_code for _ in range(2)] == [202, 202]
    assert [(await cached.dry_run("orders", b"{}")).http_status_code for _ in range(2)] == [204, 204]
    assert sent(cached) == 5


async def test_the_cache_lets_every_stream_pass(cached: LambdaClient) -> None:
    for _ in range(2):
        async with cached.stream("writer", '"tea"') as stream:
            assert await stream.read() == b"tea"
    assert sent(cached) == 2


async def test_the_cache_keeps_no_function_error(cached: LambdaClient) -> None:
    for _ in range(2):
        with pytest.raises(FunctionError):
            await cached.invoke("orders", '"fail"')
    assert sent(cached) == 2


@pytest.mark.parametrize("member", [{"client_context": {"custom": {"a": 1}}}, {"log_type": "Tail"}], ids=str)
async def test_the_cache_lets_other_inputs_pass(cached: LambdaClient, member: dict[str, Any]) -> None:
    for _ in range(2):
        await cached.invoke("orders", b"{}", **member)
    assert sent(cached) == 2


async def test_the_cache_tells_tenants_apart(cached: LambdaClient) -> None:
    for tenant in ("a", "b", "a"):
        await cached.invoke("orders", b"{}", tenant_id=tenant)
    assert sent(cached) == 2


async def test_equal_calls_share_one(cached: LambdaClient, gate: Gate) -> None:
    calls = [asyncio.ensure_future(cached.invoke("gate", {"id": 7})) for _ in range(5)]
    await until(lambda: gate.begun == 1)
    gate.opened.set()
    assert [output.json() for output in await asyncio.gather(*calls)] == [{"id": 7}] * 5
    assert (gate.begun, sent(cached)) == (1, 1)


async def test_equal_calls_share_a_function_error(cached: LambdaClient, gate: Gate) -> None:
    calls = [asyncio.ensure_future(cached.invoke("gate", '"fail"')) for _ in range(3)]
    await until(lambda: gate.begun == 1)
    gate.opened.set()
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [FunctionError] * 3
    assert gate.begun == 1


@pytest.mark.parametrize("leaver", [0, 1])
async def test_a_cancelled_caller_cancels_no_other(cached: LambdaClient, gate: Gate, leaver: int) -> None:
    calls = [asyncio.ensure_future(cached.invoke("gate", {"id": 7})) for _ in range(3)]
    await until(lambda: gate.begun == 1)
    calls[leaver].cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls[leaver]
    leader_left = leaver == 0
    await until(lambda: gate.begun == 1 + leader_left)
    gate.opened.set()
    rest = [call for call in calls if call is not calls[leaver]]
    assert [output.json() for output in await asyncio.gather(*rest)] == [{"id": 7}] * 2
    assert gate.begun == 1 + leader_left


@pytest.mark.virtual_time
async def test_a_leader_out_of_time_cancels_no_other(cached: LambdaClient, gate: Gate) -> None:
    late = asyncio.ensure_future(cached.invoke("gate", {"id": 7}, timeout=30))
    await until(lambda: gate.begun == 1)
    other = asyncio.ensure_future(cached.invoke("gate", {"id": 7}))
    with pytest.raises(InvocationTimeoutError) as raised:
        await late
    assert raised.value.delivery is Delivery.UNKNOWN
    await until(lambda: gate.begun == 2)
    gate.opened.set()
    assert (await other).json() == {"id": 7}


async def test_waiting_callers_get_errors_with_the_verdict(page: dict[str, Any]) -> None:
    """The first attempt may have run, so the whole call may have, although the last one has not."""
    errors = (ConnectionLostError("lost"), ConnectError("refused", transient=False))
    async with LambdaClient(transport=Failing(*errors)) as client:
        page["add_cache"](client)
        calls = [client.invoke("orders", b"{}", idempotent=True) for _ in range(3)]
        raised = await asyncio.gather(*calls, return_exceptions=True)
        assert sent(client) == 2
    assert len({id(error) for error in raised}) == 3
    for error in raised:
        assert isinstance(error, ConnectError)
        assert (error.delivery, error.attempts) == (Delivery.UNKNOWN, 2)


# The metrics


async def test_metrics_count_each_end_of_a_call(page: dict[str, Any], gate: Gate) -> None:
    async with LambdaClient(transport=FakeTransport({"gate": gate})) as client:
        metrics = page["add_metrics"](client)
        task = asyncio.ensure_future(client.invoke("gate"))
        await until(lambda: gate.begun == 1)
        task.cancel()
        await asyncio.wait({task})
        gate.opened.set()
        await client.invoke("gate", {"id": 7})
        for payload in ('"fail"', b"{}"):
            await asyncio.gather(client.invoke("gate", payload), client.invoke("missing"), return_exceptions=True)
    assert metrics.calls == {
        ("gate", "cancelled"): 1,
        ("gate", "ok"): 2,
        ("gate", "function_error"): 1,
        ("missing", "ResourceNotFoundException"): 2,
    }
    assert metrics.seconds.keys() == metrics.calls.keys()


# The deadline


def custom_of(transport: FakeTransport) -> Any:
    return json.loads(base64.b64decode(transport.calls[0].headers["x-amz-client-context"]))["custom"]


async def through_deadline(page: dict[str, Any], transport: FakeTransport, ends_at: float | None, **members: Any) -> Any:
    page["deadline"].set(ends_at)
    async with LambdaClient(transport=transport, retry=NoRetry()) as client:
        client.middleware_stack.add(page["within_deadline"], only=InvokeCommand)
        return (await client.invoke("orders", {"id": 7}, **members)).json()


async def test_the_function_is_told_the_deadline(page: dict[str, Any]) -> None:
    ends_at, transport = time.time() + 60, Failing()
    context = {"custom": {"a": 1}, "env": {"b": 2}}
    assert await through_deadline(page, transport, ends_at, client_context=context) == {"id": 7}
    assert custom_of(transport) == {"a": 1, "deadline": ends_at}
    assert context == {"custom": {"a": 1}, "env": {"b": 2}}
    transport = Failing()
    await through_deadline(page, transport, ends_at)
    assert custom_of(transport) == {"deadline": ends_at}


async def test_a_call_without_a_deadline_is_as_it_was(page: dict[str, Any]) -> None:
    transport = Failing()
    assert await through_deadline(page, transport, None) == {"id": 7}
    assert "x-amz-client-context" not in transport.calls[0].headers
    assert page["with_deadline"](attrs_input := _input(), 1.0) is attrs_input


def _input() -> Any:
    return InvokeCommand(function_name="orders", client_context=base64.b64encode(b'{"custom":{}}').decode()).input


async def test_a_call_past_its_deadline_is_not_sent(page: dict[str, Any]) -> None:
    transport = Failing()
    with pytest.raises(InvocationTimeoutError) as raised:
        await through_deadline(page, transport, time.time() - 1)
    assert (raised.value.delivery, raised.value.attempts, transport.calls) == (Delivery.NOT_DELIVERED, 0, [])


@pytest.mark.virtual_time
async def test_a_call_ends_at_its_deadline_with_a_verdict(page: dict[str, Any], gate: Gate) -> None:
    transport = FakeTransport({"orders": gate})
    with pytest.raises(InvocationTimeoutError) as raised:
        await through_deadline(page, transport, time.time() + 60)
    assert (raised.value.delivery, gate.begun, raised.value.exceeded) == (Delivery.UNKNOWN, 1, "total")


async def test_another_timeout_keeps_its_error(page: dict[str, Any]) -> None:
    error = InvocationTimeoutError("silence", exceeded="read", stage="wait")
    with pytest.raises(InvocationTimeoutError) as raised:
        await through_deadline(page, Failing(error), time.time() + 60)
    assert raised.value is error


# The fallback


async def fall_back(
    page: dict[str, Any], *errors: TransportError, name: str = "orders", **options: Any
) -> tuple[Awaitable[Any], list[FakeTransport]]:
    transports = [Failing(*errors), Failing()]
    async with (
        LambdaClient(region="eu-west-1", transport=transports[0], retry=NoRetry()) as client,
        LambdaClient(region="eu-central-1", transport=transports[1]) as backup,
    ):
        page["add_fallback"](client, backup)
        result = asyncio.ensure_future(client.invoke(name, {"id": 7}, **options))
        await asyncio.wait({result})
    return result, list(transports)


async def test_an_undelivered_call_falls_back(page: dict[str, Any]) -> None:
    result, (first, second) = await fall_back(page, ConnectError("down"))
    assert (await result).json() == {"id": 7}
    assert [len(first.calls), len(second.calls)] == [1, 1]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ConnectionLostError("lost"), "orders"),
        (ConnectError("certificate", transient=False), "orders"),
        (ConnectError("down"), "arn:aws:lambda:eu-west-1:123456789012:function:orders"),
    ],
    ids=["may have run", "no help", "ARN"],
)
async def test_other_calls_do_not_fall_back(page: dict[str, Any], error: TransportError, name: str) -> None:
    result, (_, second) = await fall_back(page, error, name=name)
    with pytest.raises(TransportError):
        await result
    assert second.calls == []


async def test_an_idempotent_call_falls_back(page: dict[str, Any]) -> None:
    result, (_, second) = await fall_back(page, ConnectionLostError("lost"), idempotent=True)
    assert (await result).json() == {"id": 7}
    assert len(second.calls) == 1
