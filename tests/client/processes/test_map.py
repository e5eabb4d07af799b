"""`map` with `processes=2` against a real server: the same results as with one process, each item once."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, Delivery, FunctionError, InvokeCommand, TooManyFailuresError
from aiolambda.client.processes.workers import Workers
from aiolambda.codecs import JsonCodec
from aiolambda.operations.fetch_command import FetchCommand

from ...support.counting_lambda import CountingLambda, calling, verdicts_against, wait_for_end_of, workers_of
from .stack import stamped

pytestmark = pytest.mark.asyncio


class WrappingCodec(JsonCodec):
    """Wraps each value, and can be recognized in what it decodes."""

    def encode(self, value: object, /) -> bytes:
        return super().encode({"wrapped": value})

    def decode(self, data: bytes, type: type[Any], /) -> Any:
        return "unwrapped", json.loads(data)["wrapped"]


async def test_each_item_runs_once() -> None:
    service = CountingLambda(seconds=0.005)
    async with calling(service) as client:
        results = await client.map("f", range(400), processes=2, concurrency=50).collect()
        assert client.stats.done == client.stats.attempts == 400
    assert verdicts_against(results, service) == {"ok": 400}
    assert all(result.value() == result.item for result in results)
    assert all(result.attempts == 1 and result.output.metadata.request_id for result in results if result.output)
    assert service.most_running <= 50


async def test_both_processes_work_and_end() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client, client.map("f", range(20), processes=2, concurrency=20) as run:
        workers: Workers = workers_of(client)
        await service.until(20)
        pids = workers.pids
        assert [len(worker.calls) for worker in workers._workers] == [10, 10]
        service.released.set()
        assert len([result async for result in run]) == 20
    for pid in pids:
        await wait_for_end_of(pid)


async def test_results_in_the_order_of_the_items() -> None:
    service = CountingLambda(seconds=0.001)
    async with calling(service) as client:
        results = await client.map("f", range(100), processes=2, ordered=True, concurrency=20).collect()
    assert [result.item for result in results] == list(range(100))


@pytest.mark.parametrize("payload", [b"", b"\xff\x00\xfe", b'"' + b"x" * 6_000_000 + b'"'], ids=["empty", "not-utf-8", "6-MB"])
async def test_bytes_arrive_as_they_are(payload: bytes) -> None:
    service = CountingLambda()
    async with calling(service) as client:
        results = await client.map("f", [payload] * 4, processes=2).collect()
    assert service.executed == {payload: 4}
    assert [result.output.payload for result in results if result.output] == [payload] * 4


async def test_too_large_a_payload_fails_its_item_alone() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        results = await client.map("f", [1, b"x" * 7_000_000, 2], processes=2, ordered=True).collect()
    assert [type(result.error).__name__ for result in results] == ["NoneType", "InvalidPayloadSizeError", "NoneType"]
    assert service.executed == {b"1": 1, b"2": 1}


async def test_unencodable_payload_fails_its_item_alone() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        results = await client.map("f", [1, object()], processes=2, ordered=True).collect()
    assert [type(result.error).__name__ for result in results] == ["NoneType", "InvalidInputError"]
    assert results[1].error is not None
    assert results[1].error.function_name == "f"


async def test_codec_encodes_and_decodes_here() -> None:
    service = CountingLambda()
    async with calling(service, codec=WrappingCodec()) as client:
        [result] = await client.map("f", [7], processes=2).collect()
    assert service.executed == {b'{"wrapped":7}': 1}
    assert result.decode(int) == ("unwrapped", 7)


async def test_function_errors_are_sent_again() -> None:
    service = CountingLambda(failing=frozenset({b"1"}))
    async with calling(service) as client:
        results = await client.map("f", range(3), processes=2, retry_function_errors=2, ordered=True).collect()
    assert service.executed == {b"0": 1, b"1": 3, b"2": 1}
    assert isinstance(results[1].error, FunctionError)
    assert results[1].delivery is Delivery.EXECUTED


async def test_reserved_concurrency_is_found_and_held() -> None:
    service = CountingLambda(seconds=0.01, reserved=50)
    async with calling(service) as client:
        results = await client.map("f", range(1500), processes=2).collect()
        assert client.stats.throttled
    assert verdicts_against(results, service) == {"ok": 1500}
    assert service.throttled
    assert service.most_running <= 50


async def test_commands_of_several_functions() -> None:
    service = CountingLambda()
    commands = [InvokeCommand(function_name=f"f{number % 3}", payload=number) for number in range(60)]
    async with calling(service) as client:
        results = await client.map_commands(commands, processes=2).collect()
    assert sorted(result.value() for result in results) == list(range(60))
    assert service.executed.total() == 60


async def test_fetches_and_commands_of_one_map() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        url = f"{client.config.endpoint_url}/orders"
        commands: list[Any] = [FetchCommand(url=url, method="POST", json={"id": number}) for number in range(5)]
        stamping = InvokeCommand(function_name="f", payload={"id": 5})
        stamping.middleware_stack.add(stamped, step="build", name="stamped")
        results = await client.map_commands([*commands, stamping], processes=2, ordered=True).collect()
    assert [result.value() for result in results] == [{"id": number} for number in range(6)]
    assert [result.response is None for result in results] == [False] * 5 + [True]
    assert service.executed.total() == 6


async def test_journal_that_cannot_be_opened_leaves_no_worker(tmp_path: Path) -> None:
    service = CountingLambda()
    async with calling(service) as client:
        with pytest.raises(ConfigurationError):
            await client.map("f", range(5), processes=2, journal=tmp_path / "nowhere" / "run.db").collect()
        assert not client._maps.workers.working
    assert not service.executed


async def test_limits_of_the_function_begin_the_window() -> None:
    service = CountingLambda(seconds=0.01)
    async with calling(service) as client:
        results = await client.map("f", range(50), processes=2, concurrency="limits").collect()
    assert all(result.ok for result in results)


async def test_journal_resumes_without_sending_again(tmp_path: Path) -> None:
    service = CountingLambda()
    async with calling(service) as client:
        first = await client.map("f", range(50), processes=2, journal=tmp_path / "run.db").collect()
        again = await client.map("f", range(60), processes=2, journal=tmp_path / "run.db").collect()
    assert [sum(result.replayed for result in results) for results in (first, again)] == [0, 50]
    assert service.executed.total() == 60
    assert all(result.ok for result in again)


async def test_limit_of_failures_ends_the_run() -> None:
    service = CountingLambda(seconds=0.01, failing=frozenset(str(number).encode() for number in range(1000)))
    async with calling(service) as client:
        with pytest.raises(TooManyFailuresError):
            await client.map("f", range(1000), processes=2, concurrency=5, max_failures=3).collect()
    assert service.executed.total() < 100


async def test_import_of_main_is_not_repeated(tmp_path: Path) -> None:
    """A script without `if __name__ == "__main__"`."""
    program = tmp_path / "script.py"
    program.write_text(
        "import asyncio, sys\n"
        "from aiolambda import Credentials, LambdaClient\n"
        "print('imported', flush=True)\n"
        "async def main():\n"
        "    settings = dict(region='eu-west-1', credentials=Credentials('A', 's'), endpoint_url=sys.argv[1])\n"
        "    async with LambdaClient(**settings) as client:\n"
        "        results = await client.map('f', range(10), processes=2).collect()\n"
        "    print(sum(result.ok for result in results), flush=True)\n"
        "asyncio.run(main())\n"
    )
    service = CountingLambda()
    async with calling(service) as client:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "error", str(program), str(client.config.endpoint_url)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONDEVMODE"},  # it tells of slow turns
        )
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (output.split(), errors, process.returncode) == ([b"imported", b"10"], b"", 0)


async def test_one_process_loads_nothing() -> None:
    program = (
        "import asyncio, sys\n"
        "from aiolambda import LambdaClient\n"
        "from aiolambda.testing import FakeTransport\n"
        "async def main():\n"
        "    async with LambdaClient(transport=FakeTransport({'f': lambda event: event})) as client:\n"
        "        await client.map('f', range(3)).collect()\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if 'processes' in name or name == 'multiprocessing'])\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert output.strip() == b"[]"


async def test_a_run_that_never_began_leaves_nothing() -> None:
    async with calling(CountingLambda()) as client:
        client.map("f", [1], processes=2)
        assert not client._maps.workers.working
