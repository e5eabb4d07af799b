"""`client.fetch_stream`: bodies that are read while they arrive, and their ends."""

import asyncio
import tracemalloc

import pytest

from aiolambda import (
    AccessDeniedException,
    ConfigurationError,
    ConnectionLostError,
    FetchStreamCommand,
    InvocationTimeoutError,
    StreamError,
    Timeouts,
)

from ..support.fetching import fetching_client, of_function, of_platform, signed
from ..support.servers import Connection, always, answer, raw_server

HEAD = b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1-2\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_a_stream_gives_head_and_chunks() -> None:
    data = HEAD + b"Content-Type: text/plain\r\n\r\n" + _chunk(b"tea\nti") + _chunk(b"me") + b"0\r\n\r\n"
    async with raw_server(always(data)) as server, fetching_client() as client:
        async with client.fetch_stream(**signed(server)) as stream:
            assert (stream.status_code, stream.content_type, stream.completed) == (200, "text/plain", False)
            assert stream.http is not None
            assert stream.http.cookies == ["a=1", "b=2"]
            assert [line async for line in stream.iter_lines()] == ["tea", "time"]
            assert stream.completed
        assert client.stats.outcomes["executed"] == 1
        output = await client.send(FetchStreamCommand(**signed(server)))
        assert output.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert b"".join([chunk async for chunk in output.stream]) == b"tea\ntime"
        assert client.stats.in_flight == 0


async def test_server_sent_events_are_read() -> None:
    data = HEAD + b"\r\n" + _chunk(b"event: tick\ndata: 1\n\nda") + _chunk(b"ta: 2\n\n") + b"0\r\n\r\n"
    async with raw_server(always(data)) as server, fetching_client() as client:
        async with client.fetch_stream(**signed(server)) as stream:
            assert [(event.event, event.data) async for event in stream.iter_sse()] == [("tick", "1"), ("message", "2")]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops"])
async def test_any_status_of_the_function_is_streamed(status: str) -> None:
    async with raw_server(always(of_function(status, body=b"why"))) as server, fetching_client() as client:
        async with client.fetch_stream(**signed(server)) as stream:
            assert (stream.status_code, await stream.read()) == (int(status[:3]), b"why")


async def test_error_of_the_platform_is_raised_at_the_head() -> None:
    async with raw_server(always(of_platform("403 Forbidden", "AccessDeniedException"))) as server, fetching_client() as client:
        with pytest.raises(AccessDeniedException, match="lambda:InvokeFunctionUrl"):
            async with client.fetch_stream(**signed(server)):
                pass
        assert client.stats.in_flight == 0


async def test_a_success_of_somebody_between_is_an_error() -> None:
    async with raw_server(always(answer())) as server, fetching_client() as client:
        with pytest.raises(ConnectionLostError, match="request id"):
            async with client.fetch_stream(**signed(server)):
                pass
        async with client.fetch_stream(server.url) as stream:
            assert await stream.read() == b"{}"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\r\n" + _chunk(b"tea"),
        HEAD + b"\r\n" + b"9\r\ntea",
        b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\nContent-Length: 10\r\n\r\ntea",
    ],
    ids=["no last chunk", "half a chunk", "length"],
)
async def test_a_cut_body_is_a_stream_error(data: bytes) -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(data)

    async with raw_server(script) as server, fetching_client(idempotent=True) as client:
        async with client.fetch_stream(**signed(server)) as stream:
            got = b""
            with pytest.raises(StreamError) as raised:
                async for chunk in stream:
                    got += chunk
        assert (got, raised.value.received_bytes, raised.value.may_have_run) == (b"tea", 3, True)
        assert client.stats.outcomes["incomplete"] == 1
        assert len(server.requests) == 1


async def test_a_silent_stream_ends_at_its_idle_limit() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + b"\r\n" + _chunk(b"tea"))
        await connection.until_client_closes()

    async with raw_server(script) as server, fetching_client() as client:
        async with client.fetch_stream(**signed(server), timeout=Timeouts(idle=0.05)) as stream:
            with pytest.raises(InvocationTimeoutError, match="no further byte"):
                await stream.read()
        while not server.closed:
            await asyncio.sleep(0.01)


async def test_leaving_a_stream_early_closes_its_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + b"\r\n" + _chunk(b"tea"))
        await connection.until_client_closes()

    async with raw_server(script) as server, fetching_client() as client:
        async with client.fetch_stream(**signed(server)) as stream:
            async for chunk in stream:
                assert chunk == b"tea"
                break
        while not server.closed:
            await asyncio.sleep(0.01)
        assert client.stats.in_flight == 0
        with pytest.raises(ConfigurationError):
            client.fetch_stream(**signed(server)).status_code  # noqa: B018 - it is not open


async def test_20_mb_are_streamed_in_flat_memory() -> None:
    piece, count = bytes(64 * 1024), 320

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + b"\r\n")
        for _ in range(count):
            await connection.write(_chunk(piece))
        await connection.write(b"0\r\n\r\n")

    async with raw_server(script) as server, fetching_client() as client:
        tracemalloc.start()
        try:
            size = 0
            async with client.fetch_stream(**signed(server)) as stream:
                async for chunk in stream:
                    size += len(chunk)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size == count * len(piece)
    assert peak < 6_000_000
