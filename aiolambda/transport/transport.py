"""The default transport: sends requests over connections that aiohttp opens, with one pool for the running loop.

Owns the life of the pool, and of a request on one of its connections. Must not know Lambda, signatures, retries or slots.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Self

import aiohttp

from ..errors import ConfigurationError
from ..protocol.urls import is_url, origin_and_target, proxy_and_authorization
from ..types.http import Headers, RepeatedHeaders, Request, Response
from ..types.interfaces import AbortableTransport, DetachableTransport, Loop, ReservingTransport, Transport
from ..types.values import ResponseLimits, TcpKeepAlive
from . import http1
from .connect_queue import MAX_CONNECTING, RESERVATION_TTL, Reservation, current_reservation, give_back_current
from .connection import Connection
from .error_mapping import FAILURES, map_error
from .exchange import Exchange
from .pool import Pool, run_first_step
from .route import Route

__all__ = ["AiohttpTransport"]

_MOST_KEPT = 100
_MOST_WAYS = 1000
"""Cached limits and origins, and URLs: callers with a new one for each call must not fill the memory."""
_RESPONSE_LIMITS = ResponseLimits()


class _StreamedResponse:
    """A response that is read while it arrives."""

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        self.status = connection.reader.status
        fields, repeated = connection.reader.fields, connection.reader.repeated
        self.headers: Mapping[str, str] = Headers.of(fields) if repeated is None else RepeatedHeaders(fields, repeated)
        self.exchange = exchange
        self._connection = connection
        self._use = connection.uses

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The bytes that have arrived. Cancelling the wait loses nothing."""
        if self._connection.uses != self._use:  # it was read, and its connection has gone on to another request
            raise StopAsyncIteration
        try:
            piece = await self._connection.next_piece()
        except FAILURES as error:
            failed = await map_error(error, self.exchange)
        else:
            if not piece:
                raise StopAsyncIteration
            return piece
        raise failed  # as in `send`


class AiohttpTransport(ReservingTransport, DetachableTransport, AbortableTransport, Transport):
    """Sends requests over a pool of connections for the running loop, which the first request opens.

    - `keep_alive`: TCP keep-alive, or `None` to switch it off.
    - `idle_connection_timeout`: seconds for which an unused connection stays in the pool.
    - `tls`: an `ssl.SSLContext`, or `True` for the system's certificate authorities.
    - `proxy`: a URL, or a function that returns the proxy of a URL; `None` is no proxy.
    - `retry_stale_connections`: let an error report that the server had closed the connection before the request arrived.
    - `response_limits`: the limits of an answer.
    - `max_connecting`: connections that are opened at the same time.
    - `reservation_ttl`: seconds after which an unused turn to open a connection is passed on.
    """

    def __init__(
        self,
        *,
        keep_alive: TcpKeepAlive | None,
        idle_connection_timeout: float,
        tls: ssl.SSLContext | bool = True,
        proxy: str | Callable[[str], str | None] | None = None,
        retry_stale_connections: bool = True,
        response_limits: ResponseLimits = _RESPONSE_LIMITS,
        max_connecting: int = MAX_CONNECTING,
        reservation_ttl: float = RESERVATION_TTL,
    ) -> None:
        self._keep_alive = keep_alive
        self._idle_connection_timeout = idle_connection_timeout
        self._tls = tls
        self._proxy = proxy
        self._retry_stale_connections = retry_stale_connections
        self._response_limits = response_limits
        self._max_connecting = max_connecting
        self._reservation_ttl = reservation_ttl
        self._pool: Pool | None = None
        self._keeper: AsyncGenerator[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left: list[tuple[asyncio.AbstractEventLoop, Pool, AsyncGenerator[None]]] = []
        self._inherited: list[object] = []
        self._limits: dict[float | None, aiohttp.ClientTimeout] = {}
        self._routes: dict[str, Route] = {}
        self._ways: dict[str, tuple[Route, str]] = {}

    async def send(self, request: Request, /) -> Response:
        """Send a request and return the whole answer. `TransportError` if none comes. Cancelling closes the connection."""
        exchange, answered = Exchange(request, self._retry_stale_connections), False
        try:
            connection = self._borrowed(exchange) or await self._borrow(exchange)
            await exchange.write(connection, self._response_limits.body)
            connection.check()
            reader = connection.reader
            repeated = reader.repeated
            headers = Headers.of(reader.fields) if repeated is None else RepeatedHeaders(reader.fields, repeated)
            response = Response(reader.status, headers, reader.body())
            answered = True
        except FAILURES as error:
            failed = await map_error(error, exchange)
        else:
            request.stage = "receive"
            return response
        finally:
            self._release(exchange, reusable=answered)
        raise failed  # not in the `except` block: aiohttp's error in the context holds passwords and headers

    async def reserve(self, request: Request, /, *, first: bool = False) -> Reservation:
        """Wait for a connection, or for a turn to open one, and reserve it for the request of this task.

        `first` goes to the front of the queue. A reservation that the task holds for an outer request is released.
        """
        give_back_current()
        pool = self._pool_now() or await self._open_pool()
        route, _ = self._way_of(request.url)
        reservation = await pool.reserve(route, request.timeouts.queue, first=first)
        reservation.enter()
        return reservation

    def promise(self, request: Request, loop: Loop, /) -> Reservation | None:
        """Reserve an idle connection; `None` if that needs waiting."""
        give_back_current()
        pool = self._pool
        if pool is None or self._loop is not loop:
            return None
        route, _ = self._ways.get(request.url) or self._way_of(request.url)
        reservation = pool.promised(route)
        if reservation is not None:
            reservation.enter()
        return reservation

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[_StreamedResponse]:
        """Send a request; the block gets the answer as soon as its head is there. Leaving it early closes the connection.

        The read limit applies until the head. The reader of the body applies its own limits.
        """
        exchange, is_read = Exchange(request, self._retry_stale_connections), False
        try:
            connection = await self._head_of(exchange)
            request.stage = "receive"
            try:
                yield _StreamedResponse(connection, exchange)
            finally:
                is_read = connection.is_read
        finally:
            self._release(exchange, reusable=is_read)

    def detach(self, *, forked: bool = False) -> None:
        """Drop the pool of a loop that is closed or stopped, or, if `forked`, of the parent process.

        A stopped loop closes its connections when it runs again, or when it is closed.
        """
        loop, pool, keeper = self._loop, self._pool, self._keeper
        self._loop = self._pool = self._keeper = None
        self._routes.clear()
        self._ways.clear()
        if loop is not None and pool is not None and keeper is not None:
            self._left.append((loop, pool, keeper))
            if not (forked or loop.is_closed()):
                loop.call_soon_threadsafe(pool.close_idle)
        if forked:  # kept: garbage collection would let the parent's loop close them
            self._inherited.extend(self._left)
        self._detach_left(forked=forked)

    async def close(self) -> None:
        """Close the pool and its connections. Requests in flight fail."""
        keeper = self._keeper
        self._loop = self._keeper = self._pool = None
        self._detach_left()
        if keeper is not None:
            await keeper.aclose()

    def abort(self) -> None:
        """Close the pool and its connections without waiting, also those of earlier loops that stand still."""
        pool, keeper = self._pool, self._keeper
        if self._loop is not None and self._loop.is_closed():
            self.detach()
        elif pool is not None and keeper is not None:
            _abort_kept(pool, keeper)
        self._loop = self._keeper = self._pool = None
        self._detach_left()
        left, self._left = self._left, []
        for loop, pool, keeper in left:
            if loop.is_running():
                loop.call_soon_threadsafe(_abort_kept, pool, keeper)
            else:
                _abort_kept(pool, keeper)

    def _detach_left(self, *, forked: bool = False) -> None:
        """Close the connections that no loop will close."""
        gone = [left for left in self._left if forked or left[0].is_closed()]
        self._left = [left for left in self._left if left not in gone]
        for _, pool, _ in gone:
            pool.detach(forked=forked)

    async def _head_of(self, exchange: Exchange) -> Connection:
        """Send a request, and wait for the head of the answer."""
        try:
            connection = self._borrowed(exchange) or await self._borrow(exchange)
            await exchange.write(connection, None)
            connection.check()
        except FAILURES as error:
            failed = await map_error(error, exchange)
        else:
            return connection
        raise failed  # as in `send`

    def _borrowed(self, exchange: Exchange) -> Connection | None:
        """An idle connection, as the task has reserved it, or by its turn to open one; `None` if that needs waiting."""
        promise, pool, request = current_reservation(), self._pool, exchange.request
        if promise is None or pool is None or promise.turns is not pool.turns:  # the same: so the pool is this loop's
            return None
        exchange.promise = promise
        route, target = self._ways.get(request.url) or self._way_of(request.url)
        if promise.shelf is not None and promise.shelf is not route.shelf:
            return None
        exchange.route = route
        exchange.head = _encoded_head(request, route, target)
        return pool.lend_idle(exchange, route, promise)

    async def _borrow(self, exchange: Exchange) -> Connection:
        """A connection, for which the request may have to wait. A promise proves that the pool is this loop's."""
        request, promise = exchange.request, exchange.promise
        pool = (None if promise is None else self._pool) or self._pool_now() or await self._open_pool()
        route, target = self._way_of(request.url)
        exchange.route = route
        # Before a connection is taken: HTTP may be unable to carry it.
        exchange.head = exchange.head or _encoded_head(request, route, target)
        if promise is not None and promise.shelf not in (None, route.shelf):
            promise.release()  # a middleware has changed the destination
            promise = None
        return await pool.lend(exchange, route, promise, self._limits_of(request.timeouts.connect))

    @staticmethod
    def _release(exchange: Exchange, *, reusable: bool) -> None:
        """Give the connection of a request back, to be closed unless it is `reusable`."""
        if not reusable:
            exchange.note_stage()
        connection = exchange.connection
        if connection is not None:
            connection.owner.release(connection, reusable=reusable)

    def _pool_now(self) -> Pool | None:
        return self._pool if self._loop is asyncio.get_running_loop() else None

    async def _open_pool(self) -> Pool:
        """A new pool for the running loop. `ConfigurationError` if the transport is in use on another running loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop.is_running():
            raise ConfigurationError("this transport is bound to another running event loop; create one transport per loop")
        self.detach()
        pool = Pool(
            ssl=self._tls,
            kept_for=self._idle_connection_timeout,
            keep_alive=self._keep_alive,
            response_limits=self._response_limits,
            max_connecting=self._max_connecting,
            reservation_ttl=self._reservation_ttl,
        )
        self._loop, self._pool, self._keeper = loop, pool, _kept(pool)
        await anext(self._keeper)
        return pool

    def _limits_of(self, connect: float | None) -> aiohttp.ClientTimeout:
        limits = self._limits.get(connect)
        if limits is None:
            if len(self._limits) > _MOST_KEPT:
                self._limits.clear()
            limits = self._limits[connect] = aiohttp.ClientTimeout(connect=connect, ceil_threshold=float("inf"))
        return limits

    def _way_of(self, url: str) -> tuple[Route, str]:
        """The route and the request target of a URL. `ConfigurationError` for an invalid URL."""
        way = self._ways.get(url)
        if way is None:
            if len(self._ways) > _MOST_WAYS:
                self._ways.clear()
            origin, target = origin_and_target(url)
            is_known = origin in self._routes and url.isascii() and url.isprintable() and " " not in url
            if not (is_known or is_url(url)):
                raise ConfigurationError("the URL of the request is not valid; check the middleware that changed it")
            way = self._route_to(origin), target
            self._ways[url] = way
        return way

    def _route_to(self, origin: str) -> Route:
        route = self._routes.get(origin)
        if route is None:
            if len(self._routes) > _MOST_KEPT:
                self._routes = {key: used for key, used in self._routes.items() if used.shelf.is_used}
                self._ways.clear()
            found = self._proxy(origin) if callable(self._proxy) else self._proxy
            proxy, authorization = (None, None) if found is None else proxy_and_authorization(found)
            route = self._routes[origin] = Route(origin, proxy=proxy, authorization=authorization, loop=self._loop)
        return route


def _encoded_head(request: Request, route: Route, target: str) -> bytes:
    """The head of a request, for the server or for the proxy that relays it."""
    if not route.is_relayed:
        return request.headers.encoded_head_of(request) or http1.head_of(request, target)
    return http1.head_of(request, f"{route.origin}{target}", proxy_authorization=route.proxy_credentials)


def _abort_kept(pool: Pool, keeper: AsyncGenerator[None]) -> None:
    """Abort a pool, and end its keeper, which has nothing to wait for then."""
    pool.abort()
    run_first_step(keeper.aclose())


async def _kept(pool: Pool) -> AsyncGenerator[None]:
    """Keeps a pool open until `close`, or until the loop ends: a loop closes the async generators that were started on it.

    So a client that is used in several `asyncio.run` calls leaves no connection open after any of them.
    """
    try:
        yield
    finally:
        await pool.close()
