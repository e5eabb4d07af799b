"""A request of a runtime client, and its body as it arrives.

Must not know how the bytes arrive, or what the request is for.
Source: RFC 9112.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from .http1_messages import HEAD_LIMIT, BadRequest, HttpResponse, RequestHead, parse_chunk_size, parse_fields
from .received import ConnectionEnded, Received

__all__ = ["Connection", "HttpRequest"]

_PIECE = 64 * 1024


class Connection(Protocol):
    """The connection that a request came on. `is_open` says that the client has not closed its side."""

    received: Received

    @property
    def is_open(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def respond(self, request: "HttpRequest", response: HttpResponse) -> None: ...


class HttpRequest:
    """A request. Names of headers and trailers are in lower case.

    `body` is the whole body of a short request. Of others, it is `None` until `read` has returned it.
    """

    def __init__(self, head: RequestHead, connection: Connection) -> None:
        self.method, self.path, self.headers = head.method, head.path, head.fields
        self.trailers: Mapping[str, str] = {}
        self.body: bytes | None = None
        self.length, self.is_last = head.length, head.is_last
        """The length of the body, `None` if it is chunked; whether the client ends the connection after this request."""
        self.is_complete = False
        """Whether the body was read to its end."""
        self._connection = connection
        self._pieces: AsyncGenerator[bytes] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the client has not closed its side of the connection."""
        return self._connection.is_open

    def respond(self, response: HttpResponse) -> None:
        """Send the response, if the handler has not returned it."""
        self._connection.respond(self, response)

    async def read(self, limit: int) -> None:
        """Read the whole body into `body`. That stays `None` if the body exceeds `limit` bytes.

        The body is read to its end in both cases, because a client that is still sending would not read the response.
        """
        body = bytearray()
        exceeds = False
        async for piece in self.pieces():
            exceeds = exceeds or len(body) + len(piece) > limit
            if not exceeds:
                body += piece
        self.body = None if exceeds else bytes(body)

    def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives, and set `trailers` at its end. Raises `BadRequest` if the body is incomplete."""
        if self._pieces is None:
            self._pieces = self._read_pieces()
        return self._pieces

    async def skip(self) -> None:
        """Read what is left of the body."""
        if not self.is_complete:
            async for _ in self.pieces():
                pass

    async def _read_pieces(self) -> AsyncGenerator[bytes]:
        if self.headers.get("expect", "").lower() == "100-continue":
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            if self.length is None:
                while size := parse_chunk_size(await self._take_line()):
                    async for piece in self._read_exactly(size):
                        yield piece
                    if await self._take_line():
                        raise BadRequest("a chunk is longer than its size")
                self.trailers = await self._read_trailers()
            else:
                async for piece in self._read_exactly(self.length):
                    yield piece
        except ConnectionEnded:
            raise BadRequest("the body is incomplete") from None
        self.is_complete = True

    async def _read_exactly(self, length: int) -> AsyncGenerator[bytes]:
        while length:
            piece = await self._connection.received.take_some(min(length, _PIECE))
            length -= len(piece)
            yield piece

    async def _read_trailers(self) -> Mapping[str, str]:
        text = ""
        while (line := await self._take_line()) and len(text) <= HEAD_LIMIT:
            text += f"{line}\r\n"
        return parse_fields(text)

    async def _take_line(self) -> str:
        line = await self._connection.received.take_until(b"\n", HEAD_LIMIT)
        if len(line) > HEAD_LIMIT or not line.endswith(b"\r\n"):
            raise BadRequest("a line is too long, or does not end with CR LF")
        return line[:-2].decode("latin-1")
