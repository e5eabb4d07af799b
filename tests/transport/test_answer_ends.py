"""How an answer ends: read limits, resets, cancellation, streams."""

import asyncio
import socket
import traceback

import pytest

from aiolambda import (
    ClientClosedError,
    ConnectionLostError,
    Delivery,
    InvocationTimeoutError,
    Timeouts,
)

from ..support.servers import Connection, always, answer, raw_server, silent
from ..support.transports import client_for, request_to, transport_to


async def test_silent_server_ends_at_the_read_limit() -> None:
    async with raw_server(silent) as server, client_for(server, timeout=Timeouts(read=0.1)) as client:
        with pytest.raises(InvocationTimeoutError, match=r"no byte came .* for 0\.1 s.*it may have run") as raised:
            await client.invoke("f")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "wait", Delivery.UNKNOWN)
    assert len(server.requests) == 1


async def test_half_a_response_ends_at_the_read_limit() -> None:
    async def half(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await connection.until_client_closes()

    async with raw_server(half) as server, client_for(server, timeout=Timeouts(read=0.1)) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("f")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "receive", Delivery.UNKNOWN)


async def test_read_limit_starts_after_the_upload() -> None:
    """Which is one of silence: it begins when all is written."""
    size = 36_000_000

    async def slow(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        for _ in range(12):
            await asyncio.sleep(0.15)
            await connection.reader.readexactly(size // 12)
        await connection.write(answer())

    async with raw_server(slow) as server, transport_to() as transport:
        response = await transport.send(request_to(server, bytes(size), Timeouts(read=1.0)))
    assert (response.status, response.body) == (200, b"{}")


async def test_total_limit_covers_the_wait_for_a_response() -> None:
    async with raw_server(silent) as server, client_for(server) as client:
        with pytest.raises(InvocationTimeoutError, match=r"did not end within 0\.1 s") as raised:
            await client.invoke("f", timeout=0.1)
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("total", "wait", Delivery.UNKNOWN)
    assert raised.value.attempts == 1
    assert raised.value.elapsed > 0.09


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "ended before an answer came"),
        (b"HTTP/1.1 200 O", "ended before an answer came|is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "ended before an answer came|is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "ended in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "ended in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", "in the middle of the answer|is not valid HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not valid HTTP|ended before an answer came"),
        (b'{"password":"hunter2"}\r\n\r\n', "is not valid HTTP|ended before an answer came"),
        (b'HTTP/1.1 200 OK\r\n{"password":"hunter2"}\r\n\r\n', "is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: hunter2\r\n\r\n", "is not valid HTTP"),
        (b"HTTP/1.1 hunter2\r\n\r\n", "is not valid HTTP"),
    ],
    ids=[
        "nothing",
        "half a status line",
        "half the headers",
        "half the body",
        "half a chunk",
        "a bad chunk size",
        "another protocol",
        "a payload for a head",
        "a payload for a header",
        "a length that is none",
        "a status that is none",
    ],
)
async def test_truncated_or_invalid_response_is_unknown(data: bytes, text: str) -> None:
    async def cut(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(data)

    async with raw_server(cut) as server, client_for(server, timeout=Timeouts(read=5)) as client:
        with pytest.raises(ConnectionLostError, match=text) as raised:
            await client.invoke("orders")
    assert raised.value.delivery is Delivery.UNKNOWN
    assert raised.value.function_name == "orders"
    assert len(server.requests) == 1
    assert "hunter" not in "".join(traceback.format_exception(raised.value))


async def test_a_reset_after_the_request_is_unknown() -> None:
    async def reset(connection: Connection) -> None:
        await connection.read_request()
        sock = connection.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.writer.transport.abort()

    async with raw_server(reset) as server, client_for(server) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("f")
    assert raised.value.delivery is Delivery.UNKNOWN


async def test_cancelled_call_closes_only_its_connection() -> None:
    started = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            head, _ = await connection.read_request()
            if b"/slow/" in head:
                started.set()
                await connection.until_client_closes()
                return
            await connection.write(answer())

    async with raw_server(script) as server, client_for(server) as client:
        slow = asyncio.create_task(client.invoke("slow"))
        await started.wait()
        await client.invoke("fast")
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert client.stats.in_flight == 0
        while not server.closed:
            await asyncio.sleep(0)
        await client.invoke("fast")
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_closing_the_client_cuts_calls_in_flight() -> None:
    async with raw_server(silent) as server:
        client = client_for(server)
        call = asyncio.create_task(client.invoke("f"))
        while not server.requests:
            await asyncio.sleep(0)
        await client.close(grace=0)
        with pytest.raises(ClientClosedError, match="closed while this call was in flight") as raised:
            await call
        assert raised.value.delivery is Delivery.UNKNOWN
        with pytest.raises(ClientClosedError) as refused:
            await client.invoke("f")
        assert refused.value.delivery is Delivery.NOT_DELIVERED


async def test_stream_releases_its_connection_at_the_end() -> None:
    more = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        await more.wait()
        await connection.write(b"rest!")
        await always(answer())(connection)

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)) as response:
            pieces = aiter(response)
            assert await anext(pieces) == b"first"
            more.set()
            assert b"".join([piece async for piece in pieces]) == b"rest!"
        await transport.send(request_to(server))
    assert server.connections == 1


async def test_abandoned_stream_closes_its_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        await connection.until_client_closes()

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)) as response:
            assert response.status == 200
        while not server.closed:
            await asyncio.sleep(0)


async def test_cut_stream_is_an_error() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)) as response:
            with pytest.raises(ConnectionLostError, match="in the middle of the answer"):
                async for _ in response:
                    pass
