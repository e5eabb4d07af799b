"""The functions of an endpoint, in processes and in this process, and their invocations: now, or later as an event.

Laws: a name belongs to one function, so a new one replaces the old. The events of a function end with it.

Must not know HTTP.
"""

import asyncio
import functools
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Iterable

import attrs

from ..emulation.executions import Execution
from ..emulation.failure_script import Decision
from ..emulation.function_facts import FunctionFacts
from ..emulation.function_failure import response_of
from ..emulation.function_log import LogListener
from ..emulation.in_process import FunctionTable, InProcessFunction
from ..emulation.url_config import FunctionUrl
from ..types.values import ThrottleReason
from .activity import Activity
from .event_config import EventInvokeConfig
from .events.queues import EventQueues
from .facts import event_facts_of, facts_of
from .functions import LocalFunction
from .jobs import Job, Selection
from .routing import LATEST, choose
from .runtime.in_process import InProcessRuntime
from .runtime.invocations import InvocationResult, ResponseWriter
from .runtime.pool import ConcurrencyExceeded, ProcessPool
from .runtime.process import EndpointClosed

__all__ = ["ServedFunctions"]

_DEFAULT_URL = FunctionUrl()
_log = logging.getLogger("aiolambda.local.events")


class ServedFunctions:
    """Functions by name. Call `open` on the loop of the endpoint, and `close` at the end.

    `decide_run` is asked about each run of an event but the first.
    """

    def __init__(
        self,
        on_log: LogListener | None,
        decide_run: Callable[[str, str | None, bytes], Decision],
        account_concurrency: int | None = None,
    ) -> None:
        self.in_processes: dict[str, LocalFunction] = {}
        self.pools: dict[str, ProcessPool] = {}
        self.activity = Activity()
        self._handlers = FunctionTable()
        self._urls: dict[str, FunctionUrl] = {}
        """The configured URLs of the functions of this process."""
        self._in_process = InProcessRuntime(on_log)
        self._account_concurrency = account_concurrency
        self._running = 0
        self._random = random.Random()  # noqa: S311 - it chooses versions of weighted aliases
        self._events = EventQueues(self._run_event, self.find, decide_run, self.activity)
        self._make_pool: Callable[[LocalFunction], ProcessPool] | None = None
        self._replaceable: Collection[str] = ()
        """The names of the functions that `replace` may remove."""
        self._retiring: set[ProcessPool] = set()
        self.refresh: Callable[[], Awaitable[None]] | None = None
        """Looks for new code, before an invocation. `None` does not look."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: set[asyncio.Future[None]] = set()

    def open(self, make_pool: Callable[[LocalFunction], ProcessPool]) -> None:
        """Serve the functions from now on."""
        self._loop, self._make_pool = asyncio.get_running_loop(), make_pool
        self.pools = {name: make_pool(function) for name, function in list(self.in_processes.items())}
        self._replaceable = tuple(self.pools)

    def add_handler(
        self, function: InProcessFunction, events: EventInvokeConfig | None = None, url: FunctionUrl | None = None
    ) -> None:
        """Add a function of this process. Without `events`, its events run once. Without `url`, it keeps the one it has."""
        if function.name in self.in_processes:
            self.remove(function.name)
        if url is not None:
            self._urls[function.name] = url
        self._events.configure(function, events)
        self._handlers.add(function)

    def add_process(self, function: LocalFunction) -> None:
        """Add a function that runs in processes."""
        self.remove(function.name)
        self._serve(function)

    def _serve(self, function: LocalFunction) -> None:
        self.in_processes[function.name] = function
        if self._make_pool is not None:
            self.pools[function.name] = self._make_pool(function)

    def remove(self, name: str) -> None:
        """Remove a function, if there is one. Its processes end soon, with what they run."""
        self._handlers.remove(name)
        self._urls.pop(name, None)
        self._remove_process(name)
        self.drop_events(name)

    def drop_events(self, function_name: str | None = None) -> None:
        """Drop the events that were accepted so far: of a function, or all. What runs goes on. May be called in any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._events.drop, function_name, self._events.mark())

    def _remove_process(self, name: str) -> None:
        self.in_processes.pop(name, None)
        pool = self.pools.pop(name, None)
        if pool is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._close_pool, pool)

    def _close_pool(self, pool: ProcessPool) -> None:
        self._follow(asyncio.ensure_future(pool.close()))

    def _follow(self, closing: "asyncio.Future[None]") -> None:
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def renew(self, names: Collection[str]) -> None:
        """Run the next invocations of these functions in new processes. What runs goes on."""
        for name in names:
            if name in self.pools:
                self.pools[name].renew()

    def replace(self, functions: Iterable[LocalFunction]) -> Collection[str]:
        """Serve these functions in place of those of the start, or of the last call. What runs goes on, and so do events.

        Returns the names of the functions that are new, not the same, or gone.
        """
        named = {function.name: function for function in functions}
        gone = [name for name in self._replaceable if name not in named and name in self.pools]
        changed = [name for name, function in named.items() if self.in_processes.get(name) != function]
        for name in gone:
            self._retire(name)
            self.drop_events(name)
        for name in changed:
            retired = self._retire(name)
            self._handlers.remove(name)
            self._urls.pop(name, None)
            self._serve(named[name])
            if retired is not None and name in self.pools:
                self.pools[name].begin_after(retired)
        self._replaceable = tuple(named)
        return (*gone, *changed)

    def _retire(self, name: str) -> "asyncio.Future[None] | None":
        """Remove a function whose invocations go on. Returns their end; `None` if there was no such function."""
        self.in_processes.pop(name, None)
        pool = self.pools.pop(name, None)
        if pool is None:
            return None
        self._retiring.add(pool)
        retired = asyncio.ensure_future(pool.retire())
        retired.add_done_callback(lambda _: self._retiring.discard(pool))
        self._follow(retired)
        return retired

    def check_known(self, name: str) -> None:
        """`ConfigurationError` if no function has this name."""
        if name not in self.in_processes:
            self._handlers.check_known(name, others=self.in_processes)

    def function_names(self) -> Collection[str]:
        """The names of all functions."""
        return {*self.in_processes, *self._handlers.function_names()}

    def facts_of(self, name: str, /) -> FunctionFacts | None:
        """The configuration of a function; `None` if there is none of this name."""
        function = self.in_processes.get(name)
        if function is not None:
            return facts_of(function)
        events = {qualifier: event_facts_of(config) for qualifier, config in self._events.configs_of(name).items()}
        facts = self._handlers.facts_of(name, events=events)
        return None if facts is None else attrs.evolve(facts, url=self._urls.get(name))

    def url_of(self, name: str) -> FunctionUrl:
        """The configuration of the URL of a function; without one, the URL needs a signature."""
        function = self.in_processes.get(name)
        configured = self._urls.get(name) if function is None else function.url
        return configured or _DEFAULT_URL

    def find(self, name: str, qualifier: str | None) -> Selection | None:
        """What the name and the qualifier select; `None` if there is no such function, version or alias."""
        function = self.in_processes.get(name)
        if function is not None and name in self.pools:
            version = self._version_of(function, qualifier or LATEST)
            return None if version is None else Selection(function, version)
        handler = self._handlers.find(name, qualifier)
        return None if handler is None else Selection(handler, handler.version)

    def _version_of(self, function: LocalFunction, qualifier: str) -> str | None:
        """The version that a version or an alias stands for. Each call may give another version of an alias."""
        route = function.route(qualifier)
        if route is not None:
            return choose(route, self._random.random())
        return qualifier if qualifier == LATEST or qualifier in function.versions else None

    async def invoke(self, job: Job) -> InvocationResult:
        """Run an invocation. Raises `ConcurrencyExceeded`, or `EndpointClosed` if the endpoint or the function went away."""
        token = self.activity.begin()
        try:
            with self._events.beside_a_call(self._in_turns(job.selection.function)):
                return await self._run(job)
        finally:
            self.activity.end(token)

    def _in_turns(self, function: LocalFunction | InProcessFunction) -> LocalFunction | None:
        """The function, if its calls and events take turns: those of a pool that lets its invocations wait need none."""
        pool = self.pools.get(function.name)
        return function if isinstance(function, LocalFunction) and pool is not None and not pool.one_at_a_time else None

    def queue(self, job: Job) -> None:
        """Run an invocation later, as an event. While the endpoint closes, it is dropped."""
        if self._make_pool is not None:
            self._events.put(job)

    async def _run_event(self, job: Job) -> InvocationResult:
        if self.refresh is not None:
            await self.refresh()
        name, version = job.selection.function.name, job.selection.version
        if name in self.in_processes and not self._has_version(name, version):
            request_id = job.invocation.request_id
            _log.error("event %s of function %r was dropped: there is no version %s any more", request_id, name, version)
            raise EndpointClosed
        return await self._run(job)

    def _has_version(self, name: str, version: str) -> bool:
        """Whether a function in processes has a version now. It may have been replaced since an invocation was accepted."""
        function = self.in_processes.get(name)
        return version == LATEST or (function is not None and version in function.versions)

    async def _run(self, job: Job) -> InvocationResult:
        if self._make_pool is None:  # a thread or a process that starts while the endpoint closes would be left
            raise EndpointClosed
        if self._account_concurrency is not None and self._running >= self._account_concurrency:
            raise ConcurrencyExceeded(ThrottleReason.CONCURRENT_INVOCATION_LIMIT_EXCEEDED)
        self._running += 1
        try:
            function = job.selection.function
            if isinstance(function, InProcessFunction):
                job.watch.begin(job.selection.version)
                result = await self._in_process.invoke(function, job)
            else:
                result = await self._invoke_process(function, job)
            job.watch.end(result.response.error_type)
            return result
        finally:
            self._running -= 1
            job.watch.stop()

    async def _invoke_process(self, function: LocalFunction, job: Job) -> InvocationResult:
        if job.decision.delay:
            await asyncio.sleep(job.decision.delay)
        invocation, version, scenario = job.invocation, job.selection.version, job.decision.scenario
        pool = self.pools.get(function.name)
        if pool is None or not self._has_version(function.name, version):
            raise EndpointClosed
        begin = functools.partial(job.watch.begin, version)
        failure = None if scenario is None else scenario.function
        if scenario is None or failure is None:
            collector = _Collector(invocation.writer, keeps=job.keeps_stream)
            followed = invocation if invocation.writer is None else invocation.writing_to(collector)
            result = await pool.invoke(followed, version, on_start=begin)
        else:
            if scenario.chunks:
                cut = invocation.writing_to(_Collector(invocation.writer, scenario.chunks))
                await pool.invoke(cut, version, on_start=begin)
            begin()
            collector, response = _Collector(), response_of(failure, invocation.request_id)
            result = InvocationResult(response=response, log_tail=b"", kind=failure.kind)
        execution = Execution(
            function_name=function.name,
            version=version,
            request_id=invocation.request_id,
            invocation_type=invocation.invocation_type,
            payload=invocation.payload,
            response=bytes(collector.written) or result.response.payload,
            error_type=result.response.error_type,
            error=None,
        )
        job.on_end(execution)
        return result

    async def clear(self) -> None:
        """Remove all functions, and end what runs and waits."""
        self._handlers.clear()
        self._urls.clear()
        for name in list(self.in_processes):
            self._remove_process(name)
        await self._events.cancel()
        for pool in self._retiring:
            self._close_pool(pool)
        await asyncio.sleep(0)  # so that the pools begin to close
        await self._in_process.clear()
        if self._closing:
            await asyncio.wait(self._closing)
        await self._events.close()
        self.activity.forget()

    async def close(self) -> None:
        """End what runs and waits. The functions are kept for another start."""
        self._make_pool = None
        await self._events.cancel()
        # At the same time: one may wait for the end of another.
        await asyncio.gather(*[pool.close() for pool in (*self.pools.values(), *self._retiring)])
        await self._in_process.close()
        if self._closing:
            await asyncio.wait(self._closing)
        await self._events.close()
        self._loop = None
        self.activity.forget()


class _Collector(ResponseWriter):
    """Passes a stream on, at most so many pieces of it, and keeps its bytes, if `keeps`."""

    def __init__(self, writer: ResponseWriter | None = None, most: int | None = None, *, keeps: bool = True) -> None:
        self._writer = writer
        self._most = most
        self._count = 0
        self._keeps = keeps
        self.written = bytearray()

    async def begin(self, content_type: str | None) -> None:
        if self._writer is not None:
            await self._writer.begin(content_type)

    async def write(self, piece: bytes) -> None:
        self._count += 1
        if self._writer is None or (self._most is not None and self._count > self._most):
            return
        if self._keeps:
            self.written += piece
        await self._writer.write(piece)
