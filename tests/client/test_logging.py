"""The log lines of a call."""

import asyncio
import gc
import logging
import pickle
from typing import Any

import pytest

from aiolambda import (
    ClientClosedError,
    ConnectError,
    ConnectionLostError,
    Credentials,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    NoRetry,
    ResourceNotFoundException,
    StandardRetry,
    TooManyRequestsException,
)
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request, Response

from ..support.client_calls import AnyCall, AnyNext, calls_of, fake_client


async def until_sent(client: LambdaClient, calls: int) -> None:
    while len(calls_of(client).calls) < calls:
        await asyncio.sleep(0)


async def test_a_call_is_logged_without_its_payload(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="aiolambda"):
        async with fake_client() as client:
            await client.invoke("echo", {"password": "hunter2"}, client_context={"token": "hunter3"}, tenant_id="hunter4")
            with pytest.raises(ResourceNotFoundException):
                await client.invoke("nobody", {"password": "hunter2"})
    assert "LambdaClient InvokeCommand 'echo': done, request id" in caplog.text
    assert "'nobody': ResourceNotFoundException, refused" in caplog.text
    assert "1 attempt, 0." in caplog.text
    assert "hunter" not in caplog.text


async def test_a_call_that_is_cut_off_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    """The client cancels such a call, and the record must not look like a cancellation by the caller."""
    with caplog.at_level(logging.DEBUG, logger="aiolambda"):
        async with fake_client() as client:
            with pytest.raises(InvocationTimeoutError) as late:
                await client.invoke("sleep", {"s": 60}, timeout=0.01)
            cancelled = asyncio.create_task(client.invoke("sleep", {"s": 60}))
            await until_sent(client, 2)
            cancelled.cancel()
            await asyncio.wait({cancelled})
            cut = asyncio.create_task(client.invoke("sleep", {"s": 60}))
            await until_sent(client, 3)
            await client.close(grace=0)
            with pytest.raises(ClientClosedError):
                await cut
    assert late.value.delivery is Delivery.UNKNOWN
    assert [record.getMessage().partition(", request id")[0] for record in caplog.records] == [
        "LambdaClient InvokeCommand 'sleep': InvocationTimeoutError, unknown",
        "LambdaClient InvokeCommand 'sleep': CancelledError, unknown",
        "LambdaClient InvokeCommand 'sleep': ClientClosedError, unknown",
    ]
    assert all(", 1 attempt, " in record.getMessage() for record in caplog.records)


async def test_the_log_has_the_verdict_on_all_attempts(caplog: pytest.LogCaptureFixture) -> None:
    class LostThenUnreachable(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            raise (
                ConnectionLostError("lost")
                if request.headers["amz-sdk-request"].startswith("attempt=1")
                else ConnectError("no")
            )

    async with LambdaClient(
        transport=LostThenUnreachable({}), idempotent=True, retry=StandardRetry(max_attempts=2, max_backoff=0.001)
    ) as client:
        with caplog.at_level(logging.DEBUG, logger="aiolambda"), pytest.raises(ConnectError) as raised:
            await client.invoke("f")
    assert raised.value.delivery is Delivery.UNKNOWN
    assert "'f': ConnectError, unknown, request id None, 2 attempts, " in caplog.text


async def test_a_call_is_logged_at_debug_alone(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("orders")
    for level, lines in ((logging.INFO, 0), (logging.DEBUG, 1)):
        caplog.clear()
        with caplog.at_level(level, logger="orders"):
            async with fake_client(logger=logger) as client:
                await client.invoke("echo", 1)
        assert [(record.name, record.levelname) for record in caplog.records] == [("orders", "DEBUG")] * lines


async def test_reprs_show_no_payload_or_secret() -> None:
    seen: list[str] = []

    async def look(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        seen.extend(map(repr, (call, call.input, call.command, call.request, call.request.headers, call.response, output)))
        return output

    credentials = Credentials("AKIDHUNTER00EXAMPLE", "hunter-secret", "hunter-token")
    async with fake_client(credentials=credentials) as client:
        client.middleware_stack.add(look, step="finalize", priority="low")
        await client.invoke("echo", {"password": "hunter2"}, client_context={"token": "hunter3"}, tenant_id="hunter4")
        seen += [repr(client), repr(client.config), repr(credentials), repr(calls_of(client).calls), repr(client._state)]
    assert "hunter" not in "".join(seen)
    assert "AKID...MPLE" in repr(credentials)


async def test_throttles_are_counted_by_reason() -> None:
    class Throttling(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            headers = Headers({"x-amzn-errortype": "TooManyRequestsException", "retry-after": "7"})
            return Response(429, headers, b'{"Reason":"CallerRateLimitExceeded","message":"Rate Exceeded."}')

    async with LambdaClient(transport=Throttling({}), retry=NoRetry()) as client:
        with pytest.raises(TooManyRequestsException, match="CallerRateLimitExceeded") as raised:
            await client.invoke("f")
        assert dict(client.stats.throttled) == {"CallerRateLimitExceeded": 1}
    assert (raised.value.retry_after, raised.value.scope, raised.value.delivery) == (7.0, "caller", Delivery.REFUSED)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.retry_after, copy.metadata) == (str(raised.value), 7.0, raised.value.metadata)


async def test_unclosed_client_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    client = fake_client()
    await client.invoke("echo")
    del client
    gc.collect()
    assert asyncio.all_tasks() == before
