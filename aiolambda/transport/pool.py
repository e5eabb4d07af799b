"""The connection pool of one event loop: lends a request a clean idle connection, or opens one when it is its turn.

Laws: the connection that came back last is lent first, so that unneeded ones expire. A request with a reservation does not wait
again.

Owns the connections of a loop, and which of them are idle. Must not know HTTP. aiohttp's connector opens connections, and keeps
none.
"""

import asyncio
import contextlib
import errno
import socket
from collections import Counter
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.connector import Connection as OpenedConnection

from ..errors import QueueTimeoutError
from ..types.values import ResponseLimits, TcpKeepAlive
from . import sockets
from .connect_queue import Reservation, Turns
from .connection import Connection, read_buffer
from .exchange import Displaced, Exchange, StalledHandshake
from .resolver import resolver_of_own
from .route import Route

__all__ = ["Pool", "run_first_step"]

_TURNS_TO_CLOSE = 4
"""Turns that a loop may take to close the socket of a connection that failed."""

_Sockets = dict[socket.socket, int]
"""Sockets with their inodes."""
_made: ContextVar[_Sockets | None] = ContextVar("made", default=None)
"""The sockets that the current `_dial` created."""


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
        self._opening: _Sockets = {}
        """Of connections that are being opened."""
        factory = sockets.socket_factory(keep_alive, self._note_socket)
        self._connector = aiohttp.TCPConnector(limit=0, socket_factory=factory, resolver=resolver_of_own(), **options)  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
        self.turns = Turns(max_connecting=max_connecting, reservation_ttl=reservation_ttl)
        self._kept_for = kept_for
        self._response_limits = response_limits
        self._routes: set[Route] = set()
        self._buffer = read_buffer()
        self._connections: set[Connection] = set()
        self._all_lost: asyncio.Future[None] | None = None
        self._resting: list[Connection] = []
        """Encrypted connections that became idle in this turn of the loop."""
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        self.caught: Counter[str] = Counter()
        """Idle connections that were no longer clean, counted by reason."""

    def lend_idle(self, exchange: Exchange, route: Route, reservation: Reservation) -> Connection | None:
        """A clean idle connection; `None` if there is none."""
        shelf, has_turn = route.shelf, reservation.shelf is None
        if has_turn:
            reservation.hold()
        while shelf.has_spare if has_turn else shelf.idle:
            connection = shelf.idle.pop()
            if connection.is_clean() and self._loop.time() < connection.until:
                reservation.release()
                exchange.request.stage = "send"
                exchange.connection = connection
                return connection
            self._end_stained(connection)
        if not has_turn:
            reservation.release()  # the connection that it reserved is gone
        return None

    async def lend(
        self, exchange: Exchange, route: Route, reservation: Reservation | None, limits: aiohttp.ClientTimeout
    ) -> Connection:
        """A clean connection, idle or new. `QueueTimeoutError` if the request waits too long for its turn."""
        request = exchange.request
        request.stage = "queue"
        reservation = reservation or await self.reserve(route, request.timeouts.queue)
        try:
            connection = self.lend_idle(exchange, route, reservation)
            if connection is None:
                connection = await self._opened(exchange, reservation, route, limits)
                connection.is_clean()  # which takes the facts
                request.stage = "send"
                exchange.connection = connection
        finally:
            reservation.release()
        return connection

    def release(self, connection: Connection, /, *, reusable: bool) -> None:
        """Take back a connection after its request: it becomes idle, or is closed if it cannot be reused."""
        if not connection.rest() or not reusable or self._closed:
            connection.abort()
            return
        route = connection.route
        connection.until = self._loop.time() + self._kept_for
        route.shelf.idle.append(connection)
        if connection.must_note_rest:
            if not self._resting:
                self._loop.call_soon(self._note_rest)
            self._resting.append(connection)
        if route.shelf.waiting and self._has_clean(route):  # a waiter must not sign for a connection that has ended
            self.turns.hand_out(route.shelf)
        self._routes.add(route)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._kept_for, self._sweep)

    def _note_rest(self) -> None:
        """Note what has arrived on the connections that stayed idle until the next turn of the loop.

        Most are lent again before that, and are looked at then: this saves a system call for each of their requests.
        """
        resting, self._resting = self._resting, []
        for connection in resting:
            connection.note_rest()

    def _end_stained(self, connection: Connection) -> None:
        stain = connection.stain() if connection.is_open else None
        if stain is not None:
            self.caught[stain] += 1
        connection.abort()

    def promised(self, route: Route) -> Reservation | None:
        """A reservation of an idle connection, if one is free."""
        idle = route.shelf.idle
        while idle and not idle[-1].is_open:
            idle.pop().abort()
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
            if idle[-1].is_clean():
                return True
            self._end_stained(idle.pop())
        return False

    async def close(self) -> None:
        """Close all connections, idle and lent, without an orderly close of TLS. Requests that wait for one fail."""
        await self._end_all()
        if self._connections:
            self._all_lost = self._loop.create_future()
            await self._all_lost

    def abort(self) -> None:
        """Do the same without waiting for the loop, which frees the descriptors when it runs on."""
        run_first_step(self._end_all())
        self._connections.clear()

    def _end_all(self) -> Coroutine[Any, Any, None]:
        """End all connections now. The coroutine waits until aiohttp has noticed the end of those that it was opening."""
        self.close_idle()
        for connection in list(self._connections):
            connection.cut()
        for sock, inode in list(self._opening.items()):
            sockets.shut_down(sock, inode)
        closed = self._connector.close()
        self.turns.close()
        return closed

    def close_idle(self) -> None:
        """Close the idle connections, and take none back."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for route in self._routes:
            while route.shelf.idle:
                route.shelf.idle.pop().abort()

    def detach(self, *, forked: bool) -> None:
        """Close the descriptors in this process: the loop is closed, or belongs to the parent process (`forked`).

        A copied loop is not called: it shares its epoll descriptor with the parent.
        """
        self._closed = True
        for sock, inode in list(self._opening.items()):
            sockets.close_descriptor(sock, inode, shared=forked)
        for connection in list(self._connections):
            connection.detach(forked=forked)

    def _sweep(self) -> None:
        """Close the connections whose time in the pool is over."""
        self._sweeping, now = None, self._loop.time()
        for route in list(self._routes):
            for _ in range(len(route.shelf.idle)):
                connection = route.shelf.idle.popleft()
                if connection.is_open and now < connection.until:
                    route.shelf.idle.append(connection)
                else:
                    connection.abort()
            if not route.shelf.idle:
                self._routes.discard(route)
        if self._routes:
            oldest = min(route.shelf.idle[0].until for route in self._routes)
            self._sweeping = self._loop.call_at(oldest, self._sweep)

    async def _opened(
        self, exchange: Exchange, reservation: Reservation, route: Route, limits: aiohttp.ClientTimeout
    ) -> Connection:
        """A new connection, in the turn of this request."""
        if reservation.shelf is None:
            return await self._connect(exchange, route, limits)
        if not self.turns.is_free:  # the reserved connection has ended meanwhile, and the request is signed
            raise Displaced
        turn = self.turns.turn()
        turn.hold()
        try:
            return await self._connect(exchange, route, limits)
        finally:
            turn.release()

    async def _connect(self, exchange: Exchange, route: Route, limits: aiohttp.ClientTimeout) -> Connection:
        exchange.request.stage = "connect"
        opened, made = await self._dial(route, limits)
        handler, transport = opened.protocol, opened.transport
        if handler is None or transport is None:  # it has ended already
            opened.close()
            raise _ended()
        connection = Connection(
            opened,
            transport,
            *_socket_of(opened, made),
            loop=self._loop,
            limits=self._response_limits,
            buffer=self._buffer,
            owner=self,
            route=route,
        )
        self._connections.add(connection)
        try:
            await asyncio.sleep(0)  # uvloop delivers bytes that came with the handshake only after this task has run
            # aiohttp's protocol has the bytes that came before ours took its place.
            spoke = connection.spoke_unasked or (handler.should_close and connection.is_open)
            is_ended = not connection.is_open or connection.transport.is_closing()
        except BaseException:
            connection.abort()
            raise
        if spoke or is_ended:
            connection.abort()
            raise _spoke() if spoke else _ended()
        return connection

    async def _dial(self, route: Route, limits: aiohttp.ClientTimeout) -> tuple[OpenedConnection, _Sockets]:
        """A connection of aiohttp, and the sockets that were made for it."""
        made: _Sockets = {}
        token = _made.set(made)
        try:
            return await self._connector.connect(route.request, [], limits), made
        except BaseException as error:
            has_stalled = isinstance(error, TimeoutError) and any(map(sockets.is_connected, made))
            if isinstance(error, OSError) and not isinstance(error, TimeoutError) and route.proxy is None:
                self._close_left(made)
            else:  # the loop may use the socket for a while yet, to end TLS with a peer that does not answer
                for sock, inode in made.items():
                    sockets.shut_down(sock, inode)
            if has_stalled:
                raise StalledHandshake from None
            raise
        finally:
            for sock, inode in made.items():
                del self._opening[sock]
                # If the peer resets before the connection is open, uvloop closes the descriptor and not the socket. The socket
                # would close that number again when it is collected, and by then another file may have it.
                if sock.fileno() >= 0 and not sockets.owns_descriptor(sock, inode):
                    sock.detach()
            with contextlib.suppress(ValueError):  # a task that was garbage-collected ends in another context
                _made.reset(token)

    def _close_left(self, made: _Sockets, turns: int = _TURNS_TO_CLOSE) -> None:
        """Close the sockets that the loop has left open after a connection failed: aiofastnet does, if a handshake is reset."""
        if turns:
            self._loop.call_soon(self._close_left, made, turns - 1)
            return
        for sock, inode in made.items():
            if sockets.owns_descriptor(sock, inode):
                sock.close()

    def lost(self, connection: Connection, /) -> None:
        """The loop has ended a connection."""
        self._connections.discard(connection)
        if self._all_lost is not None and not self._connections and not self._all_lost.done():
            self._all_lost.set_result(None)

    def _note_socket(self, sock: socket.socket) -> None:
        made = _made.get()
        if made is not None:
            made[sock] = self._opening[sock] = sockets.inode_of(sock)


def run_first_step(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine up to its first wait, without a loop, and drop it. What it has begun goes on."""
    with contextlib.suppress(StopIteration):
        work.send(None)
    work.close()


def _socket_of(opened: OpenedConnection, made: _Sockets) -> tuple[socket.socket | None, int]:
    """The socket of our factory, and its inode. The loop shows another object with the same descriptor."""
    shown = None if opened.transport is None else opened.transport.get_extra_info("socket")
    number = -1 if shown is None else shown.fileno()
    return next(((sock, inode) for sock, inode in made.items() if sock.fileno() == number), (None, 0))


def _ended() -> OSError:
    return OSError(errno.ECONNRESET, "the server closed the connection before the request was sent")


def _spoke() -> OSError:
    return OSError(errno.EPROTO, "the server answered before the request was sent")
