"""Hedged items of a map over a cluster: the worker hedges them, by the same rules as a client."""

import asyncio
from typing import Any

import pytest

distributed = pytest.importorskip("distributed", reason="distributed is not installed")

from aiolambda.contrib.dask import DaskLambdaClient  # noqa: E402 - needs distributed

from ...support.servers import raw_server  # noqa: E402 - as above
from ...support.slow_once import SLOW, SlowOnce  # noqa: E402 - as above


@pytest.mark.parametrize("of_client", [True, False])
async def test_slow_item_is_sent_again(dask: Any, of_client: bool) -> None:
    service = SlowOnce()
    ours, of_map = ({"hedge_after": 0.3}, {}) if of_client else ({}, {"hedge_after": 0.3})
    async with (
        raw_server(service) as listening,
        DaskLambdaClient(dask, region="us-east-1", endpoint_url=listening.url, concurrency=8, **ours) as cluster,
    ):
        run = cluster.map("orders", range(30), idempotent=True, **of_map)
        results = await run.collect()
        async with asyncio.timeout(10):
            await service.cut.wait()
    assert sorted(result.value() for result in results) == list(range(30))
    assert service.executed.pop(SLOW) == 2
    assert (run.stats.hedged, run.stats.hedges_won) == (1, 1)
    assert set(service.executed.values()) == {1}


async def test_item_that_is_not_idempotent_has_no_hedge(dask: Any) -> None:
    service = SlowOnce()
    async with (
        raw_server(service) as listening,
        DaskLambdaClient(dask, region="us-east-1", endpoint_url=listening.url, hedge_after=0.05) as cluster,
    ):
        [result] = await cluster.map("orders", [7], timeout=0.5).collect()
    assert result.delivery.value == "unknown"
    assert service.executed == {SLOW: 1}
