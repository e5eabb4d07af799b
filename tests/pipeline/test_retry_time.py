"""Back-off and deadlines."""

import asyncio
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    Failure,
    InvocationTimeoutError,
    LambdaClient,
    StandardRetry,
    Timeouts,
    TooManyRequestsException,
)
from aiolambda.types.http import Request, Response

from ..support.retrying import Patient, Rotating, Scripted, answer, client_of, now, throttle


@pytest.mark.virtual_time
async def test_total_limit_ends_a_backoff_pause() -> None:
    transport = Scripted(ConnectError("refused"))
    async with client_of(transport, retry=Patient()) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("orders", timeout=30)
    error = raised.value
    said = "the call did not end within 30 s: it was pausing before another attempt; before that: refused (function 'orders', "
    assert str(error).startswith(said)
    assert (error.exceeded, error.stage, error.elapsed, error.attempts) == ("total", "backoff", 30, 1)
    assert (error.delivery, now()) == (Delivery.NOT_DELIVERED, 30)
    assert isinstance(error.last_error, ConnectError)


@pytest.mark.virtual_time
async def test_total_limit_in_a_pause_keeps_unknown_delivery() -> None:
    async with client_of(Scripted(ConnectionLostError("lost")), retry=Patient(), idempotent=True) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("orders", timeout=30)
    assert raised.value.may_have_run
    assert [attempt.delivery for attempt in raised.value.history] == [Delivery.UNKNOWN]


@pytest.mark.virtual_time
async def test_backoff_is_scaled_to_the_time_left() -> None:
    transport = Scripted(throttle())
    client = client_of(transport)
    client._state.jitter = lambda: 0.5
    async with client:
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders", timeout=8)
    assert transport.times == pytest.approx(
        [0, 0.5, 1.5, 3.5, 5.725, 6.8375, 7.39375, 7.671875, 7.8109375, 7.88046875, 7.915234375], abs=1e-9
    )


@pytest.mark.virtual_time
@pytest.mark.parametrize(("left", "sent"), [(3.04, 1), (3.06, 2), (3.2, 2), (60.0, 2)])
async def test_attempt_after_retry_after_has_time_left(left: float, sent: int) -> None:
    """Jitter takes at most half of what the service and the answer leave of the call's time."""

    class Slow(Scripted):
        async def send(self, request: Request, /) -> Response:
            response = await super().send(request)
            await asyncio.sleep(0.02 if response.status == 200 else 0)
            return response

    transport = Slow(throttle(retry_after="3"), answer())
    async with client_of(transport) as client:
        if sent == 2:
            await client.invoke("orders", timeout=left)
            assert transport.times[1] >= 3
        else:
            with pytest.raises(TooManyRequestsException) as raised:
                await client.invoke("orders", timeout=left)
            assert (raised.value.retry_after, raised.value.may_have_run) == (3, False)
    assert len(transport.times) == sent


@pytest.mark.virtual_time
async def test_endless_retry_after_fails_the_call() -> None:
    transport = Scripted(throttle(retry_after="99999999999"))
    async with client_of(transport, retry=StandardRetry(max_throttle_wait=None)) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders")
    assert raised.value.retry_after == 99999999999


@pytest.mark.virtual_time
@pytest.mark.parametrize("limit", ["queue", "read"])
async def test_timeout_after_a_throttle_has_it_as_last_error(limit: str) -> None:
    class Held(Scripted):
        async def send(self, request: Request, /) -> Response:
            await asyncio.sleep(50 if "/hold/" in request.url else 0)
            return await super().send(request)

    silence = InvocationTimeoutError("silence", exceeded="read", stage="wait")
    transport = Held(throttle(), silence if limit == "read" else answer())
    async with client_of(transport, max_concurrency=1) as client:
        call = asyncio.create_task(client.invoke("orders", timeout=Timeouts(queue=2)))
        await asyncio.sleep(0.5)
        holding = asyncio.create_task(client.invoke("hold")) if limit == "queue" else None
        with pytest.raises(InvocationTimeoutError) as raised:
            await call
        if holding is not None:
            await holding
    assert raised.value.exceeded == limit
    assert isinstance(raised.value.last_error, TooManyRequestsException)
    assert raised.value.total_retry_delay == 1


@pytest.mark.virtual_time
async def test_call_cancelled_in_a_pause_sends_nothing_more() -> None:
    transport = Scripted(throttle(retry_after="10"))
    async with client_of(transport) as client:
        task = asyncio.create_task(client.invoke("orders"))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(100)
        assert (len(transport.times), client.stats.in_flight, client.stats.waiting) == (1, 0, 0)


@pytest.mark.virtual_time
async def test_asyncio_timeouts_end_a_retrying_call() -> None:
    transport = Scripted(throttle(retry_after="10"))
    async with client_of(transport) as client:
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(5):
                await client.invoke("orders")
        assert not isinstance(raised.value, AiolambdaError)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.invoke("orders"), 5)
        with pytest.raises(ExceptionGroup) as group:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.invoke("orders"))
                tasks.create_task(client.invoke("denied", timeout=1))
        assert group.group_contains(TooManyRequestsException)
    assert len(transport.times) == 4


@pytest.mark.virtual_time
async def test_closing_the_client_cuts_a_pause() -> None:
    transport = Scripted(throttle(retry_after="50"))
    client = client_of(transport)
    task = asyncio.create_task(client.invoke("orders"))
    await asyncio.sleep(5)
    await client.close(grace=3)
    with pytest.raises(ClientClosedError) as raised:
        await task
    assert (now(), raised.value.delivery, len(transport.times)) == (8, Delivery.REFUSED, 1)


@pytest.mark.virtual_time
@pytest.mark.parametrize("timeout", [0.3, 1, 5])
async def test_throttled_call_retries_within_its_deadline(timeout: float) -> None:
    begun = now()
    transport = Scripted(lambda _: throttle() if now() - begun < timeout / 2 else answer())
    async with LambdaClient(transport=transport) as client:
        await asyncio.gather(*(client.invoke("orders", timeout=timeout) for _ in range(100)))
    assert len(transport.times) >= 200


@pytest.mark.virtual_time
async def test_credential_retry_obeys_retry_after() -> None:
    provider = Rotating()
    transport = Scripted(answer(403, "ExpiredTokenException", retry_after="7"), answer())
    async with client_of(transport, credentials=provider) as client:
        await client.invoke("orders")
    assert transport.times == [0, 1 + 7]


@pytest.mark.virtual_time
@pytest.mark.parametrize("pause", [-1, float("nan"), float("inf"), "1", 10**400])
async def test_invalid_pause_names_the_strategy(pause: Any) -> None:
    class Wrong(Patient):
        def pause(self, failure: Failure, /) -> float | None:
            return pause

    transport = Scripted(ConnectError("refused"))
    async with client_of(transport, retry=Wrong()) as client:
        with pytest.raises(ConfigurationError, match=r"Wrong object .*pause\(\) must return a number of seconds"):
            await client.invoke("orders")
    assert len(transport.times) == 1


async def test_zero_pauses_do_not_block_the_loop() -> None:
    class Eager(Patient):
        def pause(self, failure: Failure, /) -> float | None:
            return 0.0

    async with LambdaClient(transport=Scripted(ConnectError("refused")), retry=Eager()) as client:
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("orders", timeout=0.05)
