"""The runtime processes of one function: started as calls need them, used again, replaced when they end.

Owns who gets which process, and the function's concurrency. Must not know how a process works.
"""

import asyncio
from collections.abc import Callable

from .invocations import Invocation, Outcome
from .process import InvocationNotTaken, ProcessStopped, RuntimeProcess

__all__ = ["ConcurrencyExceeded", "Pool"]


class ConcurrencyExceeded(Exception):
    """As many invocations are running as the function may have."""


class Pool:
    """`make_process` makes one that is not started yet. After `stop` every call gets `ProcessStopped`."""

    def __init__(self, concurrency: int, make_process: Callable[[], RuntimeProcess]) -> None:
        self._concurrency = concurrency
        self._make_process = make_process
        self._running = 0
        self._stopped = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._idle: list[RuntimeProcess] = []
        self._processes: set[RuntimeProcess] = set()

    @property
    def pids(self) -> list[int]:
        """The processes that there are, idle or busy."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run the invocation in a process of its own for that time; `ConcurrencyExceeded` where there can be no more."""
        if self._stopped:
            raise ProcessStopped
        if self._running >= self._concurrency:
            raise ConcurrencyExceeded
        self._running += 1
        self._quiet.clear()
        try:
            return await self._run(invocation)
        finally:
            self._running -= 1
            if not self._running:
                self._quiet.set()

    async def _run(self, invocation: Invocation) -> Outcome:
        while self._idle:
            # The one that was used last: the others may then end, and its memory is warm.
            process = self._idle.pop()
            try:
                return await self._use(process, invocation)
            except InvocationNotTaken:
                continue
        if self._stopped:
            raise ProcessStopped
        process = self._make_process()
        self._processes.add(process)
        return await self._use(process, invocation, fresh=True)

    async def _use(self, process: RuntimeProcess, invocation: Invocation, *, fresh: bool = False) -> Outcome:
        answered = False
        try:
            if fresh:
                await process.start()
            outcome = await process.invoke(invocation)
            answered = True
            return outcome
        finally:
            if answered and process.usable:
                self._idle.append(process)
            else:
                await self._end(process)

    async def _end(self, process: RuntimeProcess) -> None:
        await process.stop()
        self._processes.discard(process)

    async def stop(self) -> None:
        """End every process and await every call: those that still run get `ProcessStopped`."""
        self._stopped = True
        self._idle.clear()
        for process in list(self._processes):
            await self._end(process)
        await self._quiet.wait()
