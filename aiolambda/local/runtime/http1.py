"""A small HTTP/1.1 server for runtime clients: sequential requests on a connection, streamed bodies, trailers.

Laws: an ambiguous request is refused before it has any effect. If a client has sent its next request already, a response waits
for the next one, so that both leave in one write.

Runtimes report an error in the middle of a streamed response in trailers, which `aiohttp.web` does not expose. Hence this
server. Only processes that the endpoint started may use it. A request with a short body, such as the two of most invocations,
is served in the callback of its last bytes; others have a task.

Owns connections and the order of requests. Must not know paths, or the rules of admission.
Source: RFC 9112.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Protocol, cast

from .http1_messages import HEAD_LIMIT, BadRequest, HttpResponse, parse_head, serialize
from .http1_request import HttpRequest
from .received import ConnectionEnded, Received
from .socket_owner import Address

__all__ = ["BadRequest", "Handler", "HttpRequest", "HttpResponse", "HttpServer"]

_SHORT = 64 * 1024
"""Bytes of a body that is awaited before the request is handed on."""
_READ_AHEAD = HEAD_LIMIT + _SHORT
"""Bytes that may wait to be taken. A whole request with a short body fits in."""
_BACKLOG = 64
"""Connections that the kernel keeps until `serve`."""
_REFUSAL_TIMEOUT = 1.0
"""Seconds. A refused client that has not sent its head by then gets no response."""
_CHECK_LIMIT = 4
"""Calls of `refuse` at a time. On some systems, each starts a process."""
_REFUSAL_LIMIT = 16
"""Refused clients whose heads are awaited at a time. A further one gets no response."""
_END_OF_HEAD = b"\r\n\r\n"

Refuse = Callable[[Address, Address], Awaitable[HttpResponse | None]]
Start = Callable[[Coroutine[None, None, None]], object]


class Handler(Protocol):
    """Serves the requests of all connections. A connection has one request at a time."""

    def is_long(self, request: HttpRequest) -> bool:
        """Whether the body of a request is wanted as it arrives, even if it is short."""
        ...

    def serve(self, request: HttpRequest) -> HttpResponse | None:
        """Serve a request that has come whole. After `None`, call its `respond` later."""
        ...

    async def serve_long(self, request: HttpRequest) -> HttpResponse | None:
        """Serve a request whose body may still arrive. What is left of the body is skipped. `None` as in `serve`."""
        ...


class _Admission:
    """The checks of all clients of a server."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._checks = asyncio.Semaphore(_CHECK_LIMIT)
        self._refused = 0

    async def refusal_of(self, client: Address, server: Address) -> HttpResponse | None:
        """What to answer a client that is not admitted."""
        async with self._checks:
            return await self._refuse(client, server)

    @contextlib.contextmanager
    def refusing(self) -> Generator[bool]:
        """Whether the head of a refused client may be awaited in this block."""
        may_wait = self._refused < _REFUSAL_LIMIT
        self._refused += may_wait
        try:
            yield may_wait
        finally:
            self._refused -= may_wait


class _Connection(asyncio.Protocol):
    """One connection. `start` runs a coroutine in a task."""

    received: Received
    _transport: asyncio.Transport

    def __init__(self, handler: Handler, admission: _Admission, start: Start, connections: "set[_Connection]") -> None:
        self._handler, self._admission, self._start = handler, admission, start
        self._connections = connections
        self._is_admitted = False
        self._current: HttpRequest | None = None
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.received = Received(self._transport, _READ_AHEAD)
        self._connections.add(self)
        self._start(self._admit())

    def data_received(self, data: bytes) -> None:
        self.received.add(data)
        if self._current is None:
            self._advance()

    def eof_received(self) -> bool:
        self.received.end()
        self._advance()
        return True  # a response may still be owed

    def connection_lost(self, exc: Exception | None) -> None:
        self.received.end()
        self._connections.discard(self)

    @property
    def is_open(self) -> bool:
        """Whether the client has not closed its side."""
        return not self.received.has_ended and not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    async def _admit(self) -> None:
        with contextlib.ExitStack() as unless_admitted:
            unless_admitted.callback(self._transport.close)
            # A lost connection is not an error here: the exit code of the process reports the end of a runtime.
            with contextlib.suppress(OSError, ConnectionEnded):
                client, server = self._address("peername"), self._address("sockname")
                refusal = await self._admission.refusal_of(client, server)
                if refusal is not None:
                    await self._send_refusal(refusal)
                    return
                # The client may have reset the connection, and another one may have its port now. Then `refuse` has judged
                # the other one.
                self._transport.get_extra_info("socket").getpeername()
                self._is_admitted = True
                unless_admitted.pop_all()
        self._advance()

    async def _send_refusal(self, refusal: HttpResponse) -> None:
        with self._admission.refusing() as may_wait:
            if may_wait:
                # Read the head first: a connection that is closed with unread bytes loses its response.
                async with asyncio.timeout(_REFUSAL_TIMEOUT):
                    await self.received.take_until(_END_OF_HEAD, HEAD_LIMIT)
                self.write(serialize(refusal, closes=True))

    def _address(self, name: str) -> Address:
        """The address of one end. Raises `ConnectionAbortedError` if the connection was lost."""
        address: Address | None = self._transport.get_extra_info(name)
        if address is None:
            raise ConnectionAbortedError
        return address

    def _advance(self) -> None:
        """Hand on the requests that have come, until one is not answered at once."""
        try:
            while self._is_admitted and self._current is None and (request := self._next_request()) is not None:
                self._current = request
                if not request.is_complete:
                    self._start(self._serve_long(request))
                elif (response := self._handler.serve(request)) is not None:
                    self._finish(request, response)
        except BadRequest as error:
            self._reject(error)

    def _next_request(self) -> HttpRequest | None:
        """Take a request whose head has come, and its body if it is short. `None` if it has not come yet."""
        waiting = self.received.waiting
        end = waiting.find(_END_OF_HEAD)
        if end < 0 or self._transport.is_closing():
            self._check_rest(waiting)
            return None
        start = end + len(_END_OF_HEAD)
        request = HttpRequest(parse_head(bytes(waiting[:start])), self)
        if request.length is None or request.length > _SHORT or "expect" in request.headers or self._handler.is_long(request):
            self.received.take(start)
            return request
        size = start + request.length
        if len(waiting) < size:
            if self.received.has_ended:
                raise BadRequest("the body is incomplete")
            return None
        request.body = self.received.take(size)[start:]
        request.is_complete = True
        return request

    def _check_rest(self, waiting: bytearray) -> None:
        """Check the beginning of a head. At the end of all requests, close the connection."""
        if waiting:
            if len(waiting) > HEAD_LIMIT:
                raise BadRequest("the head is too long")
            if waiting.count(b"\n") != waiting.count(b"\r\n"):
                raise BadRequest("a line must end with CR LF")
        if self.received.has_ended:
            self._transport.close()

    async def _serve_long(self, request: HttpRequest) -> None:
        with contextlib.ExitStack() as unless_served:
            unless_served.callback(self._transport.close)
            try:
                response = await self._handler.serve_long(request)
                await request.skip()
            except BadRequest as error:
                self._reject(error)
                return
            unless_served.pop_all()
        if response is not None:
            self.respond(request, response)

    def respond(self, request: HttpRequest, response: HttpResponse) -> None:
        """Send the response to the current request, and go on with the next one."""
        self._finish(request, response)
        self._advance()

    def _finish(self, request: HttpRequest, response: HttpResponse) -> None:
        self._current = None
        closes = request.is_last or not request.is_complete
        data = serialize(response, closes=closes)
        if not closes and _END_OF_HEAD in self.received.waiting:
            self._held += data
            return
        self.write(data)
        if closes:
            self._transport.close()

    def _reject(self, error: BadRequest) -> None:
        self.write(serialize(HttpResponse(error.status, str(error).encode()), closes=True))
        self._transport.close()

    def write(self, data: bytes) -> None:
        """Send what is held, and this, unless the connection is lost."""
        if not self._transport.is_closing():
            self._transport.write(self._held + data)
            self._held = b""


class HttpServer:
    """Hands each request to `handler`, and sends its response.

    Connections wait in the kernel from `start` to `serve`, and cost this process nothing. `refuse` is called once for each,
    with the addresses of the client and of the server. If it returns a response, the client gets it, and the connection
    is closed.
    """

    def __init__(self, handler: Handler, refuse: Refuse) -> None:
        self._handler = handler
        self._admission = _Admission(refuse)
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> str:
        """Listen on a free port of 127.0.0.1, and return `HOST:PORT`."""
        listener = self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        host, port = listener.getsockname()
        return f"{host}:{port}"

    async def serve(self) -> None:
        """Accept connections from now on. After `close` this has no effect."""
        listener, self._listener = self._listener, None
        if listener is not None:
            loop = asyncio.get_running_loop()
            # In two steps, so that `close` knows the server if this is cancelled.
            self._server = await loop.create_server(self._accept, sock=listener, backlog=_BACKLOG, start_serving=False)
            await self._server.start_serving()

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
            connection.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await server.wait_closed()

    def _accept(self) -> _Connection:
        return _Connection(self._handler, self._admission, self._run, self._connections)

    def _run(self, served: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(served, name="runtime connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
