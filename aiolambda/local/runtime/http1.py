"""HTTP/1.1 as a runtime client speaks it: one request after another on a connection, bodies as they come, trailers behind them.

Law: a request that two readers could read in two ways is refused before it is acted upon.

Owns the reading of requests and the writing of replies. Must not know what is asked, or who may ask.

A runtime reports an error in the middle of a streamed response in trailers, and `aiohttp.web` does not show those: hence a
server of its own, for this one port that only a process which we started may use.
Source: RFC 9112.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from .socket_owner import Address

__all__ = ["BadRequest", "HttpServer", "Reply", "RuntimeRequest"]

_LONGEST_HEAD = 64 * 1024
"""Bytes of the fields of a head, of trailers, and of any one line."""
_MOST_FIELDS = 200
_PIECE = 64 * 1024
_STRANGER_LIMIT = 1.0
"""Seconds that a stranger has to finish its head, before the connection ends without an answer."""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_NAME = re.compile(_WORD)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_REQUEST_LINE = re.compile(rf"({_WORD}) (/[\x21-\x7e]*) HTTP/([0-9]\.[0-9])")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rf"([0-9A-Fa-f]{{1,15}})(?:[ \t]*;[ \t]*{_WORD}(?:[ \t]*=[ \t]*(?:{_WORD}|{_QUOTED}))?)*")
_SINGLE = frozenset({"content-length", "host", "transfer-encoding"})
"""Fields that make a request ambiguous if they stand twice."""
_WHITE = " \t"


class BadRequest(Exception):
    """The bytes are not a request that this server reads; `status` says so, and the connection ends."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Reply(NamedTuple):
    """An answer, whole."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class RuntimeRequest:
    """A request whose body is still to come. Names of headers and trailers are in lower case."""

    def __init__(
        self, line: str, headers: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.method, self.path = _asked(line)
        self.headers = headers
        self.trailers: Mapping[str, str] = {}
        self.is_whole = False
        """Whether the body was read to its end."""
        self._length = _framing(headers)
        self._reader = reader
        self._writer = writer
        self._body = self._read()

    @property
    def sender_is_there(self) -> bool:
        """Whether the client still has its side of the connection open."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    @property
    def wants_to_close(self) -> bool:
        """Whether the client sends nothing after this request."""
        options = self.headers.get("connection", "").lower().split(",")
        return "close" in [option.strip(_WHITE) for option in options]

    async def read(self, limit: int) -> bytes | None:
        """The body, or `None` if it has more than `limit` bytes; read to its end either way, so that an answer arrives."""
        body = bytearray()
        is_over = False
        async for piece in self.pieces():
            is_over = is_over or len(body) + len(piece) > limit
            if not is_over:
                body += piece
        return None if is_over else bytes(body)

    def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes; the trailers are there once it is read to its end. `BadRequest` if it is cut short."""
        return self._body

    async def _read(self) -> AsyncGenerator[bytes]:
        if self.headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            if self._length is None:
                while length := await self._chunk_size():
                    async for piece in self._exactly(length):
                        yield piece
                    if await _line(self._reader):
                        raise BadRequest("a chunk is longer than it said")
                self.trailers = await _fields(self._reader)
            else:
                async for piece in self._exactly(self._length):
                    yield piece
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BadRequest("the body is cut short") from error
        self.is_whole = True

    async def _chunk_size(self) -> int:
        chunk = _CHUNK.fullmatch(await _line(self._reader))
        if chunk is None:
            raise BadRequest("a chunk does not begin with its size")
        return int(chunk[1], 16)

    async def _exactly(self, length: int) -> AsyncGenerator[bytes]:
        while length:
            piece = await self._reader.read(min(length, _PIECE))
            if not piece:
                raise BadRequest("the body is cut short")
            length -= len(piece)
            yield piece


async def _next_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> RuntimeRequest:
    try:
        line = await _line(reader) or await _line(reader)  # one empty line before a request is to be passed over
        return RuntimeRequest(line, await _fields(reader), reader, writer)
    except asyncio.LimitOverrunError:
        raise BadRequest("a line of the head is too long") from None


async def _line(reader: asyncio.StreamReader) -> str:
    line = await reader.readuntil(b"\n")
    if not line.endswith(b"\r\n"):
        raise BadRequest("a line does not end with CR and LF")
    return line[:-2].decode("latin-1")


async def _fields(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """Fields by name, up to the empty line; those that may stand twice are joined."""
    fields: dict[str, str] = {}
    size = count = 0
    while line := await _line(reader):
        size, count = size + len(line), count + 1
        if size > _LONGEST_HEAD or count > _MOST_FIELDS:
            raise BadRequest("there are too many fields")
        name, value = _field(line)
        if name in fields and name in _SINGLE:
            raise BadRequest(f"the field {name} stands twice")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
        raise BadRequest("a line of the head is no field")
    return name.lower(), value.strip(_WHITE)


def _asked(line: str) -> tuple[str, str]:
    """Method and path of a request line."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest("the first line is not that of a request")
    method, path, version = match.groups()
    if version != "1.1":
        raise BadRequest("this server speaks HTTP/1.1 only", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    return method, path


def _framing(headers: Mapping[str, str]) -> int | None:
    """The length of a body, or `None` if it comes in chunks. Of two statements neither is believed."""
    if "host" not in headers:
        raise BadRequest("a request has a field Host")
    coding = headers.get("transfer-encoding")
    if coding is None:
        return _length(headers.get("content-length", "0"))
    if "content-length" in headers:
        raise BadRequest("a request has a Content-Length or a Transfer-Encoding, not both")
    if coding.lower() != "chunked":
        raise BadRequest("the only known Transfer-Encoding is chunked", HTTPStatus.NOT_IMPLEMENTED)
    return None


def _length(text: str) -> int:
    if _LENGTH.fullmatch(text) is None:
        raise BadRequest("the Content-Length is no number of bytes")
    return int(text)


class HttpServer:
    """Gives each request to `handler`, and its reply back to the client.

    `refusal` is asked once for each connection, with the addresses of its two ends, the client's first. If it gives a
    reply, that is all that the client gets.
    """

    def __init__(
        self,
        handler: Callable[[RuntimeRequest], Awaitable[Reply]],
        refusal: Callable[[Address, Address], Awaitable[Reply | None]],
    ) -> None:
        self._handler = handler
        self._refusal = refusal
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
                refusal = await self._refusal(_end(writer, "peername"), _end(writer, "sockname"))
                if refusal is not None:
                    await _turn_away(refusal, reader, writer)
                    return
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request, and say whether another may follow."""
        try:
            request = await _next_request(reader, writer)
            reply = await self._handler(request)
            async for _ in request.pieces():  # what the handler did not want to know
                pass
        except BadRequest as error:
            writer.write(_reply(Reply(error.status, str(error).encode()), closes=True))
            return False
        closes = request.wants_to_close or not request.is_whole
        writer.write(_reply(reply, closes=closes))
        await writer.drain()
        return not closes


def _end(writer: asyncio.StreamWriter, which: str) -> Address:
    """An end of a connection; `ConnectionError` if it is gone already."""
    address: Address | None = writer.get_extra_info(which)
    if address is None:
        raise ConnectionAbortedError
    return address


async def _turn_away(refusal: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a stranger; its head is read first, because a connection that closes on unread bytes loses the answer."""
    async with asyncio.timeout(_STRANGER_LIMIT):
        with contextlib.suppress(asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
    writer.write(_reply(refusal, closes=True))


def _reply(reply: Reply, *, closes: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += [f"Content-Length: {len(reply.body)}", *(["Connection: close"] if closes else []), "", ""]
    return "\r\n".join(lines).encode("latin-1") + reply.body
