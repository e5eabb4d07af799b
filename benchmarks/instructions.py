"""Instructions of a warm call in user space, counted by callgrind, beside those of a request to a URL by the same
client, and of a bare aiohttp POST of the same body.

`python benchmarks/instructions.py [--loop NAME] [--in-flight N] [--calls N] [--tree FOLDER] [--profiles FOLDER] [--json]`

Needs valgrind, and takes two minutes on two cores. Neighbours do not disturb the figure: two runs differ by less than
1 %. The kernel's work is not in it, nor is waiting for memory. Exit code 1 if a client fails or valgrind is missing.
"""

import argparse
import asyncio
import json
import re
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.environments import FETCH, OURS, ROOT
from benchmarks.figures import Figure, markdown
from benchmarks.loops import LOOPS
from benchmarks.processes import DriverError, Steady, counted

BARE = "aiohttp"
PEERS = (OURS, FETCH, BARE)
SCHEMES = ("http", "https")
SIDE_BY_SIDE = 2
"""Processes under callgrind at a time. Each keeps one core busy."""


def instructions(profile: Path) -> int:
    """Those of the part of the run that a file of callgrind is about."""
    found = re.search(r"^totals: (\d+)", profile.read_text(), re.MULTILINE)
    if found is None:
        raise DriverError(f"{profile.name} of callgrind has no total")
    return int(found[1])


async def of_a_call(steady: Steady, folder: Path) -> float:
    """Thousands of instructions. Writes the profiles of the parts into the folder: `NAME.2` and `NAME.3` have warm calls."""
    base = folder / f"{steady.peer}-{steady.scheme}"
    await counted(
        ["valgrind", "--tool=callgrind", "--quiet", "--dump-before=getpriority", f"--callgrind-out-file={base}"], steady
    )
    shorter, longer = (instructions(Path(f"{base}.{part}")) for part in (2, 3))
    return (longer - shorter) / steady.counted / 1000


async def measure(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, float]]:
    """By scheme and client."""
    turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(scheme: str, peer: str) -> float:
        tree = ROOT if peer == BARE else options.tree
        async with turns:
            return await of_a_call(Steady(peer, scheme, options.loop, options.in_flight, options.calls, tree), folder)

    pairs = list(product(SCHEMES, PEERS))
    async with asyncio.TaskGroup() as group:
        tasks = {pair: group.create_task(one(*pair)) for pair in pairs}
    return {scheme: {peer: tasks[scheme, peer].result() for peer in PEERS} for scheme in SCHEMES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    parser.add_argument("--in-flight", type=int, default=10)
    parser.add_argument("--calls", type=int, default=100, help="of the shorter part; the longer one has three times as many")
    parser.add_argument("--tree", type=Path, default=ROOT, metavar="FOLDER", help="another checkout to take this client from")
    parser.add_argument("--profiles", type=Path, metavar="FOLDER", help="keep callgrind's files here, for callgrind_annotate")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        try:
            found = asyncio.run(measure(options, options.profiles or Path(folder)))
        except* (DriverError, FileNotFoundError) as group:
            raise SystemExit(f"instructions.py: {group.exceptions[0]}") from None
    if options.json:
        print(json.dumps(found))
        return
    section = f"instructions of a warm call, {options.loop}, {options.in_flight} in flight, 100 B"
    values = {scheme.upper(): {peer: [number] for peer, number in of.items()} for scheme, of in found.items()}
    print(markdown(Figure(section, case, "thousand", of) for case, of in values.items()))


if __name__ == "__main__":
    main()
