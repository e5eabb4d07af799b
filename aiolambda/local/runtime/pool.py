"""The runtime processes of one function: start them on demand, reuse them, replace those that end.

Laws: a process serves one version, and one tenant or none. A function has at most as many processes as its concurrency, so an
idle process of another version or tenant makes room for a new one.

Owns the function's reserved concurrency, and the choice of the process for an invocation. Must not know how a process works.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from ...types.values import ThrottleReason
from ..routing import LATEST
from .invocations import Invocation, InvocationResult
from .process import EndpointClosed, InvocationNotDelivered, RuntimeProcess

__all__ = ["ConcurrencyExceeded", "ProcessPool"]


class ConcurrencyExceeded(Exception):
    """The function, or the account, already runs as many invocations as its limit allows: the `reason` of the throttle."""

    def __init__(self, reason: ThrottleReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class _Place(NamedTuple):
    """The version and the tenant that a process serves."""

    version: str
    tenant_id: str | None


class ProcessPool:
    """`make_process` makes a process of a version that is not started yet.

    After `close`, every invocation raises `EndpointClosed`. With `one_at_a_time`, an invocation waits for the one before it,
    instead of being throttled.
    """

    def __init__(self, concurrency: int, make_process: Callable[[str], RuntimeProcess], *, one_at_a_time: bool = False) -> None:
        self._turn = asyncio.Lock() if one_at_a_time else None
        self._concurrency = concurrency
        self._make_process = make_process
        self._running = 0
        self._is_closed = False
        self._none_running = asyncio.Event()
        self._none_running.set()
        self._idle: list[tuple[_Place, RuntimeProcess]] = []
        self._processes: set[RuntimeProcess] = set()

    @property
    def pids(self) -> list[int]:
        """The process ids, idle or busy."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def invoke(self, invocation: Invocation, version: str = LATEST) -> InvocationResult:
        """Run the invocation in an idle or a new process of the version, for its tenant.

        Raises `ConcurrencyExceeded` if the limit is reached.
        """
        if self._turn is None:
            return await self._run(invocation, version)
        async with self._turn:
            return await self._run(invocation, version)

    async def _run(self, invocation: Invocation, version: str) -> InvocationResult:
        if self._is_closed:
            raise EndpointClosed
        if self._running >= self._concurrency:
            raise ConcurrencyExceeded(ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED)
        self._running += 1
        self._none_running.clear()
        place = _Place(version, invocation.tenant_id)
        try:
            while (process := self._take_idle(place)) is not None:
                try:
                    return await self._use(process, place, invocation)
                except InvocationNotDelivered:
                    continue
            await self._make_room()
            if self._is_closed:
                raise EndpointClosed
            process = self._make_process(version)
            self._processes.add(process)
            return await self._use(process, place, invocation, is_new=True)
        finally:
            self._running -= 1
            if not self._running:
                self._none_running.set()

    def _take_idle(self, place: _Place) -> RuntimeProcess | None:
        """The idle process that was used last: its memory is warm."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][0] == place:
                return self._idle.pop(index)[1]
        return None

    async def _make_room(self) -> None:
        """End the process that has been idle for longest, if a new one would be one too many."""
        while self._idle and len(self._processes) >= self._concurrency:
            await self._close(self._idle.pop(0)[1])

    async def _use(
        self, process: RuntimeProcess, place: _Place, invocation: Invocation, *, is_new: bool = False
    ) -> InvocationResult:
        has_responded = False
        try:
            if is_new:
                await process.start()
            result = await process.invoke(invocation)
            has_responded = True
            return result
        finally:
            if has_responded and process.is_usable:
                self._idle.append((place, process))
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
