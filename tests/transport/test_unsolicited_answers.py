"""A server that answers more often than it is asked: each answer belongs to its request, over TCP and TLS, on each loop.

The client sends one call after another, so it uses a connection again in the turn of the loop in which its answer came.
The unsolicited answer comes in one piece with the answer, or behind it, but always before the next request is written: a lock
orders the server's write, and the client's check with its write. Later it could not be told from an answer to that request.
"""

import asyncio
import json
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from aiolambda import InvokeCommand, Timeouts
from aiolambda.transport.connection import Connection

from ..support import THOROUGH, faults
from ..support.fault_table import client_of
from ..support.faults import Certificates, FaultServer, Received, Script
from ..support.loops import INSTALLED, LoopName, loop_factory

ROUNDS = 250 if THOROUGH else 40
LARGE = 100_000
"""Bytes of a body that is received in its place."""
TAIL = 100
"""Bytes of an answer that go out together with what follows."""
CHANCE = random.Random(16)  # noqa: S311 - nothing secret

Speak = Callable[[faults.Connection, bytes, bytes, "Turns"], Awaitable[None]]


class Turns:
    """The lock. The client holds it from its check until its request is with the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lock = threading.Lock()
        self.unasked = 0
        """Unsolicited answers, or their beginnings, that were written."""
        self._holder: Connection | None = None
        is_clean, request_on = Connection.is_clean, Connection.request

        def check(connection: Connection) -> bool:
            assert self.lock.acquire(timeout=10)
            found = is_clean(connection)
            if found:
                self._holder = connection
            else:
                self.lock.release()
            return found

        def request(connection: Connection, *arguments: Any, **settings: Any) -> Any:
            waiter = request_on(connection, *arguments, **settings)
            if self._holder is connection:
                self._holder = None
                asyncio.get_running_loop().call_soon(self.lock.release)  # uvloop writes at the end of its turn
            return waiter

        monkeypatch.setattr(Connection, "is_clean", check)
        monkeypatch.setattr(Connection, "request", request)


# How the server speaks


async def in_one_write(connection: faults.Connection, answer: bytes, second: bytes, turns: Turns) -> None:
    await connection.write(answer[:-TAIL])  # a large body may fill the kernel's buffer
    await connection.write(answer[-TAIL:] + second)
    turns.unasked += 1


async def in_two_records(connection: faults.Connection, answer: bytes, second: bytes, turns: Turns) -> None:
    """Of TLS, in one piece."""
    await connection.write(answer[:-TAIL])
    if connection._tls is None:
        await connection.write(answer[-TAIL:] + second)
    else:
        connection._tls.write(answer[-TAIL:])
        connection._tls.write(second)
        await connection._flush()
    turns.unasked += 1


async def separately(connection: faults.Connection, answer: bytes, second: bytes, turns: Turns) -> None:
    await connection.write(answer)
    await _unless_asked(connection, second, turns)


async def some_turns_later(connection: faults.Connection, answer: bytes, second: bytes, turns: Turns) -> None:
    await connection.write(answer)
    for _ in range(CHANCE.randrange(6)):
        await asyncio.sleep(0)
    await _unless_asked(connection, second, turns)


async def half_with_the_answer(connection: faults.Connection, answer: bytes, second: bytes, turns: Turns) -> None:
    end = CHANCE.randrange(1, len(second))
    await in_one_write(connection, answer, second[:end], turns)
    with turns.lock:
        if not connection.anything_came():
            await connection.write(second[end:])


async def a_byte_later(connection: faults.Connection, answer: bytes, second: bytes, turns: Turns) -> None:
    await connection.write(answer)
    await _unless_asked(connection, second[:1], turns)


async def _unless_asked(connection: faults.Connection, data: bytes, turns: Turns) -> None:
    with turns.lock:
        if not connection.anything_came():
            await connection.write(data)  # at once: the kernel has room
            turns.unasked += 1


def talkative(speak: Speak, size: int, turns: Turns) -> Script:
    """Answers with the name of the call and so many bytes more; to one request in three it gives a second answer."""

    def own(request: Received) -> bytes:
        body = json.dumps([request.call, "x" * size]).encode()
        return faults.answer("200 OK", body, faults.own_id(request))

    async def script(connection: faults.Connection) -> None:
        await connection.handshake()
        while True:
            request = await connection.read_request()
            if CHANCE.random() < 1 / 3:
                await speak(connection, own(request), faults.intruder(request), turns)
            else:
                await connection.write(own(request))

    return script


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with faults.certificates() as found:
        yield found


@pytest.mark.parametrize("loop", INSTALLED)
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("size", [0, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "speak", [in_one_write, in_two_records, separately, some_turns_later, half_with_the_answer, a_byte_later]
)
def test_answer_belongs_to_its_request(
    loop: LoopName, tls: bool, size: int, speak: Speak, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = ROUNDS // 4 if size else ROUNDS
    turns = Turns(monkeypatch)

    async def main() -> None:
        with FaultServer() as server:
            play = await server.play(talkative(speak, size, turns), tls=certificates.trusted if tls else None)
            async with client_of(play, certificates, timeout=Timeouts(connect=10, read=10)) as client:
                for number in range(rounds):
                    output = await client.send(InvokeCommand(function_name=f"call-{number}"))
                    assert output.json()[0] == output.metadata.request_id == f"call-{number}"
                    for _ in range(number % 3):
                        await asyncio.sleep(0)
            assert (play.executions.total(), max(play.executions.values())) == (rounds, 1)
            assert turns.unasked <= play.opened <= turns.unasked + 1  # each ended its connection, and nothing else did
            assert not await server.ended(play)

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(main())
