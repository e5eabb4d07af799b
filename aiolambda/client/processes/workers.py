"""The worker processes of one run of a map: they make the calls, and the run decides everything else.

Laws: each command that is given to `send` has one outcome. A command of a lost worker that was not begun goes to another one;
one that was begun is unknown, and is sent again only if it is idempotent. A lost worker is replaced, as often as there are
workers. No worker outlives the run.

Owns which worker makes a call, and what a lost worker means. Must not know why a command is sent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ...errors import AiolambdaError, ClientClosedError, ConfigurationError, NotSentError, WorkerLostError
from ...fanout.parcels import outcome_of, packed_command
from ...pipeline.command import function_of
from ...policy import delivery
from ...types.loggers import child_of, log_quietly
from ...types.values import Attempt, Delivery
from .endings_of_tasks import cancel_once, note_error, wait_through_cancellations
from .frames import Message
from .partitions import give
from .process import WorkerProcess
from .remote_call import RemoteCall, check_size, ended_in_flight, with_history
from .worker_parts import WorkerParts

if TYPE_CHECKING:
    from ...operations.commands import InvokeCommand
    from ...operations.fetch_command import FetchCommand
    from ...operations.fetch_types import HttpOutput
    from ...operations.invoke_types import InvokeCommandOutput

__all__ = ["Workers"]

_VERDICT_LIMIT = 2.0
"""Seconds for a worker to tell how far a cancelled call got."""
_MOST_BEGINNINGS = 5
"""Workers that a command may be given to without being begun: one that ends each of them is not given to another."""


class Workers:
    """`begin` them, wait until they are `ready`, `send` commands, `close` them."""

    def __init__(self, processes: int, parts: WorkerParts) -> None:
        self._wanted = processes
        self._parts = parts
        self._log = child_of(parts.logger, "map")
        self._workers: list[WorkerProcess] = []
        self._starting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        """Replacements that start, and questions of workers."""
        self._replacements_left = processes
        self._replacing = 0
        self._next_id = 0
        self._new: list[RemoteCall] = []
        """The calls that no worker has."""
        self._flushing = False
        self._changed: asyncio.Event | None = None
        self._run_ended: asyncio.Future[None] | None = None
        self._closing = False
        self._client_closed = False
        self._failure: AiolambdaError | None = None
        self._setup: Message = ()
        self.fail: Callable[[BaseException], object] = lambda _: None
        """Ends the run with an error: no worker is left."""

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that are alive."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    @property
    def in_flight(self) -> int:
        """The calls without an outcome."""
        return len(self._new) + sum(len(worker.calls) for worker in self._workers)

    def begin(self) -> None:
        """Start the processes. `ready` waits for them."""
        self._starting = asyncio.get_running_loop().create_task(self._start(), name="start the workers of a map")
        self._starting.add_done_callback(note_error)

    async def ready(self) -> None:
        """Wait until all workers are ready. `ConfigurationError` if one cannot start."""
        if self._starting is not None:
            await asyncio.shield(self._starting)

    def before(self, prepare: Callable[[], Awaitable[None]] | None) -> Callable[[], Awaitable[None]]:
        """`ready`, and then this."""

        async def both() -> None:
            await self.ready()
            if prepare is not None:
                await prepare()

        return both

    def send(
        self, command: "InvokeCommand | FetchCommand", run_ended: "asyncio.Future[None]"
    ) -> "Awaitable[InvokeCommandOutput | HttpOutput]":
        """Have a worker send a command. The errors are those of a call, and `WorkerLostError`."""
        if self._run_ended is None:
            self._run_ended = run_ended
            run_ended.add_done_callback(self._on_run_end)
        return self._send(command)

    async def end_calls(self, grace: float | None) -> None:
        """The client closes: wait `grace` seconds for calls to end, `None` without a limit, then end them."""
        try:
            async with asyncio.timeout(grace):
                await self._until_empty()
        except TimeoutError:
            pass
        self._client_closed = True
        calls = [*self._new, *(call for worker in self._workers for call in worker.calls.values())]
        self._cancel(calls)
        try:
            async with asyncio.timeout(_VERDICT_LIMIT):
                await self._until_empty()
        except TimeoutError:
            for call in calls:
                self._settle_cut(call)

    def kill(self) -> None:
        """The client is aborted: end the processes now. Their calls end when the loop runs on."""
        self._client_closed = self._closing = True
        for worker in self._workers:
            worker.kill()

    def abort(self) -> None:
        """The client is aborted: end the processes, and the calls that none of them has."""
        self.kill()
        for call in self._take_new():
            self._settle_cut(call)

    def detach(self, *, forked: bool) -> None:
        """Let go of the processes: the loop is gone, or is that of the parent process."""
        for worker in self._workers:
            worker.detach(forked=forked)

    async def close(self) -> None:
        """End the workers. Closing twice is fine."""
        self._closing = True
        if self._starting is not None:
            cancel_once(self._starting)
            await asyncio.wait([self._starting])
        for task in self._tasks:
            cancel_once(task)
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._workers:
            await asyncio.wait([asyncio.ensure_future(worker.close()) for worker in self._workers])
        self._workers.clear()
        for call in self._take_new():
            self._settle_cut(call)

    # Starting and losing workers

    async def _start(self) -> None:
        await self._parts.open()
        self._setup = self._parts.setup()
        starts = [asyncio.ensure_future(self._start_one()) for _ in range(self._wanted)]
        try:
            await asyncio.gather(*starts)
        except BaseException:
            for start in starts:
                cancel_once(start)
            await asyncio.wait(starts)
            raise

    async def _start_one(self) -> None:
        worker = WorkerProcess(hear=self._hear, lost=self._on_lost)
        self._workers.append(worker)
        try:
            await worker.start(self._setup)
        except BaseException:
            if worker in self._workers:
                self._workers.remove(worker)
            raise
        if self._run_ended is not None and self._run_ended.done():
            worker.write([("end",)])
        self._schedule()

    def _on_lost(self, worker: WorkerProcess) -> None:
        """The process has ended, and all that it said has been heard."""
        calls, worker.calls = list(worker.calls.values()), {}
        was_working = worker.was_ready
        if worker in self._workers:
            self._workers.remove(worker)
        if self._closing:
            for call in calls:
                self._settle_lost(call, worker)
        else:
            for call in calls:
                if call.number > worker.begun and call.beginnings < _MOST_BEGINNINGS and not call.cut:
                    call.worker = None
                    self._new.append(call)
                else:
                    self._settle_lost(call, worker)
        self._note_change()
        if was_working and not self._closing:
            self._replace(worker, len(calls))
            self._schedule()

    def _replace(self, worker: WorkerProcess, calls: int) -> None:
        """Start another worker in place of a lost one, unless too many were lost."""
        text = "a worker process of this map (pid %s) ended %s, with %d calls in flight; %s"
        if self._replacements_left:
            self._replacements_left -= 1
            self._replacing += 1
            deed = "another one starts"
            self._keep(self._start_replacement(), "replace a worker of a map")
        else:
            deed = f"{len(self._workers)} are left"
        log_quietly(self._log, logging.WARNING, text, worker.pid, worker.end_shown, calls, deed)
        self._check_left(f"the last one ended {worker.end_shown}")

    async def _start_replacement(self) -> None:
        reason = ""
        try:
            await self._start_one()
        except Exception as error:  # noqa: BLE001 - the run must not wait for this worker, whatever has happened to it
            reason = str(error) if isinstance(error, AiolambdaError) else f"another one cannot start: {type(error).__name__}"
            log_quietly(self._log, logging.WARNING, "%s", reason)
        finally:
            self._replacing -= 1
        if reason:
            self._check_left(reason)

    def _check_left(self, reason: str) -> None:
        """End the run if no worker is left, and none starts."""
        if self._closing or self._replacing or any(worker.is_ready for worker in self._workers):
            return
        said = f"no worker process of this map is left: {reason}"
        self._failure = WorkerLostError(said, delivery=Delivery.NOT_DELIVERED)
        self.fail(self._failure)
        for call in self._take_new():
            call.settle_unsent()

    # Calls

    async def _send(self, command: "InvokeCommand | FetchCommand") -> Any:
        """Send a command, and once more for each worker that it loses, if it is idempotent."""
        packed = packed_command(command, self._parts.codec)
        name = function_of(command)
        check_size(packed, name)
        lost: list[Attempt] = []
        while True:
            output, error, seconds, is_cancelled = await self._once(packed, name)
            self._parts.count(output, error, seconds, is_cancelled)
            if not isinstance(error, WorkerLostError) or not self._may_repeat(command, len(lost) + 1):
                break
            lost.extend(error.history)
        if error is None:
            return with_history(output, lost) if lost else output
        raise delivery.joined(error, lost, came_first=True) if lost else error

    def _may_repeat(self, command: Any, attempts: int) -> bool:
        ended = self._closing or self._client_closed or (self._run_ended is not None and self._run_ended.done())
        return not ended and attempts < self._parts.most_attempts() and self._parts.idempotent(command)

    async def _once(self, packed: Message, function_name: str) -> tuple[Any, AiolambdaError | None, float, bool]:
        loop = asyncio.get_running_loop()
        if self._client_closed:
            raise ClientClosedError("this client is closed", function_name=function_name)
        if self._failure is not None or self._closing or (self._run_ended is not None and self._run_ended.done()):
            raise NotSentError("the run ended before this item was sent", function_name=function_name)
        self._next_id += 1
        call = RemoteCall(self._next_id, packed, function_name, loop)
        self._new.append(call)
        self._schedule()
        is_cancelled = False
        try:
            outcome = await call.future
        except asyncio.CancelledError:
            outcome, is_cancelled = await self._verdict_of(call, loop), True
        output, error = outcome_of(outcome, self._parts.codec)
        if call.cut and isinstance(error, ClientClosedError) and not self._client_closed:
            error = ended_in_flight(call, error.delivery)
        return output, error, loop.time() - call.started, is_cancelled and error is not None

    async def _verdict_of(self, call: RemoteCall, loop: asyncio.AbstractEventLoop) -> Message:
        """The outcome of a call whose task was cancelled: the worker knows how far it got."""
        if call.outcome is not None:  # it came after the cancellation, and before the task has noticed
            return call.outcome
        call.future = loop.create_future()  # the other one was cancelled with the task
        self._cancel([call])
        await wait_through_cancellations(call.future, _VERDICT_LIMIT)
        if not call.future.done():
            self._settle_cut(call)
        return call.future.result()

    def _cancel(self, calls: list[RemoteCall]) -> None:
        """Have workers end these calls. Those that no worker has end now."""
        by_worker: dict[WorkerProcess, list[int]] = {}
        for call in calls:
            call.cut = True
            if call.worker is None:
                self._settle_cut(call)
            else:
                by_worker.setdefault(call.worker, []).append(call.id)
        for worker, ids in by_worker.items():
            worker.write([("cancel", ids)])

    def _settle_cut(self, call: RemoteCall) -> None:
        """End a call without asking its worker: it was not begun, or the worker does not answer."""
        worker = call.worker
        if worker is not None:
            worker.calls.pop(call.id, None)
        elif call in self._new:
            self._new.remove(call)
        call.settle_cut(may_have_run=worker is not None, client_closed=self._client_closed)
        self._note_change()

    def _settle_lost(self, call: RemoteCall, worker: WorkerProcess) -> None:
        """End a call whose worker was lost."""
        is_begun = call.number <= worker.begun
        if self._client_closed or call.cut:
            call.settle_cut(may_have_run=is_begun, client_closed=self._client_closed)
        else:
            call.settle_lost(worker.end_shown, may_have_run=is_begun)

    # The pipes

    def _schedule(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        workers = [worker for worker in self._workers if worker.is_ready]
        if workers and self._new:
            give(self._take_new(), workers)

    def _hear(self, worker: WorkerProcess, message: Message) -> None:
        match message:
            case ("done", id, outcome):
                call = worker.calls.pop(id, None)
                if call is not None:
                    call.settle(outcome)
                    self._note_change()
            case ("credentials", number, rejected):
                self._keep(self._answer(worker, number, rejected), "keys for a worker")
            case ("log", name, level, text, function_name):
                self._parts.log_of_worker(name, level, text, function_name)
            case ("failed", outcome):
                _, error = outcome_of(outcome, self._parts.codec)
                worker.fail(error or ConfigurationError("a worker process of this map cannot start"))
            case _:
                worker.kill()

    async def _answer(self, worker: WorkerProcess, number: int, rejected: Any) -> None:
        worker.write([("credentials", number, *await self._parts.keys(rejected))])

    def _keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a task that `close` ends."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_run_end(self, _: object) -> None:
        for worker in self._workers:
            worker.write([("end",)])
        for call in self._take_new():  # no worker was there to take them
            call.settle_unsent()

    def _take_new(self) -> list[RemoteCall]:
        calls, self._new = self._new, []
        return calls

    def _note_change(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _until_empty(self) -> None:
        while self.in_flight:
            self._changed = self._changed or asyncio.Event()
            self._changed.clear()
            await self._changed.wait()
