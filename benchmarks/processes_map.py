"""A map with 1, 2 and 4 processes: items a second, and the CPU of an item in the process of the map and in the others.

`python benchmarks/processes_map.py [--rounds N] [--items N] [--concurrency N] [--seconds N] [--uvloop] [--json]` maps over a
simulated Lambda in another process, in alternating rounds. The figures are those of the items, without the start of the
processes, which is a row of its own. The CPU of the process of the map is the ceiling of what more processes can give: one
core divided by it. On a machine with two cores, which the server shares, the rate shows no gain.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import Credentials, LambdaClient
from benchmarks.simulated_lambda import Handle, simulated_lambda

PROCESSES = (1, 2, 4)
KEYS = Credentials("AKIDEXAMPLE", "secret")


@attrs.frozen(kw_only=True)
class Round:
    """One map."""

    start: float
    """Seconds until the map had begun."""
    rate: float
    """Items a second."""
    here: float
    """Microseconds of CPU of an item in the process of the map."""
    workers: float
    """Microseconds of CPU of an item in the others, without their start; 0 with one process."""


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def mapped(server: Handle, processes: int, *, items: int, concurrency: int) -> Round:
    """One map of so many items. `SystemExit` if one of them fails."""
    settings = {
        "region": "us-east-1",
        "credentials": KEYS,
        "endpoint_url": server.url,
        "max_concurrency": max(1000, concurrency),
    }
    async with LambdaClient(**settings) as client:  # type: ignore[arg-type] # of several types
        children = _used_by_children()
        async with client.map("bench", range(0), processes=processes) as run:
            assert [result async for result in run] == []
        starts, children = _used_by_children() - children, _used_by_children()
        opened = time.perf_counter()
        async with client.map("bench", range(items), processes=processes, concurrency=concurrency) as run:
            began, used = time.perf_counter(), time.process_time()
            done = [result.ok async for result in run].count(True)
            took, here = time.perf_counter() - began, time.process_time() - used
        workers = _used_by_children() - children - starts
    if done != items:
        raise SystemExit(f"{done} of {items} items succeeded")
    scale = 1e6 / items
    return Round(start=began - opened, rate=items / took, here=here * scale, workers=max(0.0, workers) * scale)


async def measured(
    server: Handle, *, counts: tuple[int, ...] = PROCESSES, rounds: int, items: int, concurrency: int, seconds: float
) -> dict[int, list[Round]]:
    """The rounds by the number of processes. The first round warms up, and is left out."""
    found: dict[int, list[Round]] = {processes: [] for processes in counts}
    for number in range(rounds + 1):
        for processes in counts if number % 2 else reversed(counts):
            server.reset(seconds=seconds, limits={})
            this = await mapped(server, processes, items=items, concurrency=concurrency)
            if number:
                found[processes].append(this)
    return found


def table(found: dict[int, list[Round]]) -> str:
    lines = [
        f"{'processes':>9} {'start s':>8} {'items/s':>8} {'CPU here us':>12} {'in workers us':>14} {'ceiling items/s':>16}"
    ]
    for processes, rounds in found.items():
        start, rate, here, workers = (
            statistics.median(getattr(this, name) for this in rounds) for name in ("start", "rate", "here", "workers")
        )
        lines.append(f"{processes:9} {start:8.2f} {rate:8,.0f} {here:12.1f} {workers:14.1f} {1e6 / here:16,.0f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.02, help="of an execution")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    loop_factory = None
    if options.uvloop:
        import uvloop

        loop_factory = uvloop.new_event_loop
    sizes = {name: getattr(options, name) for name in ("rounds", "items", "concurrency", "seconds")}
    with simulated_lambda() as server, asyncio.Runner(loop_factory=loop_factory) as runner:
        found = runner.run(measured(server, **sizes))
    values = {processes: [attrs.asdict(this) for this in rounds] for processes, rounds in found.items()}
    print(json.dumps(values) if options.json else table(found))


if __name__ == "__main__":
    main()
