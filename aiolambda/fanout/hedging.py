"""The hedged items of a map: each is sent as by `send`, and a second time if its answer takes too long.

Laws: a hedge takes a place in the window of its function, so that no more is in flight than the window allows; without room
there is no hedge, nor once the run has ended; an item has one result, whichever of the two is answered.

Owns the places of the hedges in the windows. Must not know when a hedge is due, or how a command is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..errors import AiolambdaError, LambdaServiceException
from ..errors.service import TooManyRequestsException
from ..pipeline.hedging import Leg, Places, Race, problem_of_kind, record_key
from ..policy.concurrency import Admission
from ..policy.hedging import FunctionRecords
from ..types.loggers import AnyLogger
from ..types.values import HedgeAfter
from .sending import Send, throttle_of
from .stats import StatsCounter

if TYPE_CHECKING:
    from ..operations.commands import InvokeCommand
    from ..operations.fetch_command import FetchCommand
    from ..operations.fetch_types import HttpOutput
    from ..operations.invoke_types import InvokeCommandOutput

__all__ = ["MapHedging", "SendLeg", "told_at_once"]

SendLeg = Callable[["InvokeCommand | FetchCommand", "asyncio.Future[None]", Leg], Awaitable["InvokeCommandOutput | HttpOutput"]]
"""As `Send`. It tells the leg when requests of its command are sent, and when they end."""


def told_at_once(send: Send, *, total: float | None = None) -> SendLeg:
    """A `Send` that tells nothing of its requests: each command counts as sent when it is handed over.

    It gives each command the total limit, in seconds. Here a hedge is cut once that of its item is over.
    """

    async def send_leg(
        command: "InvokeCommand | FetchCommand", run_ended: "asyncio.Future[None]", leg: Leg
    ) -> "InvokeCommandOutput | HttpOutput":
        leg.note_sent()
        rest = None if total is None or not leg.hedge else max(0.0, total - leg.elapsed)
        try:
            async with asyncio.timeout(rest):
                return await send(command, run_ended)
        except LambdaServiceException as error:
            if throttle_of(error, idempotent=True) is not None:
                leg.note_throttled(error.retry_after)
            raise

    return send_leg


class MapHedging:
    """Sends the items of one run, in place of its `send`, and hedges those that wait too long."""

    def __init__(
        self,
        send: SendLeg,
        *,
        after: HedgeAfter,
        records: FunctionRecords,
        has_room: Callable[[], bool],
        count_sent: Callable[[], None],
        count_won: Callable[[], None],
        logger: AnyLogger,
    ) -> None:
        self.in_flight = 0
        """The hedges in flight."""
        self._races: set[Race[Any]] = set()
        self.has_room, self.count_sent, self.count_won = has_room, count_sent, count_won
        self.send_once: Send
        self.admission: Admission
        self.stats: StatsCounter
        self.wake: Callable[[], None]
        self._send, self._records, self._logger = send, records, logger
        self._after: HedgeAfter = after

    def join(self, send: Send, admission: Admission, stats: StatsCounter, wake: Callable[[], None]) -> None:
        """Become part of a run: its `send`, its windows, its totals, and a function that has it look for work."""
        self.send_once, self.admission, self.stats, self.wake = send, admission, stats, wake

    def limit(self, has_room: Callable[[], bool]) -> None:
        """Send hedges only while this says that there is room, too."""
        before = self.has_room
        self.has_room = lambda: has_room() and before()

    async def send(
        self, command: "InvokeCommand | FetchCommand", run_ended: "asyncio.Future[None]"
    ) -> "InvokeCommandOutput | HttpOutput":
        """Send a command that may be sent twice. A `Send`."""
        input: Any = command.input
        operation: Any = command.operation
        if problem_of_kind(operation, input) is not None:
            return await self.send_once(command, run_ended)
        name, qualifier = record_key(operation, input)
        race: Race[InvokeCommandOutput | HttpOutput] = Race(
            lambda leg: self._send(command, run_ended, leg),
            name=name,
            after=self._after,
            record=self._records.of(name, qualifier),
            places=_InWindow(self, name, run_ended),
            logger=self._logger,
        )
        self._races.add(race)
        try:
            return await race.run()
        finally:
            self._races.discard(race)

    def has_task(self, task: "asyncio.Task[Any] | None") -> bool:
        """Whether the task makes one of the two calls of an item: middlewares run in it."""
        return any(task in race.tasks for race in self._races)


class _InWindow(Places):
    """The place of the hedge of one item, in the window of its function."""

    def __init__(self, hedging: MapHedging, function_name: str, run_ended: "asyncio.Future[None]") -> None:
        self._hedging, self._function_name, self._run_ended = hedging, function_name, run_ended
        self._clock = run_ended.get_loop().time
        self._sent_at = 0.0

    def take(self) -> bool:
        hedging, now = self._hedging, self._clock()
        if self._run_ended.done() or not hedging.has_room() or hedging.admission.room(self._function_name, now) <= 0:
            return False
        hedging.admission.sent(self._function_name, now)
        hedging.in_flight += 1
        self._sent_at = now
        return True

    def give_back(self, error: BaseException | None) -> None:
        hedging = self._hedging
        hedging.in_flight -= 1
        throttle = throttle_of(error, idempotent=True) if isinstance(error, AiolambdaError) else None
        if throttle is None:
            hedging.admission.ended(self._function_name, sent_at=self._sent_at)
        else:
            limit = throttle if isinstance(throttle, TooManyRequestsException) else None
            hedging.stats.count_throttle(None if limit is None else limit.reason)
            scope = None if limit is None else limit.scope
            hedging.admission.throttled(self._function_name, self._clock(), sent_at=self._sent_at, scope=scope)
        hedging.wake()

    def count_sent(self) -> None:
        self._hedging.stats.hedged += 1
        self._hedging.count_sent()

    def count_won(self) -> None:
        self._hedging.stats.hedges_won += 1
        self._hedging.count_won()
