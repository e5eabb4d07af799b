"""CPU time of one invocation in the client, as a ratio to a bare aiohttp POST in the same run.

`python benchmarks/invocation.py [--calls N] [--in-flight N] [--rounds N] [--payload BYTES]`
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from aiolambda import Credentials, InvokeCommand, LambdaClient

Call = Callable[[], Awaitable[object]]


async def cpu_per_call(call: Call, calls: int, in_flight: int) -> float:
    """Microseconds of this process's CPU for one call, with so many in flight."""

    async def worker(count: int) -> None:
        for _ in range(count):
            await call()

    await asyncio.gather(*(worker(2) for _ in range(in_flight)))  # the connections are open, the caches filled
    before = time.process_time()
    await asyncio.gather(*(worker(calls // in_flight) for _ in range(in_flight)))
    return (time.process_time() - before) / (calls // in_flight * in_flight) * 1e6


async def measure(port: int, options: argparse.Namespace) -> None:
    url, body = f"http://127.0.0.1:{port}", b"x" * options.payload
    command = InvokeCommand(function_name="bench", payload=body)
    keys = Credentials("AKIDEXAMPLE", "secret")
    async with (
        LambdaClient(region="us-east-1", credentials=keys, endpoint_url=url, max_concurrency=options.in_flight) as client,
        aiohttp.ClientSession() as session,
    ):

        async def bare() -> object:
            async with session.post(f"{url}/2015-03-31/functions/bench/invocations", data=body) as answer:
                return await answer.read()

        def invoke() -> Awaitable[object]:
            return client.send(command)

        rows: list[tuple[float, float]] = []
        for number in range(options.rounds):
            pair: dict[Call, float] = {}
            for call in (bare, invoke) if number % 2 else (invoke, bare):
                pair[call] = await cpu_per_call(call, options.calls, options.in_flight)
            rows.append((pair[bare], pair[invoke]))
    ratios = [ours / theirs for theirs, ours in rows]
    print(f"{options.rounds} rounds of {options.calls}, {options.in_flight} in flight, {options.payload} bytes: median (range)")
    print(f"bare aiohttp POST     {statistics.median(theirs for theirs, _ in rows):7.1f} us")
    print(f"client.send           {statistics.median(ours for _, ours in rows):7.1f} us")
    print(f"ratio                 {statistics.median(ratios):7.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--payload", type=int, default=100)
    options = parser.parse_args()
    server = [sys.executable, str(Path(__file__).with_name("server.py"))]
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        asyncio.run(measure(int(running.stdout.readline()), options))
        assert running.stdin is not None
        running.stdin.close()


if __name__ == "__main__":
    main()
