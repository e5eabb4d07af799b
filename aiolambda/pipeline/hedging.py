"""A hedged call: a call that waits too long for its answer is sent a second time, and the first answer wins.

Laws: a call is sent a second time at most once, and only while a request of it waits for an answer; a hedge takes a place that
is free, and queues for none; a hedge is not repeated; once one of the two has the answer, the other is cut, and nothing of it
is left when the call returns. After a failure that could pass, a call waits for the answer of its hedge. What a middleware
makes of a call counts: one that must not run twice is not sent a second time.

Both are whole calls: each goes through all middlewares, with a signature of its own. Owns their race. Must not know how a call
is sent, or which calls may be hedged.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import attrs

from ..errors import AiolambdaError, LambdaServiceException, TransportError
from ..policy import classification, delivery
from ..policy.hedging import FunctionRecord
from ..types.events import AttemptEnded, AttemptSent, ClientObserver, Throttled
from ..types.loggers import AnyLogger, log_quietly
from ..types.values import Attempt, Delivery, HedgeAfter, Metadata, RetryAction, new_attempt, text_of
from .operation import CommandOutput, ControlPlaneOperation, Operation

if TYPE_CHECKING:
    from .call import Call

__all__ = ["Leg", "Places", "Race", "problem_of_kind", "record_key"]

Out = TypeVar("Out")

_SHORTEST_LOOK = 0.05
"""Seconds before a call that may not be hedged looks again, at least."""


class Places(Protocol):
    """The places that a hedge needs, and the counters of hedges."""

    def take(self) -> bool:
        """Take a place for a hedge. `False` if there is none, or nothing more may be sent."""
        ...

    def give_back(self, error: BaseException | None) -> None:
        """The hedge has ended: with this error, or with an answer."""
        ...

    def count_sent(self) -> None:
        """A hedge was sent."""
        ...

    def count_won(self) -> None:
        """A hedge has the answer."""
        ...


class Leg(ClientObserver):
    """One of the two calls of a race: it hears what its call does. `hedge` says whether it is the second one."""

    def __init__(self, race: "Race[Any]", *, hedge: bool) -> None:
        self.hedge = hedge
        self.task: asyncio.Task[Any] | None = None
        self.history: list[Attempt] = []
        """The requests that have ended."""
        self.may_repeat = True
        """Whether the request that was sent last may be sent by another call, too."""
        self.sent = 0
        self.sent_at = self.first_sent_at = race.now()
        self._race = race

    @property
    def in_flight(self) -> bool:
        """Whether a request of it waits for its answer."""
        return self.sent > len(self.history)

    @property
    def tasks(self) -> "list[asyncio.Task[Any]]":
        """The tasks of its call: its own, and that of the other side."""
        return self._race.tasks

    @property
    def age(self) -> float:
        """Seconds since its call began, which may have waited before it sent anything."""
        return self._race.now() - self._race.began

    @property
    def elapsed(self) -> float:
        """For a hedge: seconds since the first request of its call was sent."""
        return self._race.now() - self._race.first.first_sent_at

    @property
    def waited(self) -> float:
        """Seconds since its last request was sent."""
        return self._race.now() - self.sent_at

    @property
    def failure(self) -> BaseException | None:
        """The error with which it has ended; `None` if it runs or has an output."""
        task = self.task
        if task is None or not task.done():
            return None
        try:
            return task.exception()
        except asyncio.CancelledError:  # asked for, so that the task parts with it: its traceback refers to the task
            return asyncio.CancelledError()

    def note_call(self, call: "Call[Any, Any]") -> None:
        """A request of this call is about to be sent. A middleware may have said that it must not run twice."""
        self.may_repeat = call.idempotent and problem_of_kind(call.command.operation, call.input) is None

    def attempt_sent(self, event: AttemptSent, /) -> None:
        """A request of the call is handed to the transport."""
        self.note_sent()

    def attempt_ended(self, event: AttemptEnded, /) -> None:
        """A request of the call has ended."""
        self.note_ended(new_attempt(event.delivery, event.duration, event.status_code))

    def throttled(self, event: Throttled, /) -> None:
        """Lambda throttled a request of the call."""
        self.note_throttled(event.retry_after)

    def note_sent(self) -> None:
        """A request is sent now."""
        self.sent += 1
        self.sent_at = self._race.now()
        if self.sent == 1:
            self.first_sent_at = self.sent_at
        self._race.on_sent(self)

    def note_ended(self, attempt: Attempt) -> None:
        """A request has ended."""
        self.history.append(attempt)
        self._race.on_ended(self)

    def note_throttled(self, retry_after: float | None) -> None:
        """A request was throttled, and may be sent again after so many seconds, if Lambda said it."""
        self._race.record.throttled(self._race.now(), retry_after)

    async def before_retry(self) -> None:
        """Wait for the hedge, if one is in flight: its answer makes another attempt needless."""
        other = self._race.hedge
        if not self.hedge and other is not None and other.task is not None and not other.task.done():
            await asyncio.wait({other.task})


class Race(Generic[Out]):
    """The race of one call. `run` returns the output of the first answer."""

    def __init__(
        self,
        start: Callable[[Leg], Awaitable[Out]],
        *,
        name: str,
        after: HedgeAfter,
        record: FunctionRecord,
        places: Places,
        logger: AnyLogger,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.began = self.now()
        self.record = record
        self.first = Leg(self, hedge=False)
        self.hedge: Leg | None = None
        self._start, self._name, self._places, self._logger = start, name, places, logger
        self._after: HedgeAfter = after
        self._winner = self.first
        self._holds_place = False
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.copy_context()
        """That of the caller: the timer runs in that of the attempt, which the hedge is no part of."""

    async def run(self) -> Out:
        """Make the call, and send it a second time if that is due. All that was begun has ended when this returns or raises."""
        self.record.begin()
        try:
            try:
                self.first.task = self._begin(self.first, self._on_first)
                await self._settled
            finally:
                self._disarm()
                self._start = _never
                await self._end_both()
            return self._outcome()
        finally:
            self._forget()

    @property
    def tasks(self) -> "list[asyncio.Task[Any]]":
        """The tasks of both sides, as far as they have begun."""
        return [leg.task for leg in (self.first, self.hedge) if leg is not None and leg.task is not None]

    # What a leg tells

    def on_sent(self, leg: Leg) -> None:
        """A request was sent: from now on the call waits for its answer."""
        if self._settled.done():
            return
        if leg.hedge:
            if leg.sent == 1:
                self._places.count_sent()
                self._log("%r has not answered after %.3f s: the call was sent a second time", leg.elapsed)
        elif self.hedge is None and leg.may_repeat:
            delay = self.record.delay(self._after)
            if delay is not None:
                self._disarm()
                self._timer = self._loop.call_later(delay, self._send_hedge, delay)

    def on_ended(self, leg: Leg) -> None:
        """A request has ended, with an answer or without."""
        if not leg.hedge:
            self._disarm()

    # The tasks

    def _begin(self, leg: Leg, on_end: "Callable[[asyncio.Task[Out]], None]") -> "asyncio.Task[Out]":
        start = self._start

        async def go() -> Out:
            return await start(leg)

        task = self._context.run(self._loop.create_task, go(), name="a hedge" if leg.hedge else None)
        task.add_done_callback(on_end)
        return task

    def _send_hedge(self, delay: float) -> None:
        """Send the hedge, which is due. If it may not be sent now, look again after half of the delay: it waits in no queue."""
        self._timer = None
        if self._settled.done() or self.hedge is not None or not self.first.in_flight:
            return
        if not self.record.may_hedge(self.now()) or not self._places.take():
            self._timer = self._loop.call_later(max(_SHORTEST_LOOK, delay / 2), self._send_hedge, delay)
            return
        self._holds_place = True
        self.record.hedged()
        self.hedge = Leg(self, hedge=True)
        self.hedge.task = self._begin(self.hedge, self._on_hedge)

    def _on_first(self, task: "asyncio.Task[Out]") -> None:
        self._disarm()
        if self._settled.done():
            return
        error = self.first.failure
        if error is None and self.first.sent:
            last = self.first.history[-1] if self.first.history else None
            self.record.answered(self.first.waited if last is None else last.duration)
        if error is None or not self._holds_place or not _could_pass(error):  # else the end of the hedge is still to come
            self._settled.set_result(None)

    def _on_hedge(self, task: "asyncio.Task[Out]") -> None:
        hedge = self.hedge
        if hedge is None or self._settled.done():  # both have ended in the same turn of the loop, or the call was cancelled
            return
        error = hedge.failure
        self._leave_place(error)
        if error is None:
            if self.first.in_flight:
                self.record.answered(self.first.waited)
            self._winner = hedge
            if hedge.sent:  # else a middleware has answered in place of the function
                self._places.count_won()
                self._log("%r: the second request has the answer, %.3f s after the first was sent", hedge.elapsed)
            self._settled.set_result(None)
        elif _is_done(self.first):
            self._settled.set_result(None)

    async def _end_both(self) -> None:
        """Cut what still runs, and wait for its end. A cancellation from outside comes after it."""
        running = [task for task in self.tasks if not task.done()]
        cancelled: asyncio.CancelledError | None = None
        try:
            while running:
                for task in running:
                    task.cancel()
                try:
                    await asyncio.wait(running)
                except asyncio.CancelledError as error:
                    cancelled = error
                running = [task for task in running if not task.done()]
            failures = [leg.failure for leg in (self.first, self.hedge) if leg is not None]  # they count as retrieved now
            if self.hedge is not None:
                self._leave_place(failures[-1])
            del failures
            if cancelled is not None:
                raise cancelled
        finally:
            del cancelled  # its traceback has this frame

    def _leave_place(self, error: BaseException | None) -> None:
        """Give back the place of the hedge, once: at its end, or at that of the call if its callback is still to come."""
        if self._holds_place:
            self._holds_place = False
            self._places.give_back(error)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The outcome

    def _outcome(self) -> Out:
        """The output of the winner, or the error of the call."""
        hedge, winner = self.hedge, self._winner
        task = cast("asyncio.Task[Out]", winner.task)
        try:
            if hedge is None or not hedge.sent:
                return task.result()
            if isinstance(error := winner.failure, AiolambdaError):
                delivery.joined(error, _attempts_of(hedge))
            output = task.result()
            loser = _attempts_of(self.first if winner.hedge else hedge)
            return _with_both(output, loser, has_won=winner.hedge) if winner.sent else output
        finally:
            hedge = task = error = None  # type: ignore[assignment] # an error's traceback has this frame

    def _forget(self) -> None:
        """Part with both sides: the traceback of an error has their frames and those of the race, and they have the error."""
        for leg in (self.first, self.hedge):
            if leg is not None:
                leg.task = None
        self.hedge = None
        del self.first, self._winner

    def _log(self, message: str, elapsed: float) -> None:
        if self._logger.isEnabledFor(logging.DEBUG):
            keys = {"function_name": self._name, "elapsed_ms": round(elapsed * 1000, 3)}
            log_quietly(self._logger, logging.DEBUG, message, self._name, elapsed, extra=keys)


def problem_of_kind(operation: Operation[Any, Any], input: Any) -> str | None:
    """Why a call of this kind is not hedged; `None` if it waits for the whole answer of a function."""
    if isinstance(operation, ControlPlaneOperation):
        return "hedge_after is for calls of functions: a call that manages functions is not sent a second time"
    if operation.streamed:
        return "hedge_after is for calls that wait for a whole answer: a stream is not sent a second time"
    kind = text_of(operation.invocation_type(input))
    if kind != "RequestResponse":
        return f"hedge_after is for calls that wait for the answer of a function: one of the invocation type {kind} does not"
    return None


def record_key(operation: Operation[Any, Any], input: Any) -> tuple[str, str | None]:
    """The name and the qualifier of the function of a call. Its input was not checked yet, and may hold anything."""
    name, qualifier = cast("object", operation.function_name(input)), getattr(input, "qualifier", None)
    return name if isinstance(name, str) else "", qualifier if isinstance(qualifier, str) else None


async def _never(leg: Leg) -> Any:
    raise AssertionError("the race is over")


def _is_done(leg: Leg) -> bool:
    return leg.task is None or leg.task.done()


def _could_pass(error: BaseException) -> bool:
    """Whether the call could be repeated after this failure, so that the answer of the other is worth waiting for."""
    if not isinstance(error, AiolambdaError):
        return False
    return (error.retry_action or classification.retry_action_of(error)) is not RetryAction.NONE


def _attempts_of(leg: Leg) -> list[Attempt]:
    """The requests of a call that is not the winner. If it told nothing of them, its error does; else their end is unknown."""
    error = leg.failure
    history = leg.history or _history_of(error)
    verdict = error.delivery if isinstance(error, AiolambdaError) else Delivery.UNKNOWN
    return [*history, *(new_attempt(verdict, leg.waited, None) for _ in range(leg.sent - len(history)))]


def _history_of(error: BaseException | None) -> Sequence[Attempt]:
    if isinstance(error, LambdaServiceException):
        return error.metadata.history
    return error.history if isinstance(error, TransportError) else ()


def _with_both(output: Out, loser: Sequence[Attempt], *, has_won: bool) -> Out:
    """The output with the requests of both calls in its metadata. A middleware may have returned an output of its own kind."""
    if not isinstance(output, CommandOutput) or not attrs.has(type(output)):
        return output
    metadata, field = getattr(output, "metadata", None), attrs.fields_dict(cast("Any", type(output))).get("metadata")
    if not isinstance(metadata, Metadata) or field is None or not field.init:
        return output
    history = (*loser, *metadata.history) if has_won else (*metadata.history, *loser)
    both = attrs.evolve(metadata, attempts=metadata.attempts + len(loser), history=history, hedge="won" if has_won else "lost")
    changed: Any = attrs.evolve(cast("Any", output), metadata=both)
    return cast("Out", changed)
