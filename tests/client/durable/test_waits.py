"""Many waits for one execution, and the ends of waits: cancellation, the close of the client, another event loop."""

import asyncio
import gc
import traceback
import warnings
from typing import Any

import pytest

from aiolambda import (
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    DurableExecutionFailedError,
    LambdaClient,
    ResourceNotFoundException,
    ResultTimeoutError,
)

from ...support.durable_service import MISSING, DurableService, Fact, arn_of, client_of, now
from ...support.virtual import VirtualLoop

pytestmark = pytest.mark.virtual_time

ARN = arn_of("order-7")


def running(until: float = 20.0, status: str = "SUCCEEDED", **settings: Any) -> DurableService:
    return DurableService(**settings).add(Fact("order-7", [(0.0, "RUNNING"), (until, status)], result="7"))


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type] # it is never `None` here


# One poller


async def test_many_waits_for_an_execution_share_its_polls() -> None:
    alone = running()
    async with client_of(alone) as client:
        await client.durable_execution(ARN).result()
    shared = running(now() + 20)
    async with client_of(shared) as client:
        handles = [client.durable_execution(ARN) for _ in range(50)]
        outputs = await asyncio.gather(*(handle.result() for handle in handles for _ in range(2)))
    assert len(outputs) == 100
    assert abs(len(shared.asked) - len(alone.asked)) <= 2
    assert shared.count()["data"] == 1
    assert shared.most_in_flight == 1


async def test_each_wait_has_its_own_limit() -> None:
    service = running(20.0)
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)

        async def ended(limit: float | None) -> float:
            try:
                await execution.result(timeout=limit)
            except ResultTimeoutError:
                return -now()
            return now()

        times = await asyncio.gather(*(ended(limit) for limit in (1, 5.5, None, 60)))
    assert times[:2] == [-1, -5.5]
    assert times[2] == times[3] > 20
    assert service.count()["data"] == 1


async def test_each_wait_raises_an_error_of_its_own() -> None:
    service = running(1.0, "FAILED")
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)
        failed = await asyncio.gather(*(execution.result() for _ in range(3)), return_exceptions=True)
        service.faults["get"] = [MISSING]
        missing = await asyncio.gather(*(client.durable_execution(ARN).result() for _ in range(3)), return_exceptions=True)
    for errors, kind in ((failed, DurableExecutionFailedError), (missing, ResourceNotFoundException)):
        assert [type(error) for error in errors] == [kind] * 3
        assert len({id(error) for error in errors}) == 3
        lines = [len(traceback.format_exception(error)) for error in errors if isinstance(error, Exception)]
        assert len(set(lines)) == 1


async def test_a_wait_that_is_cancelled_stops_nothing() -> None:
    service = running(20.0)
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)
        waits = [asyncio.create_task(execution.result()) for _ in range(3)]
        await asyncio.sleep(2)
        for wait in waits[:2]:
            wait.cancel()
        assert (await waits[2]).json() == 7
        assert waits[0].cancelled()
        assert waits[1].cancelled()
    assert set(service.kinds()) == {"get", "data"}


@pytest.mark.parametrize("latency", [0.0, 30.0], ids=["in a pause", "in a poll"])
async def test_the_last_wait_that_leaves_ends_the_polls(latency: float) -> None:
    service = running(1000.0, latency=latency)
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)
        waits = [asyncio.create_task(execution.result()) for _ in range(3)]
        await asyncio.sleep(2)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
        assert others() == set()
        assert service.in_flight == 0
        before = len(service.asked)
        await asyncio.sleep(100)
        assert len(service.asked) == before


async def test_a_wait_may_begin_while_the_last_one_leaves() -> None:
    async def slow_to_end(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except asyncio.CancelledError:
            await asyncio.sleep(3)
            raise

    service = running(5.0, latency=1)
    async with client_of(service) as client:
        client.middleware_stack.add(slow_to_end)
        execution = client.durable_execution(ARN)
        first = asyncio.create_task(execution.result())
        await asyncio.sleep(0.5)
        first.cancel()
        await asyncio.sleep(0.5)
        assert (await execution.result()).json() == 7
        assert first.cancelled()
    assert others() == set()


# The end of the client


@pytest.mark.parametrize("latency", [0.0, 5.0], ids=["in a pause", "in a poll"])
@pytest.mark.parametrize("way", ["close", "cut", "abort"])
async def test_the_end_of_the_client_ends_the_waits(way: str, latency: float) -> None:
    service = running(1000.0, latency=latency)
    client = client_of(service)
    await client.open()
    execution = client.durable_execution(ARN)
    history = execution.history(follow=True)
    service.facts["order-7"].events = []
    waits = [asyncio.create_task(execution.result()) for _ in range(5)]
    waits.append(asyncio.create_task(anext(history)))  # type: ignore[arg-type] # an event
    await asyncio.sleep(22)
    if way == "abort":
        client.abort()
    else:
        await client.close(grace=0 if way == "cut" else 30)
    errors = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(error) for error in errors] == [ClientClosedError] * 6
    assert now() <= 22 + latency
    await client.close()
    assert others() == set()
    with pytest.raises(ClientClosedError):
        await execution.result()


async def test_waits_for_a_turn_end_with_the_client() -> None:
    service = DurableService(latency=1000)
    service.add(*(Fact(f"order-{number}") for number in range(50)))
    async with client_of(service) as client:
        waits = [asyncio.create_task(client.durable_execution(arn_of(f"order-{number}")).result()) for number in range(50)]
        asked = [asyncio.create_task(client.durable_execution(arn_of("order-1")).describe()) for _ in range(3)]
        await asyncio.sleep(1)
        assert service.in_flight == 8
        await client.close(grace=0)
        outcomes = await asyncio.gather(*waits, *asked, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ClientClosedError}
    assert others() == set()


async def test_a_middleware_may_close_the_client_during_a_poll() -> None:
    service = running()

    async def close(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await client.close()
        return await call_next(call)

    client = client_of(service)
    await client.open()
    client.middleware_stack.add(close)
    async with asyncio.timeout(100):
        with pytest.raises(ClientClosedError):
            await client.durable_execution(ARN).result()
    await client.close()
    await asyncio.sleep(0)
    assert others() == set()


# Event loops


def on_a_loop(client: LambdaClient, limit: float | None = None) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def main() -> Any:
            await client.open()  # while no timer is set: threads help with it, and virtual time does not wait for them
            return await client.durable_execution(ARN).result(timeout=limit)

        return runner.run(main())


def test_a_client_waits_on_one_loop_after_the_other() -> None:
    client = client_of(running(5.0))
    with pytest.raises(ResultTimeoutError):
        on_a_loop(client, limit=1)
    assert on_a_loop(client).json() == 7
    assert on_a_loop(client).json() == 7


def test_a_wait_on_a_stopped_loop_keeps_the_client() -> None:
    client, first = client_of(running(500.0)), VirtualLoop()
    try:
        first.run_until_complete(client.open())
        wait = first.create_task(client.durable_execution(ARN).result())
        first.call_later(3, first.stop)
        first.run_forever()
        with pytest.raises(ConfigurationError, match="in flight on another event loop"):
            on_a_loop(client)
        assert first.run_until_complete(wait).json() == 7
    finally:
        first.close()
    assert on_a_loop(client).json() == 7


def test_a_loop_that_ends_with_waits_leaves_no_complaint() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = client_of(running(500.0))

        async def main() -> None:
            await client.open()
            tasks = [asyncio.create_task(client.durable_execution(ARN).result()) for _ in range(3)]
            await asyncio.sleep(3)
            assert not any(task.done() for task in tasks)

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())  # which cancels them at its end
        gc.collect()
    with pytest.raises(ResultTimeoutError):
        on_a_loop(client, limit=1)
