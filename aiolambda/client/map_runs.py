"""The runs that the maps of one client have begun, and the windows that they share.

Owns what a run is made of, and its end with the client. Must not know how an invocation is sent: the client passes that in.
`fanout` is loaded by the first map, so this module is not part of it.
"""

import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..pipeline.observers import MapWatch, Observers
from ..types.events import MapFacts
from ..types.interfaces import Codec
from ..types.loggers import AnyLogger, child_of, log_quietly
from ..types.values import HedgeAfter, Timeouts, Unset
from .map_checks import checked_concurrency
from .map_workers import MapWorkers
from .maps import RunRequest, Runs

if TYPE_CHECKING:  # loaded by the first map: most programs have none
    from ..fanout import MapRun, Send, Source
    from ..policy.concurrency import AdaptiveAdmission
    from .hedging import HedgedCalls
    from .processes.workers import Workers

__all__ = ["Maps"]

Item = TypeVar("Item")

_LEAST_HELD = 64
"""Items and results that every run may hold."""
_CLOSE_GRACE = 5.0
"""Seconds for the journals of the runs, once all calls have ended."""


class Maps(Runs):
    """The windows that the maps of one client share, and their runs."""

    def __init__(
        self,
        *,
        max_concurrency: int,
        codec: Codec,
        idempotent: bool,
        sender: "Callable[[float | Timeouts | Unset | None, bool | None, MapFacts], Send]",
        hedging: "Callable[[], HedgedCalls]",
        hedge_after: HedgeAfter | None,
        jitter: Callable[[], float],
        enter: Callable[[], None],
        observers: Observers,
        logger: AnyLogger,
        concurrency_of: "Callable[[str, str | None], Awaitable[int | None]]",
        workers: "Callable[[int, float | Timeouts | Unset | None, bool | None, str | None], Workers]",
    ) -> None:
        self.codec = codec
        self.idempotent = idempotent
        self.hedge_after = hedge_after
        self.runs: set[MapRun[Any]] = set()
        self._max_concurrency = max_concurrency
        self._sender = sender
        self._hedging = hedging
        self._jitter = jitter
        self._enter = enter
        self._observers = observers
        self._logger = child_of(logger, "map")
        self._concurrency_of = concurrency_of
        self.workers = MapWorkers(workers)
        self._admission: AdaptiveAdmission | None = None

    def run(self, source: "Source[Item]", asked: RunRequest) -> "MapRun[Item]":
        """A run that has not begun. `ConfigurationError` for an invalid setting."""
        from ..fanout import MapRun, MapScheduler, MapSettings, RunLog  # noqa: PLC0415 - most programs have no map
        from ..policy.concurrency import FixedAdmission  # noqa: PLC0415 - as above

        function_name, concurrency, after = asked.function_name, asked.concurrency, asked.hedge_after
        call = asked.timeout, asked.idempotent
        prepare: Callable[[], Awaitable[None]] | None = None
        if concurrency == "limits" and function_name is not None:
            prepare, concurrency = functools.partial(self._start_at_limit, function_name, asked.qualifier), "adaptive"
        fixed = None if concurrency == "adaptive" else checked_concurrency(concurrency, self._max_concurrency, function_name)
        facts = MapFacts(function_name)
        log = RunLog(self._logger, function_name)
        send, enter, release = self._sender(*call, facts), self._enter, None
        workers = self.workers.made(asked.processes, *call, function_name)
        if workers is not None:
            send, prepare = workers.send, workers.before(prepare)
            enter, release = functools.partial(self.workers.begin, workers, enter), functools.partial(self.workers.end, workers)
        max_held = max(_LEAST_HELD, 4 * (fixed or self._max_concurrency)) + asked.lookahead
        scheduler = MapScheduler(
            source,
            send=send,
            admission=self.admission if fixed is None else FixedAdmission(fixed),
            settings=MapSettings(max_held=max_held, lookahead=asked.lookahead, **asked.settings),
            journal=asked.journal,
            codec=self.codec,
            jitter=self._jitter,
            log=log,
            prepare=prepare,
            hedging=None
            if after is None
            else self._hedging().of_map(after, *call, facts, send=None if workers is None else workers.send),
            release=release,
        )
        if workers is not None:
            workers.fail = scheduler.fail
        return MapRun(scheduler, self.runs, enter=enter, watch=MapWatch(self._observers, facts), log=log)

    async def _start_at_limit(self, function_name: str, qualifier: str | None) -> None:
        """Start the window of a function at the concurrency that it may have, if that is known."""
        limit = await self._concurrency_of(function_name, qualifier)
        if limit == 0:
            message = "no invocation of %r can run: its reserved concurrency is 0"
            log_quietly(self._logger, logging.WARNING, message, function_name, extra={"function_name": function_name})
        if limit is not None:
            self.admission.start_at(function_name, limit)

    def detach(self, *, forked: bool) -> None:
        """Forget the runs: their loop is closed, or is that of another process. The windows keep what they have learned."""
        for run in self.runs:
            run.detach(forked=forked)
        self.runs.clear()
        self.workers.detach(forked=forked)
        if self._admission is not None:
            self._admission.forget_flights()

    @property
    def admission(self) -> "AdaptiveAdmission":
        """The windows that all maps with adaptive concurrency share."""
        from ..policy.concurrency import AdaptiveAdmission  # noqa: PLC0415 - as above

        if self._admission is None:
            self._admission = AdaptiveAdmission(self._max_concurrency)
        return self._admission

    def stop(self) -> None:
        """Send nothing more in any run."""
        for run in list(self.runs):
            run.stop()

    async def close(self) -> None:
        """End every run. All calls have ended, so only the journals have something left to write."""
        async with contextlib.AsyncExitStack() as closing:  # closes each run, even if another one raises
            for run in self.runs:
                closing.push_async_callback(run.aclose, grace=_CLOSE_GRACE)
