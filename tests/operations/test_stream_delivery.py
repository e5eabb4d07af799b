"""Streams in the stack: retries and delivery verdicts."""

import asyncio
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConnectionLostError,
    Delivery,
    InvokeWithResponseStreamCommand,
    ResourceNotFoundException,
    ResponseLimits,
    StandardRetry,
    StreamError,
    Timeouts,
    TransportError,
)
from aiolambda.types.http import Response

from ..support.servers import Connection, Script, answer
from ..support.streaming import (
    BAD_ENDS,
    COMMAND,
    ENDLESS,
    HEAD,
    chunk,
    ends,
    settled,
    stalls,
    streamed,
    streaming,
    writes,
)


async def test_a_stream_passes_middlewares_of_client_and_command() -> None:
    seen: list[str] = []

    async def note(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        seen.append(call.command_name)
        call.request.headers["x-team"] = "tea"
        output = await call_next(call)
        assert isinstance(call.response, Response)
        assert (call.response.status, call.response.body, call.response.stream is not None) == (200, b"", True)
        return output

    async with streaming(writes(streamed(b"1"))) as (server, client):
        client.middleware_stack.add(note, step="build")
        command = InvokeWithResponseStreamCommand(function_name="writer")
        command.middleware_stack.add(note, step="deserialize")
        await (await client.send(command)).event_stream.read()
        assert seen == ["InvokeWithResponseStreamCommand"] * 2
        assert b"x-team: tea" in server.requests[0][0]


async def test_a_middleware_that_sends_again_needs_one_slot() -> None:
    async def twice(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        return await call_next(call)

    async with streaming(writes(streamed(b"1")), max_concurrency=1) as (server, client), asyncio.timeout(5):
        client.middleware_stack.add(twice, step="finalize")
        output = await client.send(COMMAND)
        assert await output.event_stream.read() == b"1"
        assert (len(server.requests), output.metadata.attempts, client.stats.in_flight) == (2, 2, 0)


class Something:
    """An output of another class."""


async def test_a_stream_that_a_middleware_drops_is_closed() -> None:
    something_else = Something()

    async def instead(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        return something_else

    async with streaming(ENDLESS, max_concurrency=1) as (server, client):
        command = InvokeWithResponseStreamCommand(function_name="writer")
        command.middleware_stack.add(instead)
        for _ in range(2):
            output: object = await client.send(command)
            assert output is something_else
        await settled(client, server)


@pytest.mark.parametrize("which", [0, 1])
async def test_a_hedge_closes_the_stream_it_does_not_return(which: int) -> None:
    async def hedges(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return (await asyncio.gather(call_next(call), call_next(call)))[which]

    async with streaming(writes(streamed(b"1")), max_concurrency=2) as (_, client):
        client.middleware_stack.add(hedges, step="finalize")
        for _ in range(3):
            output = await client.send(COMMAND)
            assert client.stats.in_flight == 1
            assert await output.event_stream.read() == b"1"
            assert client.stats.in_flight == 0


@pytest.mark.parametrize("step", ["initialize", "finalize", "deserialize"])
async def test_a_middleware_that_raises_leaves_no_stream_open(step: Any) -> None:
    async def breaks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        raise KeyError("no")

    async with streaming(ENDLESS, max_concurrency=1) as (server, client):
        client.middleware_stack.add(breaks, step=step)
        for _ in range(2):
            with pytest.raises(KeyError):
                await client.send(COMMAND)
        await settled(client, server)


async def test_missing_function_is_raised_on_entry() -> None:
    body = b'{"Type":"User","Message":"Function not found"}'
    script = writes(answer("404 Not Found", "x-amzn-ErrorType: ResourceNotFoundException\r\n", body))
    async with streaming(script) as (server, client):
        for _ in range(2):
            with pytest.raises(ResourceNotFoundException, match="Function not found"):
                async with client.stream("writer"):
                    pytest.fail("the block has begun")
        assert (server.connections, client.stats.in_flight) == (1, 0)


async def test_failures_before_the_answer_follow_the_table() -> None:
    throttle = answer("429 Too Many Requests", "x-amzn-ErrorType: TooManyRequestsException\r\nRetry-After: 0\r\n")
    outcomes = [throttle, b"", answer("503 Oops"), streamed(b"1")]

    async def script(connection: Connection) -> None:
        while True:
            await connection.read_request()
            outcome = outcomes[len(connection.server.requests) - 1]
            await connection.write(outcome)
            if not outcome:
                return

    retry = StandardRetry(max_attempts=5, max_backoff=0.01)
    async with streaming(script, retry=retry) as (server, client):
        async with client.stream("writer", idempotent=True) as stream:
            assert await stream.read() == b"1"
            assert [attempt.status_code for attempt in stream.metadata.history] == [429, None, 503, 200]
        outcomes[:] = [b""] * 10
        server.requests.clear()
        with pytest.raises(TransportError) as raised:
            async with client.stream("writer"):
                pass
        assert (raised.value.delivery, len(server.requests)) == (Delivery.UNKNOWN, 1)


@pytest.mark.parametrize("end", ["fin", "damaged", "exception", "no completion"])
async def test_errors_after_the_response_are_not_retried(end: str) -> None:
    pieces, then, _ = BAD_ENDS[end]
    script = writes(HEAD, chunk(b"one"), *pieces, then=then)
    async with streaming(script, retry=StandardRetry(), idempotent=True) as (server, client):
        with pytest.raises(StreamError):
            async with client.stream("writer") as stream:
                await stream.read()
        assert len(server.requests) == 1


@pytest.mark.parametrize("then", [stalls, ends])
async def test_an_error_without_its_body_is_a_failed_attempt(then: Script) -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf"
    async with streaming(writes(head, then=then)) as (server, client):
        with pytest.raises(TransportError) as raised:
            async with client.stream("writer", timeout=Timeouts(read=0.1)):
                pass
        assert raised.value.delivery is Delivery.UNKNOWN
        await settled(client, server)


async def test_oversized_error_body_is_cut_off() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 100000000\r\n\r\n"
    limits = ResponseLimits(body=1_000_000)
    async with streaming(writes(head, b"x" * 5_000_000, then=stalls), response_limits=limits) as (server, client):
        with pytest.raises(ConnectionLostError, match=r"more than 1,000,000 bytes.*ResponseLimits\(body=") as raised:
            async with client.stream("writer"):
                pass
        assert raised.value.delivery is Delivery.UNKNOWN
        await settled(client, server)


async def test_error_body_at_the_limit_is_read_whole() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n"
    limits = ResponseLimits(body=1_000_000)
    async with streaming(writes(head, b"x" * 1_000_000), response_limits=limits) as (server, client):
        with pytest.raises(AiolambdaError, match="HTTP 500"):
            async with client.stream("writer"):
                pass
        await settled(client, server, open_connections=1)
