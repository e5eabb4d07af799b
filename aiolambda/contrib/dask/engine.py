"""The used parts of `distributed`, with types. No other module imports it.

These parts are private, or public without documentation, and may change with a version of Dask:

- `Scheduler.handlers` and the attributes `scheduler` of client and worker: a plugin has no public way to answer questions.
- `SecedeEvent` and `Worker.handle_stimulus`: `distributed.secede` works only in a thread of the worker, and not on its loop.
- `Scheduler.unregister_worker_plugin`: the method of that name of a client is public, but here no client is left.
- `Client.id`, `status`, `security`, `scheduler.address`; `Scheduler.workers` and `Worker.plugins`.

Owns the import and its error, and the calls to scheduler, workers and tasks. Must not know what they are for.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

from ...errors import ConfigurationError
from ...version import DISTRIBUTION, install_line

try:
    import distributed
    from distributed.worker_state_machine import SecedeEvent
except ImportError:
    raise ConfigurationError(
        f"aiolambda.contrib.dask needs distributed: install {DISTRIBUTION} with its extra 'dask' ({install_line('dask')})"
    ) from None

__all__ = ["DaskScheduler", "DaskWorker", "Engine", "SchedulerBase", "Task", "WorkerBase", "current_worker", "leave_slot"]

_distributed: Any = distributed
SchedulerBase: Any = _distributed.SchedulerPlugin
WorkerBase: Any = _distributed.WorkerPlugin
_EVENT: Any = SecedeEvent
_CANCELLED: Any = _distributed.CancelledError
_KILLED: Any = _distributed.KilledWorker
_PREFIX = "aiolambda_"


class DaskWorker(Protocol):
    """The used parts of a worker."""

    address: str
    plugins: dict[str, Any]
    scheduler: Any

    def handle_stimulus(self, event: Any, /) -> None: ...


class DaskScheduler(Protocol):
    """The used parts of a scheduler."""

    handlers: dict[str, Callable[..., Any]]
    workers: Mapping[str, Any]

    async def unregister_worker_plugin(self, comm: None, name: str) -> Any: ...


async def ask(scheduler: Any, operation: str, **arguments: Any) -> Any:
    """Call a handler of our scheduler plugin. `OSError` if the scheduler cannot be reached."""
    return await getattr(scheduler, _PREFIX + operation)(**arguments)


def handlers(of: object, operations: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """The methods of these names, as handlers of the scheduler."""
    return {_PREFIX + name: getattr(of, name) for name in operations}


def current_worker() -> DaskWorker:
    """The worker whose task runs."""
    return cast("DaskWorker", _distributed.get_worker())


def leave_slot(worker: DaskWorker, key: str) -> None:
    """Free the thread that the worker counts for this task: the task waits, and computes nothing."""
    worker.handle_stimulus(_EVENT(key=key, compute_duration=0.0, stimulus_id=f"aiolambda-{key}"))


class Task:
    """A task of the cluster."""

    def __init__(self, future: Any) -> None:
        self._future = future
        self._error: object = None

    async def ended(self) -> str:
        """Wait for its end, and return its status: `finished`, `error`, `cancelled` or `lost`."""
        try:
            self._error = await self._future.exception()  # of this client: `distributed.wait` asks the default one
        except _CANCELLED:
            return "cancelled"
        return str(self._future.status)

    @property
    def error(self) -> str:
        """The kind and text of its error, once it has ended."""
        return f"{type(self._error).__name__}: {self._error}"

    @property
    def was_killed(self) -> bool:
        """Whether its error is that of Dask for a task whose workers have died: it says nothing of the task."""
        return isinstance(self._error, _KILLED)

    def release(self) -> None:
        """Let the scheduler forget it."""
        self._future.release()


class Engine:
    """A connection to the scheduler: a `distributed.Client` of the running loop."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._own: Any = None
        """The client that was opened here, beside a synchronous one of the caller."""

    async def open(self) -> None:
        """Open a client of this loop beside a synchronous one. `ConfigurationError` for something else, or a closed client."""
        given = self._client
        if not isinstance(given, _distributed.Client):
            raise ConfigurationError(f"dask_client must be a distributed.Client; got {type(given).__name__}")
        if given.status in ("closed", "closing"):
            raise ConfigurationError("dask_client is closed: give a distributed.Client that is open")
        if not given.asynchronous:
            own = _distributed.Client(given.scheduler.address, asynchronous=True, security=given.security, set_as_default=False)
            try:
                await own
            except BaseException:
                await own.close(timeout=0)
                raise
            self._own = self._client = own
        elif given.status == "newly-created":
            raise ConfigurationError("dask_client is not open: write async with Client(..., asynchronous=True), or await it")

    async def close(self) -> None:
        """Close the client that was opened here."""
        own, self._own = self._own, None
        if own is not None:
            await own.close()

    @property
    def id(self) -> str:
        """The name of this client at the scheduler."""
        return str(self._client.id)

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed, by the caller or for good."""
        return self._client.status in ("closed", "closing")

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """Call a handler of our scheduler plugin. `OSError` if the scheduler cannot be reached."""
        if self.is_closed:
            raise OSError("the Dask client is closed")
        return await ask(self._client.scheduler, operation, **arguments)

    async def register(self, plugin: Any, where: str) -> None:
        """Register a plugin. `ConfigurationError` if the package is missing there; else raises what its set-up raises."""
        try:
            await self._client.register_plugin(plugin)
        except Exception as error:
            said = str(error)
            if not isinstance(error, ImportError) and "ModuleNotFoundError" not in said:  # a worker's comes as text
                raise
        else:
            return
        raise ConfigurationError(
            f"{where} cannot import aiolambda ({said}): install {DISTRIBUTION} there, with its extra 'dask'"
        )

    async def unregister(self, name: str) -> None:
        """Remove the plugin from all workers."""
        await self._client.unregister_worker_plugin(name)

    async def call(self, worker: str, function: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        """Run a function on the loop of a worker. `OSError` if the worker is gone."""
        answers = await self._client.run(function, workers=[worker], on_error="return", **arguments)
        answer = answers.get(worker)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def submit(self, function: Callable[..., Awaitable[Any]], *arguments: Any, key: str, worker: str | None) -> Task:
        """Submit a coroutine function as a task that Dask may not keep, share or repeat, for this worker if possible."""
        placed = {} if worker is None else {"workers": [worker], "allow_other_workers": True}
        return Task(self._client.submit(function, *arguments, key=key, pure=False, retries=0, **placed))
