"""The run or the client ends while workers make calls: the verdict of the worker counts, and nothing is left behind."""

import asyncio
import gc
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    ClientClosedError,
    ConfigurationError,
    Credentials,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    NotSentError,
)
from aiolambda.fanout.parcels import packed_outcome

from ...support.counting_lambda import CountingLambda, calling, verdicts_against, wait_for_end_of, workers_of

pytestmark = pytest.mark.asyncio


def descriptors() -> int:
    gc.collect()
    open_now = Path("/proc/self/fd")
    return len(list(open_now.iterdir())) if open_now.exists() else 0


async def test_stop_lets_items_in_flight_end() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client, client.map("f", range(100), processes=2, concurrency=10) as run:
        await service.until(10)
        run.stop()
        service.released.set()
        results = [result async for result in run]
    assert verdicts_against(results, service)["ok"] == 10
    assert service.executed.total() == 10


async def test_stop_with_a_grace_cancels() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client, client.map("f", range(100), processes=2, concurrency=10) as run:
        await service.until(10)
        pids = workers_of(client).pids
        run.stop(grace=0.05)
        results = [result async for result in run]
    assert verdicts_against(results, service)["unknown"] == 10
    assert {type(result.error) for result in results} <= {InvocationTimeoutError, NotSentError}
    for pid in pids:
        await wait_for_end_of(pid)


async def test_cancelled_call_that_had_not_left_was_not_delivered() -> None:
    """Connecting takes for ever: nothing listens behind the address, so no request can leave."""
    settings: dict[str, Any] = {"region": "eu-west-1", "credentials": Credentials("A", "s")}
    async with LambdaClient(endpoint_url="http://127.0.0.1:1", retry=SlowRetry(), **settings) as client:
        async with client.map("f", range(4), processes=2) as run:
            await asyncio.sleep(0.3)
            run.stop(grace=0.01)
            results = [result async for result in run]
    assert {result.delivery for result in results} == {Delivery.NOT_DELIVERED}


class SlowRetry:
    """Waits for an hour before each further attempt."""

    def pause(self, failure: Any, /) -> float | None:
        return 3600.0

    def succeeded(self, failures: Any, /) -> None:
        pass


async def test_outcome_that_crosses_a_cancellation_counts() -> None:
    """It arrives after the cancellation, and before the task of the item has noticed."""
    service = CountingLambda(held_from=0)
    refusal = packed_outcome(None, ConfigurationError("said by the worker"))
    async with calling(service) as client, client.map("f", range(4), processes=2) as run:
        await service.until(4)
        workers = workers_of(client)
        run.stop()
        run._scheduler.abort()
        for worker in workers._workers:
            for id in list(worker.calls):
                workers._hear(worker, ("done", id, refusal))
        results = [result async for result in run]
    assert {str(result.error) for result in results} == {"said by the worker"}


async def test_deadline_ends_the_run() -> None:
    service = CountingLambda(seconds=0.02)
    async with calling(service) as client:
        run = client.map("f", range(100_000), processes=2, concurrency=5, deadline=1.5)
        results = await run.collect()
    assert run.stopped_by == "deadline"
    assert verdicts_against(results, service)["ok"] == service.executed.total()


async def test_deadline_during_the_start_of_the_workers() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        run = client.map("f", range(10), processes=2, deadline=0.001)
        results = await run.collect()
    assert run.stopped_by == "deadline"
    assert not service.executed
    assert {type(result.error) for result in results} <= {NotSentError}


async def test_close_of_the_client_ends_calls_after_its_grace() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        run = client.map("f", range(20), processes=2, concurrency=10)
        reading = asyncio.ensure_future(run.collect())
        await service.until(10)
        pids = workers_of(client).pids
        began = time.monotonic()
        await client.close(grace=0.2)
        assert 0.2 <= time.monotonic() - began < 5
        results = await reading
    assert verdicts_against(results, service)["unknown"] == 10
    assert {type(result.error) for result in results} <= {ClientClosedError, NotSentError}
    for pid in pids:
        await wait_for_end_of(pid)


async def test_close_of_the_client_waits_for_calls() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        reading = asyncio.ensure_future(client.map("f", range(10), processes=2, concurrency=10).collect())
        await service.until(10)
        asyncio.get_running_loop().call_later(0.1, service.released.set)
        await client.close(grace=20)
        assert verdicts_against(await reading, service) == {"ok": 10}


async def test_abort_of_the_client_ends_the_processes() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        reading = asyncio.ensure_future(client.map("f", range(20), processes=2, concurrency=10).collect())
        await service.until(10)
        pids = workers_of(client).pids
        client.abort()
        results = await reading
        for pid in pids:
            await wait_for_end_of(pid)
    assert verdicts_against(results, service)["unknown"] == 10


async def test_cancelled_reader_leaves_nothing() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        reading = asyncio.ensure_future(client.map("f", range(20), processes=2, concurrency=10).collect())
        await service.until(10)
        pids = workers_of(client).pids
        reading.cancel()
        service.released.set()
        with pytest.raises(asyncio.CancelledError):
            await reading
        for pid in pids:
            await wait_for_end_of(pid)
        assert not client._maps.workers.working


async def test_cancelled_while_the_workers_start() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        beginning = asyncio.ensure_future(client.map("f", range(20), processes=2).collect())
        await asyncio.sleep(0.05)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        assert not client._maps.workers.working
    assert not service.executed


async def test_runs_leave_no_descriptor_and_no_task() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        await client.map("f", range(5), processes=2).collect()
        before, tasks = descriptors(), len(asyncio.all_tasks())
        for _ in range(3):
            await client.map("f", range(5), processes=2).collect()
        assert (descriptors(), len(asyncio.all_tasks())) == (before, tasks)


async def test_worker_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(CountingLambda()) as client:
        monkeypatch.setattr("sys.path", ["/nowhere"])
        with pytest.raises(ConfigurationError, match="a worker process of this map cannot start: ModuleNotFoundError"):
            await client.map("f", range(5), processes=2).collect()
        assert not client._maps.workers.working


async def test_missing_interpreter_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(CountingLambda()) as client:
        monkeypatch.setattr("sys.executable", "/nowhere/python")
        with pytest.raises(ConfigurationError, match="cannot start: No such file or directory"):
            await client.map("f", range(5), processes=2).collect()


async def test_signals_of_the_group_do_not_end_workers() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client, client.map("f", range(10), processes=2, concurrency=10) as run:
        await service.until(10)
        for pid in workers_of(client).pids:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        service.released.set()
        results = [result async for result in run]
    assert verdicts_against(results, service) == {"ok": 10}


async def test_signals_do_not_end_a_worker_that_starts(tmp_path: Path) -> None:
    """The first that it imports, here another package of the same name, finds them ignored."""
    package = tmp_path / "aiolambda"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os, signal\n"
        "for number in (signal.SIGINT, signal.SIGTERM): os.kill(os.getpid(), number)\n"
        "raise LookupError('still here')\n"
    )
    async with calling(CountingLambda()) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.path", [str(tmp_path), *sys.path])
            with pytest.raises(ConfigurationError, match="cannot start: LookupError: still here"):
                await client.map("f", range(5), processes=2).collect()


async def test_worker_imports_nothing_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "signal", "struct"):
        (tmp_path / f"{name}.py").write_text("raise LookupError('imported')\n")
    monkeypatch.chdir(tmp_path)
    service = CountingLambda()
    async with calling(service) as client:
        results = await client.map("f", range(5), processes=2).collect()
    assert verdicts_against(results, service) == {"ok": 5}
