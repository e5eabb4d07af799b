"""A map over a Dask cluster of two worker processes, one of which may be killed: each verdict against the server's count.

`python -m tests.soak.dask_job [--items N] [--kill] [--concurrency N] [--seconds S]`

The scheduler runs in the process of the coordinator, the workers and the server in processes of their own. Exit code 1 if an
item was executed twice, a verdict contradicts the server, an item has no result, or the coordinator needs 200 MB or more.
"""

import argparse
import asyncio
import logging
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..support.executions_server import CountingLambda, counting_lambda

MOST_MEGABYTES = 200


@attrs.define
class Outcome:
    """What a job has shown. `verdicts` is by the number of an item: `ok`, or the verdict of its error."""

    items: int
    verdicts: dict[int, str]
    executions: Counter[Any]
    seconds: float
    megabytes: float
    refusals: int
    peak: int

    def broken(self) -> list[str]:
        """The claims that do not hold."""
        said = []
        if len(self.verdicts) != self.items:
            said.append(f"{self.items - len(self.verdicts):,} items have no result")
        twice = sum(count > 1 for count in self.executions.values())
        if twice:
            said.append(f"{twice:,} items were executed twice")
        wrong = sum(not _agrees(verdict, self.executions[number]) for number, verdict in self.verdicts.items())
        if wrong:
            said.append(f"{wrong:,} verdicts contradict the server")
        if self.megabytes >= MOST_MEGABYTES:
            said.append(f"the coordinator needed {self.megabytes:.0f} MB")
        return said

    def report(self) -> str:
        """The counts."""
        counts = ", ".join(f"{name} {count:,}" for name, count in sorted(Counter(self.verdicts.values()).items()))
        return (
            f"{len(self.verdicts):,} results in {self.seconds:.1f} s ({len(self.verdicts) / self.seconds:,.0f}/s): {counts}\n"
            f"{self.executions.total():,} executions, at most {self.peak} at a time; the scheduler refused {self.refusals} "
            f"claims; the coordinator with the scheduler needed {self.megabytes:.0f} MB"
        )


def _agrees(verdict: str, count: int) -> bool:
    return count == 1 if verdict == "ok" else count in (0, 1) if verdict == "unknown" else count == 0


async def dask_job(*, items: int, kill: bool, concurrency: int, seconds: float) -> Outcome:
    """Run a map, and kill a worker after a third of its results."""
    with counting_lambda(seconds=seconds) as server:
        began = time.monotonic()
        verdicts, refusals = await _run(server, items=items, kill=kill, concurrency=concurrency)
        elapsed, counts = time.monotonic() - began, server.counts
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Outcome(items, verdicts, counts.executions, elapsed, rss, refusals, counts.peak)


async def _run(server: CountingLambda, *, items: int, kill: bool, concurrency: int) -> tuple[dict[int, str], int]:
    import distributed

    from aiolambda.contrib.dask import DaskLambdaClient

    def numbers() -> Iterator[Mapping[str, int]]:
        return ({"id": number} for number in range(items))

    verdicts: dict[int, str] = {}
    local = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", asynchronous=True)
    async with local, distributed.Client(local, asynchronous=True) as dask:
        pids = list((await dask.run(os.getpid)).values())
        async with DaskLambdaClient(dask, region="us-east-1", endpoint_url=server.url, concurrency=concurrency) as cluster:
            async with cluster.map("day", numbers()) as run:
                async for result in run:
                    verdicts[result.item["id"]] = "ok" if result.ok else result.delivery.value
                    if kill and len(verdicts) == items // 3:
                        os.kill(pids[0], signal.SIGKILL)
            assert cluster._session is not None
            facts = await cluster._session.state()
    return verdicts, facts["refusals"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.dask_job", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--kill", action="store_true", help="kill -9 one worker after a third of the results")
    parser.add_argument("--concurrency", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=0.05, help="of an execution")
    options = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    outcome = asyncio.run(
        dask_job(items=options.items, kill=options.kill, concurrency=options.concurrency, seconds=options.seconds)
    )
    print(outcome.report())
    for claim in outcome.broken():
        print("BROKEN:", claim)
    sys.exit(1 if outcome.broken() else 0)


if __name__ == "__main__":
    main()
