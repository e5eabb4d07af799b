"""Answers that cannot be used, and what servers send around an answer: the scripts of `faults` for this kind alone.

Owns the bytes of these answers. Must not know what a client should make of them: that stands in `fault_table`.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable

from .faults import INTRUDER, Connection, Received, Script, answer, intruder, normal_answer, own_id, serve_on, status_of

Bytes = Callable[[Received], bytes]


def framed(framing: str, body: bytes = b'"half', *, version: str = "1.1", reason: str = "") -> Bytes:
    """An answer whose head says this of its length, and what comes of its body."""

    def what(request: Received) -> bytes:
        return f"HTTP/{version} {status_of(request)}{reason}\r\n{framing}{own_id(request)}\r\n".encode() + body

    return what


def chunked(*, trailers: str = "", body: bytes | None = None) -> Bytes:
    """A good answer in one chunk, with trailers. A `DryRun` has no body that could be followed by any."""

    def what(request: Received) -> bytes:
        if request.invocation_type == "DryRun":
            return normal_answer(request)
        piece = json.dumps(request.call).encode() if body is None else body
        return framed("Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(piece), piece, trailers.encode()))(
            request
        )

    return what


def sized(count: int) -> Bytes:
    """A body of so many bytes, and its length."""
    return framed(f"Content-Length: {count}\r\n", b"1" * count)


def headed(fields: str) -> Bytes:
    """A good answer with more in its head."""

    def what(request: Received) -> bytes:
        status_line, _, rest = normal_answer(request).partition(b"\r\n")
        return status_line + b"\r\n" + fields.encode() + rest

    return what


def begun_head(request: Received) -> bytes:
    """A head up to the middle of a field."""
    return f"HTTP/1.1 {status_of(request)}\r\nX-Long: x".encode()


def after_interims(count: int) -> Bytes:
    """A good answer behind so many heads that only say that it will come."""
    return lambda request: b"HTTP/1.1 102 Processing\r\n\r\n" * count + normal_answer(request)


def fields(count: int, size: int) -> str:
    return "".join(f"X-{number}: {'x' * size}\r\n" for number in range(count))


def one_then(first: Bytes, then: Bytes = normal_answer) -> Script:
    """The first request of each connection gets one answer, and those behind it another."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        await connection.write(first(await connection.read_request()))
        connection.play.done()
        while True:
            await connection.write(then(await connection.read_request()))

    return script


def with_surplus(surplus: Bytes) -> Script:
    """Each answer has something behind it, in the same piece."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        while True:
            request = await connection.read_request()
            await connection.write(normal_answer(request) + surplus(request))
            connection.play.done()

    return script


def endless(start: Bytes, piece: bytes, *, pause: float = 0.005) -> Script:
    """Begins an answer, and goes on with this piece for as long as the client takes it."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        await connection.write(start(await connection.read_request()))
        while not connection.play.released.is_set():
            await connection.write(piece)
            await asyncio.sleep(pause)

    return script


async def answers_with_the_handshake(connection: Connection) -> None:
    """An answer before there can be a request: it comes in one piece with the last bytes of the handshake, by TLS 1.2."""
    await connection.handshake(answer("200 OK", b"{}", INTRUDER))
    await serve_on(connection)


async def floods_while_idle(connection: Connection, request: Received) -> None:
    """What nobody asked for, a hundred times or for as long as the client takes it."""
    with contextlib.suppress(OSError):
        for _ in range(100):
            await connection.write(intruder(request) * 10)
            await asyncio.sleep(0)
