"""The time limits of a call, and the number of calls in flight."""

import asyncio
import logging
import sys
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ConfigurationError,
    Credentials,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    QueueTimeoutError,
    Timeouts,
)
from aiolambda.pipeline import Slots

from ..support.client_calls import AnyCall, AnyNext, calls_of, fake_client


@pytest.mark.virtual_time
async def test_total_limit_ends_a_running_call() -> None:
    async with fake_client() as client:
        with pytest.raises(InvocationTimeoutError, match="'sleep'") as raised:
            await client.invoke("sleep", {"s": 60}, timeout=3)
        assert (raised.value.exceeded, raised.value.delivery, raised.value.elapsed) == ("total", Delivery.UNKNOWN, 3.0)
        assert isinstance(raised.value, TimeoutError)


@pytest.mark.virtual_time
async def test_dry_run_takes_a_time_limit() -> None:
    async def slow(call: AnyCall, call_next: AnyNext) -> Any:
        await asyncio.sleep(60)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(slow, step="deserialize")
        with pytest.raises(InvocationTimeoutError, match="it has not run") as raised:
            await client.dry_run("echo", timeout=3)
        assert (raised.value.exceeded, raised.value.elapsed) == ("total", 3.0)


@pytest.mark.virtual_time
async def test_a_call_can_lift_the_limit_of_its_client() -> None:
    async with fake_client(timeout=3) as client:
        assert (await client.invoke("sleep", {"s": 60}, timeout=None)).json() == "slept"
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("sleep", {"s": 60})


@pytest.mark.virtual_time
async def test_outer_timeout_raises_plain_timeout_error() -> None:
    async with fake_client(timeout=100) as client:
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(2):
                await client.invoke("sleep", {"s": 60})
        assert not isinstance(raised.value, AiolambdaError)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.invoke("sleep", {"s": 60}), 2)


@pytest.mark.virtual_time
async def test_total_limit_before_sending_is_not_delivered() -> None:
    async def slow_credentials(call: AnyCall, call_next: AnyNext) -> Any:
        await asyncio.sleep(10)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(slow_credentials, step="finalize")
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("echo", timeout=1)
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_DELIVERED, 0)


@pytest.mark.virtual_time
async def test_slots_are_given_in_order() -> None:
    async with fake_client(max_concurrency=2) as client:
        tasks = [asyncio.create_task(client.invoke("sleep", {"s": 1, "number": number})) for number in range(6)]
        await asyncio.sleep(0.5)
        assert (client.stats.in_flight, client.stats.waiting) == (2, 4)
        await asyncio.gather(*tasks)
        assert (client.stats.in_flight, client.stats.waiting, client.stats.done) == (0, 0, 6)
        assert [call.json()["number"] for call in calls_of(client).calls] == list(range(6))
    assert asyncio.get_running_loop().time() == 3.0


@pytest.mark.virtual_time
async def test_the_queue_limit_ends_a_wait_for_a_slot() -> None:
    async with fake_client(max_concurrency=1) as client:
        holder = asyncio.create_task(client.invoke("sleep", {"s": 10}))
        await asyncio.sleep(1)
        with pytest.raises(QueueTimeoutError, match="no slot was free within 2 s") as raised:
            await client.invoke("echo", timeout=Timeouts(queue=2))
        assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("queue", "queue", Delivery.NOT_DELIVERED)
        assert client.stats.waiting == 0
        await holder


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("given", "ends", "exceeded"),
    [
        ({}, 2, "queue"),
        ({"timeout": 8}, 2, "queue"),
        ({"timeout": 1}, 1, "total"),
        ({"timeout": None}, 2, "queue"),
        ({"timeout": Timeouts(total=8)}, 8, "total"),
        ({"timeout": Timeouts(read=120)}, 10, None),
    ],
)
async def test_number_replaces_the_total_limit_and_timeouts_all(given: Any, ends: float, exceeded: str | None) -> None:
    async with fake_client(max_concurrency=1, timeout=Timeouts(total=20, queue=2)) as client:
        holder = asyncio.create_task(client.invoke("sleep", {"s": 10}))
        await asyncio.sleep(0)
        begun = asyncio.get_running_loop().time()
        [outcome] = await asyncio.gather(client.invoke("echo", **given), return_exceptions=True)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(ends)
        assert getattr(outcome, "exceeded", None) == exceeded
        await holder


@pytest.mark.virtual_time
async def test_text_of_the_queue_limit_has_numbers_of_one_moment() -> None:
    """All give up together: the last ones would see an empty queue."""
    async with fake_client(max_concurrency=2) as client:
        calls = (client.invoke("sleep", {"s": 3}, timeout=Timeouts(queue=2)) for _ in range(5))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    limit = "no slot was free within 2 s (max_concurrency is 2); when this call began to wait, "
    texts = [str(outcome).partition(" (function")[0] for outcome in outcomes if isinstance(outcome, QueueTimeoutError)]
    assert texts == [f"{limit}{others} waiting" for others in ("no other call was", "1 other call was", "2 other calls were")]


@pytest.mark.virtual_time
async def test_cancelled_waiter_takes_no_slot() -> None:
    async with fake_client(max_concurrency=1) as client:
        holder = asyncio.create_task(client.invoke("sleep", {"s": 1}))
        await asyncio.sleep(0.1)
        waiters = [asyncio.create_task(client.invoke("echo")) for _ in range(2)]
        await asyncio.sleep(0.1)
        waiters[0].cancel()
        outcomes = await asyncio.gather(holder, *waiters, return_exceptions=True)
        assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [False, True, False]
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)


@pytest.mark.virtual_time
async def test_slot_of_a_cancelled_waiter_goes_to_the_next() -> None:
    slots = Slots(1, logger=logging.getLogger())
    await slots.acquire(None)
    first, second = (asyncio.create_task(slots.acquire(None)) for _ in range(2))
    await asyncio.sleep(0.1)
    slots.release()
    first.cancel()
    await asyncio.wait([first, second])
    assert (first.cancelled(), second.cancelled(), slots.in_flight) == (True, False, 1)
    slots.release()
    assert (slots.in_flight, slots.waiting) == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="a connection has two descriptors on Linux alone")
def test_max_concurrency_over_open_files_is_an_error() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, hard))
    try:
        with pytest.raises(ConfigurationError, match=r"max_concurrency is 251, .* room for 250 connections"):
            LambdaClient(max_concurrency=251)
        assert LambdaClient(max_concurrency=250)._state.slots.limit == 250
        assert LambdaClient()._state.slots.limit == 250
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(5000, hard), hard))
        assert LambdaClient()._state.slots.limit == 1000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="a connection has two descriptors on Linux")
async def test_room_for_few_connections_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (198, hard))
    try:
        clients = [LambdaClient(region="eu-west-1", credentials=Credentials("a", "b"), max_concurrency=n) for n in (None, 49)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for client in clients:
        await client.open()
        await client.close()
    text = "at most 49 calls in flight, because the limit of open files (ulimit -n) leaves no room for more; raise it, or set "
    assert [record.getMessage() for record in caplog.records] == [f"{text}max_concurrency"]


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "10"])
def test_invalid_max_concurrency_is_an_error(number: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        LambdaClient(max_concurrency=number)


@pytest.mark.parametrize("limit", [0, -1, "5", True])
def test_invalid_timeout_is_an_error(limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds, above 0"):
        LambdaClient(timeout=limit)


@pytest.mark.parametrize("limit", ["total", "connect", "read", "idle"])
def test_zero_total_connect_read_or_idle_limit_is_an_error(limit: Any) -> None:
    with pytest.raises(ValueError, match=limit):
        Timeouts(**{limit: 0})
    assert Timeouts(queue=0).queue == 0


@pytest.mark.virtual_time
async def test_ten_thousand_waiters_can_give_up_at_once() -> None:
    """Each looks at nobody else: the sum of their work grows with their number, not with its square."""
    slots = Slots(1, logger=logging.getLogger())
    await slots.acquire(None)
    waits = [asyncio.create_task(slots.acquire(1)) for _ in range(10_000)]
    done, _ = await asyncio.wait(waits)
    assert all(isinstance(task.exception(), QueueTimeoutError) for task in done)
    assert (slots.waiting, slots.in_flight) == (0, 1)
    assert len(slots._waiters) <= 1001
    slots.release()
    await slots.acquire(0)
