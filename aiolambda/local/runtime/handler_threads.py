"""Threads that run functions of this process: each has an event loop of its own, and runs one function at a time.

The functions are handlers, or the destinations of records.

Laws: a handler that blocks stops no other. A thread is used again, so that objects bound to its loop stay usable, as in an
execution environment of Lambda. No thread is left after `close`, unless its handler blocks for longer than the grace.

Must not know what a handler is.
"""

import asyncio
import contextlib
import threading
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from .process import EndpointClosed

__all__ = ["HandlerThreads"]

T = TypeVar("T")

_GRACE = 5.0
"""Seconds that a blocking handler gets at the end. Nothing can interrupt it."""


class _HandlerThread:
    """A thread with an event loop, until `stop`. `ended` is done when it has ended."""

    def __init__(self, kind: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._stopped = asyncio.Event()
        self.loop = self._runner.get_loop()
        self.ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=f"{kind}s of LocalEndpoint", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._runner:  # it cancels the tasks that a handler has left behind
                self._runner.run(self._serve())
        finally:
            self.ended.set_result(None)

    async def _serve(self) -> None:
        await self._stopped.wait()

    @property
    def is_clean(self) -> bool:
        """Whether no handler has left a task behind. Ask only while the thread is idle."""
        return len(asyncio.all_tasks(self.loop)) == 1

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, because the thread was stopped before
            self.loop.call_soon_threadsafe(self._stopped.set)

    def join(self) -> None:
        """Wait for the thread, which has ended its work."""
        self._thread.join()


class HandlerThreads:
    """Starts threads on demand, and runs the work of handlers on them. `kind` says what else it is, for names and warnings."""

    def __init__(self, kind: str = "handler") -> None:
        self._kind = kind
        self._threads: set[_HandlerThread] = set()
        self._idle: list[_HandlerThread] = []
        self._running: set[Future[Any]] = set()

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on an idle or a new thread. Raises `EndpointClosed` if `close` ended it."""
        thread = self._take_idle() or self._start()
        done = asyncio.run_coroutine_threadsafe(work(), thread.loop)
        self._running.add(done)
        try:
            return await asyncio.wrap_future(done)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise EndpointClosed from None
        finally:
            self._running.discard(done)
            if done.cancelled():
                thread.stop()
            elif thread in self._threads:
                self._idle.append(thread)

    def _take_idle(self) -> _HandlerThread | None:
        """An idle thread, unless a task that a handler left behind has ended it, as `sys.exit` does."""
        while self._idle:
            thread = self._idle.pop()
            if not thread.ended.done():
                return thread
        return None

    def _start(self) -> _HandlerThread:
        thread = _HandlerThread(self._kind)
        self._threads.add(thread)
        return thread

    async def clear(self) -> None:
        """Cancel the handlers that run, and end all threads but those that have nothing left to do."""
        await self._end(self._threads - {thread for thread in self._idle if thread.is_clean})

    async def close(self) -> None:
        """Cancel the handlers that run, and end all threads. New ones may be started afterwards."""
        await self._end(set(self._threads))

    async def _end(self, threads: "set[_HandlerThread]") -> None:
        self._threads -= threads
        self._idle = [thread for thread in self._idle if thread in self._threads]
        for done in list(self._running):
            done.cancel()
        for thread in threads:
            thread.stop()
        if not threads:
            return
        await asyncio.wait([asyncio.wrap_future(thread.ended) for thread in threads], timeout=_GRACE)
        for thread in threads:
            if thread.ended.done():
                thread.join()
            else:
                warnings.warn(f"a {self._kind} of the local endpoint still blocks its thread", ResourceWarning, stacklevel=1)
