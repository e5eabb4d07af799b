"""Opening a connection: keep-alive, TLS, the connect limit."""

import socket
import ssl
import sys

import pytest
import trustme

from aiolambda import (
    ConfigurationError,
    ConnectError,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    TcpKeepAlive,
    Timeouts,
)
from aiolambda.transport.sockets import socket_factory

from ..support.servers import Connection, always, answer, raw_server
from ..support.transports import KEYS, client_for, unreachable


@pytest.mark.skipif(sys.platform != "linux", reason="the names of the options are Linux's")
def test_dead_peer_is_found_within_ninety_seconds() -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))
    with socket_factory(TcpKeepAlive())(address) as sock:
        idle, interval, count, user_timeout = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        )
    assert idle + interval * count == 90 == user_timeout // 1000
    assert idle < 350


def test_keep_alive_can_be_switched_off() -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))
    with socket_factory(None)(address) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def test_a_refused_connection_is_not_delivered() -> None:
    async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(ConnectError, match="cannot connect to 127.0.0.1:.*'orders'.*it has not run") as raised:
            await client.invoke("orders")
    assert raised.value.delivery is Delivery.NOT_DELIVERED
    assert (raised.value.may_have_run, raised.value.attempts, raised.value.function_name) == (False, 3, "orders")


async def test_unresolvable_host_is_not_delivered() -> None:
    async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url="http://lambda.invalid") as client:
        with pytest.raises(ConnectError) as raised:
            await client.invoke("orders", timeout=Timeouts(connect=20))
    assert raised.value.delivery is Delivery.NOT_DELIVERED


async def test_certificate_of_an_unknown_ca_is_refused(server_tls: ssl.SSLContext) -> None:
    async with raw_server(always(answer()), tls=server_tls) as server, client_for(server) as client:
        with pytest.raises(ConnectError, match="certificate") as raised:
            await client.invoke("f")
    assert raised.value.delivery is Delivery.NOT_DELIVERED
    assert server.requests == []


async def test_environment_ca_bundle_is_trusted(
    authority: trustme.CA, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.cert_pem.tempfile() as bundle:
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
        async with raw_server(always(answer()), tls=server_tls) as server, client_for(server) as client:
            assert (await client.invoke("f")).json() == {}


async def test_ca_bundle_argument_overrides_the_environment(
    authority: trustme.CA, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
    with authority.cert_pem.tempfile() as bundle:
        async with raw_server(always(answer()), tls=server_tls) as server, client_for(server, ca_bundle=bundle) as client:
            assert (await client.invoke("f")).json() == {}


async def test_unreadable_ca_bundle_fails_at_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(ConfigurationError, match="bundle.pem"):
        await LambdaClient(region="us-east-1", credentials=KEYS).open()


async def test_unaccepted_connection_ends_at_the_connect_limit() -> None:
    with unreachable() as endpoint:
        limits = Timeouts(connect=0.2)
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint, timeout=limits) as client:
            with pytest.raises(InvocationTimeoutError, match=r"within 0\.2 s \(") as raised:
                await client.invoke("f")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("connect", "connect", Delivery.NOT_DELIVERED)


async def test_stalled_handshake_ends_at_the_connect_limit() -> None:
    async def no_handshake(connection: Connection) -> None:
        await connection.until_client_closes()

    async with raw_server(no_handshake) as server:
        endpoint = server.url.replace("http://", "https://")
        async with LambdaClient(
            region="us-east-1", credentials=KEYS, endpoint_url=endpoint, timeout=Timeouts(connect=0.1)
        ) as client:
            said = r"within 0\.1 s: the server accepted it, but there was no TLS handshake \("
            with pytest.raises(InvocationTimeoutError, match=said) as raised:
                await client.invoke("f")
    assert (raised.value.exceeded, raised.value.delivery) == ("connect", Delivery.NOT_DELIVERED)
