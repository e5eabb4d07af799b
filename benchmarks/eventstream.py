"""Decoding event-stream frames, beside botocore's decoder in the same run: by the size of an event, in pieces of 64 KiB.

`python benchmarks/eventstream.py [--rounds N] [--piece BYTES]`

Prints megabytes a second of CPU time, and the ratio (median and range of alternating rounds). Exit code 1 where ours is not at
least four times as fast with events of 1 KiB, or where a byte of a large event costs more than one of a small.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from botocore.eventstream import EventStreamBuffer

from aiolambda.protocol.eventstream import Decoder
from aiolambda.streaming.events import chunk_event

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--piece", type=int, default=64 * 1024)
    options = parser.parse_args()
    ratios: dict[int, float] = {}
    speeds: dict[int, float] = {}
    print("| bytes of an event | ours, MB/s | botocore, MB/s | ratio (range) |\n|---|---|---|---|")
    for size in SIZES:
        events = max(1, 16 * 1024 * 1024 // size)
        data = chunk_event(bytes(size)) * events
        pieces = [data[at : at + options.piece] for at in range(0, len(data), options.piece)]
        rounds = []
        for number in range(options.rounds):
            took = {
                decode: seconds(decode, pieces, events) for decode in ((ours, botocores) if number % 2 else (botocores, ours))
            }
            rounds.append((took[ours], took[botocores]))
        found = [theirs / mine for mine, theirs in rounds]
        ratios[size] = statistics.median(found)
        speeds[size] = len(data) / statistics.median(mine for mine, _ in rounds) / 1e6
        theirs = len(data) / statistics.median(theirs for _, theirs in rounds) / 1e6
        print(f"| {size:,} | {speeds[size]:,.0f} | {theirs:,.0f} | {ratios[size]:.1f} ({min(found):.1f} to {max(found):.1f}) |")
    is_kept = ratios[1024] >= 4 and min(speeds[size] for size in SIZES[2:]) > speeds[1024]
    print("linear, and four times as fast with 1 KiB" if is_kept else "DOES NOT HOLD")
    raise SystemExit(not is_kept)


if __name__ == "__main__":
    main()
