"""The counters of a client: calls by outcome, requests, durations of the last minutes."""

import asyncio
import sys
import threading
from typing import Any

import attrs
import pytest

from aiolambda import (
    AccessDeniedException,
    AiolambdaError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    InvokeCommand,
    LambdaClient,
    MapStats,
    NoRetry,
    StandardRetry,
    StreamError,
    ThrottleReason,
    TooManyRequestsException,
)
from aiolambda.client.counters import CallCounters
from aiolambda.operations.report import Report
from aiolambda.testing import FakeTransport
from aiolambda.types.events import ClientObserver, Outcome
from aiolambda.types.stats import ClientStats

from ..support.client_calls import AnyCall, AnyNext, echo, sleep

pytestmark = pytest.mark.virtual_time


async def stream_of_three(event: object) -> Any:
    for piece in (b"a", b"b", b"c"):
        yield piece


def fails(event: object) -> object:
    raise LookupError("no such order")


def client_and_fake(**settings: Any) -> tuple[LambdaClient, FakeTransport]:
    fake = FakeTransport({"echo": echo, "sleep": sleep, "fails": fails, "three": stream_of_three})
    return LambdaClient(transport=fake, **settings), fake


def ended(stats: ClientStats) -> dict[Outcome, int]:
    """The outcomes that calls have had."""
    assert stats.done == sum(stats.outcomes.values())
    return {outcome: count for outcome, count in stats.outcomes.items() if count}


FAILURES: dict[str, tuple[AiolambdaError, Outcome, Delivery]] = {
    "refused": (AccessDeniedException("no"), Outcome.REFUSED, Delivery.REFUSED),
    "throttled": (TooManyRequestsException("busy"), Outcome.THROTTLED, Delivery.REFUSED),
    "not delivered": (ConnectError("no"), Outcome.NOT_DELIVERED, Delivery.NOT_DELIVERED),
    "unknown": (ConnectionLostError("lost"), Outcome.UNKNOWN, Delivery.UNKNOWN),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_a_failed_call_is_counted_by_its_outcome(case: str) -> None:
    failure, outcome, verdict = FAILURES[case]
    client, fake = client_and_fake(retry=NoRetry())
    fake.fail("echo", failure)
    async with client:
        with pytest.raises(type(failure)):
            await client.invoke("echo", 1)
    stats = client.stats
    assert (ended(stats), stats.failed, stats.attempts, stats.retries) == ({outcome: 1}, {verdict: 1}, 1, 0)
    assert stats.refused == ({"AccessDeniedException": 1} if outcome is Outcome.REFUSED else {})
    assert stats.throttled == ({None: 1} if outcome is Outcome.THROTTLED else {})


async def test_calls_without_a_failure_are_counted_by_their_outcome() -> None:
    client, fake = client_and_fake()
    async with client:
        for _ in range(3):
            await client.invoke("echo", 1)
        await client.invoke_event("echo", 1)
        await client.dry_run("echo")
        await fake.wait_idle()
        async with client.stream("three", 1) as stream:
            assert client.stats.done == 5
            await stream.read()
        async with client.stream("three", 1) as stream:
            await anext(aiter(stream))
    assert ended(client.stats) == {Outcome.EXECUTED: 4, Outcome.ACCEPTED: 1, Outcome.NOT_RUN: 1, Outcome.INCOMPLETE: 1}
    assert (client.stats.failed, client.stats.attempts) == ({}, 7)


async def test_a_function_that_fails_is_a_failure() -> None:
    client, _ = client_and_fake()
    async with client:
        await client.send(InvokeCommand(function_name="fails"))
    assert (ended(client.stats), client.stats.failed) == ({Outcome.FUNCTION_ERROR: 1}, {Delivery.EXECUTED: 1})
    assert client.stats.refused == {}


async def test_a_cut_stream_is_a_failure() -> None:
    client, fake = client_and_fake()
    fake.fail("three", StreamError("cut"))
    async with client:
        with pytest.raises(StreamError):
            async with client.stream("three", 1) as stream:
                await stream.read()
    assert (ended(client.stats), client.stats.failed) == ({Outcome.INCOMPLETE: 1}, {Delivery.EXECUTED: 1})


async def test_a_cancelled_call_is_no_failure() -> None:
    client, _ = client_and_fake()
    async with client:
        call = asyncio.create_task(client.invoke("sleep", {"s": 60}))
        await asyncio.sleep(1)
        assert (client.stats.in_flight, client.stats.done) == (1, 0)
        call.cancel()
        await asyncio.wait({call})
    assert (ended(client.stats), client.stats.failed, client.stats.in_flight) == ({Outcome.CANCELLED: 1}, {}, 0)


async def test_requests_are_counted_beside_calls() -> None:
    client, fake = client_and_fake(retry=StandardRetry(max_attempts=3))
    reason = ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED
    fake.fail("echo", TooManyRequestsException("busy", reason=reason, retry_after=2), times=2)
    fake.fail("echo", ConnectError("nobody listens"), times=1)
    async with client:
        await client.invoke("echo", 1)
        await client.invoke("echo", 1)
    stats = client.stats
    assert (stats.done, stats.attempts, stats.retries, stats.throttled) == (2, 5, 3, {reason: 2})
    assert (ended(stats), stats.failed) == ({Outcome.EXECUTED: 2}, {})


async def test_a_watched_call_is_counted_the_same() -> None:
    client, fake = client_and_fake(retry=NoRetry())
    client.observe(ClientObserver())
    fake.fail("echo", AccessDeniedException("no"), times=1)
    async with client:
        with pytest.raises(AccessDeniedException):
            await client.invoke("echo", 1)
        await client.invoke("echo", 1)
        async with client.stream("three", 1) as stream:
            await stream.read()
    assert ended(client.stats) == {Outcome.EXECUTED: 2, Outcome.REFUSED: 1}


async def test_durations_and_waits_have_percentiles() -> None:
    client, _ = client_and_fake(max_concurrency=1)
    async with client:
        await asyncio.gather(*(client.invoke("sleep", {"s": 2}) for _ in range(3)))
        stats = client.stats
    assert stats.percentiles == pytest.approx({50: 4, 90: 6, 99: 6, 100: 6}, rel=0.05)
    assert stats.queue_percentiles == pytest.approx({50: 2, 90: 4, 99: 4, 100: 4}, rel=0.05)
    assert stats.rate == pytest.approx(0.5, rel=0.2)


async def test_failed_calls_have_durations_too() -> None:
    client, fake = client_and_fake(retry=NoRetry())
    fake.fail("echo", ConnectionLostError("lost"), times=1)
    fake.delay("echo", 3)
    async with client:
        await asyncio.sleep(1000)
        with pytest.raises(ConnectionLostError):
            await client.invoke("echo", 1)
        assert client.stats.percentiles[100] == pytest.approx(3)
        await client.invoke("echo", 1)
        assert client.stats.percentiles[100] == pytest.approx(3)


async def test_calls_without_a_wait_count_among_the_waits() -> None:
    client, _ = client_and_fake()
    assert (client.stats.queue_percentiles, client.stats.percentiles, client.stats.rate) == ({}, {}, 0)
    async with client:
        await client.invoke("echo", 1)
        assert client.stats.queue_percentiles == {50: 0, 90: 0, 99: 0, 100: 0}


async def test_percentiles_forget_after_five_minutes() -> None:
    client, _ = client_and_fake()
    async with client:
        await client.invoke("sleep", {"s": 50})
        await asyncio.sleep(290)
        await client.invoke("sleep", {"s": 1})
        assert client.stats.percentiles[100] == pytest.approx(50)
        await asyncio.sleep(20)
        assert client.stats.percentiles[100] == pytest.approx(1)
        await client.invoke("sleep", {"s": 2})
        assert client.stats.percentiles[100] == pytest.approx(2)
        await asyncio.sleep(301)
        stats = client.stats
    assert (stats.percentiles, stats.queue_percentiles, stats.rate) == ({}, {}, 0)
    assert stats.done == 3


async def test_the_cost_comes_from_the_report() -> None:
    client, _ = client_and_fake()
    async with client:
        outputs = [await client.invoke("echo", 1, log_type="Tail") for _ in range(2)]
        await client.invoke("echo", 1)
    reports = [output.report for output in outputs]
    billed = [report.billed_duration_ms or 0 for report in reports if report is not None]
    assert (client.stats.billed_ms, len(billed)) == (sum(billed), 2)
    assert client.stats.cold_starts == sum(report is not None and report.is_cold_start for report in reports)


@pytest.mark.parametrize(
    ("report", "is_cold"),
    [
        (Report(request_id="1"), False),
        (Report(request_id="1", init_duration_ms=0.0), True),
        (Report(request_id="1", restore_duration_ms=2.0), True),
    ],
    ids=["warm", "init", "restore"],
)
def test_a_report_tells_a_cold_start(report: Report, is_cold: bool) -> None:
    assert report.is_cold_start is is_cold


async def test_a_map_counts_the_same_numbers() -> None:
    client, fake = client_and_fake()
    reason = ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED
    fake.fail("echo", TooManyRequestsException("busy", reason=reason), times=2)
    async with client, client.map("echo", range(5), log_type="Tail") as run:
        assert [result.ok async for result in run] == [True] * 5
        of_map, of_client = run.stats, client.stats
    assert (of_map.done, of_map.attempts, of_map.retries, of_map.throttled) == (5, 7, 2, {reason: 2})
    assert (of_client.done, of_client.attempts, of_client.throttled) == (7, 7, {reason: 2})
    assert ended(of_client) == {Outcome.EXECUTED: 5, Outcome.THROTTLED: 2}
    assert (of_map.billed_ms, of_map.cold_starts) == (of_client.billed_ms, of_client.cold_starts)
    assert of_map.percentiles.keys() == of_client.percentiles.keys() == {50, 90, 99, 100}
    shared = {field.name for field in attrs.fields(ClientStats)} & {field.name for field in attrs.fields(MapStats)}
    assert shared == {
        "attempts",
        "billed_ms",
        "cold_starts",
        "done",
        "hedged",
        "hedges_won",
        "failed",
        "in_flight",
        "percentiles",
        "rate",
        "retries",
        "throttled",
    }


def test_refused_codes_are_bounded() -> None:
    counters = CallCounters()
    for number in [*range(60), 3]:
        counters.count_failure(Outcome.REFUSED, Delivery.REFUSED, f"Invented{number}")
    refused = counters._refused
    assert (len(refused), refused["other"], refused["Invented3"]) == (51, 10, 2)


def test_memory_does_not_grow_with_the_calls() -> None:
    counters = CallCounters()
    for number in range(200_000):
        counters.count(Outcome.ACCEPTED, number * 0.01, number % 977 / 100, number % 7)
    slices = counters._slices
    assert len(slices) <= 6
    assert all(len(part.durations.counts()) + len(part.waits.counts()) < 1500 for part in slices)
    assert len(counters.durations) <= 11


def test_a_call_is_remembered_for_four_to_five_minutes() -> None:
    client, _ = client_and_fake()
    counters, state = client._endings.counters, client._state
    for second in range(350):
        counters.count(Outcome.UNKNOWN, float(second), 9.0 if second == 119 else 1.0, 7.0 if second == 119 else 0.0)
    stats = counters.stats(state, 359.0)
    assert (stats.percentiles[100], stats.queue_percentiles) == (9, {50: 0, 90: 0, 99: 0, 100: 7})
    stats = counters.stats(state, 361.0)
    assert (stats.percentiles[100], stats.queue_percentiles[100]) == (1, 0)


def test_the_end_of_a_call_is_cheap() -> None:
    """Between two folds, which come at most ten times a second, an end is added to a list."""
    counters = CallCounters()
    for millisecond in range(99):
        counters.count(Outcome.UNKNOWN, 10 + millisecond / 1000, 1.0, 0.0)
    assert (len(counters.durations), counters.next_fold) == (99, 10.1)
    counters.count(Outcome.UNKNOWN, 10.1, 1.0, 0.0)
    assert len(counters.durations) == 1


def test_reports_are_added_up() -> None:
    client, _ = client_and_fake()
    counters = client._endings.counters
    for report in (
        Report(request_id="1", billed_duration_ms=5.0, init_duration_ms=2.0),
        Report(request_id="2", billed_duration_ms=7.0, restore_duration_ms=2.0),
        Report(request_id="3"),
    ):
        counters.bill(report)
    stats = counters.stats(client._state, None)
    assert (stats.billed_ms, stats.cold_starts) == (12, 2)


def test_the_clock_of_another_loop_begins_anew() -> None:
    client, _ = client_and_fake()
    counters = client._endings.counters
    counters.count(Outcome.EXECUTED, 5000.0, 9.0, 9.0)
    counters.count(Outcome.EXECUTED, 3.0, 1.0, 0.0)
    stats = counters.stats(client._state, 4.0)
    assert (stats.percentiles[100], stats.queue_percentiles[100], stats.done) == (1, 0, 2)
    assert stats.rate == pytest.approx(0.5)


async def test_an_output_of_a_middleware_is_counted() -> None:
    """It need not be Lambda's: what it lacks must not fail the call."""
    client, _ = client_and_fake()

    async def answer(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        return attrs.evolve(output, log_result="not base64, and no report")

    client.middleware_stack.add(answer)
    async with client:
        await client.invoke("echo", 1)
    assert (ended(client.stats), client.stats.billed_ms) == ({Outcome.EXECUTED: 1}, 0)


async def test_a_broken_input_keeps_the_error_of_the_call() -> None:
    client, _ = client_and_fake()

    async def spoil(call: AnyCall, call_next: AnyNext) -> Any:
        call.input = None  # type: ignore[assignment] # the mistake
        raise KeyError("mine")

    client.middleware_stack.add(spoil)
    async with client:
        with pytest.raises(KeyError, match="mine"):
            await client.invoke("echo", 1)
    assert ended(client.stats) == {Outcome.NOT_DELIVERED: 1}


def test_another_thread_reads_while_calls_run() -> None:
    seen: list[ClientStats] = []
    done = threading.Event()
    client, _ = client_and_fake()

    def read() -> None:
        while not done.is_set():
            seen.append(client.stats)

    async def run() -> None:
        async with client:
            for _ in range(400):
                await client.invoke("echo", 1)

    reader, interval = threading.Thread(target=read), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        reader.start()
        asyncio.run(run())
    finally:
        done.set()
        reader.join()
        sys.setswitchinterval(interval)
    counts = [stats.done for stats in seen]
    assert counts == sorted(counts)
    assert client.stats.done == 400
