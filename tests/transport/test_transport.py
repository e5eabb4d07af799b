"""One request over the transport: bytes, headers, connections, proxies."""

import base64
import socket
import sys

import pytest

from aiolambda import (
    LambdaClient,
    LambdaServiceException,
    TcpKeepAlive,
)
from aiolambda.transport.sockets import report_from

from ..support.servers import Connection, always, answer, raw_server
from ..support.transports import KEYS, client_for, request_to, transport_to


async def test_request_arrives_unchanged() -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        response = await transport.send(request_to(server, b"\x00\xff payload"))
        head, body = server.requests[0]
    assert head.startswith(b"POST /path%2Fkept?Qualifier=%24LATEST HTTP/1.1\r\n")
    names = sorted(line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line)
    assert names == [b"content-length", b"content-type", b"host"]
    assert body == b"\x00\xff payload"
    assert (response.status, response.body) == (200, b"{}")


async def test_an_empty_body_is_sent_with_its_length() -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        await transport.send(request_to(server, b""))
    assert b"content-length: 0\r\n" in server.requests[0][0].lower()


async def test_six_megabytes_go_both_ways_unchanged() -> None:
    payload = bytes(range(256)) * 24576
    async with raw_server(always(answer(body=payload))) as server, transport_to() as transport:
        response = await transport.send(request_to(server, payload))
    assert server.requests[0][1] == payload
    assert response.body == payload


async def test_small_answers_follow_a_large_one_on_the_connection() -> None:
    """The kernel reports a large body in pieces of 1 MiB, and each byte of what follows."""
    answers = [answer(body=bytes(size)) for size in (5_000_000, 2, 300_000, 0, 3_000_001, 2)]

    async def script(connection: Connection) -> None:
        for whole in answers:
            await connection.read_request()
            await connection.write(whole[:-1])
            await connection.write(whole[-1:])

    async with raw_server(script) as server, transport_to() as transport:
        sizes = [len((await transport.send(request_to(server))).body) for _ in answers]
    assert sizes == [5_000_000, 2, 300_000, 0, 3_000_001, 2]
    assert server.connections == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels count these bytes in their own way")
def test_kernel_without_room_reports_each_byte() -> None:
    """One that keeps such a limit, and never has so many bytes, would report nothing."""

    class Cramped(socket.socket):
        def getsockopt(self, level: int, name: int) -> int:  # type: ignore[override]
            return 4096 if name == socket.SO_RCVBUF else super().getsockopt(level, name)

    for kind, expected in ((socket.socket, 100_000), (Cramped, 1)):
        with kind() as sock:
            report_from(sock, 100_000)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == expected


async def test_response_without_a_body_is_accepted() -> None:
    async with raw_server(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server, transport_to() as transport:
        response = await transport.send(request_to(server))
    assert (response.status, response.body) == (204, b"")


async def test_a_connection_is_used_again() -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        for _ in range(5):
            await transport.send(request_to(server))
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_error_body_is_drained_for_connection_reuse() -> None:
    async with raw_server(always(answer("500 Oops", body=b"x" * 100_000))) as server, transport_to() as transport:
        for _ in range(3):
            await transport.send(request_to(server))
    assert server.connections == 1


async def test_no_redirect_is_followed() -> None:
    async with raw_server(always(answer())) as other:
        async with (
            raw_server(always(answer("302 Found", f"Location: {other.url}/\r\n"))) as server,
            client_for(server) as client,
        ):
            with pytest.raises(LambdaServiceException) as raised:
                await client.invoke("f")
    assert raised.value.status_code == 302
    assert other.connections == 0


async def test_cookies_are_neither_kept_nor_sent() -> None:
    async with raw_server(always(answer(headers="Set-Cookie: a=b\r\n"))) as server, transport_to() as transport:
        await transport.send(request_to(server))
        await transport.send(request_to(server))
    assert b"cookie" not in server.requests[1][0].lower()


async def test_a_compressed_answer_is_left_as_it_came() -> None:
    async with raw_server(always(answer(headers="Content-Encoding: gzip\r\n", body=b"not gzip"))) as server:
        async with transport_to() as transport:
            response = await transport.send(request_to(server))
    assert response.body == b"not gzip"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with raw_server(always(answer())) as server, transport_to() as transport:
        assert (await transport.send(request_to(server))).status == 200


async def test_proxy_argument_is_used() -> None:
    async with raw_server(always(answer())) as proxy:
        async with LambdaClient(
            region="us-east-1", credentials=KEYS, endpoint_url="http://unreachable.invalid", proxy=proxy.url
        ) as client:
            await client.invoke("f")
    assert proxy.requests[0][0].startswith(b"POST http://unreachable.invalid/2015-03-31/functions/f/invocations HTTP/1.1\r\n")


async def test_proxy_password_is_sent_with_each_request() -> None:
    async with raw_server(always(answer())) as proxy:
        via = proxy.url.replace("http://", "http://user:p%C3%A4ss%20word@")
        async with LambdaClient(
            region="us-east-1", credentials=KEYS, endpoint_url="http://unreachable.invalid", proxy=via
        ) as client:
            await client.invoke("f")
            await client.invoke("f")
    credentials = base64.b64encode("user:p\xe4ss word".encode())
    for head, _ in proxy.requests:
        assert head.count(b"\r\nproxy-authorization: Basic " + credentials + b"\r\n") == 1
    assert (len(proxy.requests), proxy.connections) == (2, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the names of the options are Linux's")
async def test_keep_alive_options_are_set_on_the_socket() -> None:
    async def head_only(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await connection.until_client_closes()

    async with (
        raw_server(head_only) as server,
        transport_to(keep_alive=TcpKeepAlive(idle=20, interval=4, count=5)) as transport,
    ):
        async with transport.stream(request_to(server)) as response:
            sock = response.exchange.connection.transport.get_extra_info("socket")
            options = {
                name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT", "TCP_NODELAY")
            }
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert options.pop("TCP_NODELAY") != 0
    assert options == {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 4, "TCP_KEEPCNT": 5, "TCP_USER_TIMEOUT": 40_000}
