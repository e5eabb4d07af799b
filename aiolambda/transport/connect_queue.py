"""The queue for connections: a request waits for an idle connection or for a turn to open one, and reserves it before signing.

Laws:

- First come, first served, by the first connection or turn that becomes free. Only a repeated attempt, or a request whose
  reservation proved useless, goes to the front; a new request never does.
- At most `max_connecting` connections are opened at the same time.
- A request with a reservation does not wait again. A reservation is always released, however the request ends.
- A task holds no reservation while it waits for another.

Owns the queue, and the counts of turns and reservations. Must not know what a connection is.
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
    """A connection of one shelf, or a turn to open one, that a request reserved before it was signed.

    It counts until it is released. A turn expires after `reservation_ttl` seconds: the user's middlewares between the signature
    and the transport may wait for anything, such as another call that needs a turn.
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
        """Make it visible to the transport, which runs in the task of the request, or in a child task."""
        self._token, self._task = _current.set(self), asyncio.current_task(self.turns.loop)

    @property
    def is_of_this_task(self) -> bool:
        """Whether this task made it. A child task sees it, too, but it belongs to the parent."""
        return self._task is asyncio.current_task(self.turns.loop)

    def hold(self) -> None:
        """Start to use the turn: it does not expire any more, and no other request of the task can use it."""
        self.taken = True
        if self._lapse is not None:
            self._lapse.cancel()

    def release(self) -> None:
        """The request has its connection, or does not need one any more."""
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
        """The request has ended: release it, and hide it from the task."""
        self.release()
        if self._token is not None:
            try:  # noqa: SIM105 - `suppress` takes longer than all the rest here
                _current.reset(self._token)
            except ValueError:  # a task that was garbage-collected ends in another context
                pass
            self._token = None


_Waiter = asyncio.Future[Reservation]

_current: ContextVar[Reservation | None] = ContextVar("current_reservation", default=None)


def current_reservation() -> Reservation | None:
    """The reservation of this task, if it is valid and not in use."""
    reservation = _current.get()
    return None if reservation is None or reservation.ended or reservation.taken else reservation


def give_back_current() -> None:
    """Release the reservation of this task, because it starts to wait for another request, which may need the same.

    A reservation of the parent task stays: the parent goes on beside its child.
    """
    reservation = _current.get()
    if reservation is not None and not reservation.taken and reservation.is_of_this_task:
        reservation.release()


class Shelf(Generic[T]):
    """The connections to one origin: the `idle` ones, the youngest last, and the requests that wait for one."""

    def __init__(self) -> None:
        self.idle: deque[T] = deque()
        self.promised = 0
        """Idle connections that are reserved."""
        self.waiting: OrderedDict[_Waiter, None] = OrderedDict()

    @property
    def has_spare(self) -> bool:
        """Whether an idle connection is not reserved."""
        return len(self.idle) > self.promised

    @property
    def is_used(self) -> bool:
        """Whether a connection is idle, reserved or waited for."""
        return bool(self.idle or self.promised or self.waiting)


class Turns:
    """The turns to open a connection in one pool, and the queue of the requests that wait."""

    def __init__(self, *, max_connecting: int = MAX_CONNECTING, reservation_ttl: float = RESERVATION_TTL) -> None:
        self.max_connecting = max_connecting
        self.reservation_ttl = reservation_ttl
        self.loop = asyncio.get_running_loop()  # kept: a garbage-collected call releases its reservation where no loop runs
        self.in_use = 0
        self._waiting: OrderedDict[_Waiter, Shelf[Any]] = OrderedDict()

    @property
    def is_free(self) -> bool:
        """Whether a turn is free now."""
        return self.in_use < self.max_connecting

    def promise(self, shelf: Shelf[Any]) -> Reservation | None:
        """Reserve an idle connection of this shelf, if one is not reserved."""
        return Reservation(self, shelf) if len(shelf.idle) > shelf.promised else None  # a property takes longer

    def turn(self) -> Reservation:
        """A turn. The caller must check `is_free` first, unless it has waited."""
        return Reservation(self)

    async def reserve(self, shelf: Shelf[Any], *, first: bool = False) -> Reservation:
        """Wait for a turn or a connection, the one that is free first. `first` goes to the front of the queue."""
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
                waiter.result().release()  # it was served in the moment in which it was cancelled
            self._forget(waiter)
            raise

    def hand_out(self, shelf: Shelf[Any]) -> None:
        """Reserve the free connections of this shelf for the requests that wait for it."""
        while shelf.has_spare and (waiter := self._first_of(shelf.waiting)) is not None:
            waiter.set_result(Reservation(self, shelf))

    def give_back(self) -> None:
        """Pass the turn to the next request."""
        self.in_use -= 1
        if self.is_free and (waiter := self._first_of(self._waiting)) is not None:
            waiter.set_result(self.turn())

    def close(self) -> None:
        """Fail all requests that wait."""
        while (waiter := self._first_of(self._waiting)) is not None:
            waiter.set_exception(ClientClosedError("the transport was closed while the request waited for a connection"))

    def _first_of(self, waiting: "OrderedDict[_Waiter, Any]") -> _Waiter | None:
        """Take the longest waiter out of the queue. A task that was cancelled, and has not run since, is skipped.

        `None` if the loop is closed, because it cannot wake a task.
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
