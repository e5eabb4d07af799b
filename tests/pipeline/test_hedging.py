"""The race of a call and its hedge, by itself: both may end in the same turn of the loop, or in one of the next."""

import asyncio
import contextlib
from typing import Any

import pytest

from aiolambda import ConnectionLostError
from aiolambda.pipeline.hedging import Leg, Places, Race
from aiolambda.policy.hedging import FunctionRecord
from aiolambda.types.loggers import PACKAGE

pytestmark = pytest.mark.virtual_time


class Counted(Places):
    """As many places as one likes. It counts those that are taken."""

    def __init__(self) -> None:
        self.taken = self.sent = self.won = 0

    def take(self) -> bool:
        self.taken += 1
        return True

    def give_back(self, error: BaseException | None) -> None:
        self.taken -= 1

    def count_sent(self) -> None:
        self.sent += 1

    def count_won(self) -> None:
        self.won += 1


def race_of(places: Counted, start: Any) -> Race[str]:
    return Race(start, name="f", after=0.5, record=FunctionRecord(), places=places, logger=PACKAGE)


@pytest.mark.parametrize("first_fails", [False, True], ids=["first answers", "first fails"])
@pytest.mark.parametrize("hedge_fails", [False, True], ids=["hedge answers", "hedge fails"])
@pytest.mark.parametrize("first_turns", range(5))
@pytest.mark.parametrize("hedge_turns", range(5))
async def test_both_end_within_some_turns(first_fails: bool, hedge_fails: bool, first_turns: int, hedge_turns: int) -> None:
    faults: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, fault: faults.append(fault))
    places, answered = Counted(), asyncio.Event()

    async def start(leg: Leg) -> str:
        leg.note_sent()
        await answered.wait()
        for _ in range(hedge_turns if leg.hedge else first_turns):
            await asyncio.sleep(0)
        if hedge_fails if leg.hedge else first_fails:
            raise ConnectionLostError("broke")
        return "hedge" if leg.hedge else "first"

    loop.call_later(1, answered.set)
    race = race_of(places, start)
    if first_fails and hedge_fails:
        with pytest.raises(ConnectionLostError):
            await race.run()
    else:
        winner = await race.run()
        assert winner == ("first" if hedge_fails else "hedge") or not (first_fails or hedge_fails)
        assert places.won == (winner == "hedge")
    assert (places.sent, places.taken) == (1, 0)
    await asyncio.sleep(1)
    assert (places.taken, faults) == (0, [])


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("ends", ["first", "hedge"])
async def test_cancellation_within_some_turns_of_an_end(ends: str, turns: int) -> None:
    faults: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, fault: faults.append(fault))
    places, answered = Counted(), asyncio.Event()

    async def start(leg: Leg) -> str:
        leg.note_sent()
        if leg.hedge is (ends == "hedge"):
            await answered.wait()
        else:
            await asyncio.sleep(60)
        return "answer"

    task = asyncio.create_task(race_of(places, start).run())
    await asyncio.sleep(1)
    answered.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        assert await task == "answer"
    assert places.taken == 0
    await asyncio.sleep(1)
    assert (places.taken, faults) == (0, [])
