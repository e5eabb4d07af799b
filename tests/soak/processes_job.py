"""A map of 100,000 items with several processes, some of which are killed, next to what the server has counted.

`python -m tests.soak.processes_job [--items N] [--processes N] [--kill N] [--concurrency N] [--idempotent] [--seed N]`

The server is a process of its own and counts executions by item. Some functions fail, some requests are throttled, and some
answers are lost. Exit code 1 if an item has no result or two, if a verdict contradicts the executions of its item, if a worker
outlives the map, or if the memory of the coordinator grows with the items.
"""

import argparse
import asyncio
import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from aiolambda import Credentials, Delivery, FunctionError, LambdaClient, MapResult

from .day_lambda import Counts, DayLambda, day_lambda

__all__ = ["Job", "broken_claims", "processes_job"]

LEAST_GROWTH = 60.0
"""Megabytes that the coordinator may grow, whatever the number of items: results in flight, and what the first items load."""


@attrs.define(kw_only=True)
class Job:
    """What was seen of one map."""

    items: int
    concurrency: int
    idempotent: bool
    outcomes: dict[int, str] = attrs.field(factory=dict[int, str], repr=False)
    """By item: `ok`, `function error`, or the verdict of another failure."""
    twice: int = 0
    """Results of items that had one already."""
    killed: int = 0
    growth: float = 0.0
    """Megabytes that this process has grown."""
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of CPU of this process."""
    left: int = 0
    """Workers that live after the map."""
    counts: Counts | None = None

    def note(self, result: MapResult[Any]) -> None:
        self.twice += result.index in self.outcomes
        failed = "function error" if isinstance(result.error, FunctionError) else result.delivery.value
        self.outcomes[result.index] = "ok" if result.ok else failed

    def report(self) -> str:
        assert self.counts is not None
        outcomes = ", ".join(f"{count:,} {name}" for name, count in Counter(self.outcomes.values()).most_common())
        executions = self.counts.executions
        return (
            f"{self.killed} workers killed; {len(self.outcomes):,} results: {outcomes}\n"
            f"{executions.total():,} executions of {len(executions):,} items, at most {max(executions.values(), default=0)} of "
            f"one; {self.counts.throttled:,} throttles\n"
            f"{self.seconds:.1f} s, {self.cpu / self.items * 1e6:.0f} us of CPU of the coordinator an item; it grew by "
            f"{self.growth:.1f} MB"
        )


def broken_claims(job: Job) -> Iterator[str]:
    """The claims that do not hold."""
    assert job.counts is not None
    executions = job.counts.executions
    if len(job.outcomes) != job.items or job.twice:
        yield f"{len(job.outcomes):,} of {job.items:,} items have a result, and {job.twice} have two"
    wrong = [
        number
        for number, outcome in job.outcomes.items()
        if not _agrees(outcome, executions[number], idempotent=job.idempotent)
    ]
    if wrong:
        yield f"{len(wrong)} verdicts contradict the executions, such as that of item {wrong[0]}"
    if job.counts.wrong:
        yield f"{job.counts.wrong} requests were damaged"
    if job.growth > LEAST_GROWTH:
        yield f"the coordinator grew by {job.growth:.1f} MB"
    if job.left:
        yield f"{job.left} workers outlive the map"


def _agrees(outcome: str, executions: int, *, idempotent: bool) -> bool:
    if outcome in ("ok", "function error"):
        return executions >= 1 if idempotent else executions == 1
    if outcome == Delivery.UNKNOWN:
        return idempotent or executions <= 1
    return executions == 0


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _orders(items: int) -> Iterator[dict[str, Any]]:
    return ({"id": f"order-{number}", "count": 1 + number % 7, "price": 0.5} for number in range(items))


async def _kill(client: LambdaClient, server: DayLambda, job: Job, kills: int, rng: random.Random, pids: set[int]) -> None:
    """Kill workers one after another, each after another share of the items."""
    for number in range(kills):
        share = (number + rng.uniform(0.3, 0.9)) / (kills + 1)
        while await asyncio.to_thread(server.executed) < share * job.items:
            await asyncio.sleep(0.05)
        for workers in client._maps.workers.working:  # pyright: ignore[reportPrivateUsage] - a proof alone looks at processes
            pids.update(workers.pids)
            os.kill(rng.choice(workers.pids), signal.SIGKILL)
            job.killed += 1


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def processes_job(
    *, items: int, processes: int, kills: int, concurrency: int, idempotent: bool, seed: int | None, folder: Path
) -> tuple[Job, list[str]]:
    """Run the job, and return what was seen with the claims that do not hold."""
    job, rng, pids = Job(items=items, concurrency=concurrency, idempotent=idempotent), random.Random(seed), set[int]()
    with day_lambda(seconds=0.01) as server:
        settings: dict[str, Any] = {"region": "us-east-1", "credentials": Credentials("AKIDEXAMPLE", "secret")}
        async with LambdaClient(endpoint_url=server.url, max_concurrency=max(1000, concurrency), **settings) as client:
            async with client.map(
                "orders",
                _orders(items),
                processes=processes,
                concurrency=concurrency,
                idempotent=idempotent,
                journal=folder / "run.db",
                max_failures=items,
            ) as run:
                killing = asyncio.ensure_future(_kill(client, server, job, kills, rng, pids))
                began, used, before = time.perf_counter(), time.process_time(), 0.0
                async for result in run:
                    job.note(result)
                    if len(job.outcomes) == max(500, items // 10):
                        before = _megabytes()
                job.seconds, job.cpu = time.perf_counter() - began, time.process_time() - used
                job.growth = _megabytes() - before
            killing.cancel()
        job.left = sum(map(_is_alive, pids))
        job.counts = server.counts()
    return job, list(broken_claims(job))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kill", type=int, default=2, help="workers to kill; as many as processes are replaced")
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--idempotent", action="store_true", help="items of a killed worker are sent again")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        job, broken = asyncio.run(
            processes_job(
                items=options.items,
                processes=options.processes,
                kills=options.kill,
                concurrency=options.concurrency,
                idempotent=options.idempotent,
                seed=options.seed,
                folder=Path(folder),
            )
        )
    print(job.report())
    print("all of it holds" if not broken else "DOES NOT HOLD: " + "; ".join(broken))
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()
