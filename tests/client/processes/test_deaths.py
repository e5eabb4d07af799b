"""A worker is killed: every verdict agrees with the executions that the server counted, and nothing hangs or is left behind."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from aiolambda import Call, Delivery, InvokeCommand, InvokeCommandInput, InvokeCommandOutput, NotSentError, WorkerLostError
from aiolambda.pipeline.call import CallNext

from ...support.counting_lambda import CountingLambda, calling, kill_worker, verdicts_against, wait_for_end_of, workers_of
from .stack import forking

pytestmark = pytest.mark.asyncio


async def ending_its_process(
    call: Call[InvokeCommandInput, InvokeCommandOutput], call_next: CallNext[InvokeCommandInput, InvokeCommandOutput]
) -> InvokeCommandOutput:
    """End the process of the call, if its payload says so."""
    if call.input.payload == b'"poison"':
        os._exit(3)
    return await call_next(call)


@pytest.mark.parametrize("journalled", [False, True], ids=["plain", "journal"])
@pytest.mark.parametrize("concurrency", [40, "adaptive"], ids=["fixed", "adaptive"])
@pytest.mark.parametrize("idempotent", [False, True], ids=["once", "idempotent"])
async def test_killed_worker(tmp_path: Path, concurrency: Any, *, journalled: bool, idempotent: bool) -> None:
    service = CountingLambda(seconds=0.02, held_from=100)  # so that both workers have calls in flight
    options = {"journal": tmp_path / "run.db"} if journalled else {}
    async with calling(service) as client:
        async with client.map("f", range(600), processes=2, concurrency=concurrency, idempotent=idempotent, **options) as run:
            results = [await anext(aiter(run))]
            await service.until(110)
            pid = kill_worker(client)
            service.released.set()
            results += [result async for result in run]
        counted = verdicts_against(results, service, idempotent=idempotent)
        assert client.stats.attempts >= service.executed.total()
    assert counted.total() == 600
    assert set(counted) <= ({"ok"} if idempotent else {"ok", "unknown"})
    for result in results:
        if not result.ok:
            assert isinstance(result.error, WorkerLostError)
            assert result.attempts == 1
            assert "ended by SIGKILL" in str(result.error)
    if idempotent:
        assert any(result.attempts > 1 for result in results)
    else:
        assert max(service.executed.values()) == 1
    await wait_for_end_of(pid)


async def test_resumed_after_a_killed_worker(tmp_path: Path) -> None:
    service = CountingLambda(held_from=60)
    async with calling(service) as client:
        async with client.map("f", range(200), processes=2, concurrency=40, journal=tmp_path / "run.db") as run:
            await service.until(100)
            kill_worker(client)
            service.released.set()
            first = [result async for result in run]
            lost = {result.index for result in first if not result.ok}
        assert verdicts_against(first, service) == {"ok": 180, "unknown": 20}
        again = await client.map("f", range(200), processes=2, journal=tmp_path / "run.db").collect()
        assert {type(result.error) for result in again if not result.ok} == {WorkerLostError}
        assert {result.index for result in again if not result.ok} == lost
        assert service.executed.total() == 200
        last = await client.map("f", range(200), processes=2, journal=tmp_path / "run.db", idempotent=True).collect()
    assert all(result.ok for result in last)
    assert {result.index for result in last if not result.replayed} == lost


async def test_commands_that_were_not_begun_go_elsewhere() -> None:
    """A stopped worker reads nothing, so nothing that it was given has begun."""
    service = CountingLambda()
    async with calling(service) as client:
        async with client.map("f", range(20), processes=2, concurrency=20) as run:
            pid = workers_of(client).pids[0]
            os.kill(pid, signal.SIGSTOP)
            await service.until(10)
            os.kill(pid, signal.SIGKILL)
            results = [result async for result in run]
    assert verdicts_against(results, service) == {"ok": 20}


async def test_both_workers_killed() -> None:
    service = CountingLambda(seconds=0.02)
    async with calling(service) as client:
        async with client.map("f", range(300), processes=2, concurrency=40) as run:
            await service.until(60)
            for pid in workers_of(client).pids:
                os.kill(pid, signal.SIGKILL)
            results = [result async for result in run]
    counted = verdicts_against(results, service)
    assert counted.total() == 300
    assert counted["unknown"] <= 40


async def test_no_worker_left_ends_the_run(tmp_path: Path) -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        run = client.map("f", range(100), processes=2, concurrency=10, journal=tmp_path / "run.db")
        with pytest.raises(WorkerLostError, match="no worker process of this map is left") as caught:
            async with run:
                killing = asyncio.ensure_future(kill_all(client))
                await run.collect()
        killing.cancel()
        service.held_from = 1000
        service.released.set()
        rest = await client.map("f", range(100), processes=2, journal=tmp_path / "run.db").collect()
    assert not caught.value.may_have_run
    assert run.stopped_by == "error"
    assert verdicts_against(rest, service).total() == 100
    assert max(service.executed.values()) == 1


async def kill_all(client: Any) -> None:
    """Kill each worker, and each one that replaces it."""
    while True:
        for pid in workers_of(client).pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)


async def test_unsent_items_of_a_run_without_workers() -> None:
    service = CountingLambda(held_from=0)
    results: list[Any] = []
    async with calling(service) as client:
        run = client.map("f", range(30), processes=2, concurrency=10)
        with pytest.raises(WorkerLostError):
            async with run:
                await service.until(10)
                killing = asyncio.ensure_future(kill_all(client))
                async for result in run:
                    results.append(result)  # noqa: PERF401 - those before the error count
        killing.cancel()
    assert verdicts_against(results, service)["unknown"] >= 10
    assert {type(result.error) for result in results} <= {WorkerLostError, NotSentError}


async def test_poison_is_bounded_and_unknown() -> None:
    """A command that ends each worker that makes its call ends one of them: it may have run."""
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(ending_its_process, only=InvokeCommand, step="build", name="poison")
        results = await client.map(
            "f", ["poison" if number == 5 else number for number in range(50)], processes=2, payload=json.dumps, concurrency=2
        ).collect()
    by_index = {result.index: result for result in results}
    assert by_index[5].delivery is Delivery.UNKNOWN
    assert "ended with exit code 3" in str(by_index[5].error)
    assert sum(result.ok for result in results) >= 48
    assert service.executed.total() >= 48
    assert max(service.executed.values()) == 1


async def test_poison_that_is_idempotent_ends_no_more_than_its_attempts() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(ending_its_process, only=InvokeCommand, step="build", name="poison")
        [result] = [result async for result in client.map("f", ['"poison"'], processes=2, idempotent=True)]
    assert isinstance(result.error, WorkerLostError)
    assert result.attempts == result.error.attempts == 3


async def test_killed_while_it_writes_large_answers() -> None:
    service = CountingLambda()
    payloads = [b'"%d' % number + b"x" * 3_000_000 + b'"' for number in range(24)]
    async with calling(service) as client:
        async with client.map("f", payloads, processes=2, concurrency=8) as run:
            await service.until(6)
            kill_worker(client)
            results = [result async for result in run]
    assert len(results) == 24
    for result in results:
        executions = service.executed[result.item]
        assert executions == 1 if result.ok else executions <= 1
        assert result.ok or result.delivery is Delivery.UNKNOWN


async def test_fork_of_a_killed_worker_delays_nothing() -> None:
    """It holds the pipe, so that the end of the worker shows by its exit alone."""
    service = CountingLambda(held_from=3)
    async with calling(service) as client, asyncio.timeout(20):
        client.middleware_stack.add(forking, name="forking")
        async with client.map("f", range(4), processes=2) as run:
            await service.until(4)
            for pid in workers_of(client).pids:
                os.kill(pid, signal.SIGKILL)
            service.released.set()
            results = [result async for result in run]
    assert verdicts_against(results, service).total() == 4


async def test_no_replacement_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    service = CountingLambda(held_from=0)
    async with calling(service) as client, asyncio.timeout(20):
        run = client.map("f", range(100), processes=2, concurrency=10)
        with pytest.raises(WorkerLostError, match="cannot start: can't start new thread"):
            async with run:
                await service.until(10)
                monkeypatch.setattr(asyncio.get_running_loop(), "subprocess_exec", no_thread)
                for pid in workers_of(client).pids:
                    os.kill(pid, signal.SIGKILL)
                await run.collect()


async def test_workers_end_although_a_fork_of_the_coordinator_lives(tmp_path: Path) -> None:
    """The fork holds the pipes, so that the end of the map's process shows by its id alone."""
    program = tmp_path / "script.py"
    program.write_text(
        "import asyncio, os, sys, time\n"
        "from aiolambda import Credentials, LambdaClient\n"
        "async def main():\n"
        "    settings = dict(region='eu-west-1', credentials=Credentials('A', 's'), endpoint_url=sys.argv[1])\n"
        "    async with LambdaClient(**settings) as client, client.map('f', range(200), processes=2) as run:\n"
        "        if (child := os.fork()) == 0:\n"
        "            time.sleep(60)\n"
        "            os._exit(0)\n"
        "        print(child, *[workers.pids for workers in client._maps.workers.working][0], flush=True)\n"
        "        async for _ in run: pass\n"
        "asyncio.run(main())\n"
    )
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(program), str(client.config.endpoint_url)), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        child, *pids = map(int, (await process.stdout.readline()).split())
        try:
            await service.until(2)
            process.kill()
            for pid in pids:
                await wait_for_end_of(pid)
        finally:
            os.kill(child, signal.SIGKILL)
            await process.communicate()  # to the end of the pipe, which the fork has, too
    assert len(pids) == 2


async def test_killed_coordinator_leaves_no_worker(tmp_path: Path) -> None:
    """`kill -9` of the whole program: its workers end, and its journal resumes without sending an item twice."""
    program = tmp_path / "script.py"
    program.write_text(
        "import asyncio, sys\n"
        "from aiolambda import Credentials, LambdaClient\n"
        "async def main():\n"
        "    settings = dict(region='eu-west-1', credentials=Credentials('A', 's'), endpoint_url=sys.argv[1])\n"
        "    async with LambdaClient(**settings) as client:\n"
        "        async with client.map('f', range(200), processes=2, concurrency=20, journal=sys.argv[2]) as run:\n"
        "            print(*[workers.pids for workers in client._maps.workers.working][0], flush=True)\n"
        "            async for _ in run: pass\n"
        "asyncio.run(main())\n"
    )
    service = CountingLambda(seconds=0.02)
    async with calling(service) as client:
        arguments = [str(program), str(client.config.endpoint_url), str(tmp_path / "run.db")]
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        pids = [int(pid) for pid in (await process.stdout.readline()).split()]
        await service.until(60)
        process.kill()
        await process.wait()
        for pid in pids:
            await wait_for_end_of(pid)
        before = service.executed.copy()
        results = await client.map("f", range(200), processes=2, journal=tmp_path / "run.db").collect()
    assert len(pids) == 2
    assert max(service.executed.values()) == 1
    assert verdicts_against(results, service).total() == 200
    assert all(result.replayed for result in results if str(result.item).encode() in before)
