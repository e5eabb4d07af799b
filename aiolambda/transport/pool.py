"""The connection pool of one event loop: lends a request a clean idle connection, or opens one when it is its turn.

Laws: the connection that came back last is lent first, so that unneeded ones expire. A request with a reservation does not wait
again.

Owns the idle connections (`Line`). Must not know HTTP. aiohttp's connector opens connections, and keeps none.
"""

import asyncio
import contextlib
import errno
import functools
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection

from ..errors import QueueTimeoutError
from ..types.values import ResponseLimits, TcpKeepAlive
from .connect_queue import Reservation, Shelf, Turns
from .connection import Line
from .exchange import Exchange
from .resolver import resolver_of_own
from .sockets import AddressInfo, ObservedSocket, socket_factory

__all__ = ["Pool", "Route"]

_made: ContextVar[list[ObservedSocket] | None] = ContextVar("made", default=None)
"""The sockets that the current `_connect` created."""


class Route(aiohttp.ClientRequest):
    """A destination of connections: an origin with its TLS and proxy. aiohttp wants it as a request, but it is never sent."""

    proxy_credentials: str | None = None
    """The credentials for a proxy that relays requests. A proxy that tunnels gets them with CONNECT."""

    @functools.cached_property
    def connection_key(self) -> ConnectionKey:  # pyright: ignore[reportIncompatibleMethodOverride] - computed once, not at each call
        return super().connection_key

    @functools.cached_property
    def shelf(self) -> Shelf[Line]:
        """The idle connections of this route, and the requests that wait for one."""
        return Shelf()

    @functools.cached_property
    def is_relayed(self) -> bool:
        """Whether a proxy relays the requests, instead of tunnelling a connection."""
        return self.proxy is not None and not self.is_ssl()


class Pool:
    """The connections of one event loop. Their number is not limited here (slots do that), but opening them is."""

    def __init__(
        self,
        *,
        keep_alive: TcpKeepAlive | None,
        kept_for: float,
        response_limits: ResponseLimits,
        max_connecting: int,
        reservation_ttl: float,
        **options: Any,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets: WeakValueDictionary[int, ObservedSocket] = WeakValueDictionary()
        factory = self._noting(socket_factory(keep_alive, self._sockets))
        self._connector = aiohttp.TCPConnector(limit=0, socket_factory=factory, resolver=resolver_of_own(), **options)  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
        self.turns = Turns(max_connecting=max_connecting, reservation_ttl=reservation_ttl)
        self._kept_for = kept_for
        self._response_limits = response_limits
        self._routes: set[Route] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        self.caught: Counter[str] = Counter()
        """Idle connections that were no longer clean, counted by reason."""

    def lend_idle(self, exchange: Exchange, route: Route, reservation: Reservation) -> Line | None:
        """A clean idle connection; `None` if there is none."""
        shelf, has_turn = route.shelf, reservation.shelf is None
        if has_turn:
            reservation.hold()
        while shelf.has_spare if has_turn else shelf.idle:
            line = shelf.idle.pop()
            stain, info = line.stain()
            if stain is None and self._loop.time() < line.until:
                reservation.release()
                exchange.request.stage = "send"
                exchange.begin(line.transport, line.sock, info)
                return line
            self._end_stained(line, stain)
        if not has_turn:
            reservation.release()  # the connection that it reserved is gone
        return None

    async def lend(
        self, exchange: Exchange, route: Route, reservation: Reservation | None, limits: aiohttp.ClientTimeout
    ) -> Line:
        """A clean connection, idle or new. `QueueTimeoutError` if the request waits too long for its turn."""
        request = exchange.request
        request.stage = "queue"
        reservation = reservation or await self.reserve(route, request.timeouts.queue)
        try:
            line = self.lend_idle(exchange, route, reservation)
            if line is None:
                line = await self._opened(exchange, reservation, route, limits)
                request.stage = "send"
                exchange.begin(line.transport, line.sock)
        finally:
            reservation.release()
        return line

    def release(self, route: Route, line: Line, *, reusable: bool) -> None:
        """Take back a connection after its request: it becomes idle, or is closed if it cannot be reused."""
        if self._closed or not reusable or not line.may_rest():
            line.close()
            return
        line.until = self._loop.time() + self._kept_for
        route.shelf.idle.append(line)
        if route.shelf.waiting and self._has_clean(route):  # a waiter must not sign for a connection that has ended
            self.turns.hand_out(route.shelf)
        self._routes.add(route)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._kept_for, self._sweep)

    def _end_stained(self, line: Line, stain: str | None) -> None:
        if stain is not None and line.is_open:
            self.caught[stain] += 1
        line.close()

    def promised(self, route: Route) -> Reservation | None:
        """A reservation of an idle connection, if one is free."""
        idle = route.shelf.idle
        while idle and not (idle[-1].is_open and self._loop.time() < idle[-1].until):
            idle.pop().close()
        return self.turns.promise(route.shelf)

    async def reserve(self, route: Route, limit: float | None, *, first: bool = False) -> Reservation:
        """Reserve an idle connection or a turn to open one, the one that is free first, within `limit` seconds.

        `first` goes to the front of the queue.
        """
        reservation = self.promised(route)
        if reservation is not None:
            return reservation
        try:
            async with asyncio.timeout(limit):
                while True:
                    reservation = await self.turns.reserve(route.shelf, first=first)
                    if reservation.shelf is None or self._has_clean(route):
                        return reservation
                    reservation.release()  # the connection ended before this task could run
                    first = True
        except TimeoutError:
            raise QueueTimeoutError(f"no connection became free, and no new one could be opened, within {limit} s") from None

    def _has_clean(self, route: Route) -> bool:
        """Whether an idle connection is clean. Closes those that are not."""
        idle = route.shelf.idle
        while idle:
            stain, _ = idle[-1].stain()
            if stain is None:
                return True
            self._end_stained(idle.pop(), stain)
        return False

    async def close(self) -> None:
        """Close all connections, idle and lent, without an orderly close of TLS. Requests that wait for one fail."""
        for sock in list(self._sockets.values()):
            sock.abort()
        closed = self._connector.close()  # first: it waits for the end of the connections that are lent
        self.close_idle()
        self.turns.close()
        await closed

    def close_idle(self) -> None:
        """Close the idle connections, and take none back."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for route in self._routes:
            while route.shelf.idle:
                route.shelf.idle.pop().close()

    def detach(self, *, forked: bool) -> None:
        """Close the descriptors in this process: the loop is closed, or belongs to the parent process (`forked`).

        A copied loop is not called: it shares its epoll descriptor with the parent.
        """
        self._closed = True
        for sock in list(self._sockets.values()):
            sock.close_descriptor(shared=forked)
        for route in () if forked else self._routes:
            while route.shelf.idle:
                route.shelf.idle.pop().detach()

    def _sweep(self) -> None:
        """Close the connections whose time in the pool is over."""
        self._sweeping, now = None, self._loop.time()
        for route in list(self._routes):
            for _ in range(len(route.shelf.idle)):
                line = route.shelf.idle.popleft()
                if line.is_open and now < line.until:
                    route.shelf.idle.append(line)
                else:
                    line.close()
            if not route.shelf.idle:
                self._routes.discard(route)
        if self._routes:
            oldest = min(route.shelf.idle[0].until for route in self._routes)
            self._sweeping = self._loop.call_at(oldest, self._sweep)

    async def _opened(self, exchange: Exchange, reservation: Reservation, route: Route, limits: aiohttp.ClientTimeout) -> Line:
        """A new connection, in the turn of this request."""
        if reservation.shelf is None:
            return await self._connect(exchange, route, limits)
        if not self.turns.is_free:  # the reserved connection has ended meanwhile, and the request is signed
            raise exchange.out_of_place()
        turn = self.turns.turn()
        turn.hold()
        try:
            return await self._connect(exchange, route, limits)
        finally:
            turn.release()

    async def _connect(self, exchange: Exchange, route: Route, limits: aiohttp.ClientTimeout) -> Line:
        exchange.request.stage = "connect"
        made: list[ObservedSocket] = []
        token = _made.set(made)
        try:
            connection = await self._connector.connect(route, [], limits)
        finally:
            for sock in made:
                # If the peer resets before the connection is open, uvloop closes the descriptor and not the socket. The socket
                # would close that number again when it is collected, and by then another file may have it.
                if sock.fileno() >= 0 and not sock.is_ours:
                    sock.detach()
            with contextlib.suppress(ValueError):  # a task that was garbage-collected ends in another context
                _made.reset(token)
        protocol = cast("ResponseHandler", connection.protocol)
        own_socket = self._socket_of(connection)
        line = Line(connection, protocol, connection.transport, own_socket, self._loop, self._response_limits)
        try:
            await self._check_silence(line)
        except BaseException:
            line.close()
            raise
        return line

    @staticmethod
    async def _check_silence(line: Line) -> None:
        """`ClientOSError` if the server has answered or closed before the request: then it was not delivered."""
        await asyncio.sleep(0)  # uvloop delivers bytes that came with the handshake only after this task has run
        if not line.is_open:
            raise aiohttp.ClientOSError(errno.ECONNRESET, "the server closed the connection before the request was sent")
        if line.protocol.should_close:
            raise aiohttp.ClientOSError(errno.EPROTO, "the server answered before the request was sent")

    @staticmethod
    def _noting(make: Callable[[AddressInfo], ObservedSocket]) -> Callable[[AddressInfo], ObservedSocket]:
        """The factory; it also adds each socket to the list of the current `_connect`."""

        def make_and_note(address: AddressInfo) -> ObservedSocket:
            sock = make(address)
            made = _made.get()
            if made is not None:
                made.append(sock)
            return sock

        return make_and_note

    def _socket_of(self, connection: Connection) -> ObservedSocket | None:
        """The socket that our factory created. The loop shows another object with the same descriptor."""
        shown = None if connection.transport is None else connection.transport.get_extra_info("socket")
        return None if shown is None else self._sockets.get(shown.fileno())
