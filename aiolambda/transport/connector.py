"""Getting a connection: one from the pool, or a new one when it is this request's turn to open one.

Owns the number of handshakes at a time, and what is noted of a request's connection. Must not know HTTP.
"""

import asyncio
import functools
from contextvars import ContextVar
from typing import Any

import aiohttp
import attrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from ..errors import ConfigurationError, QueueTimeoutError
from ..messages import Request

__all__ = ["OPENING_AT_A_TIME", "Connector", "Exchange", "current_exchange"]

OPENING_AT_A_TIME = 64
"""Connections that are being opened at once. With more, thousands of first calls over TLS time each other out: a handshake
costs the loop about a millisecond, and all of them would share the connect limit (measured: 3,000 at once fail)."""


@attrs.define(eq=False)
class Exchange:
    """One request on its way through aiohttp, and the transport it was given."""

    request: Request
    transport: asyncio.Transport | None = None

    def note_stage(self) -> None:
        """Tell sending from waiting: bytes that are still in our own buffer have not left."""
        if self.transport is not None and self.request.stage == "send" and not self.transport.get_write_buffer_size():
            self.request.stage = "wait"


current_exchange: ContextVar[Exchange | None] = ContextVar("current_exchange", default=None)
"""How `connect`, which aiohttp calls in the task of the request, learns which request it is for."""


def _take_exchange() -> Exchange:
    """The exchange, out of the context: what is opened from here on keeps its context for as long as it lives."""
    exchange = current_exchange.get()
    if exchange is None:
        raise ConfigurationError("this connector serves AiohttpTransport only")
    current_exchange.set(None)
    return exchange


class Connector(aiohttp.TCPConnector):
    """A pool without a size of its own (slots bound it) that opens at most `OPENING_AT_A_TIME` connections at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=0, **options)  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
        self._turns = asyncio.Semaphore(OPENING_AT_A_TIME)
        self._idle: dict[object, set[ResponseHandler]] = {}

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """A connection for the current exchange. `QueueTimeoutError` if its turn to open one does not come in time."""
        exchange = _take_exchange()
        exchange.request.stage = "queue"
        idle = self._idle.setdefault(args[0].connection_key, set())
        if _has_open(idle):
            connection = await self._connect(idle, exchange, *args, **options)
        else:
            await self._take_turn(exchange.request.timeouts.queue)
            try:
                connection = await self._connect(idle, exchange, *args, **options)
            finally:
                self._turns.release()
        exchange.transport = connection.transport
        exchange.request.stage = "send"
        return connection

    async def _connect(self, idle: set[ResponseHandler], exchange: Exchange, *args: Any, **options: Any) -> Connection:
        exchange.request.stage = "connect"
        connection = await super().connect(*args, **options)
        protocol = connection.protocol
        if protocol is not None:
            idle.discard(protocol)
            connection.add_callback(functools.partial(idle.add, protocol))
        return connection

    async def _take_turn(self, limit: float | None) -> None:
        try:
            async with asyncio.timeout(limit):
                await self._turns.acquire()
        except TimeoutError:
            raise QueueTimeoutError(f"no turn to open a connection came within {limit} s") from None


def _has_open(idle: set[ResponseHandler]) -> bool:
    """Whether the pool has a connection to give for this host. Those that ended meanwhile are forgotten here."""
    while idle:
        protocol = next(iter(idle))
        if protocol.is_connected():
            return True
        idle.discard(protocol)
    return False
