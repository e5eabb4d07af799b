"""Loops whose transports write past our sockets, such as `aiofastnet`: what is concluded from what is not counted."""

import asyncio
from collections.abc import Iterator

import pytest

from aiolambda import Delivery, InvocationTimeoutError, InvokeCommand, Timeouts, TransportError

from ..support import faults
from ..support.fault_table import client_of
from ..support.faults import Connection, FaultServer, Script
from ..support.loops import LOOPS, loop_factory


@pytest.fixture
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    for module in request.param.split("+"):
        if module == "uvloop":
            pytest.importorskip(module)
    with asyncio.Runner(loop_factory=loop_factory(request.param)) as runner:
        # aiofastnet complains to the loop of a handshake that the peer has reset.
        runner.get_loop().set_exception_handler(lambda *_: None)
        yield runner


def reads_and(ending: Script, *, before: int) -> Script:
    """Answers so many requests, reads one more, and ends the connection."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        for _ in range(before):
            request = await connection.read_request()
            await connection.write(faults.normal_answer(request))
        await connection.read_request()
        await ending(connection)

    return script


async def _ended(script: Script, *, tls: bool, before: int) -> tuple[TransportError, int]:
    """The error of the call that the script ends, and how often it ran."""
    with faults.certificates() as certificates, FaultServer() as server:
        play = await server.play(script, tls=certificates.trusted if tls else None)
        # Over uvloop, aiofastnet does not hear of every reset, nor does bare aiohttp: then the read limit ends the call.
        async with client_of(play, certificates, timeout=Timeouts(connect=10, read=1.0)) as client:
            for number in range(before):
                await client.send(InvokeCommand(function_name=f"call-{number}"))
            with pytest.raises(TransportError) as raised:
                await client.send(InvokeCommand(function_name="call-9"))
            assert (client.stats.in_flight, client.stats.waiting) == (0, 0)
        assert not await server.ended(play)
        assert play.opened == 1
    return raised.value, play.executions["call-9"]


@pytest.mark.parametrize("loop", LOOPS.values(), indirect=True)
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("before", [0, 2], ids=["cold", "warm"])
@pytest.mark.parametrize("ending", [faults.fin, faults.rst], ids=["FIN", "RST"])
def test_request_that_was_read_is_not_resent(loop: asyncio.Runner, tls: bool, before: int, ending: Script) -> None:
    error, executions = loop.run(_ended(reads_and(ending, before=before), tls=tls, before=before))
    assert (executions, error.delivery, error.may_have_run, error.attempts) == (1, Delivery.UNKNOWN, True, 1)
    if isinstance(error, InvocationTimeoutError):
        assert ending is faults.rst
