"""Each attempt starts from its own copy of the request, and is counted."""

import asyncio
import contextlib
import datetime as dt
import gc
import weakref
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    Call,
    CallNext,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    NoRetry,
    StandardRetry,
)
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Request

from ..support.retrying import Outcome, Patient, Scripted, answer, client_of, throttle


@pytest.mark.virtual_time
async def test_each_attempt_is_signed_again() -> None:
    transport = Scripted(ConnectError("refused"), ConnectError("refused"), answer())
    times = iter(dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n) for n in range(100))
    client = client_of(transport)
    client._state.now = lambda: next(times)
    async with client:
        output = await client.invoke("orders", {"id": 7})
    dates = [request.headers["x-amz-date"] for request in transport.requests]
    assert sorted(set(dates)) == dates
    assert len({request.headers["authorization"] for request in transport.requests}) == 3
    assert {request.headers["amz-sdk-invocation-id"] for request in transport.requests}.__len__() == 1
    assert {request.body for request in transport.requests} == {b'{"id":7}'}
    metadata = output.metadata
    assert [attempt.delivery for attempt in metadata.history] == ["not_delivered", "not_delivered", "executed"]
    assert [attempt.status_code for attempt in metadata.history] == [None, None, 200]
    assert (metadata.attempts, metadata.total_retry_delay) == (3, pytest.approx(0.15))


@pytest.mark.virtual_time
async def test_error_has_all_attempts_and_worst_delivery() -> None:
    transport = Scripted(ConnectionLostError("lost"), answer(403, "AccessDeniedException"))
    async with client_of(transport, idempotent=True) as client:
        with pytest.raises(AccessDeniedException) as raised:
            await client.invoke("orders")
    assert (raised.value.delivery, raised.value.metadata.attempts) == (Delivery.UNKNOWN, 2)
    assert [attempt.delivery for attempt in raised.value.metadata.history] == ["unknown", "refused"]


@pytest.mark.virtual_time
async def test_retried_call_leaves_no_reference_cycle() -> None:
    async def note(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        noted.append(weakref.ref(call))
        return await call_next(call)

    def refused(request: Request) -> Outcome:
        return ConnectError("refused")  # one of its own each time: an error keeps its traceback, and that keeps the call

    noted: list[weakref.ref[Call[Any, Any]]] = []
    gc.disable()
    try:
        async with client_of(Scripted(refused, lambda _: answer(), refused)) as client:
            client.middleware_stack.add(note)
            await client.invoke("orders")
            with contextlib.suppress(ConnectError):
                await client.invoke("orders")
            assert [kept() for kept in noted] == [None, None]
    finally:
        gc.enable()


@pytest.mark.virtual_time
async def test_retry_tokens_are_returned_after_success() -> None:
    strategy = StandardRetry()
    async with client_of(Scripted(), retry=strategy) as client:
        for _ in range(50):
            transport = client.config.transport
            assert isinstance(transport, Scripted)
            transport.outcomes = [ConnectError("refused"), throttle(), answer()]
            await client.invoke("orders")
    assert strategy.tokens == 500


@pytest.mark.virtual_time
async def test_timeout_during_the_slot_warning_is_harmless() -> None:
    async def sleep(event: Any) -> None:
        await asyncio.sleep(event)

    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    async with LambdaClient(transport=FakeTransport({"sleep": sleep}), max_concurrency=1) as client:
        holder = asyncio.create_task(client.invoke("sleep", 100))
        await asyncio.sleep(1)
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("sleep", 1, timeout=60)
        await holder
    assert raised == []


@pytest.mark.virtual_time
async def test_resent_requests_count_as_attempts() -> None:
    async def once_more(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except ConnectError:
            return await call_next(call)

    transport = Scripted(ConnectError("refused"), ConnectError("refused"), answer())
    async with client_of(transport) as client:
        client.middleware_stack.add(once_more, step="finalize")
        output = await client.invoke("orders")
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == ["attempt=1", "attempt=2", "attempt=3"]
    assert output.metadata.attempts == 3


@pytest.mark.virtual_time
async def test_stale_connection_retry_ignores_the_strategy() -> None:
    lost = ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    strategy = Patient()
    transport = Scripted(lost, lost, lost, answer())
    async with client_of(transport, retry=strategy) as client:
        await client.invoke("orders")
    assert (transport.times, strategy.failures) == ([0, 0, 0, 0], [])
    once = Scripted(lost)
    async with client_of(once, retry=NoRetry()) as client:
        with pytest.raises(ConnectionLostError):
            await client.invoke("orders")
    assert len(once.times) == 1


@pytest.mark.parametrize("settings", [{"quota": None}, {"quota": -1}, {"max_backoff": None}, {"quota": True}])
def test_invalid_retry_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        StandardRetry(**settings)
