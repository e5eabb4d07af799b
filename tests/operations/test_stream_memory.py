"""Backpressure and memory of a stream."""

import asyncio
import ssl
import tracemalloc

import pytest
import trustme

from aiolambda import (
    StreamError,
)
from aiolambda.protocol import eventstream

from ..support.servers import Connection
from ..support.streaming import (
    HEAD,
    LAST,
    chunk,
    chunked,
    complete,
    stalls,
    streaming,
    writes,
)


@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
async def test_slow_reader_stops_the_sender(over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    frame = chunk(bytes(64 * 1024))
    sent = 0

    async def script(connection: Connection) -> None:
        nonlocal sent
        await connection.read_request()
        await connection.write(HEAD)
        while sent < 1000:
            await connection.write(frame)
            sent += 1
        await connection.write(complete() + LAST)

    async def quiet() -> int:
        """The number of chunks sent, once it stands still."""
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        return sent

    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        settings = {"ca_bundle": bundle} if over_tls else {}
        async with streaming(script, tls=tls, **settings) as (_, client), client.stream("writer") as stream:
            assert len(await anext(aiter(stream))) == 64 * 1024
            stopped = await quiet()
            assert stopped < 300  # 19 MB, most of it in the kernel's buffers
            assert len(await stream.read()) == 999 * 64 * 1024
            assert sent == 1000


async def test_long_stream_needs_constant_memory() -> None:
    frame = chunk(bytes(64 * 1024)) * 4

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD)
        for _ in range(160):  # 40 MB; 200 MB are sent in benchmarks/streaming.py
            await connection.write(frame)
        await connection.write(complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        tracemalloc.start()
        try:
            size = 0
            async for chunk_ in stream:
                size += len(chunk_)
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()
        assert size == 160 * 4 * 64 * 1024


async def test_oversized_frame_is_refused_by_its_prelude() -> None:
    whole = eventstream.encode({}, b"x" * eventstream.LONGEST_PAYLOAD)
    lengths = (len(whole) + 1).to_bytes(4) + bytes(4)
    prelude = lengths + eventstream.crc32(lengths).to_bytes(4)
    async with streaming(writes(HEAD, chunked(prelude), then=stalls)) as (_, client), client.stream("writer") as stream:
        with pytest.raises(StreamError, match="25,165,825 of payload"):
            await stream.read()
