"""The local endpoint beside AWS's Runtime Interface Emulator and serverless-offline, and what an invocation costs each.

`python benchmarks/local_endpoint.py [--tree FOLDER]... [--only TEXT] [--rounds N] [--seconds S] [--peers PEER,...]`

Needs Linux, and takes two to three minutes on two cores. All serve a handler that returns its event, each in as many processes
as calls are in flight; the emulator gets one call at a time, since a second would end it. `--tree` adds the endpoint of another
checkout, to the same client: before and after, in the same rounds.

In each round they take turns under this project's client, which is in a process of its own. It signs; only this project's
endpoint verifies that. CPU is that of the process that listens, of all its descendants (the runtimes), and of the client.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import attrs

from benchmarks.environments import CACHE, OURS, UnavailableError
from benchmarks.figures import Figure, markdown
from benchmarks.local_lambdas import OTHERS, Served, endpoint, starters, write_handlers
from benchmarks.processes import Driver, DriverError, started
from benchmarks.run import choice, numbers

PAYLOAD = 100
"""Bytes."""
PARTS = {
    "throughput": "throughput",
    "server": "CPU of the endpoint",
    "runtimes": "CPU of its runtimes",
    "client": "CPU of the client",
}
"""The figures of a turn, and the tables that they stand in."""
_TICKS = os.sysconf("SC_CLK_TCK")


@attrs.frozen
class Side:
    """A local Lambda and the client that invokes it."""

    served: Served
    client: Driver

    def in_flight(self, wanted: int) -> int:
        return min(wanted, self.served.most or wanted)


@attrs.frozen
class Turn:
    """The calls of one turn: how many in a second, and the CPU of one in microseconds, by who used it."""

    throughput: float
    server: float
    runtimes: float
    client: float


def cpu_seconds(pids: Iterable[int]) -> float:
    """The CPU that these processes have used so far, in user mode and in the kernel."""
    return sum(sum(map(int, fields[11:13])) for pid in pids if (fields := _status(pid))) / _TICKS


def descendants(pid: int) -> list[int]:
    """All processes that this one has started, and those that they have."""
    parents = {int(entry.name): _parent(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [pid]
    for ancestor in found:  # it grows meanwhile
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found[1:]


def _status(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` after the name of the program; none if the process has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _parent(pid: int) -> int:
    fields = _status(pid)
    return int(fields[1]) if fields else 0


async def turn(side: Side, in_flight: int, seconds: float) -> Turn:
    runs = side.in_flight(in_flight)
    await side.client.order("warm", in_flight=runs, payload=PAYLOAD)
    runtimes = descendants(side.served.pid)
    before = cpu_seconds([side.served.pid]), cpu_seconds(runtimes)
    done = await side.client.order("run", in_flight=runs, payload=PAYLOAD, seconds=seconds)
    server, used = cpu_seconds([side.served.pid]) - before[0], cpu_seconds(runtimes) - before[1]
    calls = done["calls"]
    return Turn(calls / done["wall"], *(part / calls * 1e6 for part in (server, used, done["cpu"])))


async def start(stack: contextlib.AsyncExitStack, options: argparse.Namespace, pause: float) -> dict[str, Side]:
    """All of them, with a client for each. Those that cannot be had here are left out."""

    def folder() -> Path:
        made = Path(stack.enter_context(TemporaryDirectory()))
        write_handlers(made, pause)
        return made

    most = max(options.in_flight)
    trees = {OURS: Path(__file__).resolve().parents[1], **{str(tree): tree for tree in options.tree}}
    ours = {name: (lambda tree=tree: endpoint(folder(), most, tree)) for name, tree in trees.items()}
    others = {name: starter for name, starter in starters(folder, options.environments, most).items() if name in options.peers}
    sides: dict[str, Side] = {}
    for name, starter in {**ours, **others}.items():
        try:
            served = await stack.enter_async_context(starter())
            client = await stack.enter_async_context(started(OURS))
            await client.order("open", url=served.url, pool=most, function=served.function)
        except (UnavailableError, DriverError, TimeoutError) as error:
            if name in ours:
                raise
            print(f"{name} is left out: {error}", file=sys.stderr)
        else:
            sides[name] = Side(served, client)
    return sides


async def cell(sides: dict[str, Side], in_flight: int, options: argparse.Namespace) -> dict[str, list[Turn]]:
    """The turns of each, round by round, each round beginning with another."""
    found: dict[str, list[Turn]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(options.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(await turn(sides[name], in_flight, options.seconds))
    return found


def figures(case: str, found: dict[str, list[Turn]]) -> list[Figure]:
    return [
        Figure(
            section,
            case,
            "calls/s" if part == "throughput" else "us",
            {name: [getattr(one, part) for one in turns] for name, turns in found.items()},
        )
        for part, section in PARTS.items()
    ]


async def measure(options: argparse.Namespace) -> list[Figure]:
    found: list[Figure] = []
    for pause in options.pause:
        length = f"{pause * 1000:g} ms" if pause else "no"
        cases = {f"{count} in flight, {length} pause": count for count in options.in_flight}
        wanted = {case: count for case, count in cases.items() if options.only in case}
        if wanted:
            async with contextlib.AsyncExitStack() as stack:
                sides = await start(stack, options, pause)
                for case, count in wanted.items():
                    found += figures(case, await cell(sides, count, options))
    return found


def seconds(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, action="append", default=[], metavar="FOLDER", help="may be given several times")
    parser.add_argument("--peers", type=choice(list(OTHERS)), default=list(OTHERS), metavar="PEER,...")
    parser.add_argument("--in-flight", type=numbers, default=[1, 8, 32], metavar="N,...")
    parser.add_argument("--pause", type=seconds, default=[0.0, 0.02], metavar="S,...", help="of the handler, in seconds")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it, as '8 in flight, no'")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.8, help="of a turn")
    parser.add_argument("--environments", type=Path, default=CACHE, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    found = asyncio.run(measure(options))
    if options.json:
        options.json.write_text(json.dumps([figure.as_json() for figure in found], indent=1))
    print(f"load before: {loads}; {options.rounds} rounds of {options.seconds:g} s\n\n{markdown(found)}")


if __name__ == "__main__":
    main()
