"""The worker's part of a map, with a fake scheduler and virtual time."""

import asyncio
import pickle
from collections.abc import Sequence
from typing import Any

import pytest

from aiolambda import AiolambdaError, Credentials, InvokeCommand, JsonCodec, LambdaClient, NotSentError, UnknownOutcomeError
from aiolambda.contrib.dask.feed import Feeds, MapOptions
from aiolambda.errors.service import TooManyRequestsException
from aiolambda.fanout.parcels import outcome_of, packed_command
from aiolambda.testing import FakeTransport
from aiolambda.types.values import UNSET, Delivery

pytestmark = pytest.mark.virtual_time
OPTIONS = MapOptions(0, UNSET, None, None)


class FakeBooks:
    """A scheduler that allows and takes everything, unless it is told otherwise."""

    def __init__(self) -> None:
        self.begun: dict[int, int] = {}
        self.questions = 0
        self.outcomes: dict[tuple[int, int], Any] = {}
        self.reports: list[int] = []
        self.refused: set[int] = set()
        self.forgotten: set[int] = set()
        self.failures: list[Exception] = []
        self.is_over = False

    async def begin(self, items: Sequence[Sequence[Any]], /) -> list[bool]:
        await asyncio.sleep(0.001)
        self.questions += 1
        self._fail()
        for number, _, bits in items:
            self.begun[number] = self.begun.get(number, 0) | int.from_bytes(bits, "little")
        return [number not in self.refused for number, *_ in items]

    async def report(self, outcomes: bytes, numbers: Sequence[int], /) -> list[int] | None:
        await asyncio.sleep(0.001)
        self._fail()
        done = pickle.loads(outcomes) if outcomes else []
        self.reports.append(len(done))
        for number, place, packed in done:
            self.outcomes[number, place] = outcome_of(packed, JsonCodec())
        return None if self.is_over else [number for number in numbers if number in self.forgotten]

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


def packed(count: int) -> list[Any]:
    return [packed_command(InvokeCommand(function_name="orders", payload={"id": n}), JsonCodec()) for n in range(count)]


class Worker:
    """Feeds whose client has a fake transport."""

    def __init__(self, books: FakeBooks, *, seconds: float = 1.0, concurrency: int | None = None) -> None:
        self.running = self.peak = self.sent = 0
        self.seconds = seconds
        self.answer_of_first: asyncio.Event | None = None
        """What the first call waits for."""
        self.feeds = Feeds({}, books, concurrency=concurrency)
        self.feeds._client = LambdaClient(
            region="us-east-1", credentials=Credentials("AKID", "secret"), transport=FakeTransport({"orders": self._order})
        )
        self.feeds._client.middleware_stack.add(self.feeds._admit, priority="low")

    async def _order(self, event: Any) -> Any:
        self.sent += 1
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            if self.answer_of_first is not None and self.sent == 1:
                await self.answer_of_first.wait()
            else:
                await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        return event


async def test_partition_ends_with_its_last_report() -> None:
    books = FakeBooks()
    worker = Worker(books)
    await worker.feeds.run(OPTIONS, 4, "holder", packed(30))
    assert {key: output.json() for key, (output, _) in books.outcomes.items()} == {(4, n): {"id": n} for n in range(30)}
    assert books.begun == {4: (1 << 30) - 1}
    assert books.questions < 30
    await worker.feeds.close(grace=0)


async def test_partitions_run_at_the_same_time() -> None:
    worker = Worker(FakeBooks())
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(worker.feeds.run(OPTIONS, number, "holder", packed(4)) for number in range(4)))
    assert asyncio.get_running_loop().time() - began < 2
    assert worker.peak == 16
    await worker.feeds.close(grace=0)


async def test_item_without_consent_is_not_sent() -> None:
    books = FakeBooks()
    books.refused = {1}
    worker = Worker(books)
    await asyncio.gather(*(worker.feeds.run(OPTIONS, number, "holder", packed(3)) for number in (1, 2)))
    assert worker.sent == 3
    assert all(isinstance(books.outcomes[1, place][1], NotSentError) for place in range(3))
    assert all(books.outcomes[2, place][1] is None for place in range(3))
    await worker.feeds.close(grace=0)


async def test_answer_that_is_too_short_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(items: Sequence[Sequence[Any]], /) -> list[bool]:
        return []

    books = FakeBooks()
    monkeypatch.setattr(books, "begin", nothing)
    worker = Worker(books)
    await asyncio.wait_for(worker.feeds.run(OPTIONS, 1, "holder", packed(2)), 60)
    assert worker.sent == 0
    assert all(isinstance(books.outcomes[1, place][1], NotSentError) for place in range(2))
    await worker.feeds.close(grace=0)


async def test_questions_are_repeated_while_nobody_answers() -> None:
    books = FakeBooks()
    books.failures = [OSError("reset"), OSError("reset"), OSError("reset")]
    worker = Worker(books)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(2)))
    await asyncio.sleep(1.2)  # begun, and the next report meets another failure
    books.failures = [OSError("reset")]
    await running
    assert worker.sent == 2
    assert [books.outcomes[1, place][1] for place in range(2)] == [None, None]
    await worker.feeds.close(grace=0)


async def test_forgotten_partition_ends_its_calls() -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=600)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(5)))
    await asyncio.sleep(5)
    assert worker.running == 5
    books.forgotten = {1}
    await asyncio.wait_for(running, 5)
    await asyncio.sleep(1)
    assert worker.running == 0
    await worker.feeds.close(grace=0)


async def test_session_that_is_over_ends_its_calls() -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=600)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(5)))
    await asyncio.sleep(5)
    books.is_over = True
    await asyncio.wait_for(running, 5)
    await asyncio.sleep(1)
    assert worker.running == 0
    await worker.feeds.close(grace=0)


async def test_leaving_worker_reports_everything() -> None:
    """One call ends in its grace, one does not, one was never begun."""
    books = FakeBooks()
    worker = Worker(books, seconds=10, concurrency=2)
    await worker.feeds.gate.resize(2)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(5)))
    await asyncio.sleep(1)
    await worker.feeds.close(grace=20)
    await running
    errors = [books.outcomes[1, place][1] for place in range(5)]
    assert errors[:2] == [None, None]
    assert all(isinstance(error, NotSentError) for error in errors[2:])
    assert worker.sent == 2


async def test_call_that_outlasts_its_grace_is_unknown() -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=600)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(2)))
    await asyncio.sleep(1)
    await worker.feeds.close(grace=5)
    await running
    assert [books.outcomes[1, place][1].may_have_run for place in range(2)] == [True, True]


async def test_map_that_breaks_leaves_no_item_without_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=2)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(3)))
    await asyncio.sleep(1)
    (feed,) = worker.feeds._feeds.values()
    assert feed._run is not None
    feed._run._scheduler.results.put(pickle)  # type: ignore[arg-type] # no result: reading it raises
    await asyncio.wait_for(running, 10)
    assert all(isinstance(books.outcomes[1, place][1], UnknownOutcomeError) for place in range(3))
    await worker.feeds.close(grace=0)


async def test_wide_share_lets_more_in_while_calls_run() -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=1, concurrency=10)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(40)))
    await asyncio.sleep(3)
    assert worker.sent == 0  # no share yet
    await worker.feeds.gate.resize(3)
    await asyncio.sleep(1.5)
    assert worker.peak == 3
    await worker.feeds.gate.resize(10)
    await running
    assert worker.peak == 10
    await worker.feeds.close(grace=0)


async def test_maps_that_have_ended_give_way_at_once() -> None:
    """Two partitions of a third map find two old maps, and both want to end them."""
    books = FakeBooks()
    worker = Worker(books)
    first, second, third = (MapOptions(number, UNSET, None, None) for number in range(3))
    await asyncio.gather(worker.feeds.run(first, 1, "holder", packed(1)), worker.feeds.run(second, 2, "holder", packed(1)))
    await asyncio.gather(worker.feeds.run(third, 3, "holder", packed(1)), worker.feeds.run(third, 4, "holder", packed(1)))
    assert set(books.outcomes) == {(number, 0) for number in range(1, 5)}
    assert worker.sent == 4
    await worker.feeds.close(grace=0)


async def test_leaving_worker_begins_nothing_in_any_map() -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=10, concurrency=1)
    await worker.feeds.gate.resize(1)
    maps = [MapOptions(number, UNSET, None, None) for number in range(2)]
    running = [asyncio.create_task(worker.feeds.run(of, of.number, "holder", packed(3))) for of in maps]
    await asyncio.sleep(1)
    await worker.feeds.close(grace=20)
    await asyncio.gather(*running)
    assert worker.sent == 1
    assert len(books.outcomes) == 6


async def test_partition_that_comes_too_late_is_left() -> None:
    """The worker has left while it asked whether it may have the partition."""
    books = FakeBooks()
    worker = Worker(books)
    await worker.feeds.close(grace=0)
    await asyncio.wait_for(worker.feeds.run(OPTIONS, 1, "holder", packed(3)), 5)
    assert books.begun == {}
    assert books.outcomes == {}


async def test_broken_map_reports_before_the_next_begins() -> None:
    books = FakeBooks()
    worker = Worker(books, seconds=2)
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(3)))
    await asyncio.sleep(1)
    (feed,) = worker.feeds._feeds.values()
    assert feed._run is not None
    feed._run._scheduler.results.put(pickle)  # type: ignore[arg-type] # no result: reading it raises
    books.failures = [OSError("reset")] * 10  # for some seconds
    while not feed.is_closed:
        await asyncio.sleep(0.01)
    await asyncio.wait_for(worker.feeds.run(OPTIONS, 2, "holder", packed(1)), 60)
    await running
    assert all(isinstance(books.outcomes[1, place][1], UnknownOutcomeError) for place in range(3))
    assert books.outcomes[2, 0][1] is None
    await worker.feeds.close(grace=0)


async def test_throttled_item_is_not_sent_again_without_consent() -> None:
    books = FakeBooks()
    worker = Worker(books)
    sent = 0

    async def throttle(call: Any, call_next: Any) -> Any:
        nonlocal sent
        sent += 1
        raise TooManyRequestsException("busy", delivery=Delivery.REFUSED)

    assert worker.feeds._client is not None
    worker.feeds._client.middleware_stack.add(throttle, step="build")
    running = asyncio.create_task(worker.feeds.run(OPTIONS, 1, "holder", packed(2)))
    await asyncio.sleep(20)
    assert sent > 2
    books.refused = {1}  # the map has ended
    before = sent
    await asyncio.wait_for(running, 60)
    assert sent == before
    for place in range(2):
        error = books.outcomes[1, place][1]
        assert isinstance(error, NotSentError)
        assert not error.may_have_run
    await worker.feeds.close(grace=0)


@pytest.mark.parametrize("share", [1, 2])
async def test_hedge_waits_until_a_place_is_free(share: int) -> None:
    """The first call of item 0 has no answer; its hedge is due after 5 s, while other calls use the share."""
    books = FakeBooks()
    worker = Worker(books, seconds=20, concurrency=10)
    await worker.feeds.gate.resize(share)
    worker.answer_of_first = asyncio.Event()
    options = MapOptions(0, UNSET, True, 5.0)
    running = asyncio.create_task(worker.feeds.run(options, 1, "holder", packed(3)))
    await asyncio.sleep(19)
    assert worker.sent == share  # no hedge was sent, and none waits in the queue
    assert len(worker.feeds.gate._waiting) == 3 - share
    if share == 1:
        worker.answer_of_first.set()
    await asyncio.wait_for(running, 200)
    assert worker.peak == share
    assert worker.sent == 3 + (share == 2)
    assert [books.outcomes[1, place][1] for place in range(3)] == [None] * 3
    await worker.feeds.close(grace=0)


@pytest.mark.parametrize("last", [NotSentError("stopped"), AiolambdaError("no function", delivery=Delivery.REFUSED)])
async def test_outcome_has_the_verdict_on_all_invocations(last: AiolambdaError) -> None:
    """The first request was reset and may have run; the item was throttled, and then failed for good."""
    books = FakeBooks()
    worker = Worker(books)
    answers: list[AiolambdaError] = [TooManyRequestsException("busy", delivery=Delivery.UNKNOWN), last]

    async def fail(call: Any, call_next: Any) -> Any:
        raise answers.pop(0)

    assert worker.feeds._client is not None
    worker.feeds._client.middleware_stack.add(fail, step="build")
    await worker.feeds.run(MapOptions(0, UNSET, True, None), 1, "holder", packed(1))
    assert answers == []
    _, error = books.outcomes[1, 0]
    assert error.delivery is Delivery.UNKNOWN
    assert not isinstance(error, NotSentError)
    await worker.feeds.close(grace=0)
