"""The worker's part of a map, with a fake scheduler and virtual time."""

import asyncio
import pickle
from collections.abc import Sequence
from typing import Any

import pytest

from aiolambda import Credentials, InvokeCommand, JsonCodec, LambdaClient, NotSentError, UnknownOutcomeError
from aiolambda.contrib.dask.feed import Feeds, MapOptions
from aiolambda.fanout.parcels import outcome_of, packed_command
from aiolambda.testing import FakeTransport
from aiolambda.types.values import UNSET

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
