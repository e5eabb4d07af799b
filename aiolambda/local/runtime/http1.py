"""A small HTTP/1.1 server for runtime clients: sequential requests on a connection, streamed bodies, trailers.

Law: an ambiguous request, which two parsers could read differently, is refused before it has any effect.

Runtimes report an error in the middle of a streamed response in trailers, which `aiohttp.web` does not expose. Hence this
server. Only processes that the endpoint started may use it.

Owns the parsing of requests and the format of responses. Must not know paths, or the rules of admission.
Source: RFC 9112.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from .socket_owner import Address

__all__ = ["BadRequest", "HttpRequest", "HttpResponse", "HttpServer"]

_HEAD_LIMIT = 64 * 1024
"""Bytes of all fields of a head, of all trailers, and of any one line."""
_FIELD_LIMIT = 200
_PIECE = 64 * 1024
_BACKLOG = 64
"""Connections that the kernel keeps until `serve`."""
_REFUSAL_TIMEOUT = 1.0
"""Seconds. A refused client that has not sent its head by then gets no response."""
_CHECK_LIMIT = 4
"""Calls of `refuse` at a time. On some systems, each starts a process."""
_REFUSAL_LIMIT = 16
"""Refused clients whose heads are awaited at a time. A further one gets no response."""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_NAME = re.compile(_WORD)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_REQUEST_LINE = re.compile(rf"({_WORD}) (/[\x21-\x7e]*) HTTP/([0-9]\.[0-9])")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rf"([0-9A-Fa-f]{{1,15}})(?:[ \t]*;[ \t]*{_WORD}(?:[ \t]*=[ \t]*(?:{_WORD}|{_QUOTED}))?)*")
_SINGLE = frozenset({"content-length", "host", "transfer-encoding"})
"""Fields that make a request ambiguous if they are repeated."""
_WHITE = " \t"


class BadRequest(Exception):
    """The request is invalid or not supported. The client gets `status`, and the connection is closed."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class HttpResponse(NamedTuple):
    """A complete response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class HttpRequest:
    """A request whose body is not read yet. Names of headers and trailers are in lower case."""

    def __init__(
        self, line: str, headers: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.method, self.path = _parse_request_line(line)
        self.headers = headers
        self.trailers: Mapping[str, str] = {}
        self.is_complete = False
        """Whether the body was read to its end."""
        self._length = _body_length(headers)
        self._reader = reader
        self._writer = writer
        self._body = self._read_body()

    @property
    def is_connected(self) -> bool:
        """Whether the client has not closed its side of the connection."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    @property
    def closes_connection(self) -> bool:
        """Whether this is the client's last request on the connection."""
        options = self.headers.get("connection", "").lower().split(",")
        return "close" in [option.strip(_WHITE) for option in options]

    async def read(self, limit: int) -> bytes | None:
        """Return the body, or `None` if it exceeds `limit` bytes.

        The body is read to its end in both cases, because a client that is still sending would not read the response.
        """
        body = bytearray()
        exceeds = False
        async for piece in self.pieces():
            exceeds = exceeds or len(body) + len(piece) > limit
            if not exceeds:
                body += piece
        return None if exceeds else bytes(body)

    def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives, and set `trailers` at its end. Raises `BadRequest` if the body is incomplete."""
        return self._body

    async def _read_body(self) -> AsyncGenerator[bytes]:
        if self.headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            if self._length is None:
                while size := await self._read_chunk_size():
                    async for piece in self._read_exactly(size):
                        yield piece
                    if await _read_line(self._reader):
                        raise BadRequest("a chunk is longer than its size")
                self.trailers = await _read_fields(self._reader)
            else:
                async for piece in self._read_exactly(self._length):
                    yield piece
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BadRequest("the body is incomplete") from error
        self.is_complete = True

    async def _read_chunk_size(self) -> int:
        chunk = _CHUNK.fullmatch(await _read_line(self._reader))
        if chunk is None:
            raise BadRequest("a chunk must begin with its size")
        return int(chunk[1], 16)

    async def _read_exactly(self, length: int) -> AsyncGenerator[bytes]:
        while length:
            piece = await self._reader.read(min(length, _PIECE))
            if not piece:
                raise BadRequest("the body is incomplete")
            length -= len(piece)
            yield piece


async def _read_line(reader: asyncio.StreamReader) -> str:
    line = await reader.readuntil(b"\n")
    if not line.endswith(b"\r\n"):
        raise BadRequest("a line must end with CR LF")
    return line[:-2].decode("latin-1")


async def _read_fields(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """Read the fields up to the empty line. Repeated fields are joined, if they may be repeated."""
    fields: dict[str, str] = {}
    size = count = 0
    while line := await _read_line(reader):
        size, count = size + len(line), count + 1
        if size > _HEAD_LIMIT or count > _FIELD_LIMIT:
            raise BadRequest("there are too many fields")
        written, colon, value = line.partition(":")
        if not colon or _NAME.fullmatch(written) is None or _VALUE.fullmatch(value) is None:
            raise BadRequest("a line of the head is not a field")
        name, value = written.lower(), value.strip(_WHITE)
        if name in fields and name in _SINGLE:
            raise BadRequest(f"the field {name} is repeated")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _parse_request_line(line: str) -> tuple[str, str]:
    """Return method and path."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest("the first line is not a request line")
    method, path, version = match.groups()
    if version != "1.1":
        raise BadRequest("this server supports HTTP/1.1 only", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    return method, path


def _body_length(headers: Mapping[str, str]) -> int | None:
    """The length of the body; `None` if it is chunked."""
    if "host" not in headers:
        raise BadRequest("a request must have a Host field")
    coding = headers.get("transfer-encoding")
    if coding is None:
        length = headers.get("content-length", "0")
        if _LENGTH.fullmatch(length) is None:
            raise BadRequest("the Content-Length is not a number of bytes")
        return int(length)
    if "content-length" in headers:
        raise BadRequest("a request must not have both Content-Length and Transfer-Encoding")
    if coding.lower() != "chunked":
        raise BadRequest("the only supported Transfer-Encoding is chunked", HTTPStatus.NOT_IMPLEMENTED)
    return None


class HttpServer:
    """Calls `handler` for each request, and sends its response.

    Connections wait in the kernel from `start` to `serve`, and cost this process nothing. `refuse` is called once for each,
    with the addresses of the client and of the server. If it returns a response, the client gets it, and the connection
    is closed.
    """

    def __init__(
        self,
        handler: Callable[[HttpRequest], Awaitable[HttpResponse]],
        refuse: Callable[[Address, Address], Awaitable[HttpResponse | None]],
    ) -> None:
        self._handler = handler
        self._refuse = refuse
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._refused = 0
        self._checks = asyncio.Semaphore(_CHECK_LIMIT)

    def start(self) -> str:
        """Listen on a free port of 127.0.0.1, and return `HOST:PORT`."""
        listener = self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        host, port = listener.getsockname()
        return f"{host}:{port}"

    async def serve(self) -> None:
        """Accept connections from now on. After `close` this has no effect."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._server = await asyncio.start_server(self._accept, sock=listener, limit=_HEAD_LIMIT, backlog=_BACKLOG)

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
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
        connection = asyncio.create_task(self._serve(reader, writer), name="runtime connection")
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A lost connection is not an error here: the exit code of the process reports the end of a runtime.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                async with self._checks:
                    refusal = await self._refuse(_address(writer, "peername"), _address(writer, "sockname"))
                if refusal is not None:
                    await self._send_refusal(refusal, reader, writer)
                    return
                # The client may have reset the connection, and another one may have its port now. Then `refuse` has judged
                # the other one.
                writer.get_extra_info("socket").getpeername()
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _send_refusal(self, refusal: HttpResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refused >= _REFUSAL_LIMIT:
            return
        self._refused += 1
        try:
            # Read the head first: a connection that is closed with unread bytes loses its response.
            async with asyncio.timeout(_REFUSAL_TIMEOUT):
                with contextlib.suppress(asyncio.LimitOverrunError):
                    await reader.readuntil(b"\r\n\r\n")
            writer.write(_serialize(refusal, closes=True))
        finally:
            self._refused -= 1

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Respond to one request, and return whether another may follow."""
        try:
            try:
                line = await _read_line(reader) or await _read_line(reader)  # one empty line before a request is allowed
                request = HttpRequest(line, await _read_fields(reader), reader, writer)
            except asyncio.LimitOverrunError:
                raise BadRequest("a line of the head is too long") from None
            response = await self._handler(request)
            async for _ in request.pieces():  # skip the rest of the body
                pass
        except BadRequest as error:
            writer.write(_serialize(HttpResponse(error.status, str(error).encode()), closes=True))
            return False
        closes = request.closes_connection or not request.is_complete
        writer.write(_serialize(response, closes=closes))
        await writer.drain()
        return not closes


def _address(writer: asyncio.StreamWriter, name: str) -> Address:
    """The address of one end of the connection. Raises `ConnectionAbortedError` if it was lost."""
    address: Address | None = writer.get_extra_info(name)
    if address is None:
        raise ConnectionAbortedError
    return address


def _serialize(response: HttpResponse, *, closes: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [f"Content-Length: {len(response.body)}", *(["Connection: close"] if closes else []), "", ""]
    return "\r\n".join(lines).encode("latin-1") + response.body
