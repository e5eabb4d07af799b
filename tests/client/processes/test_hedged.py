"""`map` with `processes=2` and `hedge_after`: the hedge goes to a worker like any call, and the loser is cut there."""

import asyncio

import pytest

from aiolambda import Credentials, LambdaClient
from aiolambda.types.events import Outcome

from ...support.servers import raw_server
from ...support.slow_once import SLOW, SlowOnce

pytestmark = pytest.mark.asyncio


async def test_slow_item_is_sent_again_and_its_loser_is_cut() -> None:
    service = SlowOnce()
    credentials = Credentials("AKIDEXAMPLE", "secret")
    async with (
        raw_server(service) as listening,
        LambdaClient(region="eu-west-1", credentials=credentials, endpoint_url=listening.url) as client,
        client.map("f", range(30), processes=2, concurrency=5, idempotent=True, hedge_after=0.3) as run,
    ):
        results = [result async for result in run]
        async with asyncio.timeout(10):
            await service.cut.wait()
    assert sorted(result.value() for result in results) == list(range(30))
    assert service.executed.pop(SLOW) == 2
    assert set(service.executed.values()) == {1}
    assert (run.stats.hedged, run.stats.hedges_won) == (1, 1)
    stats = client.stats
    assert (stats.hedged, stats.hedges_won, stats.attempts) == (1, 1, 31)
    assert (stats.outcomes[Outcome.EXECUTED], stats.outcomes[Outcome.CANCELLED], stats.failed) == (30, 1, {})
    assert service.most_running <= 5


async def test_item_that_is_not_idempotent_has_no_hedge() -> None:
    service = SlowOnce()
    credentials = Credentials("AKIDEXAMPLE", "secret")
    async with (
        raw_server(service) as listening,
        LambdaClient(region="eu-west-1", credentials=credentials, endpoint_url=listening.url, hedge_after=0.05) as client,
        client.map("f", [7], processes=2, timeout=0.5) as run,
    ):
        results = [result async for result in run]
    assert [result.delivery.value for result in results] == ["unknown"]
    assert service.executed == {SLOW: 1}
    assert run.stats.hedged == client.stats.hedged == 0
