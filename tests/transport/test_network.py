"""Flows that a firewall drops without a word: the kernel finds them in the time that was set, and nothing is sent again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

import pytest

from aiolambda import ConnectionLostError, Credentials, Delivery, InvocationTimeoutError, LambdaClient, TcpKeepAlive, Timeouts

from ..support import network
from ..support.network import Firewall
from ..support.servers import Connection, RawServer, Script, always, answer, raw_server

pytestmark = pytest.mark.skipif(network.missing() is not None, reason=str(network.missing()))

PROBED = TcpKeepAlive(idle=1, interval=1, count=2)
FOUND_AFTER = 3
"""Seconds: idle + interval x count."""
ONE_RETRANSMISSION = 1.5


@contextlib.asynccontextmanager
async def server_behind(firewall: Firewall, script: Script) -> AsyncGenerator[RawServer]:
    """A server on the other side; clients that are made in the block are on this one."""
    async with network.network(firewall) as net, raw_server(script, on=net.listener()) as server:
        yield server


def client_of(server: RawServer, keep_alive: TcpKeepAlive | None = PROBED, read: float = 20) -> LambdaClient:
    return LambdaClient(
        region="us-east-1",
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        endpoint_url=server.url,
        tcp_keepalive=keep_alive,
        timeout=Timeouts(total=20, read=read),
    )


async def loss_of(client: LambdaClient, payload: bytes = b"{}") -> tuple[ConnectionLostError, float]:
    """The error of a call whose flow was dropped, and the seconds that it took."""
    began = time.monotonic()
    with pytest.raises(ConnectionLostError) as raised:
        await client.invoke("f", payload)
    return raised.value, time.monotonic() - began


async def test_drop_during_an_invocation_is_found_by_probes() -> None:
    firewall = Firewall()

    async def drops(connection: Connection) -> None:
        await connection.read_request()
        firewall.open = False
        await connection.until_client_closes()

    async with server_behind(firewall, drops) as server, client_of(server) as client:
        error, seconds = await loss_of(client)
        assert (error.delivery, error.attempts, server.connections, len(server.requests)) == (Delivery.UNKNOWN, 1, 1, 1)
    assert FOUND_AFTER - 0.5 < seconds < FOUND_AFTER + ONE_RETRANSMISSION


async def test_drop_while_idle_is_found_by_user_timeout() -> None:
    firewall = Firewall()
    async with server_behind(firewall, always(answer())) as server, client_of(server) as client:
        await client.invoke("f")
        firewall.open = False
        error, seconds = await loss_of(client)
        assert (error.delivery, error.attempts, server.connections, len(server.requests)) == (Delivery.UNKNOWN, 1, 1, 1)
        firewall.open = True
        await client.invoke("f")
        assert (server.connections, len(server.requests)) == (2, 2)
    assert FOUND_AFTER - 0.5 < seconds < FOUND_AFTER + ONE_RETRANSMISSION


async def test_drop_in_an_upload_is_found_by_user_timeout() -> None:
    firewall = Firewall(closes_after=1024 * 1024)
    async with server_behind(firewall, always(answer())) as server, client_of(server) as client:
        error, seconds = await loss_of(client, bytes(6 * 1024 * 1024))
        assert (error.delivery, error.attempts, server.connections, len(server.requests)) == (Delivery.UNKNOWN, 1, 1, 0)
    assert FOUND_AFTER - 0.5 < seconds < FOUND_AFTER + ONE_RETRANSMISSION


async def test_probes_keep_a_long_invocation_alive() -> None:
    firewall = Firewall(forgets_after=2)

    async def long(connection: Connection) -> None:
        await connection.read_request()
        await asyncio.sleep(4)
        await connection.write(answer(body=b'"done"'))
        await connection.until_client_closes()

    async with server_behind(firewall, long) as server, client_of(server) as client, client_of(server, None, 5.5) as unprobed:
        output, forgotten = await asyncio.gather(client.invoke("f"), unprobed.invoke("f"), return_exceptions=True)
        assert not isinstance(output, BaseException), output
        assert output.json() == "done"
        assert isinstance(forgotten, InvocationTimeoutError)
        assert (forgotten.exceeded, forgotten.delivery) == ("read", Delivery.UNKNOWN)
        assert (server.connections, len(server.requests)) == (2, 2)
    assert firewall.dropped > 0
