"""The hedged calls of a client: which calls may be hedged, and the places that their hedges take.

Laws: only a call that was said to be idempotent, and that waits for the answer of a function, is hedged; a hedge takes a free
slot of the client, and never waits for one.

Owns these rules. Must not know how a race goes, or when a hedge is due: `pipeline` and `policy` do.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from ..config import LambdaClientConfig
from ..errors import InvalidInputError
from ..errors.checks import check_hedge_after
from ..pipeline.call import Command
from ..pipeline.command import parts_of
from ..pipeline.context import PipelineState
from ..pipeline.hedging import Leg, Places, Race, problem_of_kind, record_key
from ..policy.hedging import FunctionRecords
from ..types.events import MapFacts
from ..types.loggers import child_of
from ..types.values import UNSET, HedgeAfter, Timeouts, Unset

if TYPE_CHECKING:
    import asyncio

    from ..fanout import Send
    from ..fanout.hedging import MapHedging
    from ..operations.commands import InvokeCommand
    from ..operations.fetch_command import FetchCommand

    _RunEnded = asyncio.Future[None] | None

__all__ = ["HedgedCalls"]

Out = TypeVar("Out")

_Limit = float | Timeouts | Unset | None
_SHORTEST = 0.001
"""Seconds: the least limit that a call can have."""


class HedgedCalls:
    """Makes the hedged calls of one client, and keeps what it has learned of the functions."""

    def __init__(
        self,
        call: "Callable[[Command[Any, Any], _Limit, bool | None, _RunEnded, MapFacts | None, Leg | None], Awaitable[Any]]",
        timeouts: "Callable[[_Limit, float], Timeouts]",
        state: PipelineState,
        *,
        config: LambdaClientConfig,
        is_closed: Callable[[], bool],
    ) -> None:
        """`call` makes a call of a command; `timeouts` are its limits, with the default of its read limit filled in."""
        self._call, self._timeouts, self._state, self._is_closed = call, timeouts, state, is_closed
        self._after: HedgeAfter | None = config.hedge_after
        self._idempotent = config.idempotent
        self._records = FunctionRecords()
        self._logger = child_of(state.context.logger, "hedge")

    async def send(
        self,
        command: Command[Any, Out],
        timeout: _Limit,
        idempotent: bool | None,
        hedge_after: HedgeAfter | Unset | None,
    ) -> Out:
        """Send a command, and send it a second time if that is due. An error, if the caller asks for it in vain."""
        if hedge_after is not UNSET:
            check_hedge_after("hedge_after", hedge_after)
        after = self._after if hedge_after is UNSET else hedge_after
        input, said, _ = parts_of(command)
        may_run_twice = next((given for given in (idempotent, said, self._idempotent) if given is not None), None) is True
        problem = None if after is None else _problem_of(command, input, may_run_twice)
        name, qualifier = record_key(command.operation, input)
        if problem is not None and hedge_after is not UNSET:
            raise InvalidInputError(problem, member="hedge_after", function_name=name or None)
        if after is None or problem is not None:
            once: Out = await self._call(command, timeout, idempotent, None, None, None)
            return once
        race: Race[Out] = Race(
            functools.partial(self._leg, command, timeout, idempotent, None, None),
            name=name,
            after=after,
            record=self._records.of(name, qualifier),
            places=_Slots(self),
            logger=self._logger,
        )
        return await race.run()

    def of_map(
        self, after: HedgeAfter, timeout: _Limit, idempotent: bool | None, facts: MapFacts, *, send: "Send | None" = None
    ) -> "MapHedging":
        """The hedges of one map. `send` is given if it hands the commands to somebody else, who tells nothing on the way."""
        from ..fanout.hedging import MapHedging, told_at_once  # noqa: PLC0415 - most clients have no map

        def send_leg(command: "InvokeCommand | FetchCommand", run_ended: "asyncio.Future[None]", leg: Leg) -> Awaitable[Any]:
            return self._leg(command, timeout, idempotent, run_ended, facts, leg)

        return MapHedging(
            send_leg if send is None else told_at_once(send, total=self._timeouts(timeout, 1.0).total),
            after=after,
            records=self._records,
            has_room=self.has_room,
            count_sent=self.count_sent,
            count_won=self.count_won,
            logger=self._logger,
        )

    def has_room(self) -> bool:
        """Whether a slot is free, and the client open."""
        return self._state.slots.free > 0 and not self._is_closed()

    def count_sent(self) -> None:
        """A hedge was sent."""
        self._state.counters.hedged += 1

    def count_won(self) -> None:
        """A hedge has the answer."""
        self._state.counters.hedges_won += 1

    def _leg(
        self,
        command: Command[Any, Any],
        timeout: _Limit,
        idempotent: bool | None,
        run_ended: "asyncio.Future[None] | None",
        map_facts: MapFacts | None,
        leg: Leg,
    ) -> Awaitable[Any]:
        """One of the two calls. A hedge has the rest of the time of its call, and none for a queue.

        The time of a call of a map starts with its slot, which it has when it is sent; that of any other with the call.
        """
        if leg.hedge:
            limits = self._timeouts(timeout, command.operation.default_read_timeout(parts_of(command)[0]))
            passed = leg.age if run_ended is None else leg.elapsed
            total = None if limits.total is None else max(_SHORTEST, limits.total - passed)
            timeout = attrs.evolve(limits, total=total, queue=0.0)
        return self._call(command, timeout, idempotent, run_ended, map_facts, leg)


class _Slots(Places):
    """The places of hedges of single calls: slots of the client, which their calls take and give back themselves."""

    def __init__(self, calls: HedgedCalls) -> None:
        self._calls = calls

    def take(self) -> bool:
        return self._calls.has_room()

    def give_back(self, error: BaseException | None) -> None:
        """The call has given back its slot."""

    def count_sent(self) -> None:
        self._calls.count_sent()

    def count_won(self) -> None:
        self._calls.count_won()


def _problem_of(command: Command[Any, Any], input: Any, may_run_twice: bool) -> str | None:
    """Why a call must not be sent a second time; `None` if it may be."""
    problem = problem_of_kind(command.operation, input)
    if problem is None and not may_run_twice:
        return "hedge_after needs idempotent=True, because a call that is sent a second time may run the function twice"
    return problem
