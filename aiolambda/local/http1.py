"""HTTP/1.1 as a runtime client speaks it: one request after another on a connection, bodies as they come, trailers behind them.

Owns the reading of requests and the writing of replies. Must not know what is asked.

A runtime reports an error in the middle of a streamed response in trailers, and `aiohttp.web` does not show those: hence a
server of its own, for this one port that only a process which we started knows.
Source: RFC 9112.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

__all__ = ["BadRequest", "HttpServer", "Reply", "RuntimeRequest"]

_LONGEST_HEAD = 64 * 1024
_PIECE = 64 * 1024
_WHITE = " \t"


class BadRequest(Exception):
    """What was sent is not HTTP that can be read; the connection ends."""


class Reply(NamedTuple):
    """An answer, whole."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class RuntimeRequest:
    """A request whose body is still to come. Names of headers and trailers are in lower case."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, _, fields = head.decode("latin-1").partition("\r\n")
        try:
            self.method, self.path, _ = first.split(" ")
        except ValueError:
            raise BadRequest("the first line is not that of a request") from None
        self.headers = _fields(fields)
        self.trailers: Mapping[str, str] = {}
        self._reader = reader
        self._writer = writer
        self._body = self._read()

    @property
    def sender_is_there(self) -> bool:
        """Whether the client still has its side of the connection open."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def read(self, limit: int) -> bytes | None:
        """The body, or `None` where it has more than `limit` bytes; read to its end either way, so that an answer arrives."""
        body = bytearray()
        is_over = False
        async for piece in self.pieces():
            is_over = is_over or len(body) + len(piece) > limit
            if not is_over:
                body += piece
        return None if is_over else bytes(body)

    def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes; the trailers are there once it is read to its end. `BadRequest` where it is cut short."""
        return self._body

    async def _read(self) -> AsyncGenerator[bytes]:
        if self.headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            if "chunked" in self.headers.get("transfer-encoding", "").lower():
                while length := _number((await self._line()).partition(";")[0], base=16):
                    async for piece in self._exactly(length):
                        yield piece
                    if await self._line():
                        raise BadRequest("a chunk is longer than it said")
                self.trailers = _fields("\r\n".join([line async for line in self._lines()]))
            else:
                async for piece in self._exactly(_number(self.headers.get("content-length", "0"), base=10)):
                    yield piece
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BadRequest("the body is cut short") from error

    async def _exactly(self, length: int) -> AsyncGenerator[bytes]:
        while length:
            piece = await self._reader.read(min(length, _PIECE))
            if not piece:
                raise BadRequest("the body is cut short")
            length -= len(piece)
            yield piece

    async def _line(self) -> str:
        return (await self._reader.readuntil(b"\r\n")).decode("latin-1").removesuffix("\r\n")

    async def _lines(self) -> AsyncGenerator[str]:
        size = 0
        while line := await self._line():
            size += len(line)
            if size > _LONGEST_HEAD:
                raise BadRequest("the trailers are too long")
            yield line


def _fields(lines: str) -> Mapping[str, str]:
    """Fields by name; those that stand twice are joined."""
    fields: dict[str, str] = {}
    for line in filter(None, lines.split("\r\n")):
        name, colon, value = line.partition(":")
        if not colon or not name.strip(_WHITE):
            raise BadRequest("a line of the head is no field")
        key, text = name.lower(), value.strip(_WHITE)
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


def _number(text: str, *, base: int) -> int:
    digits = text.strip(_WHITE)
    if not digits.isalnum() or not digits.isascii() or len(digits) > 15:
        raise BadRequest("a length is no number")
    try:
        return int(digits, base)
    except ValueError:
        raise BadRequest("a length is no number") from None


class HttpServer:
    """Gives each request to `handler`, and what that gives back to the client."""

    def __init__(self, handler: Callable[[RuntimeRequest], Awaitable[Reply]]) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen on 127.0.0.1, and give the `HOST:PORT` to listen at."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LONGEST_HEAD)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening, and end every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer), name="connection of a runtime")
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A runtime that has gone, or is being ended, is no error here: the end of its process says all there is to say.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request, and say whether another may follow."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            request = RuntimeRequest(head.removesuffix(b"\r\n"), reader, writer)
            reply = await self._handler(request)
            async for _ in request.pieces():  # what the handler did not want to know
                pass
        except (BadRequest, asyncio.LimitOverrunError) as error:
            writer.write(_reply(Reply(400, str(error).encode()), closes=True))
            return False
        closes = request.headers.get("connection", "").lower() == "close"
        writer.write(_reply(reply, closes=closes))
        await writer.drain()
        return not closes


def _reply(reply: Reply, *, closes: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += [f"Content-Length: {len(reply.body)}", *(["Connection: close"] if closes else []), "", ""]
    return "\r\n".join(lines).encode("latin-1") + reply.body
