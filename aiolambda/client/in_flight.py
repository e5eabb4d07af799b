"""The calls in flight of a client: their deadlines, and how they end if the client closes.

Laws: a call ends by its own outcome, by its total limit, by a cancellation from outside, or by the close of its client, and the
caller can tell these apart. A streamed call ends when its stream is closed. A closed client starts nothing.

Owns the total limit and the register of calls. Must not know what a call does.
"""

import asyncio
import contextlib
import functools
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from ..errors import AiolambdaError, ClientClosedError, InvocationTimeoutError, NotSentError
from ..errors.tracebacks import forget_locals
from ..pipeline.call import Call, CallNext
from ..pipeline.entries import Entry
from ..pipeline.operation import CommandOutput, ControlPlaneOperation
from ..pipeline.returned import check_returned, error_of_item
from ..policy import delivery
from ..types.http import Stage, StreamingBody
from ..types.interfaces import Timer
from ..types.values import Delivery
from .endings import Endings, StreamEnding

__all__ = ["InFlightCalls"]

_DOING: dict[str, str] = {
    "queue": "not connecting yet",
    "connect": "connecting",
    "send": "sending the request",
    "wait": "waiting for the answer",
    "receive": "receiving the answer",
    "backoff": "pausing before another attempt",
}
"""The text for each stage. A transport of the user's own may have set another."""

In = TypeVar("In")
Out = TypeVar("Out")


class InFlightCalls:
    """The calls of one client on one event loop, and the streams that they opened."""

    def __init__(self, endings: Endings, *, closed: bool = False) -> None:
        self.closed = closed
        self._endings = endings
        self._calls: dict[Call[Any, Any], _Deadline] = {}
        self._streams: dict[StreamingBody, StreamEnding] = {}
        self._closing: set[asyncio.Task[None]] = set()
        """Tasks that close aborted streams."""
        self._closers: set[asyncio.Task[Any] | None] = set()
        """Tasks that are in `close`."""
        self._changed: asyncio.Event | None = None

    async def run(  # noqa: C901, PLR0912 - no frame more in each call
        self, call: Call[In, Out], chain: CallNext[In, Out], added: tuple[Entry, ...] = ()
    ) -> Out:
        """Run a call to its end, within its total limit. `added` are the user's middlewares in its chain."""
        if self.closed:
            raise _completed(ClientClosedError("this client is closed"), call)
        deadline = self._calls[call] = _Deadline(call)
        if call.watch is not None:
            self._endings.started(call)
        try:
            output = await chain(call)
            if added and not isinstance(output, CommandOutput):
                check_returned(call, output, added)
        except BaseException as error:
            call.on_slot = _refuse_attempt if added else None
            forget_locals(error)
            if not (deadline.disarm() and isinstance(error, asyncio.CancelledError)):
                if isinstance(error, AiolambdaError):
                    _completed(error, call)
                elif call.run_ended is not None and isinstance(error, Exception):
                    raise self._endings.failed(call, _completed(error_of_item(error), call)) from error
                self._endings.failed(call, error)
                raise
            is_closed = call.cut_by is ClientClosedError
            late = _closed_in_flight() if is_closed else _late(call.timeouts.total, call.stage, call.last_error)
            ended = self._endings.failed(call, _completed(late, call))
        else:
            deadline.disarm()
            call.on_slot = None
            operation = call.command.operation
            if operation.streamed and (stream := operation.open_answer(output)) is not None:
                self._keep_stream(call, stream, deadline.at, self._endings.streaming(call, output))
            else:
                self._endings.returned(call, output)
            return output
        finally:
            call.last_error = None  # its traceback refers to the call: this breaks the cycle
            del self._calls[call], deadline  # it has the task, which has the error of the call, if it does nothing else
            try:
                if call.answers:
                    await self._close_unread(call)
            finally:
                if self._changed is not None:
                    self._changed.set()
        raise ended  # not in the `except` block: aiohttp's frames in the context would hold the password of a proxy

    @property
    def is_busy(self) -> bool:
        """Whether calls are in flight, or streams are open."""
        return bool(self._calls or self._streams)

    async def close(self, grace: float | None) -> None:
        """Start no more calls, wait `grace` seconds for those in flight (`None`: without a limit), then abort the rest.

        A middleware may close the client. Its own call is neither awaited nor aborted, and goes on after this returns: of a
        hedged call, both sides.
        """
        self.closed = True
        task = asyncio.current_task()
        within_call = any(deadline.task is task for deadline in self._calls.values())
        self._closers.add(task)
        self._notify()
        # If two calls close their client at the same time, neither waits for the other.
        exempt: AbstractSet[asyncio.Task[Any] | None] = self._closers if within_call else frozenset()
        try:
            try:
                if grace != 0:
                    async with asyncio.timeout(grace):
                        await self._until_empty(exempt)
            except TimeoutError:
                pass
            finally:
                self._abort_all(exempt)
            await self._until_empty(exempt)
            if self._closing:
                await asyncio.wait(self._closing)
        finally:
            self._closers.discard(task)

    def abort(self) -> None:
        """Start no more calls, and abort those in flight. They end when the loop runs on.

        The call of the current task goes on, as in `close`.
        """
        self.closed = True
        self._abort_all({asyncio.current_task()})

    def expire(self, tasks: AbstractSet[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
        """Abort the calls of these tasks as `close` does, and return the tasks that have one."""
        found = [deadline for deadline in self._calls.values() if deadline.task in tasks]
        for deadline in found:
            deadline.expire(ClientClosedError)
        return {deadline.task for deadline in found}

    async def _close_unread(self, call: Call[Any, Any]) -> None:
        """Close the streams that the call opened and did not return."""
        async with contextlib.AsyncExitStack() as exits:
            for answer in call.answers:
                if answer not in self._streams:
                    exits.push_async_callback(answer.aclose)

    def _keep_stream(self, call: Call[Any, Any], stream: StreamingBody, deadline: float | None, ending: StreamEnding) -> None:
        """Keep the stream that a call returned in the register until it is closed: then the call ends."""
        stream.on_close(ending)
        if stream.closed:
            return
        timer = None
        self._streams[stream] = ending
        if call.cut_by is ClientClosedError:
            self._abort_stream(stream, _closed_in_flight())
        elif deadline is not None:
            timer = call.loop.call_at(deadline, self._abort_stream, stream, _late(call.timeouts.total, "receive"))
        stream.on_close(functools.partial(self._forget_stream, stream, timer))

    def _forget_stream(self, stream: StreamingBody, timer: Timer | None) -> None:
        self._streams.pop(stream, None)
        if timer is not None:
            timer.cancel()
        self._notify()

    def _abort_stream(self, stream: StreamingBody, error: AiolambdaError) -> None:
        """Abort a stream. A task closes it, so that its connection and slot do not wait for the reader."""
        stream.abort(error)
        if (ending := self._streams.get(stream)) is not None:
            ending.cut_by = error
        task = asyncio.create_task(stream.aclose(), name="close an aborted stream")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _abort_all(self, exempt: AbstractSet[asyncio.Task[Any] | None]) -> None:
        for stream in list(self._streams):
            self._abort_stream(stream, _closed_in_flight())
        for deadline in self._calls.values():
            if not deadline.is_of(exempt):
                deadline.expire(ClientClosedError)

    async def _until_empty(self, exempt: AbstractSet[asyncio.Task[Any] | None]) -> None:
        while self._streams or not all(deadline.is_of(exempt) for deadline in self._calls.values()):
            self._changed = self._changed or asyncio.Event()
            self._changed.clear()
            await self._changed.wait()

    def _notify(self) -> None:
        """Wake the tasks in `_until_empty`."""
        if self._changed is not None:
            self._changed.set()


class _Deadline:
    """The total limit of one call. It does the same as `asyncio.timeout`, and costs next to nothing if there is no limit.

    The time counts from the start of the call, or in a map, from the moment the item gets its slot.
    """

    __slots__ = ("_call", "_cancelling", "_timer", "at", "expired", "task")

    def __init__(self, call: Call[Any, Any]) -> None:
        task = asyncio.current_task(call.loop)  # type: ignore[arg-type] # a whole loop, of which a call uses a part
        if task is None:
            raise RuntimeError("LambdaClient must be used inside an asyncio task")
        self.task, self._cancelling = task, task.cancelling()
        self._timer: Timer | None = None
        self.at: float | None = None
        self.expired = False
        self._call = call
        if call.run_ended is not None:
            call.on_slot = self._begin_in_map
        elif call.timeouts.total is not None:
            self._begin(call.timeouts.total)

    def expire(self, cut_by: type[AiolambdaError] = InvocationTimeoutError) -> None:
        """Cancel the task of the call. `disarm` tells this cancellation from others."""
        if not self.expired:
            self.expired, self._call.cut_by = True, cut_by
            self.task.cancel()

    def is_of(self, tasks: AbstractSet[asyncio.Task[Any] | None]) -> bool:
        """Whether one of these tasks makes the call. A hedged call has two."""
        if self.task in tasks:
            return True
        watch = self._call.watch
        return watch is not None and watch.side is not None and not tasks.isdisjoint(watch.side.tasks)

    def disarm(self) -> bool:
        """The call has ended. Returns `True` if `expire` cancelled its task, and nothing else did."""
        if self._timer is not None:
            self._timer.cancel()
        return self.expired and self.task.uncancel() <= self._cancelling

    def _begin(self, total: float) -> None:
        self.at = self._call.started + total
        self._timer = self._call.loop.call_at(self.at, self.expire)

    def _begin_in_map(self) -> None:
        self._check_run()
        self._call.on_slot, self._call.started = self._check_run, self._call.loop.time()
        if self._call.timeouts.total is not None and not self.expired:
            self._begin(self._call.timeouts.total)

    def _check_run(self) -> None:
        """Refuse an attempt that got its slot after the run of its map had ended."""
        if self._call.run_ended is not None and self._call.run_ended.done():
            raise self._call.last_error or NotSentError("the run ended before this item was sent")


def _refuse_attempt() -> None:
    """Refuse an attempt after its call has failed, whose error may say that the function has not run."""
    raise AiolambdaError("this call has ended: a middleware must await call_next before it returns")


def _closed_in_flight() -> ClientClosedError:
    return ClientClosedError("the client was closed while this call was in flight")


def _late(limit: float | None, stage: Stage, last_error: AiolambdaError | None = None) -> InvocationTimeoutError:
    after = "" if last_error is None or not last_error.args else f"; before that: {last_error.args[0]}"
    return InvocationTimeoutError(
        f"the call did not end within {limit} s: it was {_DOING.get(stage, 'in flight')}{after}",
        exceeded="total",
        stage=stage,
        delivery=Delivery.NOT_DELIVERED,
        last_error=last_error,
    )


def _completed(error: AiolambdaError, call: Call[Any, Any]) -> AiolambdaError:
    """The error with the call's facts and verdict."""
    elapsed, name = call.loop.time() - call.started, call.function_name
    is_invocation = not isinstance(call.command.operation, ControlPlaneOperation)
    return delivery.completed(
        error,
        function_name=name if is_invocation else name or None,
        history=call.history,
        elapsed=elapsed,
        total_retry_delay=call.total_retry_delay,
        is_in_flight=call.sent > len(call.history),
        is_dry_run=call.is_dry_run,
        operation=None if is_invocation else call.command_name.removesuffix("Command"),
    )
