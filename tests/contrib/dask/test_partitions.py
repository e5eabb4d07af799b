"""The coordinator's part of a map: an item that may have run never gets the verdict that it has not."""

import asyncio
import itertools
import pickle
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from aiolambda import AiolambdaError, InvokeCommand, JsonCodec, NotSentError, UnknownOutcomeError
from aiolambda.contrib.dask.feed import MapOptions
from aiolambda.contrib.dask.partitions import Partition, Partitions
from aiolambda.fanout.parcels import packed_outcome
from aiolambda.types.values import UNSET, Delivery

pytestmark = pytest.mark.virtual_time


class FakeRoad:
    """Takes every partition, and keeps it."""

    def __init__(self) -> None:
        self.submitted: list[Partition] = []
        self.finished: list[Partition] = []
        self.revoked: list[int] = []
        self.places = 1000
        self.is_closed = False
        """Whether no partition gets as far as a worker."""

    def portion(self, pending: int, size: int, /) -> int:
        return min(pending, size, self.places)

    async def submit(self, partition: Partition, content: bytes, /) -> None:
        assert len(pickle.loads(content)) == len(partition.waiting)
        partition.is_submitted = not self.is_closed
        self.submitted.append(partition)

    async def revoke(self, numbers: Sequence[int], /) -> None:
        self.revoked += numbers

    def finish(self, partition: Partition, /) -> None:
        self.finished.append(partition)


class Coordinator:
    """Partitions of one map on a fake road."""

    def __init__(self, *, idempotent: bool = True) -> None:
        self.road = FakeRoad()
        options = MapOptions(0, UNSET, idempotent, None)
        self.partitions = Partitions(
            self.road, options, size=10, codec=JsonCodec(), idempotent=False, numbers=itertools.count()
        )
        self.run_ended = asyncio.get_running_loop().create_future()
        self.running = asyncio.create_task(self.partitions.run())

    async def send(self) -> "asyncio.Task[Any]":
        """An item, once it is on the road."""
        known = len(self.road.submitted)
        command = InvokeCommand(function_name="orders", payload={"id": 1})
        sending = asyncio.create_task(self.partitions.send(command, self.run_ended))
        await asyncio.sleep(1)
        assert len(self.road.submitted) == known + 1
        return sending

    async def lose(self, *, begun: bool) -> None:
        """The worker of the last partition is lost, and the item is sent again if it may be."""
        partition = self.road.submitted[-1]
        partition.is_lost = True
        self.partitions.revoked(partition, int(begun), failure=None)
        await asyncio.sleep(1)

    async def close(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


async def error_of(sending: "asyncio.Task[Any]") -> AiolambdaError:
    with pytest.raises(AiolambdaError) as raised:
        await asyncio.wait_for(sending, 10)
    return raised.value


def end_of_run(of: Coordinator) -> None:
    of.run_ended.set_result(None)


def break_of_road(of: Coordinator) -> None:
    of.partitions.give_up("the scheduler is gone")


def failure_of_task(of: Coordinator) -> None:
    of.partitions.revoked(of.road.submitted[-1], 0, failure="ImportError: no such module")


def refusal(of: Coordinator) -> None:
    of.partitions.report(
        of.road.submitted[-1], 0, packed_outcome(None, AiolambdaError("no function", delivery=Delivery.REFUSED))
    )


def unsent(of: Coordinator) -> None:
    """The worker has not sent it, and the run has ended."""
    of.run_ended.set_result(None)
    of.partitions.report(of.road.submitted[-1], 0, packed_outcome(None, NotSentError("not sent")))


ENDS = [end_of_run, break_of_road, failure_of_task, refusal, unsent]
NAMES = [end.__name__ for end in ENDS]


@pytest.mark.parametrize("end", ENDS, ids=NAMES)
async def test_item_begun_at_a_lost_worker_may_have_run(end: Any) -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    await coordinator.lose(begun=True)
    assert len(coordinator.road.submitted) == 2  # it is sent again
    if end in (end_of_run, break_of_road):
        coordinator.road.places = 0
        await coordinator.lose(begun=True)  # and waits for a worker
    end(coordinator)
    error = await error_of(sending)
    assert error.delivery is Delivery.UNKNOWN
    assert not isinstance(error, NotSentError)
    await coordinator.close()


@pytest.mark.parametrize("end", ENDS, ids=NAMES)
async def test_item_that_was_not_begun_has_not_run(end: Any) -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    await coordinator.lose(begun=False)
    if end in (end_of_run, break_of_road):
        coordinator.road.places = 0
        await coordinator.lose(begun=False)
    end(coordinator)
    assert not (await error_of(sending)).delivery.may_have_run
    await coordinator.close()


async def test_last_try_of_a_begun_item_is_unknown() -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    for _ in range(5):
        await coordinator.lose(begun=True)
    error = await error_of(sending)
    assert isinstance(error, UnknownOutcomeError)
    assert "5 workers have returned it" in str(error)
    assert coordinator.partitions.in_flight == {}
    assert coordinator.road.finished == coordinator.road.submitted
    await coordinator.close()


async def test_item_returned_by_five_workers_is_not_sent() -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    throttle = AiolambdaError("busy", delivery=Delivery.REFUSED)
    for _ in range(5):
        partition = coordinator.road.submitted[-1]
        coordinator.partitions.report(partition, 0, packed_outcome(None, NotSentError("it leaves", last_error=throttle)))
        await asyncio.sleep(1)
    error = await error_of(sending)
    assert isinstance(error, NotSentError)
    await coordinator.close()


async def test_later_success_of_a_begun_item_is_its_result() -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    first = coordinator.road.submitted[0]
    await coordinator.lose(begun=True)
    coordinator.partitions.report(first, 0, packed_outcome(None, UnknownOutcomeError("late")))  # it is another's now
    assert not sending.done()
    coordinator.partitions.report(coordinator.road.submitted[1], 0, packed_outcome(None, UnknownOutcomeError("again")))
    assert "again" in str(await error_of(sending))
    await coordinator.close()


async def test_outcome_that_cannot_be_read_is_unknown() -> None:
    """It is of a class that only the worker can import, and concerns no other item."""
    coordinator = Coordinator()
    sending = await coordinator.send()
    content = b"cno_such_module\nOutput\n."
    coordinator.partitions.report(coordinator.road.submitted[0], 0, ("output", content))
    error = await error_of(sending)
    assert isinstance(error, UnknownOutcomeError)
    assert "ModuleNotFoundError" in str(error)
    await coordinator.close()


async def test_ended_map_revokes_each_partition_once() -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    coordinator.run_ended.set_result(None)
    await asyncio.sleep(1)
    assert coordinator.road.revoked == [0]
    coordinator.partitions.revoked(coordinator.road.submitted[0], 1, failure=None)
    for _ in range(20):  # each letter wakes the map
        coordinator.partitions.wake()
        await asyncio.sleep(1)
    assert coordinator.road.revoked == [0]
    assert not sending.done()  # it was begun, so its outcome comes
    coordinator.partitions.give_up("the end")
    await error_of(sending)
    await coordinator.close()


@pytest.mark.parametrize("submitted", [True, False])
async def test_broken_road_tells_what_has_left(submitted: bool) -> None:
    coordinator = Coordinator()
    coordinator.road.is_closed = not submitted
    sending = await coordinator.send()
    coordinator.partitions.give_up("the scheduler is gone")
    error = await error_of(sending)
    assert isinstance(error, UnknownOutcomeError if submitted else NotSentError)
    await coordinator.close()


async def test_revocation_that_was_lost_is_repeated() -> None:
    coordinator = Coordinator()
    sending = await coordinator.send()
    coordinator.run_ended.set_result(None)
    await asyncio.sleep(1)
    coordinator.partitions.wake()
    await asyncio.sleep(1)
    assert coordinator.road.revoked == [0, 0]
    coordinator.partitions.give_up("the end")
    await error_of(sending)
    await coordinator.close()
