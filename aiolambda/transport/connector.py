"""Getting a connection: a clean one from the pool, or a new one when it is this request's turn to open one.

Laws: a connection that was used before is handed out only while the peer has neither ended it nor sent anything since its last
answer, so an answer belongs to its request; thousands of first calls do not time each other out.

Owns the pool's rules and the number of handshakes at a time. Must not know HTTP.
"""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from ..errors import QueueTimeoutError
from ..models import TcpKeepAlive
from . import kernel
from .exchange import Exchange, take_exchange
from .sockets import AddressInfo, ObservedSocket, socket_factory

__all__ = ["OPENING_AT_A_TIME", "Connector", "Reservation"]

OPENING_AT_A_TIME = 64
"""Connections that are being opened at once. With more, thousands of first calls over TLS time each other out: a handshake
costs the loop about a millisecond, and all of them would share the connect limit (measured: 3,000 at once fail)."""


_TURN_KEPT = 1.0
"""Seconds between the signature and `connect`, after which a turn goes to somebody else. It takes some 50 us."""


class Reservation:
    """What a request was promised before it was signed: a connection of the pool, or its turn to open one.

    A turn is kept only for so long: between the signature and the transport stand the user's own middlewares, which may wait
    for anything, such as another call that wants a turn.
    """

    __slots__ = ("_ended", "_lapse", "_token", "connector", "has_turn")

    def __init__(self, connector: "Connector", *, has_turn: bool) -> None:
        self.connector = connector
        self.has_turn = has_turn
        self._ended = False
        self._token: Token[Reservation | None] | None = None
        self._lapse = asyncio.get_running_loop().call_later(_TURN_KEPT, self.release) if has_turn else None

    def enter(self) -> None:
        """Let `connect` find it, which aiohttp calls in the task of the request."""
        self._token = _current_reservation.set(self)

    def hold(self) -> None:
        """Its turn is being used, and does not lapse any more."""
        if self._lapse is not None:
            self._lapse.cancel()

    def release(self) -> None:
        """It has its connection, or needs none any more."""
        if not self._ended:
            self._ended = True
            self.hold()
            self.connector.take_back(self)

    @property
    def ended(self) -> bool:
        return self._ended

    def end(self) -> None:
        """The request is over."""
        self.release()
        if self._token is not None:
            with contextlib.suppress(ValueError):  # a task that is thrown away ends in another context than its own
                _current_reservation.reset(self._token)
            self._token = None


_made: ContextVar[list[ObservedSocket] | None] = ContextVar("made", default=None)
_current_reservation: ContextVar[Reservation | None] = ContextVar("current_reservation", default=None)


class Connector(aiohttp.TCPConnector):
    """A pool without a size of its own (slots bound it) that opens at most `OPENING_AT_A_TIME` connections at once."""

    def __init__(self, *, keep_alive: TcpKeepAlive | None, **options: Any) -> None:
        self._sockets: WeakValueDictionary[int, ObservedSocket] = WeakValueDictionary()
        factory = self._noting(socket_factory(keep_alive, self._sockets))
        super().__init__(limit=0, socket_factory=factory, **options)  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
        self._turns = asyncio.Semaphore(OPENING_AT_A_TIME)
        self._promised = 0
        self._idle: dict[object, set[ResponseHandler]] = {}
        self.caught: Counter[str] = Counter()
        """Pooled connections that were not clean any more, by the check that found them."""

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """A clean connection for the current exchange. `QueueTimeoutError` if its turn to open one does not come in time."""
        exchange = take_exchange()
        request = exchange.request
        request.stage = "queue"
        reservation = _current_reservation.get()
        if reservation is None or reservation.ended or reservation.connector is not self:
            reservation = await self.reserve(request.timeouts.queue)
        reservation.hold()
        try:
            while True:
                connection = await self._any_connection(exchange, reservation, *args, **options)
                sock = self._socket_of(connection)
                stain = None if sock is None else _stain(connection.protocol, sock)
                if stain is None:
                    break
                self.caught[stain] += 1
                connection.close()
        finally:
            reservation.release()
        request.stage = "send"
        exchange.begin(connection.transport, sock)
        return connection

    async def reserve(self, limit: float | None) -> Reservation:
        """Promise a connection of the pool, if one is left to promise, or else a turn, within so many seconds."""
        if any(map(_has_open, self._idle.values())) and sum(map(len, self._idle.values())) > self._promised:
            self._promised += 1
            return Reservation(self, has_turn=False)
        await self._take_turn(limit)
        return Reservation(self, has_turn=True)

    def take_back(self, reservation: Reservation) -> None:
        """What was promised can be promised again."""
        if reservation.has_turn:
            self._turns.release()
        else:
            self._promised -= 1

    async def _any_connection(self, exchange: Exchange, reservation: Reservation, *args: Any, **options: Any) -> Connection:
        """What aiohttp's pool has, or a new one in its turn."""
        idle = self._idle.setdefault(args[0].connection_key, set())
        if reservation.has_turn or _has_open(idle):
            return await self._connect(idle, exchange, *args, **options)
        exchange.request.stage = "queue"  # the connection that was promised has ended meanwhile
        await self._take_turn(exchange.request.timeouts.queue)
        try:
            return await self._connect(idle, exchange, *args, **options)
        finally:
            self._turns.release()

    async def _connect(self, idle: set[ResponseHandler], exchange: Exchange, *args: Any, **options: Any) -> Connection:
        exchange.request.stage = "connect"
        made: list[ObservedSocket] = []
        token = _made.set(made)
        try:
            connection = await super().connect(*args, **options)
        finally:
            _made.reset(token)
            for sock in made:
                # uvloop closes the descriptor, not the socket, when the peer resets before the connection is open. The socket
                # would close it again when it is collected, and by then it may be somebody else's.
                if sock.fileno() >= 0 and not sock.is_ours:
                    sock.detach()
        protocol = connection.protocol
        if protocol is not None:
            idle.discard(protocol)
            connection.add_callback(functools.partial(self._rest, idle, protocol, self._socket_of(connection)))
        return connection

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

    def cut_all(self) -> None:
        """End every connection now, without the goodbyes of TLS."""
        for sock in list(self._sockets.values()):
            sock.cut()

    def _rest(self, idle: set[ResponseHandler], protocol: ResponseHandler, sock: ObservedSocket | None) -> None:
        """A connection goes back to the pool, or ends."""
        if sock is not None and sock.fileno() >= 0 and not protocol.should_close:
            info = kernel.tcp_info(sock)
            sock.received_at_rest = None if info is None else info.received
            if sock.has_news():  # bytes behind the answer, or the end
                self.caught["news after the answer"] += 1
                protocol.force_close()
        idle.add(protocol)

    def _socket_of(self, connection: Connection) -> ObservedSocket | None:
        """The socket that we made for it. The loop shows it as another object, of the same descriptor."""
        shown = None if connection.transport is None else connection.transport.get_extra_info("socket")
        return None if shown is None else self._sockets.get(shown.fileno())

    async def _take_turn(self, limit: float | None) -> None:
        try:
            async with asyncio.timeout(limit):
                await self._turns.acquire()
        except TimeoutError:
            raise QueueTimeoutError(f"no turn to open a connection came within {limit} s") from None


def _stain(protocol: ResponseHandler | None, sock: ObservedSocket) -> str | None:
    """Why a connection that was used before must not be used again; `None` where it is clean."""
    if not sock.uses:
        return None
    if protocol is None or protocol.should_close:
        return "an answer without a request"
    if sock.has_news():
        return "news"
    info = kernel.tcp_info(sock)
    if info is None:
        return None
    if info.state != kernel.ESTABLISHED:
        return "not established"
    return "bytes while idle" if info.received != sock.received_at_rest else None


def _has_open(idle: set[ResponseHandler]) -> bool:
    """Whether the pool has a connection to give for this host. Those that ended meanwhile are forgotten here."""
    while idle:
        protocol = next(iter(idle))
        if protocol.is_connected():
            return True
        idle.discard(protocol)
    return False
