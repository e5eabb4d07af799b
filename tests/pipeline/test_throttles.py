"""Throttled calls: waits, `Retry-After`, deadlines."""

import asyncio
import datetime as dt
import email.utils
import pickle

import pytest

from aiolambda import (
    Delivery,
    LambdaClient,
    ResourceNotFoundException,
    StandardRetry,
    ThrottleReason,
    TooManyRequestsException,
)
from aiolambda.types.http import Request, Response

from ..support.retrying import Scripted, answer, client_of, now, throttle


@pytest.mark.virtual_time
async def test_throttled_call_obeys_retry_after() -> None:
    transport = Scripted(throttle(retry_after="7"), throttle(retry_after="7"), answer())
    client = client_of(transport)
    client._state.jitter = lambda: 0.0
    async with client:
        output = await client.invoke("orders")
        assert client.stats.throttled == {ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 2}
        assert "throttled={'CallerRateLimitExceeded': 2}, " in repr(client.stats)
    assert transport.times == [0, 7, 14]
    assert output.metadata.total_retry_delay == 14


@pytest.mark.virtual_time
async def test_throttles_without_a_reason_are_counted() -> None:
    """The front end gives a reason for its own limits only."""
    bare = answer(429, "TooManyRequestsException", b'{"message":"Rate Exceeded."}')
    nameless, old = answer(429, None, b"slow down"), answer(400, "ThrottlingException", b"{}")
    transport = Scripted(bare, nameless, old, throttle(), answer(404, "ResourceNotFoundException", b"{}"))
    async with client_of(transport) as client:
        with pytest.raises(ResourceNotFoundException):
            await client.invoke("orders")
        assert client.stats.throttled == {None: 3, ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 1}
        assert (client.stats.attempts, client.stats.retries) == (5, 4)


@pytest.mark.virtual_time
async def test_retry_after_date_is_relative_to_the_response() -> None:
    served = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    date, until = (email.utils.format_datetime(when, usegmt=True) for when in (served, served + dt.timedelta(seconds=9)))
    transport = Scripted(throttle(date=date, retry_after=until), answer())
    client = client_of(transport)
    client._state.jitter = lambda: 0.0
    async with client:
        await client.invoke("orders")
    assert transport.times == [0, 9]


@pytest.mark.virtual_time
async def test_retry_after_beyond_the_deadline_fails_at_once() -> None:
    transport = Scripted(throttle(retry_after="30"))
    async with client_of(transport) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders", timeout=20)
        assert (now(), raised.value.retry_after, raised.value.reason) == (0, 30, "CallerRateLimitExceeded")
        assert (raised.value.delivery, raised.value.metadata.attempts) == (Delivery.REFUSED, 1)
        transport.outcomes = [throttle(retry_after="61")]
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders")
        assert now() == 0


@pytest.mark.virtual_time
async def test_fifty_seconds_of_throttling_lose_no_call() -> None:
    begun = now()
    transport = Scripted(lambda _: throttle() if now() - begun < 50 else answer())
    strategy = StandardRetry()
    client = LambdaClient(transport=transport, retry=strategy, max_concurrency=500)
    async with client:
        outputs = await asyncio.gather(*(client.invoke("orders") for _ in range(500)))
    assert min(output.metadata.attempts for output in outputs) > 3
    assert strategy.tokens == 500
    assert now() < 60


@pytest.mark.virtual_time
async def test_throttled_call_ends_at_its_deadline() -> None:
    async with LambdaClient(transport=Scripted(throttle())) as client:
        for timeout, longest in [(None, 60), (25, 25), (300, 300)]:
            begun = now()
            with pytest.raises(TooManyRequestsException):
                await client.invoke("orders", timeout=timeout)
            assert longest - 1 <= now() - begun < longest


@pytest.mark.virtual_time
@pytest.mark.parametrize(("given", "timeout", "longest"), [(5, 30, 5), (300, 30, 30), (None, 90, 90), (5, None, 5)])
async def test_given_throttle_wait_holds_beside_a_deadline(given: float | None, timeout: float | None, longest: float) -> None:
    """The rest of the deadline is the function's: a call that was throttled for so long has not run."""
    begun = now()
    async with LambdaClient(transport=Scripted(throttle()), retry=StandardRetry(max_throttle_wait=given)) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders", timeout=timeout)
    assert longest - 1 <= now() - begun < longest
    assert raised.value.delivery is Delivery.REFUSED


@pytest.mark.virtual_time
async def test_retry_after_beyond_the_throttle_wait_fails_at_once() -> None:
    transport = Scripted(throttle(retry_after="7"))
    async with client_of(transport, retry=StandardRetry(max_throttle_wait=5)) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders", timeout=30)
    assert (now(), raised.value.retry_after, len(transport.times)) == (0, 7, 1)


@pytest.mark.virtual_time
async def test_text_of_a_throttle_says_how_long_it_was_tried() -> None:
    async with client_of(Scripted(throttle()), retry=StandardRetry(throttling="attempts")) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders")
        assert str(raised.value).endswith("HTTP 429, function 'orders', request id an-id, attempt 3, 3.00 s)")
    error = pickle.loads(pickle.dumps(raised.value))
    assert (error.attempts, error.elapsed, str(error)) == (3, 3.0, str(raised.value))


@pytest.mark.virtual_time
async def test_text_of_a_final_refusal_counts_no_attempts() -> None:
    async with client_of(Scripted(answer(404, "ResourceNotFoundException"))) as client:
        with pytest.raises(ResourceNotFoundException) as raised:
            await client.invoke("orders")
    assert str(raised.value).endswith("(ResourceNotFoundException, HTTP 404, function 'orders', request id an-id)")


@pytest.mark.virtual_time
async def test_throttles_as_attempts_end_after_three() -> None:
    transport = Scripted(throttle())
    strategy = StandardRetry(throttling="attempts")
    async with client_of(transport, retry=strategy) as client:
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders")
    assert transport.times == [0, 1, 3]
    assert strategy.tokens == 490
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == [f"attempt={n}; max=3" for n in (1, 2, 3)]


@pytest.mark.virtual_time
async def test_throttled_call_does_not_slow_others() -> None:
    transport = Scripted(lambda request: throttle(retry_after="5") if "/slow/" in request.url and now() < 20 else answer())
    async with client_of(transport, max_concurrency=1) as client:
        throttled = asyncio.create_task(client.invoke("slow"))
        await asyncio.sleep(1)
        await client.invoke("healthy")
        assert (now(), client.stats.in_flight) == (1, 0)
        await throttled
        assert now() >= 20


@pytest.mark.virtual_time
async def test_due_retry_precedes_new_calls() -> None:
    order: list[str] = []

    class Slow(Scripted):
        async def send(self, request: Request, /) -> Response:
            name = request.url.split("/")[-2]
            order.append(name)
            await asyncio.sleep(1)
            return answer(502, "ENINotReadyException") if name == "first" and order.count("first") == 1 else answer()

    async with client_of(Slow(answer()), max_concurrency=1) as client:
        names = ["first", "a", "b", "c"]
        await asyncio.gather(*(client.invoke(name) for name in names))
    assert order == ["first", "a", "first", "b", "c"]
