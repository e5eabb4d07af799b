"""Leaving a stream before its end."""

import asyncio
import contextlib
import gc
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
import trustme

from aiolambda import (
    ClientClosedError,
    ConfigurationError,
    LambdaClient,
    ResponseStream,
    StreamError,
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
    leaves_the_block,
    settled,
    streamed,
    streaming,
    tasks_of_others,
    writer,
    writes,
)


async def raises_in_the_block(client: LambdaClient) -> None:
    with contextlib.suppress(KeyError):
        async with client.stream("writer") as stream:
            await anext(aiter(stream))
            raise KeyError


async def enters_and_leaves(client: LambdaClient) -> None:
    async with client.stream("writer"):
        pass


async def breaks_without_a_block(client: LambdaClient) -> None:
    async for _ in (await client.send(COMMAND)).event_stream:
        break


async def breaks_lines_without_a_block(client: LambdaClient) -> None:
    async for _ in (await client.send(COMMAND)).event_stream.iter_text():
        break


async def closes(client: LambdaClient) -> None:
    await (await client.send(COMMAND)).event_stream.aclose()


async def is_cancelled_in_a_read(client: LambdaClient) -> None:
    entered = asyncio.Event()

    async def reads() -> None:
        async with client.stream("writer") as stream:
            entered.set()
            await stream.read()

    reading = asyncio.create_task(reads())
    await entered.wait()
    await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.wait([reading])


async def is_cancelled_without_a_block(client: LambdaClient) -> None:
    output = await client.send(COMMAND)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(output.event_stream.read(), 0.05)


@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize(
    "leave",
    [
        leaves_the_block,
        raises_in_the_block,
        enters_and_leaves,
        breaks_without_a_block,
        breaks_lines_without_a_block,
        closes,
        is_cancelled_in_a_read,
        is_cancelled_without_a_block,
    ],
)
async def test_a_stream_left_early_frees_connection_and_slot(
    leave: Callable[[LambdaClient], Awaitable[None]], over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        settings = {"ca_bundle": bundle} if over_tls else {}
        async with streaming(ENDLESS, tls=tls, max_concurrency=1, **settings) as (server, client):
            for _ in range(3):
                await leave(client)
            await settled(client, server)
            assert server.connections == 3


async def test_cancelled_read_loses_no_chunk() -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + chunk(b"1"))
        await go_on.wait()
        await connection.write(chunk(b"2") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        assert await anext(aiter(stream)) == b"1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(aiter(stream))
        go_on.set()
        assert await stream.read() == b"2"


@pytest.mark.parametrize("fake", [False, True], ids=["socket", "fake"])
async def test_closing_a_stream_ends_the_read_of_another_task(fake: bool) -> None:
    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"1"
        await asyncio.get_running_loop().create_future()

    async with contextlib.AsyncExitStack() as stack:
        if fake:
            client = await stack.enter_async_context(LambdaClient(transport=FakeTransport({"writer": write})))
        else:
            _, client = await stack.enter_async_context(streaming(ENDLESS))
        for closes_client in (False, True):
            stream = (await client.send(COMMAND)).event_stream
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0.02)
            await (client.close(grace=0) if closes_client else stream.aclose())
            with pytest.raises((StreamError, ClientClosedError), match="closed"):
                await reading
            assert client.stats.in_flight == 0


async def test_cancelled_read_of_a_fake_loses_no_chunk() -> None:
    go_on = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"1"
        await go_on.wait()
        yield b"2"

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client, client.stream("writer") as stream:
        assert await anext(aiter(stream)) == b"1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(aiter(stream))
        go_on.set()
        assert await stream.read() == b"2"


async def test_a_second_loop_does_not_close_the_first_ones_stream() -> None:
    go_on = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        await go_on.wait()
        yield b"1"

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client:
        stream = (await client.send(COMMAND)).event_stream
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one reader at a time"):
            await stream.read()
        go_on.set()
        assert await reading == b"1"


async def test_a_stream_is_entered_once() -> None:
    async with writer(b"1") as client:
        stream = client.stream("writer")
        both = await asyncio.gather(*(stream.__aenter__() for _ in range(2)), return_exceptions=True)
        assert [type(outcome) for outcome in both] == [ResponseStream, ConfigurationError]
        await stream.aclose()
        assert client.stats.in_flight == 0


async def test_closed_stream_cannot_be_read() -> None:
    async with streaming(ENDLESS) as (_, client), client.stream("writer") as stream:
        assert await anext(aiter(stream)) == b"1"
        await stream.aclose()
        await stream.aclose()
        with pytest.raises(StreamError, match="closed before its end"):
            await stream.read()


async def test_a_second_reader_is_refused() -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD)
        await go_on.wait()
        await connection.write(chunk(b"1") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="one reader at a time"):
            await stream.read()
        go_on.set()
        assert await reading == b"1"


@pytest.mark.parametrize("count", [200])
async def test_many_streams_left_early_leave_nothing_behind(count: int) -> None:
    def streams() -> set[int]:
        gc.collect()
        return {id(found) for found in gc.get_objects() if isinstance(found, ResponseStream)}

    tasks, of_others = tasks_of_others(), streams()  # such as that in the traceback of an earlier test
    async with streaming(writes(streamed(*[b"x" * 100] * 20)), max_concurrency=count) as (server, client):

        async def one(number: int) -> int:
            async with client.stream("writer") as stream:
                size = 0
                async for chunk_ in stream:
                    size += len(chunk_)
                    if number % 2 and size >= 500:
                        break
                return size

        sizes = await asyncio.gather(*(one(number) for number in range(count)))
        assert sizes == [500 if number % 2 else 2000 for number in range(count)]
        await settled(client, server, open_connections=server.connections - server.closed)
    assert streams() <= of_others
    assert tasks_of_others() == tasks
