"""Helpers of the tests in tests/operations/."""

import ssl
from collections.abc import AsyncGenerator

import pytest
import trustme

from aiolambda import (
    InvokeWithResponseStreamCommand,
    LambdaClient,
    ResponseStream,
)
from aiolambda.operations import stream_events
from aiolambda.testing import FakeTransport

from .servers import Script
from .streaming import (
    HEAD,
    LAST,
    chunk,
    chunked,
    complete,
    ends,
    event,
    resets,
    stalls,
    writes,
    writes_late,
)

COMMAND = InvokeWithResponseStreamCommand(function_name="writer", payload=b"{}")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


async def read(stream: ResponseStream) -> list[bytes]:
    return [chunk async for chunk in stream]


def writer(*pieces: bytes) -> LambdaClient:
    """A client whose function writes these pieces."""

    async def write(event: object) -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    return LambdaClient(transport=FakeTransport({"writer": write}))


EXCEPTION = event({":message-type": "exception", ":exception-type": "Throttled"}, b'{"message":"too much"}')

ERROR = event({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "it broke"})

DAMAGED = bytearray(stream_events.chunk_event(b"2"))

BAD_ENDS: dict[str, tuple[list[bytes], Script | None, str]] = {
    "no completion": ([LAST], None, "ended without InvokeComplete"),
    "in a frame": ([chunked(stream_events.chunk_event(b"2")[:20]), LAST], None, "ended in the middle of an event"),
    "fin": ([], ends, "connection to .* ended in the middle of the answer"),
    "reset": ([], resets, "connection to .* ended in the middle of the answer"),
    "fin behind the completion": ([complete()], ends, "ended in the middle of the answer"),
    "bad chunk": ([], writes_late(b"zz\r\n"), "connection to .* ended in the middle of the answer"),
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
