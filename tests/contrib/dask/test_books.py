"""The scheduler's books and the shares, without a cluster."""

import asyncio
import logging
import random
from typing import Any

import pytest

from aiolambda.contrib.dask.budget import Budget, shares_of
from aiolambda.contrib.dask.engine import Engine
from aiolambda.contrib.dask.feed import Feeds, MapOptions
from aiolambda.contrib.dask.gate import Gate
from aiolambda.contrib.dask.ledger import Ledger, Session, packed_bits
from aiolambda.contrib.dask.session import ClusterSession
from aiolambda.contrib.dask.worker_plugin import FeedPlugin, Parcel

pytestmark = pytest.mark.virtual_time


def bits(*places: int) -> bytes:
    return packed_bits(sum(1 << place for place in places))


def books() -> tuple[Ledger, Session]:
    ledger = Ledger()
    session = ledger.sessions["s"] = Session(client="c", plugin="p")
    return ledger, session


def test_partition_has_one_holder() -> None:
    ledger, session = books()
    assert ledger.announce("s", 1)
    assert ledger.claim("s", 1, "first", "worker-a")
    assert ledger.claim("s", 1, "first", "worker-a")  # asked again: the answer was lost
    assert not ledger.claim("s", 1, "second", "worker-a")
    assert not ledger.claim("s", 1, "second", "worker-b")
    assert session.refusals == 2


def test_partition_that_was_not_announced_has_none() -> None:
    ledger, _ = books()
    assert not ledger.claim("s", 1, "first", "worker-a")
    assert not ledger.claim("other", 1, "first", "worker-a")
    assert not ledger.announce("other", 1)


def test_only_the_holder_begins_items() -> None:
    ledger, _ = books()
    ledger.announce("s", 1)
    assert ledger.begin("s", [(1, "first", bits(0))]) == [False]
    ledger.claim("s", 1, "first", "worker-a")
    assert ledger.begin("s", [(1, "first", bits(0, 70)), (1, "other", bits(1)), (2, "first", bits(0))]) == [True, False, False]


async def test_revoked_partition_says_what_was_begun() -> None:
    ledger, session = books()
    ledger.announce("s", 1)
    ledger.claim("s", 1, "first", "worker-a")
    ledger.begin("s", [(1, "first", bits(0, 70))])
    ledger.revoke("s", [1, 9])
    assert ledger.begin("s", [(1, "first", bits(1))]) == [False]
    assert await session.take(0, 1.0) == [[1, "revoked", [[1, bits(0, 70)]]]]


async def test_lost_worker_begins_nothing_more() -> None:
    ledger, session = books()
    for number in (1, 2):
        ledger.announce("s", number)
    ledger.claim("s", 1, "first", "worker-a")
    ledger.claim("s", 2, "second", "worker-b")
    ledger.lose("worker-a")
    assert ledger.begin("s", [(1, "first", bits(0)), (2, "second", bits(0))]) == [False, True]
    assert not ledger.claim("s", 1, "third", "worker-b")
    assert await session.take(0, 1.0) == [[1, "lost", ["worker-a", [1]]]]


async def test_forgotten_partition_cannot_be_claimed_again() -> None:
    ledger, session = books()
    ledger.announce("s", 1)
    ledger.claim("s", 1, "first", "worker-a")
    ledger.forget("s", [1])
    assert not ledger.claim("s", 1, "second", "worker-b")
    assert ledger.unknown("s", [1]) == [1]
    assert ledger.unknown("other", [1]) is None
    assert session.claims == {}


async def test_orphaned_session_begins_nothing_more() -> None:
    ledger, session = books()
    ledger.announce("s", 1)
    ledger.claim("s", 1, "first", "worker-a")
    session.is_orphaned = True
    assert ledger.begin("s", [(1, "first", bits(0))]) == [False]
    assert not ledger.announce("s", 2)
    assert not ledger.claim("s", 1, "first", "worker-a")


async def test_mail_stays_until_it_is_acknowledged() -> None:
    _, session = books()
    session.post("one", 1)
    session.post("two", 2)
    assert await session.take(0, 1.0) == [[1, "one", 1], [2, "two", 2]]
    assert await session.take(0, 1.0) == [[1, "one", 1], [2, "two", 2]]  # the answer was lost
    assert await session.take(1, 1.0) == [[2, "two", 2]]
    assert await session.take(2, 1.0) == []
    assert session.waiting == 0


async def test_worker_waits_until_the_mail_has_room() -> None:
    _, session = books()
    session.post("outcomes", b"", 65 << 20)
    waiting = asyncio.create_task(session.has_room())
    await asyncio.sleep(5)
    assert not waiting.done()
    await session.take(1, 0.1)
    await asyncio.wait_for(waiting, 1)


def test_shares_add_up_to_the_total() -> None:
    for total in (1, 2, 7, 20, 1000):
        for count in range(1, 9):
            shares = shares_of(total, [f"w{n}" for n in range(count)])
            assert sum(shares.values()) == total
            assert max(shares.values()) - min(shares.values()) <= 1
    assert shares_of(5, []) == {}


async def test_shares_never_exceed_the_total() -> None:
    """Workers come and go at random, answer late or never, and a division is cut by the next."""
    rng = random.Random(7)  # noqa: S311 - it need not be secret
    in_force: dict[str, int] = {}

    async def tell(worker: str, share: int) -> bool:
        if share > in_force.get(worker, 0):
            in_force[worker] = share
            assert sum(in_force.values()) <= 20
        await asyncio.sleep(rng.random())
        if rng.random() < 0.2:
            return False
        in_force[worker] = share
        return True

    budget = Budget(20, tell)
    for _ in range(300):
        workers = [f"w{n}" for n in range(rng.randint(0, 5))]
        for gone in in_force.keys() - set(workers):
            del in_force[gone]
        try:
            async with asyncio.timeout(rng.random() * 3):
                await budget.divide(workers)
        except TimeoutError:
            pass
        assert sum(budget.shares.values()) <= 20


async def test_stalled_worker_holds_up_no_other() -> None:
    told: dict[str, int] = {}

    async def tell(worker: str, share: int) -> bool:
        if worker == "a":
            await asyncio.sleep(3600)
        told[worker] = share
        return True

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await Budget(9, tell).divide(["a", "b", "c"])
    assert told == {"b": 3, "c": 3}


async def test_draining_worker_keeps_its_share() -> None:
    async def tell(worker: str, share: int) -> bool:
        return True

    budget = Budget(10, tell)
    await budget.divide(["a", "b"])
    await budget.divide(["a"], draining={"b"})
    assert budget.shares == {"a": 5, "b": 5}
    await budget.divide(["a"])
    assert budget.shares == {"a": 10}


async def test_new_workers_take_no_worker_its_last_place() -> None:
    """A worker whose share falls to 0 would keep the items that it has, and send them no more."""
    session = ClusterSession(Engine(None), {}, concurrency=3, logger=logging.getLogger("aiolambda"))
    session._note_workers(["tcp://b", "tcp://c", "tcp://d"])
    session._note_workers(["tcp://a", "tcp://b", "tcp://c", "tcp://d", "tcp://e"])
    shares = shares_of(3, session.workers)
    assert shares == {"tcp://b": 1, "tcp://c": 1, "tcp://d": 1, "tcp://a": 0, "tcp://e": 0}
    session._note_workers(["tcp://a", "tcp://c"])
    assert session.workers == ["tcp://c", "tcp://a"]


async def test_later_share_wins_over_one_that_comes_late() -> None:
    plugin = FeedPlugin("s", {}, concurrency=10)
    plugin._feeds = Feeds({}, Any, concurrency=10)  # type: ignore[arg-type]
    assert plugin.resize(4, 2) is not None
    assert plugin.resize(9, 1) is None
    await asyncio.sleep(0)
    assert plugin._feeds.gate.share == 4


async def test_partition_is_refused_where_there_is_no_share() -> None:
    """Dask may move a task to a worker whose share is 0, which could never send its items."""

    class Nobody:
        async def claim(self, *question: Any) -> bool:
            raise AssertionError("nothing may be claimed")

    plugin = FeedPlugin("s", {}, concurrency=10)
    plugin._books = Nobody()  # type: ignore[assignment]
    plugin._feeds = Feeds({}, plugin._books, concurrency=10)  # type: ignore[arg-type]
    options = MapOptions(0, None, None, None)
    async with asyncio.timeout(30):
        assert await plugin.run(None, options, 1, Parcel(b"")) == "refused"  # type: ignore[arg-type]


async def test_gate_is_open_once_it_has_a_share() -> None:
    gate = Gate(0)
    opened = asyncio.create_task(gate.opened())
    await asyncio.sleep(1)
    assert not opened.done()
    await gate.resize(1)
    await opened
    assert gate.is_free
    async with gate:
        assert not gate.is_free
    await gate.resize(0)
    assert not gate.is_free


async def test_gate_lets_no_more_in_than_its_share() -> None:
    gate, peak = Gate(3), 0

    async def work() -> None:
        nonlocal peak
        async with gate:
            peak = max(peak, gate.busy)
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(work()) for _ in range(30)]
    await asyncio.sleep(2.5)
    tasks[-1].cancel()
    await gate.resize(1)
    assert gate.busy <= 1
    await asyncio.sleep(3)
    assert (peak, gate.busy) == (3, 1)
    await gate.resize(5)
    await asyncio.wait(tasks)
    assert (peak, gate.busy) == (5, 0)


async def test_cancelled_turn_goes_to_the_next() -> None:
    gate = Gate(1)
    await gate.__aenter__()

    async def work() -> str:
        async with gate:
            return "done"

    first, second = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    await gate.__aexit__(None, None, None)
    first.cancel()  # it was woken in this turn
    assert await asyncio.wait_for(second, 1) == "done"


async def test_new_gate_without_a_share_is_shut() -> None:
    gate = Gate(0)
    waiting = asyncio.create_task(gate.__aenter__())
    await asyncio.sleep(5)
    assert not waiting.done()
    await gate.resize(None)
    await waiting
