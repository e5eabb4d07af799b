"""Who may open a connection: at most so many handshakes at a time, and a place that is kept from before the signature.

Laws: a request that was promised a connection or a turn does not wait again; what was promised comes back, whatever becomes of
the request; nobody keeps a turn while waiting for something else.

Owns the count of turns. Must not know what a connection is.
"""

import asyncio
from contextvars import ContextVar, Token

from ..errors import QueueTimeoutError

__all__ = ["AT_A_TIME", "Reservation", "Turns", "current_reservation"]

AT_A_TIME = 64
"""Connections that are being opened at once. With more, thousands of first calls over TLS time each other out: a handshake
costs the loop about a millisecond, and all of them would share the connect limit (measured: 3,000 at once fail)."""

KEPT = 1.0
"""Seconds between the signature and the connector, after which a turn goes to somebody else. It takes some 50 us."""


class Reservation:
    """What a request was promised before it was signed: a connection of the pool, or its turn to open one.

    A turn is kept only for so long: between the signature and the transport stand the user's own middlewares, which may wait
    for anything, such as another call that wants a turn.
    """

    __slots__ = ("_lapse", "_token", "ended", "has_turn", "turns")

    def __init__(self, turns: "Turns", *, has_turn: bool) -> None:
        self.turns = turns
        self.has_turn = has_turn
        self.ended = False
        self._token: Token[Reservation | None] | None = None
        self._lapse = asyncio.get_running_loop().call_later(KEPT, self.release) if has_turn else None

    def enter(self) -> None:
        """Let the connector find it, which aiohttp calls in the task of the request."""
        self._token = _current.set(self)

    def hold(self) -> None:
        """Its turn is being used, and does not lapse any more."""
        if self._lapse is not None:
            self._lapse.cancel()

    def release(self) -> None:
        """The request has its connection, or needs none any more."""
        if not self.ended:
            self.ended = True
            self.hold()
            self.turns.take_back(self)

    def end(self) -> None:
        """The request is over."""
        self.release()
        if self._token is not None:
            try:  # noqa: SIM105 - `suppress` takes longer than all the rest here
                _current.reset(self._token)
            except ValueError:  # a task that is thrown away ends in another context than its own
                pass
            self._token = None


_current: ContextVar[Reservation | None] = ContextVar("current_reservation", default=None)


def current_reservation() -> Reservation | None:
    """What this task's request was promised, if that is still good."""
    reservation = _current.get()
    return None if reservation is None or reservation.ended else reservation


class Turns:
    """The turns of one pool, and how many of its connections are promised."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_A_TIME)
        self.in_use = 0
        self.promised = 0
        """Connections of the pool that are promised, and not taken yet."""

    def promise(self) -> Reservation:
        """Promise a connection of the pool."""
        self.promised += 1
        return Reservation(self, has_turn=False)

    async def reserve(self, limit: float | None) -> Reservation:
        """Promise a turn, within so many seconds."""
        await self.take(limit)
        return Reservation(self, has_turn=True)

    @property
    def is_free(self) -> bool:
        """Whether a turn can be had without waiting."""
        return not self._free.locked()

    def take_back(self, reservation: Reservation) -> None:
        """What was promised can be promised again."""
        if reservation.has_turn:
            self.give_back()
        else:
            self.promised -= 1

    async def take(self, limit: float | None) -> None:
        """Wait for a turn. `QueueTimeoutError` if none comes within so many seconds."""
        try:
            async with asyncio.timeout(limit):
                await self._free.acquire()
        except TimeoutError:
            raise QueueTimeoutError(f"no turn to open a connection came within {limit} s") from None
        self.in_use += 1

    def give_back(self) -> None:
        """Let the next one open a connection."""
        self.in_use -= 1
        self._free.release()
