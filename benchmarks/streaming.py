"""Streams on a real socket: the time to the first byte, memory over 200 MB, a reader that stops, and 1,000 streams at once.

`python benchmarks/streaming.py [--megabytes N] [--streams N] [--rounds N]`

The server is a process of its own. Prints the measurements, and exits with 1 if a claim does not hold: the first byte is
there within 10 ms of the server's write, while the rest has not been sent; memory (`VmHWM`) grows by less than 8 MB; a sender
stops with its reader; and no connection, task or slot is left.
"""

import argparse
import asyncio
import gc
import logging
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

from aiolambda import Credentials, LambdaClient
from aiolambda.operations.stream_events import chunk_event, completion_event

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = 64 * 1024


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


FRAME = chunked(chunk_event(bytes(PIECE)))
END = chunked(completion_event()) + b"0\r\n\r\n"


class Server:
    """Answers by the name of the function: `first` (a clock, then a pause), `long-N` (megabytes), `short`."""

    def __init__(self) -> None:
        self.sent = 0
        self.connections = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(HEAD)
                await self.answer(head.split(b"/")[3].decode(), writer)
                writer.write(END)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def answer(self, name: str, writer: asyncio.StreamWriter) -> None:
        if name == "first":
            await writer.drain()
            await asyncio.sleep(0.02)  # the head has been read
            writer.write(chunked(chunk_event(repr(time.perf_counter()).encode())))
            await asyncio.sleep(0.05)
        elif name == "short":
            for _ in range(20):
                writer.write(chunked(chunk_event(b"x" * 100)))
                await asyncio.sleep(0)
        else:
            for _ in range(int(name.removeprefix("long-")) * 1024 * 1024 // PIECE):
                writer.write(FRAME)
                await writer.drain()
                self.sent += PIECE


async def serve(pipe: Connection) -> None:
    server = Server()
    listener = await asyncio.start_server(server.connected, "127.0.0.1", 0, backlog=4096)
    pipe.send(listener.sockets[0].getsockname()[1])
    while (await asyncio.to_thread(pipe.recv)) != "stop":
        pipe.send((server.sent, server.connections))


def run_server(pipe: Connection) -> None:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # the measured clients leave early
    asyncio.run(serve(pipe))


def asked(pipe: Connection) -> tuple[int, int]:
    pipe.send("?")
    return pipe.recv()


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


async def first_bytes(client: LambdaClient, rounds: int) -> list[float]:
    """Milliseconds from the server's write to the caller; the two share a clock."""
    found = []
    for _ in range(rounds):
        async with client.stream("first") as stream:
            found += [(time.perf_counter() - float(chunk)) * 1000 async for chunk in stream]
    return found


async def growth(client: LambdaClient, megabytes: int) -> tuple[int, float]:
    async with client.stream("long-8") as stream:
        await stream.read()
    gc.collect()
    before, size, began = peak(), 0, time.perf_counter()
    async with client.stream(f"long-{megabytes}") as stream:
        async for chunk in stream:
            size += len(chunk)
    assert size == megabytes * 1024 * 1024
    return peak() - before, time.perf_counter() - began


async def stopped(client: LambdaClient, pipe: Connection) -> tuple[int, int]:
    """Bytes that were sent to a reader that had stopped: after a second, and after three."""
    before = asked(pipe)[0]
    async with client.stream("long-200") as stream:
        async for _ in stream:
            break
        await asyncio.sleep(1)
        early = asked(pipe)[0] - before
        await asyncio.sleep(2)
        return early, asked(pipe)[0] - before


async def many(client: LambdaClient, count: int) -> float:
    async def one(number: int) -> None:
        async with client.stream("short") as stream:
            size = 0
            async for chunk in stream:
                size += len(chunk)
                if number % 2 and size >= 500:
                    return
            assert size == 2000

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(count)))
    return time.perf_counter() - began


async def main(options: argparse.Namespace, pipe: Connection) -> list[str]:
    url, keys = f"http://127.0.0.1:{pipe.recv()}", Credentials("AKIDEXAMPLE", "secret")
    broken = []
    tasks = len(asyncio.all_tasks())
    async with LambdaClient(region="us-east-1", credentials=keys, endpoint_url=url, max_concurrency=options.streams) as client:
        first = await first_bytes(client, options.rounds)
        print(f"first byte after the server's write: median {statistics.median(first):.2f} ms, most {max(first):.2f} ms")
        broken += ["the first byte"] if max(first) > 10 else []
        grown, took = await growth(client, options.megabytes)
        print(f"{options.megabytes} MB in {took:.2f} s: memory grew by {grown / 1e6:.1f} MB")
        broken += ["memory"] if grown > 8_000_000 else []
        early, late = await stopped(client, pipe)
        print(f"sent to a reader that stopped: {early / 1e6:.1f} MB after 1 s, {late / 1e6:.1f} MB after 3 s")
        broken += ["a reader that stops"] if late != early else []
        took = await many(client, options.streams)
        left = client.stats.in_flight, len(asyncio.all_tasks()) - tasks
        print(f"{options.streams} streams at once, half of them left early: {took:.2f} s; slots and tasks left: {left}")
        broken += ["slots or tasks"] if left != (0, 0) else []
    await asyncio.sleep(0.5)
    open_connections = asked(pipe)[1]
    print(f"connections left: {open_connections}")
    return broken + (["connections"] if open_connections else [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=run_server, args=(theirs,), daemon=True)
    server.start()
    failures = asyncio.run(main(parser.parse_args(), ours))
    ours.send("stop")
    print("DOES NOT HOLD: " + ", ".join(failures) if failures else "all of it holds")
    raise SystemExit(bool(failures))
