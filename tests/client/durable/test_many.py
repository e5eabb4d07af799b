"""A thousand executions at once: requests in each second, turns for each, and room for other calls."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from aiolambda import DurableExecutionFailedError, StandardRetry, Timeouts
from aiolambda.operations import GetAccountSettingsCommand

from ...support.durable_service import DurableService, Fact, arn_of, client_of, most_in_a_second, now
from ...support.function_service import failure, found

pytestmark = pytest.mark.virtual_time

COUNT = 1000
THROTTLE = failure("TooManyRequestsException", 429)


def thousand(end: float = 60.0, **settings: Any) -> DurableService:
    facts = (
        Fact(f"o-{number}", [(0.0, "RUNNING"), (end * number / COUNT, "SUCCEEDED")], result=str(number))
        for number in range(COUNT)
    )
    return DurableService(**settings).add(*facts)


@pytest.mark.parametrize("latency", [0.0, 0.05, 0.4], ids=["at once", "50 ms", "400 ms"])
@pytest.mark.parametrize("is_throttled", [False, True], ids=["", "throttled"])
async def test_a_thousand_waits_send_at_most_a_hundred_requests_a_second(latency: float, is_throttled: bool) -> None:
    service = thousand(latency=latency)
    if is_throttled:
        service.faults["get"] = [THROTTLE if number % 3 == 0 else None for number in range(2000)]
    async with client_of(service, retry=StandardRetry()) as client:
        outputs = await asyncio.gather(*(client.durable_execution(arn_of(f"o-{number}")).result() for number in range(COUNT)))
    assert [output.json() for output in outputs] == list(range(COUNT))
    assert most_in_a_second(service.times()) <= 100
    assert most_in_a_second(one for one in service.times() if one <= 1) <= 100
    assert service.count()["data"] == COUNT
    if not latency:
        assert len(service.asked) / service.times()[-1] > 60  # nor is the pace wasted


async def test_a_thousand_starts_and_waits_together_keep_the_pace() -> None:
    service = DurableService(latency=0.02)

    async def one(number: int) -> Any:
        execution = await client.start_durable("orders:live", str(number), name=f"o-{number}")
        fact = service.facts[f"o-{number}"]
        fact.statuses, fact.result = [(0.0, "RUNNING"), (now() + 5, "SUCCEEDED")], str(number)
        return await execution.result(timeout=600)

    async with client_of(service) as client:
        outputs = await asyncio.gather(*map(one, range(COUNT)))
    assert [output.json() for output in outputs] == list(range(COUNT))
    assert most_in_a_second(service.times("get", "data")) <= 100


async def test_each_of_a_thousand_waits_has_its_turns() -> None:
    service = thousand(end=0.0)
    for fact in service.facts.values():
        fact.statuses = [(0.0, "RUNNING")]
    async with client_of(service) as client:
        waits = [asyncio.create_task(client.durable_execution(arn_of(f"o-{number}")).result()) for number in range(COUNT)]
        await asyncio.sleep(120)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
    turns = Counter(path for _, _, path in service.asked)
    assert len(turns) == COUNT
    assert max(turns.values()) <= min(turns.values()) + 3


async def test_a_service_that_stalls_and_wakes_sees_no_burst() -> None:
    """Requests that wait behind slow ones must not go out at once when these are answered."""
    service = thousand(end=0.0)
    is_slow = True

    async def slowly(_: Any) -> Any:
        if is_slow:
            await asyncio.sleep(20 - now())
        return None

    service.faults["get"] = [slowly] * 8
    async with client_of(service) as client:
        waits = [asyncio.create_task(client.durable_execution(arn_of(f"o-{number}")).result()) for number in range(COUNT)]
        await asyncio.sleep(19)
        assert len(service.asked) == 8
        await asyncio.gather(*waits)
    assert most_in_a_second(service.times()) <= 100


async def test_a_loop_that_stood_still_releases_no_burst() -> None:
    service = thousand(end=0.0)
    async with client_of(service) as client:
        waits = [asyncio.create_task(client.durable_execution(arn_of(f"o-{number}")).result()) for number in range(COUNT)]
        await asyncio.sleep(2)
        loop: Any = asyncio.get_running_loop()
        before, loop.now = len(service.asked), loop.now + 30
        await asyncio.sleep(0.5)
        assert len(service.asked) <= before + 48
        await asyncio.gather(*waits)
    assert most_in_a_second(service.times()) <= 100


async def test_polls_leave_slots_to_other_calls() -> None:
    service = thousand(latency=10.0)
    service.faults["data"] = [found()]  # the only question here that is none about executions
    async with client_of(service) as client:
        waits = [asyncio.create_task(client.durable_execution(arn_of(f"o-{number}")).result()) for number in range(100)]
        await asyncio.sleep(5)
        assert service.in_flight == 8
        service.latency = 0
        await client.send(GetAccountSettingsCommand(), timeout=Timeouts(total=1, queue=0.5))
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)


async def test_waits_that_give_up_take_no_turn_with_them() -> None:
    service = thousand(end=0.0)
    async with client_of(service) as client:
        first = [asyncio.create_task(client.durable_execution(arn_of(f"o-{number}")).result()) for number in range(COUNT)]
        await asyncio.sleep(0.05)
        began = time.process_time()
        for wait in first:
            wait.cancel()
        await asyncio.wait(first)
        assert time.process_time() - began < 5
        at = now()
        outputs = await asyncio.gather(*(client.durable_execution(arn_of(f"o-{number}")).result() for number in range(9)))
        assert len(outputs) == 9
        assert now() - at < 1


async def test_an_execution_that_fails_does_not_disturb_the_others() -> None:
    service = thousand(end=5.0)
    for number in range(0, COUNT, 7):
        service.facts[f"o-{number}"].statuses = [(0.0, "RUNNING"), (3.0, "FAILED")]
    async with client_of(service) as client:
        waits = (client.durable_execution(arn_of(f"o-{number}")).result() for number in range(COUNT))
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
    failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, DurableExecutionFailedError)]
    assert failed == list(range(0, COUNT, 7))
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == COUNT - len(failed)
