"""Every benchmark of speed in one command: this client beside its peers, as a Markdown table and as JSON.

`python benchmarks/run.py [--only ROW,...] [--quick] [--markdown FILE] [--json FILE] [--environments FOLDER]`

Installs each peer into an environment of its own, once. A full run takes about 20 minutes on two cores, `--quick` under two.
`benchmarks/README.md` explains the output. Exit code 1 if this client fails in a row. A peer that fails is left out of it.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import parts, rows
from benchmarks.environments import CACHE, NODE, OURS, UnavailableError
from benchmarks.figures import Figure, markdown
from benchmarks.processes import DriverError, serving, started

PEERS = [OURS, "aiohttp", "aiohttp-tuned", "aiobotocore", "boto3", "aws-sdk-lambda", "capo-lambda", NODE]
ROWS: dict[str, Callable[[rows.Run], Awaitable[list[Figure]]]] = {
    "invocation": rows.invocation,
    "throughput": rows.throughput,
    "memory": rows.memory,
    "stall": rows.stall,
    "import": rows.importing,
    "first": rows.first,
    "fan-out": rows.fan_out,
    "stream": parts.stream,
    "signing": parts.signing,
    "middlewares": parts.middlewares,
    "telemetry": parts.telemetry,
}
FULL = {"rounds": 4, "seconds": 0.25, "held": [4000, 10_000], "items": 20_000}
QUICK = {"rounds": 3, "seconds": 0.1, "held": [2000], "items": 2000}
BOTTLENECK = 1.0
"""Seconds of the server's CPU for one of a client's: from there on it may be the server that was measured."""


async def versions(peers: list[str], folder: Path, notes: list[str]) -> dict[str, str]:
    """The version of each available peer."""
    found: dict[str, str] = {}
    for peer in peers:
        print(f"environment of {peer}", file=sys.stderr)
        try:
            async with started(peer, folder) as driver:
                found[peer] = driver.greeting
        except (UnavailableError, DriverError) as error:
            notes.append(f"{peer} is left out: {error}")
            print(f"  {notes[-1]}", file=sys.stderr)
    return found


def machine(found: dict[str, str]) -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg(),
        "peers": found,
        "broken": [],
    }


def told(around: dict[str, Any], figures: list[Figure], run: rows.Run) -> str:
    peers = "".join(f"- {peer}: {version}\n" for peer, version in around["peers"].items())
    loads = ", ".join(f"{load:.1f}" for load in around["load"])
    busy = {row: most for row, most in run.server_per_client.items() if most >= BOTTLENECK}
    remarks = [*run.notes, *(f"{row}: the server used up to {most:.2f} times a client's CPU" for row, most in busy.items())]
    lines = [
        f"{around['date']}, {around['cores']} cores, {around['system']}; load before: {loads}; {around['seconds']:.0f} s.",
        f"{OURS} / peer as median (range) of the ratios within each round: under 1 is less than the peer needs.\n\n{peers}",
        *(f"- {remark}" for remark in remarks),
    ]
    return "\n".join(lines) + "\n" + markdown(figures)


def raise_open_files() -> None:
    """As many open files as this process, and those that it starts, may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def measure(options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    raise_open_files()
    notes: list[str] = []
    found = await versions(options.peers, options.environments, notes)
    around, began = machine(found), time.perf_counter()
    figures: list[Figure] = []
    async with serving() as server:
        run = rows.Run(
            server,
            list(found),
            options.environments,
            options.rounds,
            options.seconds,
            is_quick=options.quick,
            held=options.held,
            items=options.items,
            notes=notes,
        )
        for name in options.only:
            before = time.perf_counter()
            try:
                figures += await ROWS[name](run)
            except DriverError as error:  # the others are worth having
                run.note(f"{name}: this row ended early: {error}")
                around["broken"].append(name)
            print(f"{name}: {time.perf_counter() - before:.0f} s", file=sys.stderr)
    around["seconds"] = time.perf_counter() - began
    as_json = {
        **around,
        "notes": notes,
        "server_per_client": run.server_per_client,
        "figures": [figure.as_json() for figure in figures],
    }
    return told(around, figures, run), as_json


def choice(of: Collection[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in of]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(of)}")
        return names

    return parse


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=choice(list(ROWS)), default=list(ROWS), metavar="ROW,...", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--peers", type=choice(PEERS), default=PEERS, metavar="PEER,...", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--quick", action="store_true", help="fewer cells, rounds and items")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--seconds", type=float, metavar="N", help="of each peer's turn in a round")
    parser.add_argument("--held", type=numbers, metavar="CALLS,...", help="in flight while memory is measured")
    parser.add_argument("--items", type=int, metavar="N", help="to fan out over")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="standard output if it is not given")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--environments", type=Path, default=CACHE, metavar="FOLDER")
    options = parser.parse_args()
    options.peers = list(dict.fromkeys([OURS, *options.peers]))
    for name, value in (QUICK if options.quick else FULL).items():
        setattr(options, name, getattr(options, name) or value)
    text, as_json = asyncio.run(measure(options))
    if options.json:
        options.json.write_text(json.dumps(as_json, indent=1))
    if options.markdown:
        options.markdown.write_text(text)
    else:
        print(text)
    raise SystemExit(bool(as_json["broken"]))


if __name__ == "__main__":
    main()
