"""The map's own cost: an item of `client.map(...)` beside a call of workers that share one iterator.

`python benchmarks/map_cost.py [--rounds N] [--items N] [--uvloop] [--json]` sends through a transport that answers at once, so
that nothing but this package and the event loop is measured. Once the transport answers within `send`; once it lets the loop
go on first, as every network does. CPU time, in alternating rounds, in one process; the difference and the ratio are taken
within a round.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import InvokeCommand, LambdaClient, MapRun, Request, Response
from benchmarks.middlewares import KEYS, Instant

IN_FLIGHT = 50
Work = Callable[[LambdaClient, int], Awaitable[None]]


class Waiting(Instant):
    """The same answer, one turn of the loop later."""

    async def send(self, request: Request, /) -> Response:
        await asyncio.sleep(0)
        return self.answer


async def workers(client: LambdaClient, items: int) -> None:
    """What one writes without a map: a worker for each call in flight, and one iterator for all."""
    numbers = iter(range(items))

    async def worker() -> None:
        for _ in numbers:
            await client.invoke("bench", b"{}")

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def mapped(**settings: Any) -> Work:
    async def work(client: LambdaClient, items: int) -> None:
        await read(client.map("bench", (b"{}" for _ in range(items)), **settings), items)

    return work


async def commands(client: LambdaClient, items: int) -> None:
    made = (InvokeCommand(function_name="bench", payload=b"{}") for _ in range(items))
    await read(client.map_commands(made, concurrency=IN_FLIGHT), items)


async def read(run: MapRun[Any], items: int) -> None:
    async with run:
        done = [result.ok async for result in run].count(True)
    if done != items:
        raise SystemExit(f"{done} of {items} items succeeded")


ROWS: dict[str, Work] = {
    "workers": workers,
    f"map, concurrency={IN_FLIGHT}": mapped(concurrency=IN_FLIGHT),
    "map, ordered": mapped(concurrency=IN_FLIGHT, ordered=True),
    "map, adaptive": mapped(),
    "map_commands": commands,
}


async def costs(transport: Instant, *, rounds: int, items: int) -> dict[str, list[float]]:
    """Microseconds of CPU of an item, by row: one figure for each round."""
    found: dict[str, list[float]] = {name: [] for name in ROWS}
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=transport, max_concurrency=IN_FLIGHT) as client:
        for work in ROWS.values():
            await work(client, items // 4)
        for number in range(rounds):
            for name in list(ROWS) if number % 2 else reversed(ROWS):
                began = time.process_time()
                await ROWS[name](client, items)
                found[name].append((time.process_time() - began) / items * 1e6)
    return found


def table(title: str, found: dict[str, list[float]]) -> str:
    base = found["workers"]
    lines = [f"{title:42} {'us':>6} {'more':>6} {'ratio':>6}"]
    for name, values in found.items():
        more = statistics.median(value - worker for value, worker in zip(values, base, strict=True))
        ratio = statistics.median(value / worker for value, worker in zip(values, base, strict=True))
        lines.append(f"  {name:40} {statistics.median(values):6.1f} {more:6.1f} {ratio:6.2f}")
    return "\n".join(lines)


async def measured(rounds: int, items: int) -> dict[str, dict[str, list[float]]]:
    return {
        "answers within send": await costs(Instant(), rounds=rounds, items=items),
        "answers one turn of the loop later": await costs(Waiting(), rounds=rounds, items=items),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--items", type=int, default=3000)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    loop_factory = None
    if options.uvloop:
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        found = runner.run(measured(options.rounds, options.items))
    print(json.dumps(found) if options.json else "\n".join(table(*part) for part in found.items()))


if __name__ == "__main__":
    main()
