"""Hedged calls of a function with a long tail: how much shorter it gets, and how many calls are sent twice.

`python benchmarks/hedging.py [--calls N] [--seed N] [--json]` makes calls of a simulated function in virtual time, as fast as
the machine computes them; the same seed gives the same figures. The times of the function are lognormal, and a share of its
runs takes many times as long. As on Lambda, a run goes on and is billed whether or not its caller waits for it.

The function counts its own runs: what the client says of its hedges is compared with that.
"""

import argparse
import asyncio
import json
import math
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import LambdaClient, Request, Response
from aiolambda.types.http import Headers
from benchmarks.middlewares import KEYS, Instant
from tests.support import virtual

MEDIAN, SIGMA = 0.1, 0.3
"""Seconds of a usual run, and the width of their logarithm."""
STRAGGLERS, SLOWER = 0.015, (10.0, 50.0)
"""The share of runs that straggle, and how many times as long they take."""
AT_A_TIME = 50
ITEMS_OF = 40
"""Calls for each item of the map: a short map, whose end waits for its slowest items."""
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
MODES: Mapping[str, dict[str, Any]] = {
    "no hedge": {"idempotent": True},
    'hedge_after="p99"': {"idempotent": True, "hedge_after": "p99"},
    'hedge_after="p95"': {"idempotent": True, "hedge_after": "p95"},
    "hedge_after=0.3": {"idempotent": True, "hedge_after": 0.3},
    'hedge_after="p99", not idempotent': {"hedge_after": "p99"},
}


class Function(Instant):
    """A function that takes a random time, and counts its runs and their seconds, also those that nobody waits for."""

    def __init__(self, seed: int, *, by_input: bool) -> None:
        super().__init__()
        self.runs, self.seconds = 0, 0.0
        self._chance = random.Random(seed)
        self._seed, self._by_input = seed, by_input

    async def send(self, request: Request, /) -> Response:
        chance = self._chance
        if self._by_input:  # a slow input is slow again
            chance = random.Random(f"{self._seed} {bytes(request.body)!r}")
        seconds = chance.lognormvariate(math.log(MEDIAN), SIGMA)
        if chance.random() < STRAGGLERS:
            seconds *= chance.uniform(*SLOWER)
        self.runs += 1
        self.seconds += seconds
        request.stage = "wait"
        await asyncio.sleep(seconds)
        return Response(200, Headers({"x-amzn-requestid": "1"}), b"{}")


@attrs.frozen(kw_only=True)
class Outcome:
    """The figures of one mode. Times are in seconds, `runs` and `billed` for each call."""

    percentiles: dict[str, float]
    hedged: float
    won: float
    runs: float
    billed: float
    makespan: float


async def simulate(calls: int, seed: int, settings: Mapping[str, Any], *, by_input: bool = False) -> Outcome:
    """So many calls, 50 at a time: those of a service that awaits each; and then a short map."""
    function = Function(seed, by_input=by_input)
    times: list[float] = []
    loop = asyncio.get_running_loop()
    async with LambdaClient(region="eu-west-1", credentials=KEYS, transport=function, **settings) as client:
        numbers = iter(range(calls))

        async def worker() -> None:
            for number in numbers:
                began = loop.time()
                await client.invoke("f", b"%d" % number)
                times.append(loop.time() - began)

        await asyncio.gather(*(worker() for _ in range(AT_A_TIME)))
        stats, runs, seconds = client.stats, function.runs, function.seconds
        if runs != calls + stats.hedged:
            raise AssertionError(f"the function ran {runs} times for {calls} calls and {stats.hedged} hedges")
        began = loop.time()
        items = (b"%d" % number for number in range(calls // ITEMS_OF))
        results = await client.map("f", items, concurrency=AT_A_TIME).collect()
        if not all(result.ok for result in results):
            raise AssertionError("an item failed")
    times.sort()
    return Outcome(
        percentiles={name: times[math.ceil(share * calls) - 1] for name, share in PERCENTILES.items()},
        hedged=stats.hedged / calls,
        won=stats.hedges_won / calls,
        runs=runs / calls,
        billed=seconds / calls,
        makespan=loop.time() - began,
    )


def measure(calls: int, seed: int) -> dict[str, Outcome]:
    """The figures of all modes, each on a clock of its own."""
    found = {mode: virtual.run(simulate(calls, seed, settings)) for mode, settings in MODES.items()}
    for mode in list(MODES)[:2]:
        found[f"slow inputs: {mode}"] = virtual.run(simulate(calls, seed, MODES[mode], by_input=True))
    return found


def table(found: Mapping[str, Outcome]) -> list[str]:
    """The figures for people."""
    rows: list[Sequence[str]] = [("", *PERCENTILES, "hedged", "won", "runs", "billed", "map")]
    for mode, outcome in found.items():
        times = [f"{1000 * outcome.percentiles[name]:,.0f} ms" for name in PERCENTILES]
        shares = [f"{100 * outcome.hedged:.2f} %", f"{100 * outcome.won:.2f} %", f"{outcome.runs:.4f}"]
        rows.append((mode, *times, *shares, f"{1000 * outcome.billed:.1f} ms", f"{outcome.makespan:.1f} s"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=20_000, help="calls of each mode (default 20,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random times (default 1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    found = measure(options.calls, options.seed)
    if options.json:
        print(json.dumps({mode: attrs.asdict(outcome) for mode, outcome in found.items()}, indent=2))
        return
    print("\n".join(table(found)))
    print(f"runs and billed time are those of one call; the map has {options.calls // ITEMS_OF:,} items")


if __name__ == "__main__":
    main()
