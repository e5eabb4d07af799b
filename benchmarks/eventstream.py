"""Decoding event-stream frames, beside botocore's decoder in the same run: by the size of an event, in pieces of 64 KiB.

`python benchmarks/eventstream.py [--rounds N] [--piece BYTES] [--json]`

Prints the CPU time of a megabyte, and the ratio (median and range of alternating rounds). Exit code 1 if ours needs
more than a quarter of the time with events of 1 KiB, or if a byte of a large event costs more than one of a small event.
`--json` is for `run.py`, and judges nothing.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from botocore.eventstream import EventStreamBuffer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda.operations.stream_events import chunk_event
from aiolambda.protocol.eventstream import Decoder
from benchmarks.environments import OURS
from benchmarks.figures import Figure, markdown

SIZES = [64, 1024, 16 * 1024, 256 * 1024, 1024 * 1024, 15 * 1024 * 1024]
Decode = Callable[[list[bytes]], int]


def ours(pieces: list[bytes]) -> int:
    decoder, count = Decoder(), 0
    for piece in pieces:
        decoder.receive(piece)
        for _ in decoder.messages():
            count += 1
    return count


def botocores(pieces: list[bytes]) -> int:
    buffer, count = EventStreamBuffer(), 0
    for piece in pieces:
        buffer.add_data(piece)
        for _ in buffer:
            count += 1
    return count


def seconds(decode: Decode, pieces: list[bytes], events: int) -> float:
    before = time.process_time()
    assert decode(pieces) == events
    return time.process_time() - before


def measured(size: int, rounds: int, piece: int) -> Figure:
    events = max(1, 16 * 1024 * 1024 // size)
    data = chunk_event(bytes(size)) * events
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    values: dict[str, list[float]] = {OURS: [], "botocore": []}
    both = [(OURS, ours), ("botocore", botocores)]
    for number in range(rounds):
        for name, decode in both if number % 2 else reversed(both):
            values[name].append(seconds(decode, pieces, events) / len(data) * 1e12)
    return Figure("decoding", f"{size:,} bytes", "us/MB", values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--piece", type=int, default=64 * 1024)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = {size: measured(size, options.rounds, options.piece) for size in SIZES}
    if options.json:
        print(json.dumps([{"case": it.case, "unit": it.unit, "values": it.values} for it in figures.values()]))
        return
    print(markdown(figures.values()))
    costs = {size: statistics.median(figure.values[OURS]) for size, figure in figures.items()}
    is_kept = figures[1024].ratios("botocore").median <= 0.25 and max(costs[size] for size in SIZES[2:]) < costs[1024]
    print("linear, and a quarter of the time with 1 KiB" if is_kept else "DOES NOT HOLD")
    raise SystemExit(not is_kept)


if __name__ == "__main__":
    main()
