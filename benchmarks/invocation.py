"""CPU time of one invocation beside a bare aiohttp POST, both in this process: run it under a profiler.

`python benchmarks/invocation.py [--calls N] [--in-flight N] [--rounds N] [--payload BYTES] [--alone]`

Quote the figures of `run.py` instead: it gives each client a process of its own.
"""

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.driver import Driver
from benchmarks.environments import OURS
from benchmarks.figures import Figure, markdown
from benchmarks.peers import CLIENTS
from benchmarks.processes import serving

BARE = "aiohttp"


async def measure(options: argparse.Namespace) -> None:
    names = [OURS] if options.alone else [OURS, BARE]
    drivers = {name: Driver(CLIENTS[name]()) for name in names}
    values: dict[str, list[float]] = {name: [] for name in names}
    async with serving() as server:
        for driver in drivers.values():
            await driver.open(server.http, pool=options.in_flight)
        for number in range(options.rounds):
            for name in names if number % 2 else reversed(names):
                await drivers[name].warm(options.in_flight, options.payload)
                found = await drivers[name].run(options.in_flight, options.payload, count=options.calls)
                values[name].append(found["cpu"] / found["calls"] * 1e6)
        for driver in drivers.values():
            await driver.close()
    case = f"{options.calls:,} calls, {options.in_flight:,} in flight, {options.payload:,} bytes"
    print(markdown([Figure("CPU of an invocation", case, "us", values)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--payload", type=int, default=100)
    parser.add_argument("--alone", action="store_true", help="without the peer, so that a profile has nothing else in it")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
