"""Servers on 127.0.0.1 for the tests: raw bytes on one side, whole Lambda answers on the other."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any

import attrs

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Script = Callable[["Connection"], Awaitable[None]]


@attrs.define(eq=False)
class Connection:
    """One accepted connection: its number (from 1), its streams and the requests that were read whole on it."""

    number: int
    reader: Reader
    writer: Writer
    server: "RawServer"

    async def read_request(self) -> tuple[bytes, bytes]:
        """One whole request: head and body. `IncompleteReadError` if the client leaves before."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = await self.reader.readexactly(length)
        self.server.requests.append((head, body))
        return head, body

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_client_closes(self) -> None:
        """Read until the client has closed; a reset counts."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while await self.reader.read(65536):
                pass


@attrs.define(eq=False)
class RawServer:
    """Plays a script on every connection, and notes what it read."""

    script: Script
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    closed: int = 0
    requests: list[tuple[bytes, bytes]] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://{self.host}:{self.port}"

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self.script(Connection(self.connections, reader, writer, self))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            self.closed += 1


@contextlib.asynccontextmanager
async def listening(
    serve: Callable[[Reader, Writer], Coroutine[Any, Any, None]], *, on: socket.socket | None = None, **settings: Any
) -> AsyncGenerator[asyncio.Server]:
    """Serve each connection in a task until the block ends: on a port of 127.0.0.1, or where that socket listens."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: Reader, writer: Writer) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # a task that is cancelled before its first step closes nothing

    place = {"host": "127.0.0.1", "port": 0} if on is None else {"sock": on}
    listener = await asyncio.start_server(accept, **place, **settings)
    try:
        yield listener
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


@contextlib.asynccontextmanager
async def raw_server(
    script: Script, *, tls: ssl.SSLContext | None = None, on: socket.socket | None = None
) -> AsyncGenerator[RawServer]:
    """A server that plays the script until the block ends: on a port of 127.0.0.1, or where that socket listens."""
    server = RawServer(script, tls)
    async with listening(server._serve, on=on, ssl=tls, backlog=4096) as listener:
        server.host, server.port = listener.sockets[0].getsockname()
        yield server


def answer(status: str = "200 OK", headers: str = "", body: bytes = b"{}") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(data: bytes) -> Script:
    """A script that gives every request of a connection the same answer."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.read_request()
            await connection.write(data)

    return script


async def silent(connection: Connection) -> None:
    """A script that reads a request and never answers."""
    await connection.read_request()
    await connection.until_client_closes()
