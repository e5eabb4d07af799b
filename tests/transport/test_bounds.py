"""The bounds of an answer: how much of it is taken, how long each part may take, and that it says where it ends."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest

import aiolambda
from aiolambda import (
    ConfigurationError,
    ConnectionLostError,
    Credentials,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    LambdaClientConfig,
    ResponseLimits,
    StreamError,
    Timeouts,
    TransportError,
)

from ..support.loops import LoopFactory
from ..support.servers import Connection, RawServer, Script, always, answer, raw_server, silent
from ..support.streaming import HEAD, LAST, chunk, complete

KEYS = Credentials("AKIDEXAMPLE", "secret")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def run(new_loop: LoopFactory) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine to its end on a new loop."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main)

    return run


def client_for(server: RawServer, **settings: Any) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)


def says(*pieces: bytes, pause: float = 0) -> Script:
    """A script that answers one request with these pieces, and waits for the client's end."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        for piece in pieces:
            await connection.write(piece)
            await asyncio.sleep(pause)
        await connection.until_client_closes()

    return script


async def failure_of(script: Script, *, streamed: bool = False, **settings: Any) -> tuple[TransportError, float]:
    """The error of one call, and its seconds; it ran once, its verdict is unknown, and its connection is closed."""
    async with raw_server(script) as server:
        async with client_for(server, **settings) as client:
            started = time.monotonic()
            with pytest.raises(TransportError) as raised:
                if streamed:
                    async with client.stream("f"):
                        pass
                else:
                    await client.invoke("f")
            seconds = time.monotonic() - started
            while server.closed < 1:  # while the client is open
                await asyncio.sleep(0.001)
        assert len(server.requests) == 1
    assert raised.value.delivery is Delivery.UNKNOWN
    return raised.value, seconds


# Time


@pytest.mark.parametrize(
    ("begun", "text"),
    [
        (b"H", "the head of the answer was not complete within 1.0 s of its first byte"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1",
            "the body of the answer was not complete within 1.0 s of its head",
        ),
        (CHUNKED + b"1\r\n1\r\n0\r\nX-T: ", "the body of the answer was not complete within 1.0 s of its head"),
        (b"HTTP/1.1 102 Processing\r\n\r\n", "no byte came from .* for 1.0 s"),
    ],
    ids=["head", "body", "trailers", "102"],
)
def test_stalled_response_ends_at_the_read_limit(
    run: Callable[[Coroutine[Any, Any, None]], None], begun: bytes, text: str
) -> None:
    """And not twice as long after it: 0.8 s are left to a machine that does other things, too."""

    async def main() -> None:
        error, seconds = await failure_of(says(begun), timeout=Timeouts(read=1.0))
        assert isinstance(error, InvocationTimeoutError)
        assert error.exceeded == "read"
        assert 0.9 < seconds < 1.8
        with pytest.raises(InvocationTimeoutError, match=text):
            raise error

    run(main())


def test_head_has_its_own_read_limit(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """Silence and the head are two waits: 0.6 s each, of a limit of 1 s."""

    async def late(connection: Connection) -> None:
        await connection.read_request()
        await asyncio.sleep(0.6)
        await connection.write(answer()[:10])
        await asyncio.sleep(0.6)
        await connection.write(answer()[10:])
        await connection.until_client_closes()

    async def main() -> None:
        async with raw_server(late) as server, client_for(server, timeout=Timeouts(read=1.0)) as client:
            assert (await client.invoke("f")).payload == b"{}"

    run(main())


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_tiny_read_limit_is_a_timeout(run: Callable[[Coroutine[Any, Any, None]], None], streamed: bool) -> None:
    """A loop may have no timer for a moment that has come, and a connection's second request finds the first one's."""

    async def main() -> None:
        for limit in (1e-9, 1e-4, 0.0005, 0.001, 0.002, 0.005):
            error, _ = await failure_of(silent, streamed=streamed, timeout=Timeouts(read=limit))
            assert isinstance(error, InvocationTimeoutError)

        async def answers_once(connection: Connection) -> None:
            await connection.read_request()
            await connection.write(answer())
            await silent(connection)

        async with raw_server(answers_once) as server, client_for(server) as client:
            await client.invoke("f", timeout=Timeouts(read=20))
            with pytest.raises(InvocationTimeoutError):
                await client.invoke("f", timeout=Timeouts(read=0.001))

    run(main())


# Size

SMALL = ResponseLimits(body=1000, head=2000, interim=3)
FIELDS = b"".join(b"X-%d: 1\r\n" % number for number in range(300))
TOO_MUCH = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "a body of more than 1,000 bytes", "body"),
    "body": (answer(body=b"1" * 1001), "a body of more than 1,000 bytes", "body"),
    "chunks": (CHUNKED + b"1f5\r\n" + b"1" * 501 + b"\r\n" + b"1f4\r\n" + b"1" * 500 + b"\r\n", "a body of more", "body"),
    "head": (answer(headers=FIELDS.decode()), "more than 2,000 bytes of head and trailers", "head"),
    "field": (answer(headers=f"X: {'x' * 2000}\r\n"), "more than 2,000 bytes of head and trailers", "head"),
    "trailers": (CHUNKED + b"1\r\n1\r\n0\r\n" + FIELDS + b"\r\n", "more than 2,000 bytes of head and trailers", "head"),
    "1xx": (b"HTTP/1.1 102 Processing\r\n\r\n" * 4 + answer(), "more than 3 heads with a status of 1xx", "interim"),
}


@pytest.mark.parametrize(("data", "text", "bound"), TOO_MUCH.values(), ids=TOO_MUCH)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in pieces"])
def test_oversized_response_names_the_setting(
    run: Callable[[Coroutine[Any, Any, None]], None], data: bytes, text: str, bound: str, at_once: bool
) -> None:
    pieces = [data] if at_once else [data[:30], data[30:500], data[500:]]

    async def main() -> None:
        error, _ = await failure_of(says(*pieces, pause=0.01), response_limits=SMALL)
        assert isinstance(error, ConnectionLostError)
        assert text in str(error)
        assert f"response_limits=ResponseLimits({bound}=...)" in str(error)

    run(main())


def test_endless_body_is_cut_off(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """By default no more than 16 MiB of it, and what the kernels hold."""
    sent = 0

    async def endless(connection: Connection) -> None:
        nonlocal sent
        await connection.read_request()
        await connection.write(CHUNKED)
        while sent < 200_000_000:
            await connection.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            sent += 65536

    async def main() -> None:
        error, _ = await failure_of(endless)
        assert "a body of more than 16,777,216 bytes" in str(error)
        assert 16_000_000 < sent < 40_000_000

    run(main())


async def test_short_head_may_have_any_number_of_fields() -> None:
    fields = "".join(f"X-{number}: 1\r\n" for number in range(3000))
    async with raw_server(always(answer(headers=fields))) as server, client_for(server) as client:
        output = await client.invoke("f")
        assert output.metadata.headers["x-2999"] == "1"
        await client.invoke("f")
    assert server.connections == 1


async def test_bounds_hold_for_each_response_alone() -> None:
    limits = ResponseLimits(body=100, head=120)
    async with raw_server(always(answer(body=b"1" * 100))) as server, client_for(server, response_limits=limits) as client:
        for _ in range(20):
            await client.invoke("f")
    assert server.connections == 1


async def test_chunk_framing_does_not_count_as_trailers() -> None:
    """However much the framing of the chunks takes."""
    body = b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n"
    async with raw_server(always(CHUNKED + body)) as server, client_for(server) as client:
        assert (await client.invoke("f")).payload == b"x" * 30_000


# Streams

HEADS = {
    "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "xchunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "chunked and a length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a head too long": answer(headers=FIELDS.decode()),
    "1xx": b"HTTP/1.1 102 Processing\r\n\r\n" * 4,
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_stream_head_has_the_same_bounds(head: bytes) -> None:
    error, _ = await failure_of(says(head), streamed=True, response_limits=SMALL)
    assert isinstance(error, ConnectionLostError)


async def test_stream_body_has_no_bound() -> None:
    frames = [chunk(b"x" * 900) for _ in range(20)]
    async with (
        raw_server(says(HEAD, *frames, complete(), LAST)) as server,
        client_for(server, response_limits=SMALL) as client,
        client.stream("f") as stream,
    ):
        assert sum([len(piece) async for piece in stream]) == 18_000


async def test_stream_trailers_have_the_bound_of_the_head() -> None:
    trailers = b"0\r\n" + b"X-More: 1\r\n" * 2000
    async with raw_server(says(HEAD, chunk(b"x"), trailers)) as server, client_for(server, response_limits=SMALL) as client:
        with pytest.raises(StreamError, match=r"ResponseLimits\(head="):
            async with client.stream("f") as stream:
                async for _ in stream:
                    pass


# The setting


@pytest.mark.parametrize("name", ["body", "head", "interim"])
@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1000", None])
def test_bound_must_be_a_positive_whole_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number, 1 or more"):
        ResponseLimits(**{name: value})


def test_bounds_have_defaults_and_are_frozen() -> None:
    limits = ResponseLimits()
    assert attrs.astuple(limits) == (16 * 1024 * 1024, 64 * 1024, 16)
    assert LambdaClientConfig().response_limits == limits
    assert "ResponseLimits" in aiolambda.__all__
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        limits.body = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", [None, 1000, {"body": 1000}])
def test_invalid_response_limits_are_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"response_limits must be ResponseLimits\(\.\.\.\); got"):
        LambdaClient(response_limits=value)


async def test_config_passes_the_bounds_to_its_client() -> None:
    async with raw_server(always(answer(body=b"1" * 11))) as server:
        config = LambdaClientConfig(
            region="us-east-1", credentials=KEYS, endpoint_url=server.url, response_limits=ResponseLimits(body=10)
        )
        async with LambdaClient(config) as client:
            with pytest.raises(ConnectionLostError, match="more than 10 bytes"):
                await client.invoke("f")


async def test_split_interim_head_restarts_the_read_limit() -> None:
    """It begins the limit anew, as one that comes in one piece does."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        for _ in range(6):
            await connection.write(b"HTTP/1.1 102 Processing\r\n\r")
            await asyncio.sleep(0.05)
            await connection.write(b"\n")
            await asyncio.sleep(0.15)
        await connection.write(answer())

    async with raw_server(script) as server, client_for(server, timeout=Timeouts(read=0.8)) as client:
        await client.invoke("f")
