"""Getting a connection: a clean one from the pool, or a new one when it is this request's turn to open one.

Laws: a connection that was used before is handed out only while the peer has neither ended it nor sent anything since its last
answer, so an answer belongs to its request.

Owns the pool's rules. Must not know HTTP.
"""

import functools
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from ..models import TcpKeepAlive
from . import kernel
from .exchange import Exchange, take_exchange
from .sockets import AddressInfo, ObservedSocket, socket_factory
from .turns import Reservation, Turns

__all__ = ["Connector"]

_made: ContextVar[list[ObservedSocket] | None] = ContextVar("made", default=None)
"""The sockets that one `connect` made, for itself to look through."""


class Connector(aiohttp.TCPConnector):
    """A pool without a size of its own (slots bound it) that opens at most `turns.AT_A_TIME` connections at once."""

    def __init__(self, *, keep_alive: TcpKeepAlive | None, keepalive_timeout: float, **options: Any) -> None:
        self._sockets: WeakValueDictionary[int, ObservedSocket] = WeakValueDictionary()
        factory = self._noting(socket_factory(keep_alive, self._sockets))
        super().__init__(limit=0, socket_factory=factory, keepalive_timeout=keepalive_timeout, **options)  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
        self.turns = Turns()
        self._kept_for = keepalive_timeout
        self._idle: dict[object, dict[ResponseHandler, float]] = {}  # and until when the pool keeps them
        self.caught: Counter[str] = Counter()
        """Pooled connections that were not clean any more, by the check that found them."""

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """A clean connection for the current exchange. `QueueTimeoutError` if its turn to open one does not come in time."""
        exchange = take_exchange()
        request = exchange.request
        request.stage = "queue"
        reservation = self.turns.current() or await self.reserve(request.timeouts.queue)
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
        idle = sum(map(len, self._idle.values())) if any(map(_has_open, self._idle.values())) else 0
        return await self.turns.reserve(limit, idle=idle)

    async def _any_connection(self, exchange: Exchange, reservation: Reservation, *args: Any, **options: Any) -> Connection:
        """What aiohttp's pool has, or a new one in its turn."""
        idle = self._idle.setdefault(args[0].connection_key, {})
        if reservation.has_turn or _has_open(idle):
            return await self._connect(idle, exchange, *args, **options)
        if not self.turns.is_free:  # the connection that was promised has ended meanwhile, and the request is signed
            raise exchange.out_of_place()
        await self.turns.take(None)
        try:
            return await self._connect(idle, exchange, *args, **options)
        finally:
            self.turns.give_back()

    async def _connect(self, idle: dict[ResponseHandler, float], exchange: Exchange, *args: Any, **options: Any) -> Connection:
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
            idle.pop(protocol, None)
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

    def _rest(self, idle: dict[ResponseHandler, float], protocol: ResponseHandler, sock: ObservedSocket | None) -> None:
        """A connection goes back to the pool, or ends."""
        if sock is not None and sock.fileno() >= 0 and not protocol.should_close:
            info = kernel.tcp_info(sock)
            sock.received_at_rest = None if info is None else info.received
            if sock.has_news():  # bytes behind the answer, or the end
                self.caught["news after the answer"] += 1
                protocol.force_close()
        idle[protocol] = time.monotonic() + self._kept_for

    def _socket_of(self, connection: Connection) -> ObservedSocket | None:
        """The socket that we made for it. The loop shows it as another object, of the same descriptor."""
        shown = None if connection.transport is None else connection.transport.get_extra_info("socket")
        return None if shown is None else self._sockets.get(shown.fileno())


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


def _has_open(idle: dict[ResponseHandler, float]) -> bool:
    """Whether the pool has a connection to give for this host. Those that ended, or lay too long, are forgotten here."""
    while idle:
        protocol, until = next(iter(idle.items()))
        if protocol.is_connected() and time.monotonic() < until:
            return True
        del idle[protocol]
    return False
