"""The runtime processes of one function: start them on demand, reuse them, replace those that end.

Owns the function's concurrency limit, and the choice of the process for an invocation. Must not know how a process works.
"""

import asyncio
from collections.abc import Callable

from .invocations import Invocation, InvocationResult
from .process import EndpointClosed, InvocationNotDelivered, RuntimeProcess

__all__ = ["ConcurrencyExceeded", "ProcessPool"]


class ConcurrencyExceeded(Exception):
    """The function already runs as many invocations as its concurrency allows."""


class ProcessPool:
    """`make_process` makes a process that is not started yet. After `close`, every invocation raises `EndpointClosed`."""

    def __init__(self, concurrency: int, make_process: Callable[[], RuntimeProcess]) -> None:
        self._concurrency = concurrency
        self._make_process = make_process
        self._running = 0
        self._is_closed = False
        self._none_running = asyncio.Event()
        self._none_running.set()
        self._idle: list[RuntimeProcess] = []
        self._processes: set[RuntimeProcess] = set()

    @property
    def pids(self) -> list[int]:
        """The process ids, idle or busy."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run the invocation in an idle or a new process. Raises `ConcurrencyExceeded` if the limit is reached."""
        if self._is_closed:
            raise EndpointClosed
        if self._running >= self._concurrency:
            raise ConcurrencyExceeded
        self._running += 1
        self._none_running.clear()
        try:
            while self._idle:
                # Prefer the process that was used last: its memory is warm.
                process = self._idle.pop()
                try:
                    return await self._use(process, invocation)
                except InvocationNotDelivered:
                    continue
            if self._is_closed:
                raise EndpointClosed
            process = self._make_process()
            self._processes.add(process)
            return await self._use(process, invocation, is_new=True)
        finally:
            self._running -= 1
            if not self._running:
                self._none_running.set()

    async def _use(self, process: RuntimeProcess, invocation: Invocation, *, is_new: bool = False) -> InvocationResult:
        has_responded = False
        try:
            if is_new:
                await process.start()
            result = await process.invoke(invocation)
            has_responded = True
            return result
        finally:
            if has_responded and process.is_usable:
                self._idle.append(process)
            else:
                await self._close(process)

    async def _close(self, process: RuntimeProcess) -> None:
        await process.close()
        self._processes.discard(process)

    async def close(self) -> None:
        """Kill all processes, and wait until every running invocation has raised `EndpointClosed`."""
        self._is_closed = True
        self._idle.clear()
        for process in list(self._processes):
            await self._close(process)
        await self._none_running.wait()
