"""A TCP proxy with random faults: it resets, closes, stalls, cuts, swallows or slows its connections at random moments.

Owns the faults, and counts them. Must not know HTTP.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import Coroutine
from typing import Self

CHANCE = random.Random()  # noqa: S311 - nothing secret
PIECE = 65_536
LONGEST_LIFE = 1.5
"""Seconds after which a fault comes at most. Calls take some milliseconds, so it falls between any two of their steps."""
LONGEST_STALL = 4.0
LONGEST_DELAY = 0.05


class Pair:
    """Two sockets, and what is carried between them. A socket is closed only when nothing waits for it any more."""

    def __init__(self, client: socket.socket, server: socket.socket, notes: Counter[str]) -> None:
        self.client, self.server = client, server
        self.flows = asyncio.Event()
        self.flows.set()
        self.left: int | None = None
        """Bytes of answers that are still carried; `None` is no limit."""
        self.piece = PIECE
        self.swallows = False
        self._notes = notes
        self._requests = asyncio.create_task(self._carry_requests())
        self._answers = asyncio.create_task(self._carry_answers())

    async def go_on(self, seconds: float) -> bool:
        """Carry for so long. False if a side has closed before."""
        carrying = {task for task in (self._requests, self._answers) if not task.done()}
        if not carrying:
            return False
        ended, _ = await asyncio.wait(carrying, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return not ended

    async def stop_answers(self) -> None:
        await _ended(self._answers)

    async def stop(self) -> None:
        await _ended(self._requests, self._answers)

    async def _carry_requests(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self.client, self.piece):
            await self._wait()
            if not self.swallows:
                await loop.sock_sendall(self.server, data)

    async def _carry_answers(self) -> None:
        loop = asyncio.get_running_loop()
        while self.left != 0 and (data := await loop.sock_recv(self.server, self.piece)):
            await self._wait()
            part = data[: self.left]
            await loop.sock_sendall(self.client, part)
            if self.left is not None:
                self.left -= len(part)

    async def _wait(self) -> None:
        if CHANCE.random() < 1 / 20 or self.piece < PIECE:
            self._notes["delayed a piece"] += 1
            await asyncio.sleep(CHANCE.uniform(0, LONGEST_DELAY if self.piece == PIECE else 0.002))
        await self.flows.wait()


async def _ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel them, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# The faults. Both sockets are closed behind each.


async def resets(pair: Pair) -> None:
    await pair.stop()
    _reset(pair.client)


async def resets_the_server(pair: Pair) -> None:
    await pair.stop()
    _reset(pair.server)


async def closes(pair: Pair) -> None:
    await pair.stop()


async def half_closes(pair: Pair) -> None:
    """End the side of the answers, and go on with the requests for a while."""
    await pair.stop_answers()
    with contextlib.suppress(OSError):  # the client has reset it
        pair.client.shutdown(socket.SHUT_WR)
    await pair.go_on(CHANCE.uniform(0, 0.2))


async def stalls(pair: Pair) -> None:
    pair.flows.clear()
    await pair.go_on(CHANCE.uniform(0, LONGEST_STALL))


async def stalls_and_goes_on(pair: Pair) -> None:
    """What was sent meanwhile arrives late, also if the client has given up by then."""
    await stalls(pair)
    pair.flows.set()
    await pair.go_on(LONGEST_LIFE)


async def cuts_the_answer(pair: Pair) -> None:
    pair.left = CHANCE.randint(1, 600)
    await pair.go_on(LONGEST_LIFE)


async def swallows_requests(pair: Pair) -> None:
    pair.swallows = True
    await pair.go_on(CHANCE.uniform(0, LONGEST_LIFE))


async def slows(pair: Pair) -> None:
    pair.piece = CHANCE.randint(20, 300)
    await pair.go_on(LONGEST_LIFE)


FAULTS = (
    resets,
    resets_the_server,
    closes,
    half_closes,
    stalls,
    stalls_and_goes_on,
    cuts_the_answer,
    swallows_requests,
    slows,
)
REFUSES = "resets at once"


class RandomProxy:
    """Carries connections to a port of this machine while its block is open. Each has one fault, at a random moment."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self._tasks: set[asyncio.Task[None]] = set()
        self.notes: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._start(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        await _ended(*self._tasks)
        self._listener.close()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            self.notes["connections"] += 1
            if CHANCE.random() < 1 / 20:
                self.notes[REFUSES] += 1
                _reset(client)
            else:
                client.setblocking(False)
                self._start(self._carry(client))

    async def _carry(self, client: socket.socket) -> None:
        with client, socket.socket() as server:
            server.setblocking(False)
            await asyncio.get_running_loop().sock_connect(server, ("127.0.0.1", self._port))
            pair = Pair(client, server, self.notes)
            try:
                if await pair.go_on(CHANCE.uniform(0, LONGEST_LIFE)):
                    fault = CHANCE.choice(FAULTS)
                    self.notes[fault.__name__] += 1
                    await fault(pair)
            finally:
                await pair.stop()
