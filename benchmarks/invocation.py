"""CPU time of one invocation beside a bare aiohttp POST, for daily work: each in a process of its own, turn by turn.

`python benchmarks/invocation.py [--tree FOLDER]... [--only TEXT] [--in-flight N,...] [--size SIZE] [--peers PEER,...]`

Takes under three minutes. `--tree` adds a column for the client of another checkout: before and after, in the same rounds.
On a loop with aiofastnet the peers run without it: that is what its users would have otherwise.

With 6 MB, use `--keep-memory`, too: else the C library of one client may map and unmap 12 MB for each call, and another's not.

`python benchmarks/invocation.py --alone [--loop NAME] [--scheme https] [--in-flight N] [--size SIZE] [--calls N]` runs this
client alone, in this process: for a profiler.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import attrs

from benchmarks.driver import Driver
from benchmarks.environments import CACHE, OURS
from benchmarks.figures import Figure, markdown
from benchmarks.loops import LOOPS, factory, plain
from benchmarks.peers import CLIENTS
from benchmarks.processes import serving
from benchmarks.rows import SIZES, Cell, Column, Run, of_a_cell
from benchmarks.run import choice, numbers, raise_open_files

CELLS = [("asyncio", "http"), ("asyncio", "https"), ("uvloop", "http"), ("uvloop", "https"), ("asyncio+aiofastnet", "https")]


KEEPING = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TOP_PAD_": str(2**25)}
"""For glibc: processes keep the memory that they have had once."""


def columns(loop: str, options: argparse.Namespace) -> dict[str, Column]:
    """This client, that of each other checkout, and the peers."""
    trees = {str(tree): Column(OURS, loop, tree) for tree in options.tree}
    return {OURS: Column(OURS, loop), **trees, **{peer: Column(peer, plain(loop)) for peer in options.peers}}


def by_tree(figure: Figure, options: argparse.Namespace) -> list[Figure]:
    """A line for each checkout: its figure beside those of the peers. This one's has the other checkouts, too."""
    peers = {name: values for name, values in figure.values.items() if name in options.peers}
    others = [tree for tree in map(str, options.tree) if tree in figure.values]
    lines = [
        attrs.evolve(figure, case=f"{figure.case}, {tree}", values={OURS: figure.values[tree], **peers}) for tree in others
    ]
    return [figure, *lines]


def joined(figures: list[Figure]) -> list[Figure]:
    """Figures of the same cell as one, with the rounds of all. A client that failed in one of them is left out."""
    found: dict[str, Figure] = {}
    for figure in figures:
        if before := found.get(figure.case):
            notes = {name: _longer(notes, figure.notes[name]) for name, notes in before.notes.items()}
            found[figure.case] = attrs.evolve(before, values=_longer(before.values, figure.values), notes=notes)
        else:
            found[figure.case] = figure
    return list(found.values())


def _longer(rounds: dict[str, list[float]], more: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [*some, *more[name]] for name, some in rounds.items() if name in more}


async def measure(options: argparse.Namespace) -> list[Figure]:
    raise_open_files()
    found: list[Figure] = []
    async with serving() as server:
        peers = [OURS, *options.peers]
        run = Run(server, peers, options.environments, options.rounds, options.seconds, is_quick=True, held=[], items=0)
        for loop, scheme in CELLS:
            cells = [Cell(scheme, in_flight, options.size) for in_flight in options.in_flight]
            wanted = [cell for cell in cells if options.only in f"{loop}, {cell.name}"]
            if not wanted:
                continue
            for _ in range(options.repeat):
                async with run.drivers(columns(loop, options)) as drivers:
                    for cell in wanted:
                        cpu, *_ = await of_a_cell(run, drivers, cell, loop)
                        found.append(attrs.evolve(cpu, section="CPU of an invocation", case=f"{loop}, {cell.name}"))
    return [line for figure in joined(found) for line in by_tree(figure, options)]


async def alone(options: argparse.Namespace) -> None:
    driver, payload = Driver(CLIENTS[OURS]()), SIZES[options.size]
    async with serving() as server:
        await driver.open(server.url(options.scheme), pool=options.in_flight[0], ca=server.ca)
        await driver.warm(options.in_flight[0], payload)
        found = await driver.run(options.in_flight[0], payload, count=options.calls)
        await driver.close()
    print(f"{found['cpu'] / found['calls'] * 1e6:.0f} us of CPU for each of {found['calls']:,} calls")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, action="append", default=[], metavar="FOLDER", help="may be given several times")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells whose name has it, as 'uvloop, HTTP,'")
    parser.add_argument("--in-flight", type=numbers, default=[50, 1000], metavar="N,...")
    parser.add_argument("--size", choices=SIZES, default="100 B")
    parser.add_argument("--peers", type=choice(list(CLIENTS)), default=["aiohttp"], metavar="PEER,...")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="times to do all of it, each with new processes")
    parser.add_argument("--keep-memory", action="store_true", help="let no client give memory back to the system (glibc)")
    parser.add_argument("--seconds", type=float, default=0.25, help="of a turn; four times as long from 1,000 in flight on")
    parser.add_argument("--environments", type=Path, default=CACHE, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--alone", action="store_true", help="for a profiler")
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    parser.add_argument("--scheme", choices=["http", "https"], default="http")
    parser.add_argument("--calls", type=int, default=5000)
    options = parser.parse_args()
    if missing := [tree for tree in options.tree if not (tree / "aiolambda" / "__init__.py").exists()]:
        parser.error(f"no aiolambda/__init__.py in {missing[0]}")
    if options.keep_memory:
        os.environ.update(KEEPING)
    if options.alone:
        with asyncio.Runner(loop_factory=factory(options.loop)) as runner:
            runner.run(alone(options))
        return
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    figures = asyncio.run(measure(options))
    if options.json:
        options.json.write_text(json.dumps([figure.as_json() for figure in figures], indent=1))
    print(f"load before: {loads}; {options.rounds} rounds\n\n{markdown(figures)}")


if __name__ == "__main__":
    main()
