"""The day's job of a map: a gzipped table through the command line, ended by signals at random moments, resumed to its end.

`python -m tests.soak.day_job [--items N] [--kills N] [--seed N] [--concurrency N] [--keep DIR]`

The runs end in turn by SIGTERM, SIGINT, SIGINT twice and SIGKILL; then one goes to the end, and another one with
`--retry-failed`. The server is a process of its own, and counts executions by item. Exit code 1 if results, causes, cost or the
journal do not agree with it, or if an item ran twice that was not reported failed or unknown before.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import attrs

from . import runs
from .day_claims import GB_SECOND, REQUEST, Pass, claims, first_claims, lines_of, order, rows_of, second_claims
from .day_lambda import DayLambda, billed_ms, day_lambda

ENDS: dict[str, tuple[signal.Signals, ...]] = {
    "SIGTERM": (signal.SIGTERM,),
    "SIGINT": (signal.SIGINT,),
    "SIGINT twice": (signal.SIGINT, signal.SIGINT),
    "SIGKILL": (signal.SIGKILL,),
}
ORDERLY = ("SIGTERM", "SIGINT")
"""After one of these, no item is left in flight."""
TEMPLATE = '{"id": "{id}", "count": "{count}", "price": "{price}"}'


@attrs.define
class Job:
    """A folder with the table, and the server."""

    folder: Path
    server: DayLambda
    items: int
    concurrency: int
    rng: random.Random
    ended: Counter[str] = attrs.field(factory=Counter)
    seconds: dict[str, float] = attrs.field(factory=dict)
    broken: list[str] = attrs.field(factory=list)
    passes: list[Pass] = attrs.field(factory=list)
    in_flight: int = 0
    """Items that cut runs left in flight."""

    def write_table(self) -> None:
        """The template leaves out a column with commas, quotes, line breaks and other alphabets."""
        names = ("tea", '"cups, ""blue"""', '"two\nlines"', "škrob \U0001f375")
        with gzip.open(self.folder / "orders.csv.gz", "wt", encoding="utf-8", newline="", compresslevel=1) as file:
            file.write("id,name,count,price\n")
            for number in range(self.items):
                of = order(number)
                file.write(f"{of['id']},{names[number % 4]},{of['count']},{of['price']}\n")

    async def start(self, *arguments: str, log: str = "log") -> asyncio.subprocess.Process:
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        environment["PYTHONPATH"] = str(runs.ROOT)
        with (self.folder / log).open("ab") as stderr:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "aiolambda", *arguments, cwd=self.folder, env=environment, stderr=stderr
            )

    async def map(self, *more: str) -> asyncio.subprocess.Process:
        where = ("--region", "us-east-1", "--endpoint-url", self.server.url)
        form = ("--template", TEMPLATE, "--key", "id", "--types", "count=int,price=float")
        files = ("--journal", "run.db", "--failed", "failed.csv", "--unknown", "unknown.csv", "--summary-file", "summary.json")
        ends = ("--report", "run.html", "--price", f"{GB_SECOND:.10f},{REQUEST:.7f}", "--concurrency", str(self.concurrency))
        return await self.start("map", "day", "-f", "orders.csv.gz", "-o", "results.jsonl", *form, *files, *ends, *where, *more)

    async def ask(self, action: str) -> int:
        """What `aiolambda journal` says, in a file of the name of the action."""
        return await (await self.start("journal", action, "run.db", "--output-file", action, "-o", "json")).wait()

    async def end(self, how: str, *, executions: int) -> None:
        """A run that ends after so many executions more."""
        process = await self.map()
        target = self.server.executed() + executions
        while self.server.executed() < target and process.returncode is None:
            await asyncio.sleep(self.rng.uniform(0, 0.02))
        sent = ENDS[how]
        with contextlib.suppress(ProcessLookupError):
            for number, one in enumerate(sent):
                if number:
                    await asyncio.sleep(self.rng.uniform(0, 0.02))
                process.send_signal(one)
        code = await process.wait()
        self.ended[how] += 1
        if code != -sent[0]:
            self.broken.append(f"a run dies of {how}, not with the exit code {code}")
        await self._note_in_flight(how)

    async def _note_in_flight(self, how: str) -> None:
        if await self.ask("show") != 0:
            self.broken.append(f"the journal can be read after {how}")
            return
        in_flight = self._json("show")["states"].get("in flight at the end", 0)
        if how in ORDERLY and in_flight != self.in_flight:
            self.broken.append(f"{how} leaves nothing in flight, but {in_flight - self.in_flight} items were")
        self.in_flight = in_flight

    async def whole(self, *more: str) -> Pass:
        """A run that goes to its end, and everything that it left behind."""
        self.server.begin_phase()
        began = time.monotonic()
        code = await (await self.map(*more)).wait()
        self.seconds[f"a run with {' '.join(more) or 'no more options'}"] = time.monotonic() - began
        listed_code = await self.ask("failed")
        await self.ask("show")
        await self.ask("export")
        this = Pass(
            code=code,
            results=lines_of(self.folder / "results.jsonl"),
            summary=self._json("summary.json"),
            given_back={name: rows_of(self.folder / f"{name}.csv") for name in ("failed", "unknown")},
            page=(self.folder / "run.html").read_text(encoding="utf-8"),
            shown=self._json("show"),
            listed=self._json("failed"),
            listed_code=listed_code,
            exported=lines_of(self.folder / "export"),
            counts=self.server.counts(),
        )
        self.passes.append(this)
        return this

    def _json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    def claim(self, which: str, found: dict[str, bool]) -> None:
        self.broken += [f"{which}: {claim}" for claim, holds in found.items() if not holds]

    def report(self) -> str:
        rows: list[tuple[str, object]] = [("items", f"{self.items:,}")]
        rows += [(f"ended: {how}", count) for how, count in self.ended.items()]
        rows += [(f"seconds of {what}", f"{seconds:.1f}") for what, seconds in self.seconds.items()]
        for this, name in zip(self.passes, ("resumed", "retried"), strict=False):
            summary, executions = this.summary, this.counts.executions
            all_billed = sum(billed_ms(n, execution + 1) for n, count in executions.items() for execution in range(count))
            rows += [
                (f"{name}: executions", f"{executions.total():,}, at most {max(executions.values())} of one item"),
                (f"{name}: ok, failed, unknown", f"{summary['ok']:,}, {len(this.failed):,}, {len(this.unknown):,}"),
                (f"{name}: causes", ", ".join(f"{one['count']:,} {one['name']}" for one in summary["causes"])),
                (f"{name}: recorded invocations", f"{summary['billed_invocations']:,}"),
                (f"{name}: billed s, recorded of all", f"{summary['billed_ms'] / 1000:,.3f} of {all_billed / 1000:,.3f}"),
                (f"{name}: GB-seconds, money", f"{summary['gb_seconds']:,.4f}, {summary['price']:.6f}"),
                (f"{name}: throttled requests", f"{this.counts.throttled:,}"),
                (f"{name}: bytes of the journal an item", f"{this.shown['bytes'] / self.items:.1f}"),
                (f"{name}: bytes of the page", f"{len(this.page):,}"),
            ]
        return "".join(f"  {name:<48} {value}\n" for name, value in rows)


async def day_job(*, items: int, kills: int, seed: int | None, concurrency: int, folder: Path) -> tuple[Job, list[str]]:
    """The job in a folder: so many ends, a run to the end, and one that sends failed items again."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; the runs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with day_lambda(seconds=0.005) as server:
        job = Job(folder, server, items, concurrency, random.Random(seed))
        job.write_table()
        for number in range(kills):
            share = items // (kills + 1)
            await job.end(list(ENDS)[number % len(ENDS)], executions=job.rng.randint(1, share))
        first = await job.whole()
        unrecorded = first.unknown
        job.claim("resumed", claims(first, items=items, unrecorded=unrecorded, is_first=True))
        job.claim("resumed", first_claims(first, job.in_flight))
        second = await job.whole("--retry-failed", "--idempotent")
        job.claim("retried", claims(second, items=items, unrecorded=unrecorded, is_first=False))
        job.claim("retried", second_claims(second, first))
    if "Traceback" in (folder / "log").read_text():
        job.broken.append("no run prints a traceback")
    return job, job.broken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--keep", type=Path, default=None, help="a folder for the files; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        job = day_job(
            items=options.items, kills=options.kills, seed=options.seed, concurrency=options.concurrency, folder=folder
        )
        runs.tell(job, loop="asyncio")


if __name__ == "__main__":
    main()
