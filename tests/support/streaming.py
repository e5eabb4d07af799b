"""Helpers for tests of streams: events, streamed answers, and a server that writes them from a script."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiolambda import Credentials, InvokeWithResponseStreamCommand, LambdaClient, NoRetry, ResponseStream
from aiolambda.operations import stream_events
from aiolambda.protocol import eventstream
from aiolambda.testing import FakeTransport

from .servers import Connection, RawServer, Script, raw_server

KEYS = Credentials("AKIDEXAMPLE", "secret")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n"
    b"x-amzn-requestid: the-id\r\nX-Amz-Executed-Version: 7\r\nX-Amzn-Remapped-Content-Type: text/plain\r\n\r\n"
)
LAST = b"0\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """One chunk of the transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunk(payload: bytes) -> bytes:
    return chunked(stream_events.chunk_event(payload))


def complete(**members: str) -> bytes:
    return chunked(stream_events.completion_event(**members))


def event(headers: dict[str, eventstream.Header], payload: bytes = b"") -> bytes:
    return chunked(eventstream.encode(headers, payload))


def streamed(*payloads: bytes) -> bytes:
    """A whole answer."""
    return HEAD + b"".join(map(chunk, payloads)) + complete() + LAST


def writes(*pieces: bytes, then: Script | None = None) -> Script:
    """A script that answers every request of a connection with these pieces, and goes on with another or the next."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.read_request()
            for piece in pieces:
                await connection.write(piece)
            if then is not None:
                await then(connection)

    return script


async def stalls(connection: Connection) -> None:
    await connection.until_client_closes()


def writes_late(data: bytes) -> Script:
    """A script that writes this after the earlier bytes have been read."""

    async def script(connection: Connection) -> None:
        await asyncio.sleep(0.05)
        await connection.write(data)
        await connection.until_client_closes()

    return script


async def ends(connection: Connection) -> None:
    connection.writer.close()
    raise ConnectionError


async def resets(connection: Connection) -> None:
    connection.writer.transport.abort()
    raise ConnectionError


@asynccontextmanager
async def streaming(
    script: Script, *, tls: ssl.SSLContext | None = None, **settings: Any
) -> AsyncGenerator[tuple[RawServer, LambdaClient]]:
    """A server that plays the script, and a client for it."""
    settings = {"region": "us-east-1", "credentials": KEYS, "retry": NoRetry(), **settings}
    async with raw_server(script, tls=tls) as server, LambdaClient(endpoint_url=server.url, **settings) as client:
        yield server, client


async def settled(client: LambdaClient, server: RawServer, *, open_connections: int = 0) -> None:
    """Until the client holds no slot, and the server has no more connections than these."""
    async with asyncio.timeout(10):
        while client.stats.in_flight or server.connections - server.closed != open_connections:
            await asyncio.sleep(0.001)


def tasks_of_others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


COMMAND = InvokeWithResponseStreamCommand(function_name="writer", payload=b"{}")


async def read(stream: ResponseStream) -> list[bytes]:
    return [chunk async for chunk in stream]


def writer(*pieces: bytes) -> LambdaClient:
    """A client with a function that writes these pieces."""

    async def write(event: object) -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    return LambdaClient(transport=FakeTransport({"writer": write}))


EXCEPTION = event({":message-type": "exception", ":exception-type": "Throttled"}, b'{"message":"too much"}')

ERROR = event({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "it broke"})

DAMAGED = bytearray(stream_events.chunk_event(b"2"))
DAMAGED[-1] ^= 1

BAD_ENDS: dict[str, tuple[list[bytes], Script | None, str]] = {
    "no completion": ([LAST], None, "ended without InvokeComplete"),
    "in a frame": ([chunked(stream_events.chunk_event(b"2")[:20]), LAST], None, "ended in the middle of an event"),
    "fin": ([], ends, "connection to .* ended in the middle of the answer"),
    "reset": ([], resets, "connection to .* ended in the middle of the answer"),
    "fin behind the completion": ([complete()], ends, "ended in the middle of the answer"),
    "bad chunk": ([], writes_late(b"zz\r\n"), "the answer from .* is not valid HTTP: Invalid character in chunk size"),
    "damaged": ([chunked(bytes(DAMAGED))], stalls, "the stream is damaged: the checksum of a message is wrong"),
    "more behind": ([complete(), chunk(b"2"), LAST], None, "bytes came after InvokeComplete"),
    "more in the same piece": (
        [chunked(stream_events.completion_event() + b"12345"), LAST],
        None,
        "5 bytes came after InvokeComplete",
    ),
    "exception": ([EXCEPTION], stalls, "Lambda ended the stream with Throttled: too much"),
    "error": ([ERROR], stalls, "Lambda ended the stream with InternalFailure: it broke"),
    "nameless error": ([event({":message-type": "error"})], stalls, "Lambda ended the stream with an error"),
    "no type": ([event({})], stalls, "neither event, exception nor error"),
    "completion is no json": ([event(dict(stream_events._COMPLETION_HEADERS), b"{")], stalls, "InvokeComplete cannot be read"),
    "completion of another shape": (
        [event(dict(stream_events._COMPLETION_HEADERS), b"[]")],
        stalls,
        "InvokeComplete cannot be read",
    ),
    "members of another type": (
        [event(dict(stream_events._COMPLETION_HEADERS), b'{"ErrorCode":{"a":1}}')],
        stalls,
        "InvokeComplete cannot be read",
    ),
}

ENDLESS = writes(HEAD, chunk(b"1"), chunk(b"2"), then=stalls)


async def leaves_the_block(client: LambdaClient) -> None:
    async with client.stream("writer") as stream:
        async for _ in stream:
            break
