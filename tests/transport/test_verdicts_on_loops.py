"""The verdict on a request whose pooled connection ends in its moment: over TCP and TLS, on each loop.

The check before the request is switched off, and the loop does not turn between the server's deed and the request: so the
request is written to a connection that has ended. See `test_stale_connections` for the rules, and `test_foreign_transports` for
requests that were read.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aiolambda import (
    ConnectionLostError,
    Delivery,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandOutput,
    Timeouts,
    TransportError,
)
from aiolambda.transport import tcp_info
from aiolambda.transport.connection import Connection
from aiolambda.transport.exchange import Exchange
from aiolambda.types.http import Loss

from ..support import faults
from ..support.fault_table import client_of
from ..support.faults import Certificates, FaultServer, Play, Script
from ..support.loops import INSTALLED, LoopName, loop_factory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")
LIMIT = 1.0
"""Seconds. Over uvloop, aiofastnet does not hear of every reset: then this read limit ends the call."""

on_each_loop = pytest.mark.parametrize("loop", INSTALLED)
over_both = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with faults.certificates() as found:
        yield found


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer ends the connection after the check: as if it had found nothing."""
    monkeypatch.setattr(Connection, "stain", lambda _: None)


Found = tuple[InvokeCommandOutput | TransportError, Play]


def run(loop: LoopName, main: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(main())


async def struck_call(script: Script, certificates: Certificates, *, tls: bool, **settings: Any) -> Found:
    """The outcome of the call that follows what the script did to the idle connection."""
    with FaultServer() as server:
        play = await server.play(script, tls=certificates.trusted if tls else None)
        limits = Timeouts(connect=10, read=LIMIT)
        async with client_of(play, certificates, timeout=limits, **settings) as client:
            await client.send(InvokeCommand(function_name="call-1"))
            await asyncio.wrap_future(play.deed)
            await asyncio.sleep(0)  # the connection is at rest now
            server.strike(play, wait=True)
            time.sleep(0.01)  # the loop must not turn while the bytes arrive
            outcome: InvokeCommandOutput | TransportError
            try:
                outcome = await client.send(InvokeCommand(function_name="call-2"))
            except TransportError as error:
                outcome = error
            assert (client.stats.in_flight, client.stats.waiting) == (0, 0)
        assert not await server.ended(play)
    assert play.executions["call-1"] == 1
    return outcome, play


# The request reached nobody


async def reset_now(connection: faults.Connection) -> None:
    connection.reset()
    connection.play.struck.set()


ENDINGS = {
    "close_notify and FIN": faults.close_with_notice,
    "FIN alone": faults.close_without_notice,
    "RST": reset_now,
}


@on_each_loop
@over_both
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.usefixtures("unchecked")
def test_request_to_an_ended_connection_is_repeated(
    loop: LoopName, tls: bool, ending: Script, certificates: Certificates
) -> None:
    """It is proven not delivered, and it runs once."""
    outcome, play = run(loop, lambda: struck_call(faults.on_strike(ending), certificates, tls=tls))
    assert play.executions["call-2"] <= 1
    if isinstance(outcome, InvocationTimeoutError):  # a reset that the loop was not told of
        assert (loop, ending, outcome.delivery) == ("uvloop+aiofastnet", reset_now, Delivery.UNKNOWN)
        return
    assert isinstance(outcome, InvokeCommandOutput), outcome
    assert (outcome.metadata.attempts, play.executions["call-2"], play.opened) == (2, 1, 2)
    assert outcome.metadata.history[0].delivery is Delivery.NOT_DELIVERED
    assert outcome.metadata.total_retry_delay == 0


@on_each_loop
@over_both
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_ended_connection_is_not_used(loop: LoopName, tls: bool, ending: Script, certificates: Certificates) -> None:
    """With the check, though the loop has not turned."""
    outcome, play = run(loop, lambda: struck_call(faults.on_strike(ending), certificates, tls=tls))
    assert isinstance(outcome, InvokeCommandOutput)
    assert (outcome.metadata.attempts, play.executions["call-2"], play.opened) == (1, 1, 2)


# The request was read


async def half_close_without_notice(connection: faults.Connection) -> None:
    await connection.fin(notify=False)
    connection.play.struck.set()
    await faults.read_and_close(connection)


async def wait_and_reset(connection: faults.Connection) -> None:
    connection.play.struck.set()
    await faults.read_and_reset(connection)


READERS = {
    "half-close, reads, stays": faults.half_close_and(faults.read_and_stay),
    "half-close, reads, closes": faults.half_close_and(faults.read_and_close),
    "half-close without notice, reads, closes": half_close_without_notice,
    "reads, resets": wait_and_reset,
}


@on_each_loop
@over_both
@pytest.mark.parametrize("ending", READERS.values(), ids=READERS)
@pytest.mark.usefixtures("unchecked")
def test_request_that_was_read_stays_unknown(loop: LoopName, tls: bool, ending: Script, certificates: Certificates) -> None:
    outcome, play = run(loop, lambda: struck_call(faults.on_strike(ending), certificates, tls=tls))
    assert isinstance(outcome, TransportError)
    assert (outcome.delivery, outcome.may_have_run, outcome.attempts) == (Delivery.UNKNOWN, True, 1)
    assert (play.executions["call-2"], play.opened) == (1, 1)
    if isinstance(outcome, InvocationTimeoutError):
        assert (loop, ending) == ("uvloop+aiofastnet", wait_and_reset)
    else:
        assert isinstance(outcome, ConnectionLostError)
        assert not outcome.stale_connection


# Facts of another connection, and counters that do not count


async def read_call(certificates: Certificates, *, tls: bool, warm: bool) -> None:
    """A call that the server reads, and ends: it is unknown. If it is `warm`, on a connection that carried another."""

    async def script(connection: faults.Connection) -> None:
        await connection.handshake()
        if warm:
            await connection.write(faults.normal_answer(await connection.read_request()))
        await connection.read_request()

    with FaultServer() as server:
        play = await server.play(script, tls=certificates.trusted if tls else None)
        async with client_of(play, certificates, timeout=Timeouts(connect=10, read=10)) as client:
            if warm:
                await client.send(InvokeCommand(function_name="call-1"))
            with pytest.raises(ConnectionLostError) as raised:
                await client.send(InvokeCommand(function_name="call-9"))
        assert (raised.value.delivery, raised.value.stale_connection) == (Delivery.UNKNOWN, False)
        assert (play.executions["call-9"], raised.value.attempts) == (1, 1)
        assert not await server.ended(play)


class Decoy:
    """A connection that takes the number of a descriptor that the loop has closed. Its facts would say: not delivered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[int] = []
        self.asked: list[int] = []
        self._numbers: dict[Connection, int] = {}
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._sock = socket.create_connection(listener.getsockname())
            listener.accept()[0].close()
        self.inode = os.fstat(self._sock.fileno()).st_ino
        created, ask, loss_of = Connection.__init__, tcp_info.tcp_info, Exchange.loss

        def create(connection: Connection, *arguments: Any, **settings: Any) -> None:
            created(connection, *arguments, **settings)
            self._numbers[connection] = connection.transport.get_extra_info("socket").fileno()

        def note(sock: socket.socket) -> tcp_info.TcpInfo | None:
            self.asked.append(os.fstat(sock.fileno()).st_ino)
            return ask(sock)

        async def loss(exchange: Exchange) -> Loss:
            assert exchange.connection is not None
            self._take(exchange.connection)
            return await loss_of(exchange)

        monkeypatch.setattr(Connection, "__init__", create)
        monkeypatch.setattr(Exchange, "loss", loss)
        monkeypatch.setattr(tcp_info, "tcp_info", note)

    def _take(self, connection: Connection) -> None:
        number = self._numbers[connection]
        assert connection._is_lost
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)
        os.dup2(self._sock.fileno(), number)
        self.taken.append(number)

    def close(self) -> None:
        self._sock.close()
        for number in self.taken:
            os.close(number)


@on_each_loop
@over_both
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_verdict_never_comes_from_another_connection(
    loop: LoopName, tls: bool, warm: bool, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = Decoy(monkeypatch)
    try:
        run(loop, lambda: read_call(certificates, tls=tls, warm=warm))
    finally:
        decoy.close()
    assert len(decoy.taken) == 1
    assert decoy.asked  # the kernel was asked
    assert decoy.inode not in decoy.asked


ask_kernel = tcp_info.tcp_info
ZEROS = tcp_info.TcpInfo(tcp_info.CLOSED, 0, 0, 0, 0, 0, 0)


def still(sock: socket.socket) -> tcp_info.TcpInfo | None:
    """As in a sandbox that knows the state of a connection, and counts nothing that it sends."""
    info = ask_kernel(sock)
    return None if info is None else info._replace(acknowledged=1, unsent=0, sent=0, repeated=0)


@on_each_loop
@over_both
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("counters", [lambda _: ZEROS, still], ids=["zeros", "still"])
@pytest.mark.usefixtures("unchecked")
def test_counters_that_do_not_count_prove_nothing(
    loop: LoopName, tls: bool, warm: bool, counters: Any, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many bytes were taken before as after, which is no proof that none was: the request was read."""
    monkeypatch.setattr(tcp_info, "tcp_info", counters)
    run(loop, lambda: read_call(certificates, tls=tls, warm=warm))


@on_each_loop
@over_both
def test_reset_of_a_fresh_connection_is_unknown(loop: LoopName, tls: bool, certificates: Certificates) -> None:
    """Its counters have counted nothing yet over TCP, and over TLS the handshake may not be acknowledged."""

    async def script(connection: faults.Connection) -> None:
        await connection.handshake()
        await connection.read(1)
        connection.reset()

    async def main() -> None:
        with FaultServer() as server:
            play = await server.play(script, tls=certificates.trusted if tls else None)
            async with client_of(play, certificates, timeout=Timeouts(connect=10, read=LIMIT)) as client:
                with pytest.raises(TransportError) as raised:
                    await client.send(InvokeCommand(function_name="call-9"))
            assert (raised.value.delivery, raised.value.attempts) == (Delivery.UNKNOWN, 1)
            assert not await server.ended(play)

    run(loop, main)
