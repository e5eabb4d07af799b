"""What a request to a URL costs beside an invocation: `client.fetch` and `client.invoke` of one client, against one server.

`python benchmarks/fetch.py [--rounds N] [--calls N] [--in-flight N] [--loop NAME]... [--tree FOLDER] [--json]`

CPU of this process for a call, in rounds in which both sides of a row take turns; over HTTP and HTTPS, on each loop. Both send
100 B, are signed, and get 100 B. The peer of a URL that is called again and again is a function that is; the peer of a URL
that was never called before, and of parameters that never were, is a function that was not. `--tree` measures the client of
another checkout.
"""

import argparse
import asyncio
import gc
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.driver import check_json_text
from benchmarks.figures import Figure, markdown
from benchmarks.loops import LOOPS, factory
from benchmarks.processes import serving

if TYPE_CHECKING:
    from aiolambda import LambdaClient

SIZE = 100
"""Bytes of each body."""
REGION = "us-east-1"
SCHEMES = ("http", "https")
OURS, PEER = "aiolambda", "invoke"

Call = Callable[[], Awaitable[Any]]


def rows(client: "LambdaClient", url: str) -> dict[str, tuple[Call, Call]]:
    """By name: the request, and the invocation that is its peer. `url` is that of the server."""
    body, numbers = check_json_text(SIZE), itertools.count()

    def fetch(url: str, **more: Any) -> Awaitable[Any]:
        return client.fetch(url, "POST", content=body, sign=True, region=REGION, **more)

    def known() -> Awaitable[Any]:
        return client.invoke("bench", body)

    def unknown() -> Awaitable[Any]:
        return client.invoke(f"bench-{next(numbers)}", body)

    fields = {"content-type": "application/json", "x-team": "orders"}
    return {
        "one URL": (lambda: fetch(f"{url}/orders"), known),
        "one URL, two header fields": (lambda: fetch(f"{url}/orders", headers=fields), known),
        "a new URL each time": (lambda: fetch(f"{url}/orders/{next(numbers)}"), unknown),
        "new parameters each time": (lambda: fetch(f"{url}/orders", params={"page": next(numbers), "of": "all"}), unknown),
    }


async def cost(call: Call, calls: int, in_flight: int) -> float:
    """Microseconds of CPU of one call."""
    left = iter(range(calls))

    async def worker() -> None:
        for _ in left:
            await call()

    began = time.process_time()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return (time.process_time() - began) / calls * 1e6


async def measured(loop: str, rounds: int, calls: int, in_flight: int) -> list[Figure]:
    """A figure for each row and scheme, on the running loop, whose name is `loop`."""
    from aiolambda import Credentials, LambdaClient

    found: list[Figure] = []
    async with serving() as server:
        for scheme in SCHEMES:
            client = LambdaClient(
                region=REGION,
                endpoint_url=server.url(scheme),
                credentials=Credentials("AKIDEXAMPLE", "secret"),
                ca_bundle=server.ca,
                max_concurrency=in_flight,
            )
            async with client:
                for name, sides in rows(client, server.url(scheme)).items():
                    values = await turns(sides, rounds, calls, in_flight)
                    found.append(Figure(f"CPU of a request to a URL, {loop}", f"{name}, {scheme.upper()}", "us", values))
    return found


async def turns(sides: tuple[Call, Call], rounds: int, calls: int, in_flight: int) -> dict[str, list[float]]:
    """The microseconds of both sides in each round. Each round begins with the other one."""
    for call in sides:
        await cost(call, max(calls // 5, 2 * in_flight), in_flight)
    gc.collect()
    found: list[tuple[float, ...]] = []
    for number in range(rounds):
        order = sides if number % 2 else sides[::-1]
        costs = [await cost(call, calls, in_flight) for call in order]
        found.append(tuple(costs if number % 2 else costs[::-1]))
    return {OURS: [ours for ours, _ in found], PEER: [peer for _, peer in found]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=1000, help="of a turn")
    parser.add_argument("--in-flight", type=int, default=10)
    parser.add_argument("--loop", choices=LOOPS, action="append", help="may be given several times; default asyncio and uvloop")
    parser.add_argument("--tree", type=Path, help="another checkout to take the client from")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.tree is not None:
        sys.path.insert(0, str(options.tree.resolve()))
    found: list[Figure] = []
    for loop in options.loop or LOOPS[:2]:
        with asyncio.Runner(loop_factory=factory(loop)) as runner:
            found += runner.run(measured(loop, options.rounds, options.calls, options.in_flight))
    print(json.dumps([figure.as_json() for figure in found]) if options.json else markdown(found))


if __name__ == "__main__":
    main()
