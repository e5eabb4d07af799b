"""A map over a cluster is a map: results, order, journal, limits, and its ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, FunctionError, InvokeCommand, NotSentError, TooManyFailuresError
from aiolambda.contrib.dask import DaskLambdaClient
from aiolambda.types.values import Delivery

from ...support.executions_server import CountingLambda, counting_lambda


def cluster_of(dask: Any, server: CountingLambda, **settings: Any) -> DaskLambdaClient:
    return DaskLambdaClient(dask, region="us-east-1", endpoint_url=server.url, **settings)


async def test_each_item_is_executed_once(dask: Any, server: CountingLambda) -> None:
    async with (
        cluster_of(dask, server) as cluster,
        cluster.map("orders", [{"id": n} for n in range(1000)], partition=100) as run,
    ):
        values = [result.value()["id"] async for result in run]
    assert sorted(values) == list(range(1000))
    assert set(server.counts.executions.values()) == {1}
    assert server.counts.executions.total() == 1000


async def test_worker_processes_share_the_items(processes: Any, server: CountingLambda) -> None:
    async with cluster_of(processes, server) as cluster, cluster.map("orders", [{"id": n} for n in range(3000)]) as run:
        oks = [result.ok async for result in run]
    assert oks == [True] * 3000
    assert set(server.counts.executions.values()) == {1}
    assert server.counts.authorizations == {"AKIDOFWORKER"}


async def test_results_keep_the_order_of_items(dask: Any, server: CountingLambda) -> None:
    async with cluster_of(dask, server) as cluster:
        results = await cluster.map("orders", [{"id": n} for n in range(300)], ordered=True, partition=20).collect()
    assert [result.value()["id"] for result in results] == list(range(300))


async def test_one_cluster_runs_two_maps_at_once(dask: Any, server: CountingLambda) -> None:
    async with cluster_of(dask, server) as cluster:
        one, two = await asyncio.gather(
            cluster.map("orders", [{"id": n} for n in range(100)]).collect(),
            cluster.map("bills", [{"id": n + 100} for n in range(100)]).collect(),
        )
    assert all(result.ok for result in one + two)
    assert server.counts.executions.total() == 200


async def test_map_commands_sends_each_command(dask: Any, server: CountingLambda) -> None:
    commands = [InvokeCommand(function_name=f"of-{n % 3}", payload={"id": n}) for n in range(60)]
    async with cluster_of(dask, server) as cluster:
        results = await cluster.map_commands(commands, ordered=True).collect()
    assert [result.value()["id"] for result in results] == list(range(60))


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe\x00", b"x" * (6 << 20), "škrob \U0001f375".encode()], ids=["empty", "binary", "6MB", "text"]
)
async def test_payload_comes_back_as_it_is(dask: Any, server: CountingLambda, payload: bytes) -> None:
    async with cluster_of(dask, server) as cluster:
        (result,) = await cluster.map("echo", [payload]).collect()
    assert result.output is not None
    assert result.output.payload == payload


async def test_large_payloads_of_many_items_travel(processes: Any, server: CountingLambda) -> None:
    payloads = [bytes([65 + n]) * (2 << 20) for n in range(12)]
    async with cluster_of(processes, server) as cluster:
        results = await cluster.map("echo", payloads, ordered=True).collect()
    assert [result.output and result.output.payload for result in results] == payloads


async def test_function_error_is_retried_and_reported(dask: Any, server: CountingLambda) -> None:
    async with cluster_of(dask, server) as cluster:
        (result,) = await cluster.map("orders", [{"id": 1, "raises": "Bad"}], retry_function_errors=2).collect()
    assert isinstance(result.error, FunctionError)
    assert result.error.error_type == "Bad"
    assert result.delivery is Delivery.EXECUTED
    assert server.counts.executions[1] == 3


async def test_item_without_encoding_fails_alone(dask: Any, server: CountingLambda) -> None:
    async with cluster_of(dask, server) as cluster:
        wrong, good = await cluster.map("orders", [{"id": object()}, {"id": 2}], ordered=True).collect()
    assert wrong.delivery is Delivery.NOT_DELIVERED
    assert good.ok


async def test_too_many_failures_end_the_map(dask: Any, server: CountingLambda) -> None:
    items = [{"id": n, "raises": "Bad"} for n in range(400)]
    async with cluster_of(dask, server) as cluster:
        with pytest.raises(TooManyFailuresError):
            await cluster.map("orders", items, max_failures=5, partition=20).collect()
    assert set(server.counts.executions.values()) == {1}


async def test_stopped_map_sends_nothing_more(dask: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(dask, server, concurrency=10) as cluster:
            items = ({"id": n} for n in range(10_000))
            async with cluster.map("orders", items, partition=50) as run:
                results = []
                async for result in run:
                    results.append(result)
                    if len(results) == 20:
                        run.stop()
        executions = server.counts.executions
    sent = [result for result in results if result.ok]
    assert {result.item["id"] for result in sent} == set(executions)
    assert all(isinstance(result.error, NotSentError) for result in results if not result.ok)
    assert len(results) == run.next_index < 10_000


async def test_stopped_map_ends_although_it_is_throttled(dask: Any) -> None:
    with counting_lambda(reserved=0) as server:
        async with cluster_of(dask, server, concurrency=4) as cluster:
            async with cluster.map("orders", [{"id": n} for n in range(8)]) as run:
                async with asyncio.timeout(30):
                    while server.counts.throttled < 8:
                        await asyncio.sleep(0.05)
                    run.stop()
                    results = [result async for result in run]
    assert len(results) == 8
    assert all(isinstance(result.error, NotSentError) for result in results)
    assert not any(result.delivery.may_have_run for result in results)


async def test_deadline_ends_the_map(dask: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(dask, server, concurrency=10) as cluster:
            async with cluster.map("orders", ({"id": n} for n in range(10_000)), deadline=0.5) as run:
                results = [result async for result in run]
        executions = server.counts.executions
    assert run.stopped_by == "deadline"
    assert {result.item["id"] for result in results if result.ok} == set(executions)


async def test_cancelled_reader_ends_the_map(dask: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(dask, server, concurrency=10) as cluster:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await cluster.map("orders", ({"id": n} for n in range(10_000))).collect()
            state = await cluster._session.state()  # type: ignore[union-attr]
            total = server.counts.executions.total()
            await asyncio.sleep(0.3)
            assert server.counts.executions.total() == total
    assert state is not None


async def test_calls_of_an_aborted_map_end(dask: Any, server: CountingLambda) -> None:
    async with cluster_of(dask, server) as cluster:
        async with cluster.map("orders", [{"id": n, "seconds": 60} for n in range(5)]) as run:
            while server.counts.executions.total() < 5:
                await asyncio.sleep(0.05)
            began = time.monotonic()
            run.stop(grace=0)
            results = [result async for result in run]
    assert {result.delivery for result in results} == {Delivery.UNKNOWN}
    assert time.monotonic() - began < 10


async def test_error_of_the_input_ends_the_map(dask: Any, server: CountingLambda) -> None:
    async def items() -> AsyncIterator[dict[str, int]]:
        for n in range(30):
            yield {"id": n}
        raise LookupError("no more")

    async with cluster_of(dask, server) as cluster, cluster.map("orders", items()) as run:
        taken = aiter(run)
        results = [await anext(taken) for _ in range(30)]
        with pytest.raises(LookupError):
            await anext(taken)
    assert len(results) == 30
    assert {result.item["id"] for result in results if result.ok} == set(server.counts.executions)


async def test_slow_input_is_not_held_back(dask: Any, server: CountingLambda) -> None:
    async def items() -> AsyncIterator[dict[str, int]]:
        for n in range(3):
            yield {"id": n}
            await asyncio.wait_for(answered.wait(), 5)
            answered.clear()

    answered = asyncio.Event()
    async with cluster_of(dask, server) as cluster:
        async with cluster.map("orders", items()) as run:
            async for result in run:
                assert result.ok
                answered.set()
    assert server.counts.executions.total() == 3


async def test_journal_resumes_what_was_not_sent(dask: Any, tmp_path: Path) -> None:
    journal, items = tmp_path / "run.db", [{"id": n} for n in range(400)]
    with counting_lambda(seconds=0.02) as server:
        async with cluster_of(dask, server, concurrency=20) as cluster:
            async with cluster.map("orders", items, journal=journal) as run:
                taken = 0
                async for _ in run:
                    taken += 1
                    if taken == 50:
                        run.stop()
            results = await cluster.map("orders", items, journal=journal).collect()
        executions = server.counts.executions
    assert all(result.ok for result in results)
    assert sum(result.replayed for result in results) >= 50
    assert set(executions.values()) == {1}
    assert len(executions) == 400


async def test_the_books_are_empty_after_a_map(dask: Any, server: CountingLambda) -> None:
    async with cluster_of(dask, server) as cluster:
        await cluster.map("orders", [{"id": n} for n in range(500)], partition=20).collect()
        async with asyncio.timeout(10):
            while (await cluster._session.state()) != {"claims": 0, "mail": 0, "refusals": 0}:  # type: ignore[union-attr]
                await asyncio.sleep(0.1)


async def test_map_needs_an_open_client(dask: Any, server: CountingLambda) -> None:
    with pytest.raises(ConfigurationError, match="is not open: write async with"):
        cluster_of(dask, server).map("orders", [])


@pytest.mark.parametrize("partition", [0, True, 2.5, "20"])
async def test_wrong_partition_is_named(dask: Any, server: CountingLambda, partition: Any) -> None:
    async with cluster_of(dask, server) as cluster:
        with pytest.raises(ConfigurationError, match="partition must be a whole number"):
            cluster.map("orders", [], partition=partition)


async def test_fixed_concurrency_is_that_of_the_cluster(dask: Any) -> None:
    with counting_lambda(seconds=0.02) as server:
        async with cluster_of(dask, server, concurrency=7) as cluster:
            await cluster.map("orders", [{"id": n} for n in range(200)]).collect()
        assert server.counts.peak == 7


async def test_reserved_concurrency_is_found_by_the_workers(dask: Any) -> None:
    with counting_lambda(seconds=0.2, reserved=50) as server:
        async with cluster_of(dask, server) as cluster:
            results = await cluster.map("orders", [{"id": n} for n in range(1000)]).collect()
        counts = server.counts
    assert all(result.ok for result in results)
    assert counts.throttled
    assert counts.peak <= 50
    assert set(counts.executions.values()) == {1}
