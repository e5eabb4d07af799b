"""The pool: lends a request a clean line that lies idle, or opens one when it is this request's turn.

Laws: the line that came back last is lent first, so that those which are not needed grow old and end; a request that was
promised a line does not wait again.

Owns the idle lines. Must not know HTTP; aiohttp's connector opens the lines, and has no pool of its own to keep.
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
"""The sockets that one `connect` made, for itself to look through."""


class Route(aiohttp.ClientRequest):
    """What aiohttp opens connections for: an origin, its TLS and its proxy. It is kept, and never sent itself."""

    proxy_credentials: str | None = None
    """What a proxy that reads the requests is told of who sends them; one that only tunnels is told when it is asked to."""

    @functools.cached_property
    def connection_key(self) -> ConnectionKey:  # pyright: ignore[reportIncompatibleMethodOverride] - worked out once, not at each call
        return super().connection_key

    @functools.cached_property
    def shelf(self) -> Shelf[Line]:
        """The lines that wait for a request, and the requests that wait for a line."""
        return Shelf()

    @functools.cached_property
    def is_relayed(self) -> bool:
        """Whether a proxy reads the requests, and passes them on."""
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
        """Idle lines that were not clean any more, by the check that found them."""

    def lend_idle(self, exchange: Exchange, route: Route, reservation: Reservation) -> Line | None:
        """A clean line out of the pool; `None` if there is none."""
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
            reservation.release()  # there is nothing behind that promise any more
        return None

    async def lend(
        self, exchange: Exchange, route: Route, reservation: Reservation | None, limits: aiohttp.ClientTimeout
    ) -> Line:
        """A clean line. `QueueTimeoutError` if its turn to open one does not come in time."""
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

    def take_back(self, route: Route, line: Line, *, reusable: bool) -> None:
        """A line whose request is over: it waits for another, or ends where it cannot serve one."""
        if self._closed or not reusable or not line.may_rest():
            line.close()
            return
        line.until = self._loop.time() + self._kept_for
        route.shelf.idle.append(line)
        if route.shelf.waiting and self._has_clean(route):  # who waits would sign in vain for one that has ended
            self.turns.hand_out(route.shelf)
        self._routes.add(route)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._kept_for, self._sweep)

    def _end_stained(self, line: Line, stain: str | None) -> None:
        if stain is not None and line.is_open:
            self.caught[stain] += 1
        line.close()

    def promised(self, route: Route) -> Reservation | None:
        """A promise of an idle line, if one is left to promise."""
        idle = route.shelf.idle
        while idle and not (idle[-1].is_open and self._loop.time() < idle[-1].until):
            idle.pop().close()
        return self.turns.promise(route.shelf)

    async def reserve(self, route: Route, limit: float | None, *, first: bool = False) -> Reservation:
        """Promise an idle line, if one is left to promise, or else what comes first, within so many seconds: one, or a turn.

        `first`, before all who wait.
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
                    reservation.release()  # the line ended before its new owner could run
                    first = True
        except TimeoutError:
            raise QueueTimeoutError(f"no connection and no turn to open one came within {limit} s") from None

    def _has_clean(self, route: Route) -> bool:
        """Whether the line that is lent next could carry a request now. Those that could not are ended."""
        idle = route.shelf.idle
        while idle:
            stain, _ = idle[-1].stain()
            if stain is None:
                return True
            self._end_stained(idle.pop(), stain)
        return False

    async def close(self) -> None:
        """End the idle lines, and those that are lent, without the goodbyes of TLS; whoever waits for one fails."""
        for sock in list(self._sockets.values()):
            sock.cut()
        closed = self._connector.close()  # before the lines are let go: it waits for the end of those that it has lent
        self.end()
        self.turns.close()
        await closed

    def end(self) -> None:
        """End the idle lines, and take none back."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for route in self._routes:
            while route.shelf.idle:
                route.shelf.idle.pop().close()

    def abandon(self, *, forked: bool) -> None:
        """Its loop is closed, or the copy of one that runs in the parent process: close the descriptors in this one.

        Nothing is asked of the loop's copy: what it sees to the kernel's end of is its parent's, too.
        """
        self._closed = True
        for sock in list(self._sockets.values()):
            sock.let_go(shared=forked)
        for route in () if forked else self._routes:
            while route.shelf.idle:
                route.shelf.idle.pop().abandon()

    def _sweep(self) -> None:
        """End the lines that nobody needed for so long."""
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
        """A new line, in this request's turn."""
        if reservation.shelf is None:
            return await self._connect(exchange, route, limits)
        if not self.turns.is_free:  # the line that was promised has ended meanwhile, and the request is signed
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
                # uvloop closes the descriptor, not the socket, when the peer resets before the connection is open. The socket
                # would close it again when it is collected, and by then it may be somebody else's.
                if sock.fileno() >= 0 and not sock.is_ours:
                    sock.detach()
            with contextlib.suppress(ValueError):  # a task that is thrown away ends in another context than its own
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
        """`ClientOSError` if the server has answered, or closed, before anything was written: no request was delivered."""
        await asyncio.sleep(0)  # uvloop hands on what came with the end of a handshake only after the task that opened has run
        if not line.is_open:
            raise aiohttp.ClientOSError(errno.ECONNRESET, "the server closed the connection before it was asked anything")
        if line.protocol.should_close:
            raise aiohttp.ClientOSError(errno.EPROTO, "the server answered before it was asked anything")

    @staticmethod
    def _noting(make: Callable[[AddressInfo], ObservedSocket]) -> Callable[[AddressInfo], ObservedSocket]:
        """The factory, in a form that leaves a note of each socket with the `connect` that it is for."""

        def make_and_note(address: AddressInfo) -> ObservedSocket:
            sock = make(address)
            made = _made.get()
            if made is not None:
                made.append(sock)
            return sock

        return make_and_note

    def _socket_of(self, connection: Connection) -> ObservedSocket | None:
        """The socket that we made for it. The loop shows it as another object, of the same descriptor."""
        shown = None if connection.transport is None else connection.transport.get_extra_info("socket")
        return None if shown is None else self._sockets.get(shown.fileno())
