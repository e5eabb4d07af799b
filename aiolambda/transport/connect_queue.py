"""Who gets the next connection: one that lies idle, or a turn to open one; and a place that is kept from before the signature.

Laws: first come, first served, by whatever can be had first, a connection that comes back or a turn; only an attempt that
follows another, or was served in vain, goes before; a newcomer never does; at most so many connections are being opened at a
time; a request that was promised a connection or a turn does not wait again; what was promised comes back, whatever becomes of
the request; nobody keeps a place while waiting for another.

Owns the queue, the count of turns and that of promises. Must not know what a connection is.
"""

import asyncio
from collections import OrderedDict, deque
from contextvars import ContextVar, Token
from typing import Any, Generic, TypeVar

from ..errors import ClientClosedError

__all__ = ["MAX_CONNECTING", "RESERVATION_TTL", "Reservation", "Shelf", "Turns", "current_reservation", "give_back_current"]

T = TypeVar("T")

MAX_CONNECTING = 64
"""Connections that are opened at the same time. With more, thousands of first calls over TLS make each other time out: a
handshake costs the loop about a millisecond, and all of them would share the `connect` limit (3,000 at once failed)."""

RESERVATION_TTL = 1.0
"""Seconds that a reserved turn may stay unused before another request gets it. Normally it takes about 50 us."""


class Reservation:
    """What a request was promised before it was signed: a connection of one shelf, or its turn to open one.

    It counts from when it is made until it is released. A turn is kept only for so long: between the signature and the
    transport stand the user's own middlewares, which may wait for anything, such as another call that wants a turn.
    """

    __slots__ = ("_lapse", "_task", "_token", "ended", "shelf", "taken", "turns")

    def __init__(self, turns: "Turns", shelf: "Shelf[Any] | None" = None) -> None:
        self.turns = turns
        self.shelf = shelf
        self.taken = self.ended = False
        self._token: Token[Reservation | None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._lapse: asyncio.TimerHandle | None = None
        if shelf is None:
            turns.in_use += 1
            self._lapse = turns.loop.call_later(turns.reservation_ttl, self.release)
        else:
            shelf.promised += 1

    def enter(self) -> None:
        """Let the transport find it, which is called in the task of the request, or in one that this starts."""
        self._token, self._task = _current.set(self), asyncio.current_task(self.turns.loop)

    @property
    def is_of_this_task(self) -> bool:
        """Whether this task's request was promised it: a task that a request starts sees it, and has none of its own yet."""
        return self._task is asyncio.current_task(self.turns.loop)

    def hold(self) -> None:
        """Its turn is being used: it does not lapse any more, and another request of the same task has no part in it."""
        self.taken = True
        if self._lapse is not None:
            self._lapse.cancel()

    def release(self) -> None:
        """The request has its connection, or needs none any more."""
        if self.ended:
            return
        self.ended = True
        if self.shelf is None:
            self.hold()
            self.turns.give_back()
        else:
            self.shelf.promised -= 1
            if self.shelf.waiting:
                self.turns.hand_out(self.shelf)

    def end(self) -> None:
        """The request is over."""
        self.release()
        if self._token is not None:
            try:  # noqa: SIM105 - `suppress` takes longer than all the rest here
                _current.reset(self._token)
            except ValueError:  # a task that is thrown away ends in another context than its own
                pass
            self._token = None


_Waiter = asyncio.Future[Reservation]

_current: ContextVar[Reservation | None] = ContextVar("current_reservation", default=None)


def current_reservation() -> Reservation | None:
    """What this task's request was promised, if that is still good, and not in use."""
    reservation = _current.get()
    return None if reservation is None or reservation.ended or reservation.taken else reservation


def give_back_current() -> None:
    """Release what this task's request was promised: it waits for another, which may need the same.

    What its parent's was promised stays: a parent goes on beside its child.
    """
    reservation = _current.get()
    if reservation is not None and not reservation.taken and reservation.is_of_this_task:
        reservation.release()


class Shelf(Generic[T]):
    """The connections to one place: those that lie `idle`, the youngest last, and who waits for one more than is promised."""

    def __init__(self) -> None:
        self.idle: deque[T] = deque()
        self.promised = 0
        """Connections that are promised, and not taken yet."""
        self.waiting: OrderedDict[_Waiter, None] = OrderedDict()

    @property
    def has_spare(self) -> bool:
        """Whether one lies here that is promised to nobody."""
        return len(self.idle) > self.promised

    @property
    def is_used(self) -> bool:
        """Whether one lies here, or is promised or waited for."""
        return bool(self.idle or self.promised or self.waiting)


class Turns:
    """The turns of one pool, and the queue for its shelves and for a turn."""

    def __init__(self, *, max_connecting: int = MAX_CONNECTING, reservation_ttl: float = RESERVATION_TTL) -> None:
        self.max_connecting = max_connecting
        self.reservation_ttl = reservation_ttl
        self.loop = asyncio.get_running_loop()  # kept: a call that is thrown away gives its place back where none runs
        self.in_use = 0
        self._waiting: OrderedDict[_Waiter, Shelf[Any]] = OrderedDict()

    @property
    def is_free(self) -> bool:
        """Whether a turn can be had without waiting."""
        return self.in_use < self.max_connecting

    def promise(self, shelf: Shelf[Any]) -> Reservation | None:
        """Promise a connection of this shelf, if it has one to spare."""
        return Reservation(self, shelf) if shelf.has_spare else None

    def turn(self) -> Reservation:
        """A turn; whoever takes one without having waited sees to it that one is free."""
        return Reservation(self)

    async def reserve(self, shelf: Shelf[Any], *, first: bool = False) -> Reservation:
        """A turn, or the promise of a connection that comes back first; `first`, before all who wait."""
        if self.is_free:
            return self.turn()
        waiter: _Waiter = self.loop.create_future()
        self._waiting[waiter] = shelf
        shelf.waiting[waiter] = None
        if first:
            self._waiting.move_to_end(waiter, last=False)
            shelf.waiting.move_to_end(waiter, last=False)
        try:
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                waiter.result().release()  # it came in the same moment
            self._forget(waiter)
            raise

    def hand_out(self, shelf: Shelf[Any]) -> None:
        """Promise what this shelf has to spare to those who wait for it."""
        while shelf.has_spare and (waiter := self._first_of(shelf.waiting)) is not None:
            waiter.set_result(Reservation(self, shelf))

    def give_back(self) -> None:
        """Let the next one open a connection."""
        self.in_use -= 1
        if self.is_free and (waiter := self._first_of(self._waiting)) is not None:
            waiter.set_result(self.turn())

    def close(self) -> None:
        """Let nobody wait any more."""
        while (waiter := self._first_of(self._waiting)) is not None:
            waiter.set_exception(ClientClosedError("the transport was closed while the request waited for a connection"))

    def _first_of(self, waiting: "OrderedDict[_Waiter, Any]") -> _Waiter | None:
        """Who waited longest here, taken out of the queue. A task that was cancelled, and has not run since, is passed over.

        Nobody, where the loop is closed: there is nothing that could wake them.
        """
        while waiting and not self.loop.is_closed():
            waiter = next(iter(waiting))
            self._forget(waiter)
            if not waiter.done():
                return waiter
        return None

    def _forget(self, waiter: _Waiter) -> None:
        shelf = self._waiting.pop(waiter, None)
        if shelf is not None:
            del shelf.waiting[waiter]
