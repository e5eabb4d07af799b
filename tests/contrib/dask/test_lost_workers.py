"""Workers that die, leave and come: each verdict equals what the server counted."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from aiolambda import MapResult, UnknownOutcomeError
from aiolambda.contrib.dask import DaskLambdaClient
from aiolambda.contrib.dask.ledger import Ledger
from aiolambda.contrib.dask.scheduler_plugin import LedgerPlugin
from aiolambda.types.values import Delivery

from ...support.executions_server import CountingLambda, counting_lambda
from ...support.pages import ROOT

ITEMS = 1500
pytestmark = [
    pytest.mark.slow,
    # Dask leaves sockets to the collector that were connecting to a worker as it died.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed .*<:ResourceWarning"),
]


def cluster_of(dask: Any, server: CountingLambda, **settings: Any) -> DaskLambdaClient:
    return DaskLambdaClient(dask, region="us-east-1", endpoint_url=server.url, **settings)


async def map_and_kill(dask: Any, cluster: DaskLambdaClient, **options: Any) -> list[MapResult[Any]]:
    """The results of a map, during which one worker gets SIGKILL."""
    pids = await dask.run(os.getpid)
    results: list[MapResult[Any]] = []
    async with cluster.map("orders", ({"id": n} for n in range(ITEMS)), partition=100, **options) as run:
        async for result in run:
            results.append(result)
            if len(results) == 200:
                os.kill(next(iter(pids.values())), signal.SIGKILL)
    return results


def assert_verdicts(results: Sequence[MapResult[Any]], executions: Counter[Any]) -> None:
    assert sorted(result.item["id"] for result in results) == list(range(ITEMS))
    for result in results:
        count = executions[result.item["id"]]
        if result.ok:
            assert count == 1
        elif result.delivery is Delivery.UNKNOWN:
            assert count in (0, 1)
        else:
            assert count == 0


async def test_killed_worker_executes_nothing_twice(processes: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(processes, server, concurrency=40) as cluster:
            results = await map_and_kill(processes, cluster)
            state = await cluster._session.state()  # type: ignore[union-attr]
        executions = server.counts.executions
    assert_verdicts(results, executions)
    unknown = [result for result in results if not result.ok]
    assert all(isinstance(result.error, UnknownOutcomeError) for result in unknown)
    assert 1 <= len(unknown) <= 150  # in flight, or executed since the last report, which a busy machine delays
    assert state["refusals"] >= 1  # Dask gave the partitions to the other worker


async def test_idempotent_items_of_a_killed_worker_succeed(processes: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(processes, server, concurrency=40) as cluster:
            results = await map_and_kill(processes, cluster, idempotent=True)
        executions = server.counts.executions
    assert all(result.ok for result in results)
    assert len(results) == len(executions) == ITEMS
    assert max(executions.values()) <= 2


class _TrustingLedger(Ledger):
    """A ledger without claims: it lets every attempt run."""

    def claim(self, session: str, number: int, holder: str, worker: str) -> bool:
        return True

    def begin(self, session: str, items: Any) -> list[bool]:
        return [True for _ in items]


class _TrustingPlugin(LedgerPlugin):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.ledger = _TrustingLedger()


async def test_without_claims_a_killed_worker_executes_twice(processes: Any) -> None:
    """Else the test above proves nothing."""
    await processes.register_plugin(_TrustingPlugin())
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(processes, server, concurrency=40) as cluster:
            await map_and_kill(processes, cluster)
        executions = server.counts.executions
    assert sum(count > 1 for count in executions.values()) > 0


async def test_retired_worker_reports_before_it_leaves(dask: Any) -> None:
    with counting_lambda(seconds=0.1) as server:
        async with cluster_of(dask, server, concurrency=20) as cluster:
            results: list[MapResult[Any]] = []
            async with cluster.map("orders", ({"id": n} for n in range(600)), partition=40) as run:
                async for result in run:
                    results.append(result)
                    if len(results) == 100:
                        await dask.retire_workers([next(iter(dask.cluster.scheduler.workers))])
        executions = server.counts.executions
    assert all(result.ok for result in results)
    assert len(results) == 600
    assert set(executions.values()) == {1}


async def test_worker_killed_while_it_leaves_is_settled(processes: Any) -> None:
    """It has said that it leaves, and never says that it has left."""
    with counting_lambda(seconds=8) as server:
        async with cluster_of(processes, server, concurrency=20) as cluster:
            async with cluster.map("orders", ({"id": n} for n in range(20))) as run:
                while server.counts.executions.total() < 20:
                    await asyncio.sleep(0.05)
                pids = await processes.run(os.getpid)
                leaving = next(iter(pids))
                retiring = asyncio.create_task(processes.retire_workers([leaving]))
                while leaving not in cluster._session._leaving:  # type: ignore[union-attr]
                    await asyncio.sleep(0.05)
                os.kill(pids[leaving], signal.SIGKILL)
                results = [result async for result in run]
            await retiring
        executions = server.counts.executions
    assert set(executions.values()) == {1}
    assert Counter(result.ok for result in results) == {True: 10, False: 10}
    assert {result.delivery for result in results if not result.ok} == {Delivery.UNKNOWN}


async def test_concurrency_holds_while_workers_come_and_go(processes: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(processes, server, concurrency=20) as cluster:
            results: list[MapResult[Any]] = []
            async with cluster.map("orders", ({"id": n} for n in range(1600)), partition=40) as run:
                async for result in run:
                    results.append(result)
                    if len(results) in (200, 1000):
                        processes.cluster.scale(3)
                    elif len(results) in (600, 1300):
                        processes.cluster.scale(1)
        counts = server.counts
    assert counts.peak <= 20
    assert max(counts.executions.values()) == 1
    assert {result.delivery for result in results if not result.ok} <= {Delivery.UNKNOWN}
    assert len(results) == 1600


async def test_map_waits_for_the_first_worker(dask: Any, server: CountingLambda, caplog: pytest.LogCaptureFixture) -> None:
    dask.cluster.scale(0)
    async with asyncio.timeout(10):
        while dask.cluster.scheduler.workers:
            await asyncio.sleep(0.05)
    async with cluster_of(dask, server) as cluster:
        collecting = asyncio.create_task(cluster.map("orders", [{"id": n} for n in range(50)]).collect())
        await asyncio.sleep(0.5)
        assert not collecting.done()
        dask.cluster.scale(1)
        results = await asyncio.wait_for(collecting, 30)
    assert all(result.ok for result in results)
    assert "no workers: the map waits for one" in caplog.text


async def test_restarted_cluster_goes_on(processes: Any) -> None:
    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(processes, server, concurrency=20) as cluster:
            results: list[MapResult[Any]] = []
            async with cluster.map("orders", ({"id": n} for n in range(400)), partition=40) as run:
                async for result in run:
                    results.append(result)
                    if len(results) == 100:
                        await processes.restart()
        executions = server.counts.executions
    assert len(results) == 400
    assert max(executions.values()) == 1
    assert {executions[result.item["id"]] for result in results if result.ok} == {1}
    assert sum(result.ok for result in results) > 300


@pytest.mark.parametrize("ending", ["client", "scheduler"])
async def test_lost_scheduler_ends_the_map(ending: str) -> None:
    import distributed

    async def items() -> AsyncIterator[dict[str, int]]:
        for n in range(100_000):
            yield {"id": n}

    results: list[MapResult[Any]] = []
    with counting_lambda(seconds=0.05) as server:
        spec = distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", asynchronous=True
        )
        async with spec, distributed.Client(spec, asynchronous=True) as dask:
            async with cluster_of(dask, server, concurrency=20) as cluster:
                with pytest.raises(ConnectionError, match="so the map was ended"):
                    async with asyncio.timeout(60):
                        async with cluster.map("orders", items(), partition=40) as run:
                            async for result in run:
                                results.append(result)
                                if len(results) == 100:
                                    await (dask.close() if ending == "client" else spec.close())
        executions = server.counts.executions
    assert max(executions.values()) == 1
    assert {executions[result.item["id"]] for result in results if result.ok} == {1}
    assert {executions[result.item["id"]] for result in results if not result.delivery.may_have_run} <= {0}


COORDINATOR = """
import asyncio, sys
import distributed
from aiolambda.contrib.dask import DaskLambdaClient

async def main(scheduler, endpoint):
    async with distributed.Client(scheduler, asynchronous=True) as dask:
        async with DaskLambdaClient(dask, region="us-east-1", endpoint_url=endpoint, concurrency=20) as cluster:
            async with cluster.map("orders", ({"id": n} for n in range(100_000))) as run:
                async for result in run:
                    pass

asyncio.run(main(*sys.argv[1:]))
"""


async def test_workers_stop_if_the_coordinator_is_killed(processes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiolambda.contrib.dask.scheduler_plugin._KEPT_FOR", 1.0)
    scheduler = processes.cluster.scheduler
    with counting_lambda(seconds=0.05) as server:
        coordinator = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COORDINATOR, scheduler.address, server.url, cwd=ROOT
        )
        async with asyncio.timeout(30):
            while server.counts.executions.total() < 100:
                await asyncio.sleep(0.1)
        coordinator.kill()
        await coordinator.wait()
        async with asyncio.timeout(10):
            while any(name.startswith("aiolambda") for name in scheduler.worker_plugins):
                await asyncio.sleep(0.1)
        total = server.counts.executions.total()
        await asyncio.sleep(0.5)
        executions = server.counts.executions
    assert executions.total() == total < 100_000
    assert set(executions.values()) == {1}
    assert scheduler.plugins["aiolambda"].ledger.sessions == {}
    assert not [key for key in scheduler.tasks if str(key).startswith("aiolambda")]


@pytest.mark.parametrize("failure", ["silence", "nonsense"])
async def test_scheduler_that_does_not_answer_ends_the_map(dask: Any, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiolambda.contrib.dask.session._SILENCE", 0.5)

    async def take(session: str, **more: Any) -> Any:
        if failure == "silence":
            await asyncio.sleep(60)
        raise LookupError("no such thing")

    with counting_lambda(seconds=0.05) as server:
        async with cluster_of(dask, server, concurrency=20) as cluster:
            results: list[MapResult[Any]] = []
            with pytest.raises(ConnectionError, match="so the map was ended"):
                async with asyncio.timeout(60):
                    async with cluster.map("orders", ({"id": n} for n in range(10_000)), partition=40) as run:
                        async for result in run:
                            results.append(result)
                            if len(results) == 100:
                                dask.cluster.scheduler.handlers["aiolambda_take"] = take
        executions = server.counts.executions
    assert {executions[result.item["id"]] for result in results if result.ok} == {1}
    assert {executions[result.item["id"]] for result in results if not result.delivery.may_have_run} <= {0}
    assert max(executions.values()) == 1


async def test_worker_that_gets_no_answer_sends_nothing(dask: Any, server: CountingLambda) -> None:
    async def begin(session: str, items: Any) -> list[bool]:
        raise LookupError("no such thing")

    async with cluster_of(dask, server) as cluster:
        dask.cluster.scheduler.handlers["aiolambda_begin"] = begin
        results = await cluster.map("orders", [{"id": n} for n in range(10)], max_failures=10).collect()
    assert {result.delivery for result in results} == {Delivery.NOT_DELIVERED}
    assert server.counts.executions.total() == 0


async def test_claim_without_an_answer_is_repeated(dask: Any, server: CountingLambda) -> None:
    handlers = dask.cluster.scheduler.handlers
    failures = [OSError("reset"), TimeoutError()]

    async with cluster_of(dask, server) as cluster:
        claim = handlers["aiolambda_claim"]

        async def unreliable(**question: Any) -> bool:
            answer = await claim(**question)  # it is granted, and the answer is lost
            if failures:
                raise failures.pop()
            return answer

        handlers["aiolambda_claim"] = unreliable
        results = await cluster.map("orders", [{"id": n} for n in range(30)]).collect()
    assert failures == []
    assert all(result.ok for result in results)
    assert set(server.counts.executions.values()) == {1}


async def test_coordinator_asks_again_after_a_reset(dask: Any) -> None:
    """A partition that could not be announced or revoked at first is no loss."""
    handlers = dask.cluster.scheduler.handlers
    resets = dict.fromkeys(("announce", "revoke", "close_session"), 2)

    def unreliable(name: str, handle: Any) -> Any:
        async def handler(**question: Any) -> Any:
            if resets[name]:
                resets[name] -= 1
                raise OSError("reset")
            return await handle(**question)

        return handler

    with counting_lambda(seconds=1.0) as server:
        async with cluster_of(dask, server, concurrency=2) as cluster:
            for name in resets:
                handlers[f"aiolambda_{name}"] = unreliable(name, handlers[f"aiolambda_{name}"])
            async with cluster.map("orders", ({"id": n} for n in range(40)), partition=4) as run:
                results = [await anext(aiter(run))]
                run.stop()
                async with asyncio.timeout(20):
                    results += [result async for result in run]
        executions = server.counts.executions
    assert set(resets.values()) == {0}
    assert dask.cluster.scheduler.plugins["aiolambda"].ledger.sessions == {}
    assert {result.ok for result in results} == {True, False}
    assert {result.item["id"] for result in results if result.ok} == set(executions)
    assert {result.delivery for result in results if not result.ok} == {Delivery.NOT_DELIVERED}


async def test_one_invocation_at_a_time_uses_one_worker(dask: Any) -> None:
    with counting_lambda(seconds=0.01) as server:
        async with cluster_of(dask, server, concurrency=1) as cluster:
            results = await cluster.map("orders", [{"id": n} for n in range(30)]).collect()
        counts = server.counts
    assert all(result.ok for result in results)
    assert counts.peak == 1
