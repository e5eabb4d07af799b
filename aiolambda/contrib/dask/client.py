"""`DaskLambdaClient`: maps whose items are sent by the workers of a Dask cluster.

Owns the public calls, and the life of a session. Must not know how partitions travel.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack

from ...client.arguments import ArgumentError
from ...client.maps import MapCalls, RunRequest, Runs
from ...config import LambdaClientConfig
from ...errors import ClientClosedError, ConfigurationError
from ...errors.checks import check_whole, problem_of_timeout
from ...fanout import MapRun, MapScheduler, MapSettings, RunLog
from ...operations.commands import InvokeCommand
from ...pipeline.observers import MapWatch, Observers
from ...types.events import MapFacts
from ...types.loggers import PACKAGE, AnyLogger, child_of
from ...types.mistakes import unknown_name
from ...types.values import HedgeAfter, Timeouts, Unset, is_whole, shown
from .budget import ClusterAdmission
from .engine import Engine
from .feed import MapOptions
from .options import DaskClientSettings, DaskCommandOptions, DaskMapOptions
from .partitions import Partitions
from .session import ClusterSession
from .travel import checked_factory, config_of, travelling

if TYPE_CHECKING:
    from ...fanout import Source
    from ...operations.fetch_command import FetchCommand

__all__ = ["DaskLambdaClient"]

Item = TypeVar("Item")
Sent = TypeVar("Sent", bound="InvokeCommand | FetchCommand")

_PARTITION = 500
_REMEDIES = {
    "concurrency": "give it to DaskLambdaClient, whose workers share it",
    "processes": "the workers of the cluster are its processes",
}
_LEAST_WORKERS = 16
"""The cluster may grow to so many workers, or to four times those at the start, with all of them busy."""


class DaskLambdaClient:
    """Maps whose items are sent by the workers of a Dask cluster. Each worker has a `LambdaClient` of its own.

    ::

        async with (
            distributed.Client("scheduler:8786", asynchronous=True) as dask,
            DaskLambdaClient(dask, region="eu-west-1", concurrency=2000) as cluster,
            cluster.map("orders", items) as run,
        ):
            async for result in run:
                print(result.key, result.ok)

    The results, the journal, the limits and the totals are those of `LambdaClient.map`, and stay with this program. An item of
    a worker that is lost is sent again by another one if the first had not begun it. If it had, its error is an
    `UnknownOutcomeError`; an idempotent item is sent again.
    """

    def __init__(
        self,
        dask_client: object,
        config: LambdaClientConfig | None = None,
        /,
        *,
        concurrency: int | Literal["adaptive"] = "adaptive",
        credentials: Callable[[], Any] | None = None,
        **settings: Unpack[DaskClientSettings],
    ) -> None:
        """Build a client. This does no I/O.

        Args:
            dask_client: An open `distributed.Client`. With `asynchronous=True` it is used on its own loop, which must be the
                running one; beside a synchronous one, another client of its scheduler is opened.
            config: The settings as one value, in place of keyword arguments.
            concurrency: The invocations in flight in the whole cluster, divided by its workers. By default `"adaptive"`: each
                worker finds what Lambda accepts.
            credentials: A function at the top of a module that every worker can import. It returns a provider or `Credentials`
                there. By default each worker looks its credentials up.
            settings: Those of `LambdaClient`, for the client of each worker. Its `max_concurrency` is one worker's.

        Raises:
            ConfigurationError: A setting is wrong, or cannot travel to the workers.
        """
        if concurrency != "adaptive" and not is_whole(concurrency, least=1):
            said = f"concurrency must be a number of invocations, 1 or more, or 'adaptive'; got {shown(concurrency)}"
            raise ConfigurationError(said)
        if config is not None and settings:
            raise ConfigurationError("DaskLambdaClient takes a config or settings, not both")
        given: dict[str, Any] = dict(settings)
        self._config = config or config_of(given)
        travelling_settings = travelling(self._config)
        factory = checked_factory(credentials)
        if factory is not None:
            travelling_settings["credentials"] = factory
        fixed = None if concurrency == "adaptive" else concurrency
        if fixed is not None:
            travelling_settings.setdefault("max_concurrency", fixed)
        self._logger = child_of(self._config.logger or PACKAGE, "dask")
        self._dask_client = dask_client
        self._settings = travelling_settings
        self._concurrency = fixed
        self._session: ClusterSession | None = None
        self._maps: _ClusterMaps | None = None
        self._is_closed = False
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close(grace=30.0 if kind is None else 0)

    async def open(self) -> None:
        """Set up the scheduler and the workers. Each worker opens its client with its first item.

        Raises:
            ConfigurationError: The Dask client is none or not open, or a node lacks this version of the package.
            ClientClosedError: The client is closed.
        """
        async with self._opening:
            self._check_not_closed()
            if self._session is not None:
                return
            engine = Engine(self._dask_client)
            session = ClusterSession(engine, self._settings, concurrency=self._concurrency, logger=self._logger)
            await session.open()
            if self._is_closed:  # while it was opened
                await session.close()
            self._check_not_closed()
            self._session = session
            self._maps = _ClusterMaps(session, self._config, self._logger)

    async def close(self, *, grace: float | None = 30.0) -> None:
        """End all maps, and the session at the cluster. The Dask client of the caller stays open.

        Args:
            grace: Seconds for items in flight. Default 30; 0 aborts them, `None` waits without a limit.
        """
        self._is_closed = True
        session, self._session, maps = self._session, None, self._maps
        if session is None or maps is None:
            return
        try:
            await asyncio.gather(*(run.aclose(grace=grace) for run in list(maps.runs)))
            await maps.ended()
        finally:
            await session.close()

    def map(
        self,
        function_name: str,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        partition: int = _PARTITION,
        **options: Unpack[DaskMapOptions],
    ) -> MapRun[Item]:
        """Invoke a function for each item, as `LambdaClient.map` does.

        ::

            async with cluster.map("orders", items, partition=200) as run:
                async for result in run:
                    print(result.key, result.ok)

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            items: The items, an iterable or an asynchronous one. It is read lazily.
            partition: The items that go to a worker together. Default 500; fewer if their payloads exceed 4 MiB.
            options: The arguments of `LambdaClient.map`. There is no `concurrency`: that is of the whole cluster.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        _check_names("map", options, DaskMapOptions)
        return self._calls(partition).map(function_name, items, **options)

    def map_commands(
        self,
        commands: Iterable[Sent] | AsyncIterable[Sent],
        *,
        partition: int = _PARTITION,
        **options: Unpack[DaskCommandOptions],
    ) -> MapRun[Sent]:
        """Send each command, as `LambdaClient.map_commands` does.

        Args:
            commands: The commands, an iterable or an asynchronous one. It is read lazily.
            partition: The commands that go to a worker together. Default 500; fewer if their payloads exceed 4 MiB.
            options: The arguments of `LambdaClient.map_commands`, without `concurrency`.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        _check_names("map_commands", options, DaskCommandOptions)
        return self._calls(partition).map_commands(commands, **options)

    def __repr__(self) -> str:
        state = (
            "closed" if self._is_closed else "not open" if self._session is None else f"{len(self._session.workers)} workers"
        )
        return f"<{type(self).__name__} region {self._config.region}, {state}>"

    def _check_not_closed(self) -> None:
        if self._is_closed:
            raise ClientClosedError("this DaskLambdaClient is closed")

    def _calls(self, partition: int) -> MapCalls:
        check_whole("partition", partition, least=1)
        self._check_not_closed()
        if self._maps is None:
            raise ConfigurationError("this DaskLambdaClient is not open: write async with DaskLambdaClient(...) as cluster")
        return _Calls(self._maps, partition)


def _check_names(method: str, options: Mapping[str, object], known: type[DaskCommandOptions]) -> None:
    """`ConfigurationError` for an argument that a map over a cluster does not have."""
    names = tuple(known.__annotations__)
    for name in options:
        if name not in names:
            raise ArgumentError(unknown_name(f"DaskLambdaClient.{method}()", "argument", name, names, _REMEDIES))


class _Calls(MapCalls):
    """`map` and `map_commands` with partitions of this size."""

    def __init__(self, maps: "_ClusterMaps", size: int) -> None:
        self._runs = _SizedRuns(maps, size)


class _ClusterMaps:
    """The runs of a session."""

    def __init__(self, session: ClusterSession, config: LambdaClientConfig, logger: AnyLogger) -> None:
        self.session = session
        self.codec = config.codec
        self.idempotent = bool(config.idempotent)
        self.hedge_after: HedgeAfter | None = config.hedge_after
        self.logger = logger
        self.observers = Observers()
        self.runs: set[MapRun[Any]] = set()
        self.numbers = itertools.count()
        self.loop = asyncio.get_running_loop()
        self._ending: set[asyncio.Task[None]] = set()

    def carry(self, partitions: Partitions, scheduler: MapScheduler[Any]) -> None:
        """Carry the partitions of a map from now on, until its scheduler ends."""
        assert scheduler.task is not None  # noqa: S101 - it has begun
        carrying = self.session.add(partitions, scheduler.fail)
        self._ending.add(carrying)
        carrying.add_done_callback(self._ending.discard)
        scheduler.task.add_done_callback(lambda _: carrying.cancel())

    async def ended(self) -> None:
        """Wait until nothing is carried any more."""
        if self._ending:
            await asyncio.wait(self._ending)


class _SizedRuns(Runs):
    """Makes runs whose items go to the cluster in partitions of this size."""

    def __init__(self, of: _ClusterMaps, size: int) -> None:
        self.codec = of.codec
        self.idempotent = of.idempotent
        self.hedge_after: HedgeAfter | None = of.hedge_after
        self._of = of
        self._size = size

    def run(self, source: "Source[Item]", asked: RunRequest) -> MapRun[Item]:
        """A run that has not begun. `ConfigurationError` for an invalid setting."""
        timeout = asked.timeout
        if not isinstance(timeout, Timeouts | Unset) and (problem := problem_of_timeout("timeout", timeout)) is not None:
            raise ConfigurationError(problem)
        of, session = self._of, self._of.session
        most = max(_LEAST_WORKERS, 4 * len(session.workers)) * 2 * self._size
        facts = MapFacts(asked.function_name)
        log = RunLog(child_of(of.logger, "map"), asked.function_name)
        partitions = Partitions(
            session,
            MapOptions(next(of.numbers), timeout, asked.idempotent, asked.hedge_after),
            size=self._size,
            codec=self.codec,
            idempotent=self.idempotent,
            numbers=session.numbers,
        )

        async def carry() -> None:
            of.carry(partitions, scheduler)

        scheduler = MapScheduler(
            source,
            send=partitions.send,
            admission=ClusterAdmission(lambda: min(most, session.capacity(self._size))),
            settings=MapSettings(
                max_held=2 * most + asked.lookahead,
                lookahead=0,  # the workers' maps look ahead
                **asked.settings,
            ),
            journal=asked.journal,
            codec=self.codec,
            jitter=random.random,
            log=log,
            prepare=carry,
        )
        partitions.count_hedge = scheduler.count_hedge
        return MapRun(scheduler, of.runs, enter=self._check_loop, watch=MapWatch(of.observers, facts), log=log)

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._of.loop:
            raise ConfigurationError("this DaskLambdaClient is open on another event loop")
