"""Text formats in a streamed response: lines, server-sent events, an HTTP prelude."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from aiolambda import (
    Delivery,
    HttpPrelude,
    LambdaClient,
    PayloadTooLargeError,
    SseEvent,
    StreamError,
)
from aiolambda.operations import stream_events
from aiolambda.testing import FakeTransport

from ..support.servers import Connection
from ..support.streaming import (
    COMMAND,
    HEAD,
    LAST,
    chunk,
    chunked,
    complete,
    read,
    streamed,
    streaming,
    writer,
    writes,
)


async def test_split_character_stays_whole() -> None:
    text = "añ𝄞z"
    async with writer(*(bytes([byte]) for byte in text.encode())) as client, client.stream("writer") as stream:
        assert [part async for part in stream.iter_text()] == list(text)


@pytest.mark.parametrize("data", [[b"ok\xff"], [b"ok", b"\xc3"]], ids=["wrong", "cut"])
@pytest.mark.parametrize("way", ["iter_text", "iter_lines"])
async def test_bytes_that_are_not_utf8_are_an_error(data: list[bytes], way: str) -> None:
    async with writer(*data) as client, client.stream("writer") as stream:
        with pytest.raises(UnicodeDecodeError):
            async for _ in getattr(stream, way)():
                pass
        assert client.stats.in_flight == 1 - stream.completed


@pytest.mark.parametrize("size", [1, 2, 5, 100])
async def test_iter_lines_strips_all_line_ends(size: int) -> None:
    data = "first\nsecond\r\n\r\nthird\rfourth\r\nné".encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    async with writer(*pieces) as client, client.stream("writer") as stream:
        assert [line async for line in stream.iter_lines()] == ["first", "second", "", "third", "fourth", "né"]


async def test_line_is_yielded_as_soon_as_it_ends() -> None:
    go_on = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"one\ntw"
        await go_on.wait()
        yield b"o\n"

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client, client.stream("writer") as stream:
        lines = stream.iter_lines()
        assert await anext(lines) == "one"
        go_on.set()
        assert [line async for line in lines] == ["two"]


async def test_json_lines_skip_empty_lines() -> None:
    async with writer(b'{"a":1}\n\n[2', b"]\r\n", b'"x"') as client, client.stream("writer") as stream:
        assert [value async for value in stream.iter_json_lines()] == [{"a": 1}, [2], "x"]
    async with writer(b"{}\nno\n") as client, client.stream("writer") as stream:
        with pytest.raises(ValueError, match="Expecting value"):
            _ = [value async for value in stream.iter_json_lines()]


async def test_sse_follows_the_standard() -> None:
    first = "\ufeff: a comment\nevent: note\nid: 7\ndata: one\ndata:two\n\n"
    data = f"{first}data\n\nretry: 5\n\nid\nevent:\ndata:  x\r\n\r\ndata: lost"
    pieces = [data.encode()[at : at + 3] for at in range(0, len(data.encode()), 3)]
    async with writer(*pieces) as client, client.stream("writer") as stream:
        assert [event async for event in stream.iter_sse()] == [
            SseEvent(event="note", data="one\ntwo", id="7"),
            SseEvent(data="", id="7"),
            SseEvent(data=" x"),
        ]


def http(head: bytes) -> bytes:
    return HEAD.replace(b"text/plain", b"application/vnd.awslambda.http-integration-response") + chunk(head)


async def test_the_block_begins_after_the_http_head() -> None:
    prelude = json.dumps({"statusCode": 201, "headers": {"x-a": "1"}, "cookies": ["a=b"]}).encode()
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(http(prelude[:9]) + chunk(prelude[9:] + b"\0\0\0"))
        await connection.write(chunk(b"\0" * 5))
        await go_on.wait()
        await connection.write(chunk(b"body\0") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        assert stream.http == HttpPrelude(status_code=201, headers={"x-a": "1"}, cookies=["a=b"])
        go_on.set()
        assert await read(stream) == [b"body\0"]


async def test_http_prelude_comes_with_the_first_chunk() -> None:
    async with streaming(writes(http(b"{}" + b"\0" * 8 + b"body"), complete(), LAST)) as (_, client):
        stream = (await client.send(COMMAND)).event_stream
        assert stream.http is None
        assert await read(stream) == [b"body"]
        assert stream.http == HttpPrelude()


async def test_prelude_in_many_pieces_is_read_quickly() -> None:
    head = b'{"headers":{"a":"' + b"x" * 200_000 + b'"}}' + b"\0" * 8
    pieces = b"".join(stream_events.chunk_event(head[at : at + 10]) for at in range(0, len(head), 10))
    script = writes(http(b""), chunked(pieces), complete(), LAST)
    async with streaming(script) as (_, client), client.stream("writer") as stream:
        assert stream.http is not None
        assert len(stream.http.headers["a"]) == 200_000


async def test_many_small_events_do_not_block_the_loop() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    frames = chunked(stream_events.chunk_event(b"12") * 20_000)
    async with streaming(writes(HEAD + frames + complete() + LAST)) as (_, client), client.stream("writer") as stream:
        await asyncio.sleep(0.1)  # all of it has come
        task = asyncio.create_task(others())
        assert len(await stream.read()) == 40_000
        task.cancel()
    assert turns >= 16  # 2 MB of frames, and at most 128 KiB of them a turn: 3 ms


@pytest.mark.parametrize(
    "head",
    [
        b"{}",
        b"[]" + b"\0" * 8,
        b"\0" * 8,
        b'{"headers":[1]}' + b"\0" * 8,
        b'{"statusCode":"no"}' + b"\0" * 8,
        b'{"statusCode":1e999}' + b"\0" * 8,
        b'{"cookies":"a"}' + b"\0" * 8,
    ],
)
async def test_unreadable_prelude_is_an_error(head: bytes) -> None:
    async with streaming(writes(http(head), complete(), LAST)) as (_, client):
        with pytest.raises(StreamError, match="head"):
            async with client.stream("writer") as stream:
                pytest.fail(repr(stream))
        assert client.stats.in_flight == 0


async def test_read_stops_at_its_limit() -> None:
    async with streaming(writes(streamed(b"12345", b"67890"))) as (_, client):
        async with client.stream("writer") as stream:
            assert await stream.read(limit=10) == b"1234567890"
        async with client.stream("writer") as stream:
            with pytest.raises(PayloadTooLargeError, match="more than 9 bytes") as raised:
                await stream.read(limit=9)
        assert (raised.value.limit, raised.value.function_name, raised.value.delivery) == (9, "writer", Delivery.EXECUTED)
        async with client.stream("writer") as stream:
            assert await stream.read(limit=None) == b"1234567890"
