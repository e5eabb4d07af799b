"""The time limits of a stream, and the end of its client."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aiolambda import (
    Call,
    CallNext,
    ClientClosedError,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    QueueTimeoutError,
    Timeouts,
)
from aiolambda.testing import FakeTransport

from ..support.servers import Connection
from ..support.streaming import (
    COMMAND,
    ENDLESS,
    HEAD,
    LAST,
    chunk,
    complete,
    read,
    settled,
    streamed,
    streaming,
    writes,
)


async def test_read_limit_covers_only_the_head() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.until_client_closes()
        await connection.write(HEAD)
        await asyncio.sleep(0.2)
        await connection.write(chunk(b"1"))
        await asyncio.sleep(0.2)
        await connection.write(complete() + LAST)

    async with streaming(script) as (_, client):
        with pytest.raises(InvocationTimeoutError) as raised:
            async with client.stream("writer", timeout=Timeouts(read=0.1)):
                pass
        assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "wait", Delivery.UNKNOWN)
        async with client.stream("writer", timeout=Timeouts(read=0.1)) as stream:
            assert await read(stream) == [b"1"]


async def test_idle_limit_is_the_pause_between_chunks() -> None:
    async with streaming(ENDLESS) as (server, client):
        with pytest.raises(InvocationTimeoutError) as raised:
            async with client.stream("writer", timeout=Timeouts(idle=0.05)) as stream:
                await read(stream)
        error = raised.value
        assert (error.exceeded, error.stage, error.delivery) == ("idle", "receive", Delivery.EXECUTED)
        assert (error.function_name, error.attempts, error.history[0].status_code) == ("writer", 1, 200)
        await settled(client, server)


@pytest.mark.parametrize("reads", [True, False])
async def test_the_total_limit_covers_the_whole_stream(reads: bool) -> None:
    async with streaming(ENDLESS, max_concurrency=1) as (server, client):
        async with client.stream("writer", timeout=0.1) as stream:
            if not reads:
                await settled(client, server)
            with pytest.raises(InvocationTimeoutError) as raised:
                await read(stream)
        error = raised.value
        assert (error.exceeded, error.stage, error.delivery) == ("total", "receive", Delivery.EXECUTED)
        assert (error.function_name, error.attempts) == ("writer", 1)
        await settled(client, server)


async def test_total_limit_spares_a_finished_stream() -> None:
    async with streaming(writes(streamed(b"1"))) as (_, client):
        async with client.stream("writer", timeout=0.05) as stream:
            await stream.read()
        await asyncio.sleep(0.08)
        assert stream.completed
        assert not client._in_flight._closing


@pytest.mark.virtual_time
async def test_limits_of_a_stream_hold_in_virtual_time() -> None:
    async def write(event: dict[str, Any]) -> AsyncGenerator[bytes]:
        for pause in event["pauses"]:
            await asyncio.sleep(pause)
            yield b"."

    async with LambdaClient(transport=FakeTransport({"writer": write}), timeout=Timeouts(total=1000, idle=60)) as client:
        async with client.stream("writer", {"pauses": [59, 59, 59]}) as stream:
            assert await stream.read() == b"..."
        began = asyncio.get_running_loop().time()
        with pytest.raises(InvocationTimeoutError, match="60 s") as raised:
            async with client.stream("writer", {"pauses": [61]}) as stream:
                await stream.read()
        assert (raised.value.exceeded, asyncio.get_running_loop().time() - began) == ("idle", 60)
        with pytest.raises(InvocationTimeoutError) as raised:
            async with client.stream("writer", {"pauses": [59] * 100}) as stream:
                await stream.read()
        assert (raised.value.exceeded, raised.value.elapsed, client.stats.in_flight) == ("total", 1000, 0)


async def test_an_idle_limit_at_close_ends_every_stream() -> None:
    async with streaming(ENDLESS) as (server, client):
        limits = Timeouts(idle=0.2)
        streams = [(await client.send(COMMAND, timeout=limits)).event_stream for _ in range(3)]
        reading = [asyncio.create_task(stream.read()) for stream in streams]
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(client.close(grace=0.15))
        await asyncio.sleep(0)
        time.sleep(0.4)  # both moments pass
        await closing
        outcomes = await asyncio.gather(*reading, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {InvocationTimeoutError, ClientClosedError}
        await settled(client, server)


async def test_a_stream_holds_its_slot_until_its_block_ends() -> None:
    async with streaming(ENDLESS, max_concurrency=1) as (_, client):
        async with client.stream("writer") as stream:
            assert await anext(aiter(stream)) == b"1"
            with pytest.raises(QueueTimeoutError):
                await client.invoke("writer", timeout=Timeouts(queue=0.05))
        assert client.stats.in_flight == 0


@pytest.mark.parametrize("reads", [True, False])
async def test_closing_the_client_aborts_a_stream_with_its_error(reads: bool) -> None:
    async with streaming(ENDLESS) as (server, client):
        stream = (await client.send(COMMAND)).event_stream
        reading = asyncio.create_task(stream.read()) if reads else None
        await asyncio.sleep(0.02)
        await client.close(grace=0)
        with pytest.raises(ClientClosedError) as raised:
            await (reading or stream.read())
        assert (raised.value.delivery, raised.value.function_name) == (Delivery.EXECUTED, "writer")
        await settled(client, server)


async def test_closing_with_grace_lets_the_stream_finish() -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + chunk(b"1"))
        await go_on.wait()
        await connection.write(chunk(b"2") + complete() + LAST)

    async with streaming(script) as (_, client):
        stream = (await client.send(COMMAND)).event_stream
        closing = asyncio.create_task(client.close(grace=None))
        await asyncio.sleep(0.02)
        assert not closing.done()
        go_on.set()
        assert await stream.read() == b"12"
        await closing


async def test_a_stream_that_begins_at_close_does_not_delay_it() -> None:
    began = asyncio.Event()

    async def late(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        return output

    async with streaming(ENDLESS) as (server, client), asyncio.timeout(5):
        client.middleware_stack.add(late)
        sending = asyncio.create_task(client.send(COMMAND))
        await began.wait()
        await client.close(grace=0)
        with pytest.raises(ClientClosedError):
            await (await sending).event_stream.read()
        await settled(client, server)
