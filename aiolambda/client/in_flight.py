"""The calls in flight: the time that each has, and how they end when their client closes.

Laws: a call ends by its own outcome, by its total limit, by a cancellation from outside, or by the client's close, and each
looks different to the caller; one whose answer is read as it comes has ended once that is closed; a closed client starts
nothing.

Owns total limits and the register of calls. Must not know what a call does.
"""

import asyncio
import contextlib
import functools
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar, cast

from ..errors import AiolambdaError, ClientClosedError, InvocationTimeoutError
from ..errors.tracebacks import forget_locals
from ..pipeline.call import Call, CallNext
from ..policy import delivery
from ..types.http import Stage, StreamingBody
from ..types.interfaces import Timer
from ..types.values import Delivery

__all__ = ["InFlightCalls"]

In = TypeVar("In")
Out = TypeVar("Out")


class InFlightCalls:
    """The register of one client's calls."""

    def __init__(self, *, closed: bool = False) -> None:
        self._calls: dict[Call[Any, Any], _Scope] = {}
        self._answers: set[StreamingBody] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._cut: set[Call[Any, Any]] = set()
        self._closed = closed
        self._closers: set[asyncio.Task[Any] | None] = set()
        """The tasks that wait for the end of the calls."""
        self._changed: asyncio.Event | None = None

    async def run(self, call: Call[In, Out], chain: CallNext[In, Out]) -> Out:
        """Run a call within its total limit, until it ends or is cut."""
        if self._closed:
            raise _completed(ClientClosedError("this client is closed"), call)
        scope = self._calls[call] = _Scope(call)
        try:
            output = await chain(call)
        except BaseException as error:
            forget_locals(error)
            if not (scope.leave() and isinstance(error, asyncio.CancelledError)):
                if isinstance(error, AiolambdaError):
                    _completed(error, call)
                raise
            ended = _completed(self._ended(call), call)
        else:
            scope.leave()
            self._keep(call, call.command.operation.open_answer(output), scope.deadline)
            return output
        finally:
            call.on_slot = None
            call.last_error = None  # its traceback holds the call: nothing may keep the two together
            del self._calls[call]
            self._cut.discard(call)
            try:
                if call.answers:
                    await self._end_unread(call)
            finally:
                self._look_again()
        raise ended  # here, for the cancellation must not be its context: frames of aiohttp in there hold a proxy's password

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def is_busy(self) -> bool:
        """Whether there are calls, or answers that are still to be read."""
        return bool(self._calls or self._answers)

    def anew(self) -> "InFlightCalls":
        """One for another loop, which knows nothing of the calls on this one."""
        return InFlightCalls(closed=self._closed)

    async def close(self, grace: float | None) -> None:
        """Start nothing more; give the calls in flight so many seconds (`None`: all they need), then cut the rest.

        A call that closes its own client, in a middleware, is neither awaited nor cut: it goes on when this returns.
        """
        self._closed = True
        task = asyncio.current_task()
        within_call = any(scope.task is task for scope in self._calls.values())
        self._closers.add(task)
        self._look_again()
        try:
            # Out of two calls at once: neither waits for the other.
            await self._end_all(grace, but_of=self._closers if within_call else frozenset())
        finally:
            self._closers.discard(task)

    async def _end_all(self, grace: float | None, *, but_of: AbstractSet[asyncio.Task[Any] | None]) -> None:
        try:
            if grace != 0:
                async with asyncio.timeout(grace):
                    await self._until_empty(but_of)
        except TimeoutError:
            pass
        finally:
            self._cut_all(but_of)
        await self._until_empty(but_of)
        if self._endings:
            await asyncio.wait(self._endings)

    async def _end_unread(self, call: Call[Any, Any]) -> None:
        """Close the answers that nobody can read."""
        async with contextlib.AsyncExitStack() as endings:
            for answer in call.answers:
                if answer not in self._answers:
                    endings.push_async_callback(answer.aclose)

    def _keep(self, call: Call[Any, Any], answer: StreamingBody | None, deadline: float | None) -> None:
        """The answer that is still to be read stays in the register until it is closed; what nobody can read is not kept."""
        if answer is None or answer.closed:
            return
        timer = None
        if call in self._cut:
            self._end(answer, _cut_off())
        elif deadline is not None:
            timer = call.loop.call_at(deadline, self._end, answer, _late(call.timeouts.total, "receive"))
        self._answers.add(answer)
        answer.on_close(functools.partial(self._let_go, answer, timer))

    def _let_go(self, answer: StreamingBody, timer: Timer | None) -> None:
        self._answers.discard(answer)
        if timer is not None:
            timer.cancel()
        self._look_again()

    def _end(self, answer: StreamingBody, error: AiolambdaError) -> None:
        """Cut an answer that is still coming; its connection and its slot do not wait for a reader to notice."""
        answer.abort(error)
        ending = asyncio.create_task(answer.aclose(), name="end a streamed answer")
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _look_again(self) -> None:
        """Let who closes see whether it has to wait any more."""
        if self._changed is not None:
            self._changed.set()

    def _cut_all(self, but_of: AbstractSet[asyncio.Task[Any] | None]) -> None:
        for answer in list(self._answers):
            self._end(answer, _cut_off())
        for call, scope in self._calls.items():
            if not scope.expired and scope.task not in but_of:
                self._cut.add(call)
                scope.expire()

    async def _until_empty(self, but_of: AbstractSet[asyncio.Task[Any] | None]) -> None:
        while self._answers or any(scope.task not in but_of for scope in self._calls.values()):
            self._changed = self._changed or asyncio.Event()
            self._changed.clear()
            await self._changed.wait()

    def _ended(self, call: Call[Any, Any]) -> AiolambdaError:
        if call in self._cut:
            return _cut_off()
        return _late(call.timeouts.total, call.stage, call.last_error)


class _Scope:
    """The task of a call, and when its time ends: what `asyncio.timeout` does, with nothing to set up where there is no limit.

    The time counts from now on, or in a map, from the call's slot.
    """

    __slots__ = ("_call", "_cancelling", "_timer", "deadline", "expired", "task")

    def __init__(self, call: Call[Any, Any]) -> None:
        task = asyncio.current_task(cast("asyncio.AbstractEventLoop", call.loop))
        if task is None:
            raise RuntimeError("a call is awaited in a task")
        self.task, self._cancelling = task, task.cancelling()
        self._timer: Timer | None = None
        self.deadline: float | None = None
        self.expired = False
        self._call = call
        if call.run_ended is not None:
            call.on_slot = self._begin_in_map
        elif call.timeouts.total is not None:
            self._begin(call.timeouts.total)

    def expire(self) -> None:
        """End the call now, by one cancellation that `leave` tells from others."""
        if not self.expired:
            self.expired = True
            self.task.cancel()

    def leave(self) -> bool:
        """The call is over; whether this has cancelled its task, and nobody else has."""
        if self._timer is not None:
            self._timer.cancel()
        return self.expired and self.task.uncancel() <= self._cancelling

    def _begin(self, total: float) -> None:
        self.deadline = self._call.started + total
        self._timer = self._call.loop.call_at(self.deadline, self.expire)

    def _begin_in_map(self) -> None:
        self._check_run()
        self._call.on_slot, self._call.started = self._check_run, self._call.loop.time()
        if self._call.timeouts.total is not None and not self.expired:
            self._begin(self._call.timeouts.total)

    def _check_run(self) -> None:
        """Refuse an attempt that got its slot when the run of its map had ended."""
        if self._call.run_ended is not None and self._call.run_ended.done():
            raise AiolambdaError("the run ended before this item was sent")


def _cut_off() -> ClientClosedError:
    return ClientClosedError("the client was closed while this call was in flight")


def _late(limit: float | None, stage: Stage, last_error: AiolambdaError | None = None) -> InvocationTimeoutError:
    return InvocationTimeoutError(
        f"the call did not end within {limit} s",
        exceeded="total",
        stage=stage,
        delivery=Delivery.NOT_DELIVERED,
        last_error=last_error,
    )


def _completed(error: AiolambdaError, call: Call[Any, Any]) -> AiolambdaError:
    elapsed = call.loop.time() - call.started
    return delivery.completed(
        error,
        function_name=call.function_name,
        history=call.history,
        elapsed=elapsed,
        total_retry_delay=call.total_retry_delay,
    )
