"""Fan-out from one process, against a simulated Lambda in another process. Its concurrency limit changes.

`python benchmarks/fan_out.py [--only TEXT] [--environments FOLDER] [--million N]`

Prints the measurements, and exits with 1 if a claim does not hold. Makes an environment for each peer, as `run.py` does.
"""

import argparse
import asyncio
import gc
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import Credentials, InvokeCommand, LambdaClient
from aiolambda.testing import FakeTransport
from benchmarks.environments import CACHE, OURS, UnavailableError
from benchmarks.processes import Driver, started
from benchmarks.simulated_lambda import Handle, simulated_lambda

KEYS = Credentials("AKIDEXAMPLE", "secret")
Claim = tuple[str, bool]


def client_for(server: Handle, **settings: object) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)  # type: ignore[call-overload]


def megabytes() -> float:
    """The memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def ten_thousand(server: Handle, options: argparse.Namespace) -> list[Claim]:
    """10,000 items of 0.5 s at a fixed 1,000."""
    server.reset(seconds=0.5, limits={})
    gc.collect()
    before, most = megabytes(), 0.0
    async with client_for(server, max_concurrency=1000) as client:
        began = time.perf_counter()
        async with client.map("nap", range(10_000), concurrency=1000) as run:
            done = 0
            async for result in run:
                done += result.ok
                if done % 500 == 0:
                    most = max(most, megabytes())
        took = time.perf_counter() - began
    *_, twice, distinct = server.asked()
    print(f"10,000 items at 1,000: {took:.2f} s (ideal 5.00), memory grew by {most - before:.0f} MB")
    for name in (OURS, "aiobotocore", "aws-sdk-lambda"):
        server.reset(seconds=0.5, limits={})
        try:
            async with started(name, options.environments) as peer:
                print(f"  1,000 workers over {peer.greeting}, pool raised to 1,000: {await workers(peer, server)}")
        except UnavailableError as error:
            print(f"  {name} is left out: {error}")
    return [
        ("every item once", (done, twice, distinct) == (10_000, 1, 10_000)),
        ("within 15 % of the ideal", took < 5.75),
        ("under 60 MB", most - before < 60),
    ]


async def workers(peer: Driver, server: Handle) -> str:
    """Seconds that another client took for 10,000 items, 1,000 at a time."""
    await peer.order("open", url=server.url, pool=1000, read_limit=60)
    began = time.perf_counter()
    outcomes = await peer.order("calls", names=[f"call-{number}" for number in range(10_000)], in_flight=1000)
    took = time.perf_counter() - began
    await peer.order("close")
    return f"{took:.2f} s, {sum(outcome != 'answer' for outcome in outcomes.values())} failed"


async def changing_limit(server: Handle, options: argparse.Namespace) -> list[Claim]:
    """The limit goes 50, 500, 20."""
    phase, limits = 15.0, [50, 500, 20]
    server.reset(seconds=0.5, limits={"nap": [(number * phase, limit) for number, limit in enumerate(limits)]})
    async with client_for(server) as client, client.map("nap", iter(range(10**9)), deadline=3 * phase) as run:
        failed = [result async for result in run if not result.ok]
    requests, throttled, ended, twice, _ = server.asked()
    shares = []
    for number, limit in enumerate(limits):
        start, end = number * phase + 5, (number + 1) * phase
        shares.append(sum(start <= at < end for _, at in ended) / ((end - start) * limit / 0.5))
    left = sum(result.error is not None and not result.error.may_have_run for result in failed)
    print(f"limits {limits}: goodput {', '.join(f'{share:.2f}' for share in shares)}; {throttled / requests:.1%} throttled")
    print(f"  failed: {len(failed) - left}; read and not let in when the deadline passed: {left}")
    return [
        ("no item fails", len(failed) == left and twice == 1),
        ("90 % of each limit", min(shares) >= 0.9),
        ("under 5 % throttled", throttled / requests < 0.05),
    ]


async def two_functions(server: Handle, options: argparse.Namespace) -> list[Claim]:
    """One of two functions is throttled."""
    seconds = 20.0
    rates = {}
    for slow in (100, 5):
        server.reset(seconds=0.5, limits={"quick": [(0, 100)], "slow": [(0, slow)]})
        async with client_for(server) as client:

            async def one(name: str) -> None:
                async with client.map(name, iter(range(10**9)), deadline=seconds) as run:
                    async for _ in run:
                        pass

            await asyncio.gather(one("quick"), one("slow"))
        rates[slow] = sum(name == "quick" and 8 <= at < seconds for name, at in server.asked()[2]) / (seconds - 8)
    print(f"beside a function with a limit of 100: {rates[100]:.0f} a second; beside one with a limit of 5: {rates[5]:.0f}")
    return [("the other keeps 95 % of its rate", rates[5] >= 0.95 * rates[100])]


class Instant(FakeTransport):
    """Answers at once, and records nothing."""

    def __init__(self) -> None:
        async def one(event: object) -> int:
            return 1

        super().__init__({"f": one})
        self._calls = _Nothing()


async def sends(client: LambdaClient, count: int) -> None:
    async def worker() -> None:
        for _ in range(count // 100):
            await client.send(InvokeCommand(function_name="f", payload=b"1"))

    await asyncio.gather(*(worker() for _ in range(100)))


async def maps(client: LambdaClient, count: int) -> None:
    async with client.map("f", (b"1" for _ in range(count)), concurrency=100) as run:
        async for _ in run:
            pass


async def cost(client: LambdaClient, work: Callable[[LambdaClient, int], Awaitable[None]], count: int = 20_000) -> float:
    """Microseconds of CPU for each of so many, once warm."""
    async with client:
        await work(client, count)
        before = time.process_time()
        await work(client, count)
        return (time.process_time() - before) / count * 1e6


async def a_million(server: Handle, options: argparse.Namespace) -> list[Claim]:
    """A million lazy items through 100 slots, in process."""
    items = options.million
    server.reset(seconds=0.0, limits={}, counts=False)
    invocation = await cost(client_for(server, max_concurrency=100), sends)
    mapped = await cost(LambdaClient(transport=Instant(), max_concurrency=100), maps)
    overhead = mapped - await cost(LambdaClient(transport=Instant(), max_concurrency=100), sends)
    print(f"overhead of an item {overhead:.0f} us, {overhead / invocation:.2f} of an invocation over loopback")
    marks: list[float] = []

    def numbers() -> Iterator[bytes]:
        for number in range(items):
            if number % (items // 20) == 0:
                gc.collect()
                marks.append(megabytes())
            yield b"1"

    began, done = time.perf_counter(), 0
    client = LambdaClient(transport=Instant(), max_concurrency=100)
    async with client, client.map("f", numbers(), concurrency=100) as run:
        async for result in run:
            done += result.ok
    growth = max(marks[2:]) - marks[1]
    print(f"{done:,} items in {time.perf_counter() - began:.0f} s: memory grew by {growth:.1f} MB after the first twentieth")
    return [
        ("overhead under a third of an invocation", overhead < invocation / 3),
        ("flat memory", growth < 5 and done == items),
    ]


class _Nothing(list[object]):
    def append(self, item: object, /) -> None:
        """Forget it."""


ALL = {"ten thousand": ten_thousand, "changing limit": changing_limit, "two functions": two_functions, "a million": a_million}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help=f"of {', '.join(ALL)}")
    parser.add_argument("--environments", type=Path, default=CACHE, metavar="FOLDER")
    parser.add_argument("--million", type=int, default=1_000_000, metavar="N")
    options = parser.parse_args()
    broken = []
    with simulated_lambda() as server:
        for name, measure in ALL.items():
            if options.only in name:
                broken += [claim for claim, holds in asyncio.run(measure(server, options)) if not holds]
    print(f"DOES NOT HOLD: {', '.join(broken)}" if broken else "all of it holds")
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()
