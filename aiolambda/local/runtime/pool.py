"""The runtime processes of one function: start them on demand, reuse them, replace those that end.

Laws: a process serves one version, and one tenant or none. A function has at most as many processes as its concurrency, so an
idle process of another version or tenant makes room for a new one.

Owns the function's reserved concurrency, and the choice of the process for an invocation. Must not know how a process works.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import attrs

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


@attrs.define(eq=False)
class _Start:
    """The start of a process without an invocation. One invocation can take the process before its init has ended."""

    process: RuntimeProcess
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)
    is_taken: bool = False
    is_outdated: bool = False


class _Count:
    """Counts what goes on."""

    def __init__(self) -> None:
        self._number = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        """Count one more until `end`."""
        self._number += 1
        if self._number == 1:
            self._none.clear()

    def end(self) -> None:
        """One has ended."""
        self._number -= 1
        if not self._number:
            self._none.set()

    async def wait_for_none(self) -> None:
        """Wait until nothing goes on."""
        await self._none.wait()


class ProcessPool:
    """`make_process` makes a process of a version that is not started yet.

    After `close`, every invocation raises `EndpointClosed`. With `one_at_a_time`, an invocation waits for the one before it,
    instead of being throttled.
    """

    def __init__(self, concurrency: int, make_process: Callable[[str], RuntimeProcess], *, one_at_a_time: bool = False) -> None:
        self.one_at_a_time = one_at_a_time
        self._turn = asyncio.Lock()
        self._concurrency = concurrency
        self._make_process = make_process
        self._running = 0
        self._invocations = _Count()
        """Those that run or wait for their turn."""
        self._warming = _Count()
        self._is_closed = False
        self._idle: list[tuple[_Place, RuntimeProcess]] = []
        self._starts: dict[_Place, _Start] = {}
        """Those that an invocation may take."""
        self._begun: set[_Start] = set()
        """All that have not ended."""
        self._processes: set[RuntimeProcess] = set()
        self._outdated: set[RuntimeProcess] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._before: asyncio.Future[None] | None = None

    @property
    def pids(self) -> list[int]:
        """The process ids, idle or busy."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def invoke(
        self, invocation: Invocation, version: str = LATEST, *, on_start: Callable[[], object] | None = None
    ) -> InvocationResult:
        """Run the invocation in an idle or a new process of the version, for its tenant. `on_start` is called when it may run.

        Raises `ConcurrencyExceeded` if the limit is reached.
        """
        self._invocations.begin()
        try:
            if not self.one_at_a_time:
                return await self._run(invocation, version, on_start)
            async with self._turn:
                return await self._run(invocation, version, on_start)
        finally:
            self._invocations.end()

    async def _run(self, invocation: Invocation, version: str, on_start: Callable[[], object] | None) -> InvocationResult:
        if self._is_closed:
            raise EndpointClosed
        if self._running >= self._concurrency:
            raise ConcurrencyExceeded(ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED)
        self._running += 1
        place = _Place(version, invocation.tenant_id)
        try:
            if on_start is not None:
                on_start()
            while (process := self._take_idle(place) or await self._take_started(place)) is not None:
                try:
                    return await self._use(process, place, invocation)
                except InvocationNotDelivered:
                    continue
            await self._make_room()
            if self._is_closed:
                raise EndpointClosed
            return await self._use(self._new_process(version), place, invocation, is_new=True)
        finally:
            self._running -= 1

    async def warm(self, version: str = LATEST, *, keep: bool = True) -> RuntimeProcess:
        """Start a process of the version for the next invocation, and return it after its init.

        It is closed if its init failed, if it is one too many, or without `keep`. Raises `EndpointClosed` after `close`, or if
        `renew` has ended the process.
        """
        self._warming.begin()
        try:
            return await self._warm(version, keep=keep)
        finally:
            self._warming.end()

    async def _warm(self, version: str, *, keep: bool) -> RuntimeProcess:
        await self._wait_for_outdated()
        if self._is_closed:
            raise EndpointClosed
        place = _Place(version, None)
        start = _Start(self._new_process(version))
        self._begun.add(start)
        if keep:
            self._starts.setdefault(place, start)
        is_started = False
        try:
            await start.process.start()
            is_started = True
        finally:
            self._begun.discard(start)
            if self._starts.get(place) is start:
                del self._starts[place]
            start.ended.set()
            if not start.is_taken:
                is_one_too_many = len(self._idle) + self._running >= self._concurrency
                await self._put_back(place, start.process, is_wanted=is_started and keep and not is_one_too_many)
        if self._is_closed or start.is_outdated:
            raise EndpointClosed
        return start.process

    def renew(self) -> None:
        """Run all invocations from now on in new processes. Idle processes end now, the others after their invocation or init.

        With `one_at_a_time`, those that start end now, too: they may wait for a debugger, and so without an end.
        """
        self._outdated |= self._processes
        self._starts.clear()
        idle, self._idle = self._idle, []
        starts = [start for start in self._begun if self.one_at_a_time and not start.is_taken]
        for start in starts:
            start.is_outdated = True
        for process in (*(process for _, process in idle), *(start.process for start in starts)):
            closing = asyncio.create_task(self._close(process), name="end of an outdated runtime")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def retire(self) -> None:
        """Close the pool after the invocations that run or wait for their turn. It must get no new ones."""
        self.renew()
        await self._invocations.wait_for_none()
        await self.close()

    def _new_process(self, version: str) -> RuntimeProcess:
        process = self._make_process(version)
        self._processes.add(process)
        return process

    async def _take_started(self, place: _Place) -> RuntimeProcess | None:
        """The process that starts without an invocation, after its init."""
        start = self._starts.pop(place, None)
        if start is None:
            return None
        start.is_taken = True
        await start.ended.wait()
        return start.process

    def _take_idle(self, place: _Place) -> RuntimeProcess | None:
        """The idle process that was used last: its memory is warm."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][0] == place:
                return self._idle.pop(index)[1]
        return None

    def begin_after(self, ended: "asyncio.Future[None]") -> None:
        """With `one_at_a_time`, start no process before this is done: the end of the pool that this one replaces."""
        self._before = ended

    async def _wait_for_outdated(self) -> None:
        """Wait until outdated processes have ended, if there is one at a time: the next one gets the debugger for itself."""
        ending: set[asyncio.Future[None]] = {*self._closing}
        if self._before is not None:
            ending.add(self._before)
        if self.one_at_a_time and ending:
            await asyncio.wait(ending)

    async def _make_room(self) -> None:
        """End the process that has been idle for longest, if a new one would be one too many."""
        await self._wait_for_outdated()
        while self._idle and len(self._processes) >= self._concurrency:
            await self._close(self._idle.pop(0)[1])

    async def _use(
        self, process: RuntimeProcess, place: _Place, invocation: Invocation, *, is_new: bool = False
    ) -> InvocationResult:
        has_responded = False
        try:
            if is_new:
                await process.start()
            result = await process.invoke(invocation, is_own=is_new)
            has_responded = True
            return result
        finally:
            await self._put_back(place, process, is_wanted=has_responded)

    async def _put_back(self, place: _Place, process: RuntimeProcess, *, is_wanted: bool) -> None:
        """Keep the process for the next invocation if it is wanted and usable. Otherwise close it."""
        if is_wanted and process.is_usable and process not in self._outdated and not self._is_closed:
            self._idle.append((place, process))
        else:
            await self._close(process)

    async def _close(self, process: RuntimeProcess) -> None:
        await process.close()
        self._processes.discard(process)
        self._outdated.discard(process)

    async def close(self) -> None:
        """Kill all processes, and wait until every running invocation and every start has raised `EndpointClosed`."""
        self._is_closed = True
        self._idle.clear()
        for process in list(self._processes):
            await self._close(process)
        if self._closing:
            await asyncio.wait(self._closing)
        await self._invocations.wait_for_none()
        await self._warming.wait_for_none()
