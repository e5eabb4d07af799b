"""The server of the soak tests, in a process of its own, so that its moves fall between any two of a client's.

`python -m tests.support.random_faults_server SCRIPT [--count N] [--tls]` prints where
it listens, as a line of JSON. When its input ends it prints the executions of each call, and the notes of the script. The
bytes are spoken by `faults`.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import random
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable

from . import faults
from .faults import Connection, Received, Script

CHANCE = random.Random()  # noqa: S311 - nothing secret
Notes = Counter[str]

A_MILLISECOND = 0.001
LONGEST_IDLE = 0.003
"""Seconds for which a connection is idle at most, of those that are chosen to end."""
ANSWERS_AFTER = 0.005
SLOW_TO_OPEN = 1.0
REQUESTS_A_CONNECTION = 100
CAME_IN_THE_MOMENT = "came, or began to, just before the end"


async def _pause(longest: float) -> None:
    """A part of that time. The loop's timers count milliseconds, so what is shorter spins."""
    clock = asyncio.get_running_loop().time
    end = clock() + CHANCE.uniform(0, longest)
    while clock() < end:
        await asyncio.sleep(0)


def closes_idle(notes: Notes, count: int) -> Script:
    """Ends one idle connection in three, at a random moment after its answer, if no byte of another request has come.

    The kernel decides that in one step: what had come by then is in the queue and is executed, without an answer; what comes
    later is refused with a reset. The few of the first kind are noted: no client can tell what became of them.
    """

    async def script(connection: Connection) -> None:
        await connection.handshake()
        notes["connections"] += 1
        while True:
            await connection.write(faults.normal_answer(await connection.read_request()))
            if CHANCE.random() < 1 / 3:
                await _pause(LONGEST_IDLE)
                if not connection.anything_came():
                    break
        await connection.close_notify()
        connection.sock.shutdown(socket.SHUT_RDWR)
        notes["closed while idle"] += 1
        with contextlib.suppress(EOFError, OSError):
            notes[CAME_IN_THE_MOMENT] += bool(connection.sock.recv(1, socket.MSG_PEEK))
            await connection.read_request()

    return script


def resets_after_reading(notes: Notes, count: int) -> Script:
    """Answers the first request of a connection; reads the second, and resets within a millisecond."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        await connection.write(faults.normal_answer(await connection.read_request()))
        await connection.read_request()
        notes["read, then reset"] += 1
        await _pause(A_MILLISECOND)
        connection.reset()

    return script


def half_closes_and_reads(notes: Notes, count: int) -> Script:
    """Ends its own side of an idle connection within a millisecond, reads what comes all the same, and closes."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        while True:
            await connection.write(faults.normal_answer(await connection.read_request()))
            await _pause(A_MILLISECOND)
            if not connection.anything_came():
                break
        await connection.fin()
        notes["half-closed"] += 1
        await connection.read_request()
        notes["read behind its end, then closed"] += 1
        await _pause(A_MILLISECOND)

    return script


def notes_ages(notes: Notes, count: int) -> Script:
    """Notes how old signatures are when they are read; one connection in ten opens late, each ends after a hundred requests."""

    async def script(connection: Connection) -> None:
        notes["connections"] += 1
        if notes["connections"] % 10 == 0:
            await asyncio.sleep(SLOW_TO_OPEN)
        await connection.handshake()
        for number in range(REQUESTS_A_CONNECTION):
            request = await connection.read_request()
            kind = "ms: oldest on an open connection" if number else "ms: oldest on a new connection"
            notes[kind] = max(notes[kind], _milliseconds_old(request))
            await asyncio.sleep(ANSWERS_AFTER)
            last = number == REQUESTS_A_CONNECTION - 1
            await connection.write(_closing(request) if last else faults.normal_answer(request))

    return script


def _milliseconds_old(request: Received) -> int:
    signed = dt.datetime.strptime(request.header("x-amz-date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    return int((time.time() - signed.timestamp()) * 1000)


def _closing(request: Received) -> bytes:
    return faults.normal_answer(request).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


def waits_for_all(notes: Notes, count: int) -> Script:
    """Answers no request before so many have come."""
    all_came = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.handshake()
        notes["connections"] += 1
        request = await connection.read_request()
        if connection.play.executions.total() == count:
            all_came.set()
        await all_came.wait()
        await connection.write(faults.normal_answer(request))
        await faults.silence(connection)

    return script


SCRIPTS: dict[str, Callable[[Notes, int], Script]] = {
    script.__name__: script for script in (closes_idle, resets_after_reading, half_closes_and_reads, notes_ages, waits_for_all)
}


async def serve(name: str, count: int, *, tls: bool) -> None:
    notes: Notes = Counter()
    with faults.certificates() as certificates, faults.FaultServer() as server:
        play = await server.play(SCRIPTS[name](notes, count), tls=certificates.trusted if tls else None)
        print(json.dumps({"url": play.url, "bundle": certificates.bundle}), flush=True)  # noqa: T201 - read by the parent
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps({"executions": play.executions, "notes": notes}), flush=True)  # noqa: T201


def raise_open_files() -> None:
    """As many open files as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", choices=SCRIPTS)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    raise_open_files()
    asyncio.run(serve(options.script, options.count, tls=options.tls))
