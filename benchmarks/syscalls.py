"""System calls of a warm call, counted by strace, on asyncio and uvloop, over HTTP and HTTPS, beside a bare aiohttp POST.

`python benchmarks/syscalls.py [--loops NAME,...] [--peers PEER,...] [--in-flight N] [--calls N] [--tree FOLDER] [--json]`

Needs strace, on Linux. Takes half a minute. Exit code 1 if a client fails, strace is missing, or it may not trace.
"""

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.environments import HERE, OURS, ROOT
from benchmarks.figures import table
from benchmarks.loops import LOOPS
from benchmarks.processes import DriverError, Steady, counted
from benchmarks.run import choice

Counts = dict[str, float]
SCHEMES = ("http", "https")
SHOWN = 0.02
"""Calls of a system call for each warm call, from which on the table names it."""


def parts(trace: str) -> list[Counter[str]]:
    """The system calls of a trace by strace, between its marks."""
    found = [Counter[str]()]
    for name in re.findall(r"^(?:\d+\s+)?(\w+)\(", trace, re.MULTILINE):
        if name == "getpriority":
            found.append(Counter())
        else:
            found[-1][name] += 1
    return found


async def of_a_call(steady: Steady) -> Counts:
    """The number of each system call."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "trace"
        await counted(["strace", "-f", "-qq", "-e", "signal=none", "-o", str(file)], steady)
        _, shorter, longer, _ = parts(file.read_text())
    return {name: (longer[name] - shorter[name]) / steady.counted for name in longer.keys() | shorter.keys()}


async def measure(options: argparse.Namespace) -> dict[str, dict[str, Counts]]:
    """By loop and scheme, and by client."""
    found: dict[str, dict[str, Counts]] = {}
    for loop, scheme, peer in product(options.loops, SCHEMES, options.peers):
        tree = options.tree if peer == OURS else ROOT
        counts = await of_a_call(Steady(peer, scheme, loop, options.in_flight, options.calls, tree))
        found.setdefault(f"{loop}, {scheme.upper()}", {})[peer] = counts
    return found


def told(counts: Counts) -> str:
    names = sorted((name for name in counts if counts[name] >= SHOWN), key=lambda name: -counts[name])
    return f"{sum(counts.values()):.2f}: {', '.join(f'{counts[name]:.2f} {name}' for name in names)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=choice(LOOPS), default=["asyncio", "uvloop"], metavar="NAME,...")
    parser.add_argument("--peers", type=choice(HERE), default=[OURS, "aiohttp"], metavar="PEER,...")
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--calls", type=int, default=200, help="of the shorter part; the longer one has three times as many")
    parser.add_argument("--tree", type=Path, default=ROOT, metavar="FOLDER", help="another checkout to take this client from")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        found = asyncio.run(measure(options))
    except (DriverError, FileNotFoundError) as error:
        raise SystemExit(f"syscalls.py: {error}") from None
    if options.json:
        print(json.dumps(found))
        return
    lines = [[f"a warm call, {options.in_flight} in flight, 100 B", *options.peers]]
    print(table([*lines, *([case, *(told(of[peer]) for peer in options.peers)] for case, of in found.items())]))


if __name__ == "__main__":
    main()
