"""The transport against servers that speak bytes: what it sends, what it keeps, and how it fails."""

import asyncio
import base64
import contextlib
import contextvars
import gc
import socket
import ssl
import sys
import traceback
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trustme

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Credentials,
    Delivery,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    NoRetry,
    QueueTimeoutError,
    Request,
    TcpKeepAlive,
    Timeouts,
    TransportError,
)
from aiolambda.transport import AiohttpTransport, connect_queue
from aiolambda.transport.connect_queue import AT_A_TIME as OPENING_AT_A_TIME
from aiolambda.transport.exchange import Exchange
from aiolambda.transport.pool import Pool
from aiolambda.transport.sockets import socket_factory
from aiolambda.types.http import Headers

from ..support.servers import Connection, RawServer, always, answer, raw_server, silent

KEYS = Credentials("AKIDEXAMPLE", "secret")
TENANT = "hunter4"


def client_for(server: RawServer, **settings: object) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@contextlib.asynccontextmanager
async def transport_to(**settings: object) -> AsyncIterator[AiohttpTransport]:
    options: dict[str, object] = {"keep_alive": TcpKeepAlive(), "idle_connection_timeout": 60.0, **settings}
    transport = AiohttpTransport(**options)  # type: ignore[arg-type]
    try:
        yield transport
    finally:
        await transport.close()


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """A port that takes no further connection: its backlog is full."""
    with socket.socket() as listener, contextlib.ExitStack() as fillers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def request_to(server: RawServer, body: bytes = b"{}", timeouts: Timeouts | None = None) -> Request:
    headers = Headers({"host": "example", "content-type": "application/octet-stream"})
    return Request("POST", f"{server.url}/path%2Fkept?Qualifier=%24LATEST", headers, body, timeouts or Timeouts(read=5))


def pool_of(transport: object) -> Pool:
    assert isinstance(transport, AiohttpTransport)
    assert transport._pool is not None
    return transport._pool


def nothing_is_promised(pool: Pool) -> bool:
    return not pool.turns.in_use and not any(route.shelf.promised for route in pool._routes)


async def test_the_request_line_headers_and_body_arrive_as_they_were_given() -> None:
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


async def test_an_answer_without_a_body_is_an_answer() -> None:
    async with raw_server(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server, transport_to() as transport:
        response = await transport.send(request_to(server))
    assert (response.status, response.body) == (204, b"")


async def test_a_connection_is_used_again() -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        for _ in range(5):
            await transport.send(request_to(server))
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_the_body_of_an_error_is_drained_so_that_the_connection_is_used_again() -> None:
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


async def test_a_proxy_that_is_asked_for_is_used() -> None:
    async with raw_server(always(answer())) as proxy:
        async with LambdaClient(
            region="us-east-1", credentials=KEYS, endpoint_url="http://unreachable.invalid", proxy=proxy.url
        ) as client:
            await client.invoke("f")
    assert proxy.requests[0][0].startswith(b"POST http://unreachable.invalid/2015-03-31/functions/f/invocations HTTP/1.1\r\n")


async def test_a_proxy_that_reads_the_requests_is_told_its_password_in_each_of_them() -> None:
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
async def test_keep_alive_can_be_read_back_from_the_socket_that_carries_the_request() -> None:
    async def head_only(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await connection.until_client_closes()

    async with (
        raw_server(head_only) as server,
        transport_to(keep_alive=TcpKeepAlive(idle=20, interval=4, count=5)) as transport,
    ):
        async with transport.stream(request_to(server)) as response:
            sock = response.exchange.transport.get_extra_info("socket")
            options = {
                name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT", "TCP_NODELAY")
            }
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert options.pop("TCP_NODELAY") != 0
    assert options == {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 4, "TCP_KEEPCNT": 5, "TCP_USER_TIMEOUT": 40_000}


@pytest.mark.skipif(sys.platform != "linux", reason="the names of the options are Linux's")
def test_a_dead_peer_is_found_in_a_minute_and_a_half_by_default() -> None:
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


async def test_a_name_that_does_not_resolve_is_not_delivered() -> None:
    async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url="http://lambda.invalid") as client:
        with pytest.raises(ConnectError) as raised:
            await client.invoke("orders", timeout=Timeouts(connect=20))
    assert raised.value.delivery is Delivery.NOT_DELIVERED


async def test_a_certificate_of_an_unknown_authority_is_refused(server_tls: ssl.SSLContext) -> None:
    async with raw_server(always(answer()), tls=server_tls) as server, client_for(server) as client:
        with pytest.raises(ConnectError, match="certificate") as raised:
            await client.invoke("f")
    assert raised.value.delivery is Delivery.NOT_DELIVERED
    assert server.requests == []


async def test_the_bundle_of_the_environment_is_trusted(
    authority: trustme.CA, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.cert_pem.tempfile() as bundle:
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
        async with raw_server(always(answer()), tls=server_tls) as server, client_for(server) as client:
            assert (await client.invoke("f")).json() == {}


async def test_the_bundle_that_is_given_goes_before_that_of_the_environment(
    authority: trustme.CA, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
    with authority.cert_pem.tempfile() as bundle:
        async with raw_server(always(answer()), tls=server_tls) as server, client_for(server, ca_bundle=bundle) as client:
            assert (await client.invoke("f")).json() == {}


async def test_a_bundle_that_cannot_be_read_fails_when_the_client_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(ConfigurationError, match="bundle.pem"):
        await LambdaClient(region="us-east-1", credentials=KEYS).open()


async def test_a_server_that_never_accepts_ends_at_the_connect_limit() -> None:
    with unreachable() as endpoint:
        limits = Timeouts(connect=0.2)
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint, timeout=limits) as client:
            with pytest.raises(InvocationTimeoutError, match=r"within 0\.2 s") as raised:
                await client.invoke("f")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("connect", "connect", Delivery.NOT_DELIVERED)


async def test_a_handshake_that_stalls_ends_at_the_connect_limit() -> None:
    async def no_handshake(connection: Connection) -> None:
        await connection.until_client_closes()

    async with raw_server(no_handshake) as server:
        endpoint = server.url.replace("http://", "https://")
        async with LambdaClient(
            region="us-east-1", credentials=KEYS, endpoint_url=endpoint, timeout=Timeouts(connect=0.1)
        ) as client:
            with pytest.raises(InvocationTimeoutError) as raised:
                await client.invoke("f")
    assert (raised.value.exceeded, raised.value.delivery) == ("connect", Delivery.NOT_DELIVERED)


async def test_a_silent_server_ends_at_the_read_limit_and_may_have_run() -> None:
    async with raw_server(silent) as server, client_for(server, timeout=Timeouts(read=0.1)) as client:
        with pytest.raises(InvocationTimeoutError, match=r"no byte came .* for 0\.1 s.*it may have run") as raised:
            await client.invoke("f")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "wait", Delivery.UNKNOWN)
    assert len(server.requests) == 1


async def test_half_an_answer_and_silence_end_at_the_read_limit() -> None:
    async def half(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await connection.until_client_closes()

    async with raw_server(half) as server, client_for(server, timeout=Timeouts(read=0.1)) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("f")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "receive", Delivery.UNKNOWN)


async def test_an_upload_goes_on_behind_a_102_for_longer_than_the_read_limit() -> None:
    """Which is one of silence: it begins when all is written."""
    size = 36_000_000

    async def slow(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        for _ in range(12):
            await asyncio.sleep(0.15)
            await connection.reader.readexactly(size // 12)
        await connection.write(answer())

    async with raw_server(slow) as server, transport_to() as transport:
        response = await transport.send(request_to(server, bytes(size), Timeouts(read=1.0)))
    assert (response.status, response.body) == (200, b"{}")


async def test_the_total_limit_covers_the_wait_for_an_answer() -> None:
    async with raw_server(silent) as server, client_for(server) as client:
        with pytest.raises(InvocationTimeoutError, match=r"did not end within 0\.1 s") as raised:
            await client.invoke("f", timeout=0.1)
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("total", "wait", Delivery.UNKNOWN)
    assert raised.value.attempts == 1
    assert raised.value.elapsed > 0.09


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "ended before an answer came"),
        (b"HTTP/1.1 200 O", "ended before an answer came|is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "ended before an answer came|is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "ended in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "ended in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", "in the middle of the answer|is not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not HTTP that can be read|ended before an answer came"),
        (b'{"password":"hunter2"}\r\n\r\n', "is not HTTP that can be read|ended before an answer came"),
        (b'HTTP/1.1 200 OK\r\n{"password":"hunter2"}\r\n\r\n', "is not HTTP that can be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: hunter2\r\n\r\n", "is not HTTP that can be read"),
        (b"HTTP/1.1 hunter2\r\n\r\n", "is not HTTP that can be read"),
    ],
    ids=[
        "nothing",
        "half a status line",
        "half the headers",
        "half the body",
        "half a chunk",
        "a bad chunk size",
        "another protocol",
        "a payload for a head",
        "a payload for a header",
        "a length that is none",
        "a status that is none",
    ],
)
async def test_an_answer_that_is_cut_or_nonsense_is_unknown(data: bytes, text: str) -> None:
    async def cut(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(data)

    async with raw_server(cut) as server, client_for(server, timeout=Timeouts(read=5)) as client:
        with pytest.raises(ConnectionLostError, match=text) as raised:
            await client.invoke("orders")
    assert raised.value.delivery is Delivery.UNKNOWN
    assert raised.value.function_name == "orders"
    assert len(server.requests) == 1
    assert "hunter" not in "".join(traceback.format_exception(raised.value))


async def test_a_reset_after_the_request_is_unknown() -> None:
    async def reset(connection: Connection) -> None:
        await connection.read_request()
        sock = connection.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.writer.transport.abort()

    async with raw_server(reset) as server, client_for(server) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("f")
    assert raised.value.delivery is Delivery.UNKNOWN


async def test_a_cancelled_call_closes_its_connection_and_no_other() -> None:
    started = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            head, _ = await connection.read_request()
            if b"/slow/" in head:
                started.set()
                await connection.until_client_closes()
                return
            await connection.write(answer())

    async with raw_server(script) as server, client_for(server) as client:
        slow = asyncio.create_task(client.invoke("slow"))
        await started.wait()
        await client.invoke("fast")
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert client.stats.in_flight == 0
        while not server.closed:
            await asyncio.sleep(0)
        await client.invoke("fast")
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_closing_the_client_cuts_calls_with_an_error_of_their_own() -> None:
    async with raw_server(silent) as server:
        client = client_for(server)
        call = asyncio.create_task(client.invoke("f"))
        while not server.requests:
            await asyncio.sleep(0)
        await client.close(grace=0)
        with pytest.raises(ClientClosedError, match="closed while this call was in flight") as raised:
            await call
        assert raised.value.delivery is Delivery.UNKNOWN
        with pytest.raises(ClientClosedError) as refused:
            await client.invoke("f")
        assert refused.value.delivery is Delivery.NOT_DELIVERED


async def test_a_stream_is_read_as_it_comes_and_gives_its_connection_back() -> None:
    more = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        await more.wait()
        await connection.write(b"rest!")
        await always(answer())(connection)

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)) as response:
            pieces = aiter(response)
            assert await anext(pieces) == b"first"
            more.set()
            assert b"".join([piece async for piece in pieces]) == b"rest!"
        await transport.send(request_to(server))
    assert server.connections == 1


async def test_a_stream_that_is_left_early_closes_its_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        await connection.until_client_closes()

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)) as response:
            assert response.status == 200
        while not server.closed:
            await asyncio.sleep(0)


async def test_a_stream_that_is_cut_says_so() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)) as response:
            with pytest.raises(ConnectionLostError, match="in the middle of the answer"):
                async for _ in response:
                    pass


async def test_a_request_is_signed_when_it_is_its_turn_to_open_a_connection_not_before() -> None:
    signed: list[str] = []

    async def note(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        signed.append(call.request.headers["authorization"])
        return await call_next(call)

    with unreachable() as url:
        client = LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=url, retry=NoRetry())
        client.middleware_stack.add_relative_to(note, relation="after", to_middleware="httpSigningMiddleware")
        async with client:
            calls = [client.invoke("f", timeout=Timeouts(connect=0.3)) for _ in range(OPENING_AT_A_TIME + 5)]
            tasks = [asyncio.create_task(call) for call in calls]
            await asyncio.sleep(0.1)
            assert len(signed) == OPENING_AT_A_TIME
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [getattr(outcome, "exceeded", None) for outcome in outcomes] == ["connect"] * len(tasks)
        assert len(signed) == len(tasks)


async def test_calls_whose_middlewares_wait_for_further_calls_do_not_wait_for_each_others_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind the signature a middleware sends another call, and exchanges the request, while each has a turn to connect."""
    monkeypatch.setattr(connect_queue, "KEPT", 0.05)

    async def nested(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "outer":
            await client.invoke("inner")
        call.request = call.request.copy()
        return await call_next(call)

    async with raw_server(always(answer())) as server, client_for(server) as client, asyncio.timeout(10):
        client.middleware_stack.add(nested, step="deserialize")
        await asyncio.gather(*(client.invoke("outer") for _ in range(2 * OPENING_AT_A_TIME)))
        assert len(server.requests) == 4 * OPENING_AT_A_TIME
        pool = pool_of(client._wiring.transport)
        assert nothing_is_promised(pool)


async def test_a_request_whose_connection_is_gone_once_it_is_signed_is_signed_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the signature only opening a connection may come; to wait for a turn would make the signature old."""
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 1)
    signed: list[float] = []
    held, released, ends = asyncio.Event(), asyncio.Event(), asyncio.Event()
    clock = asyncio.get_running_loop().time

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer())
        if connection.number == 1:
            await ends.wait()

    async def hold(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        signed.append(clock())
        if len(signed) == 2:
            held.set()
            await released.wait()
        return await call_next(call)

    async with raw_server(script) as server, client_for(server) as client:
        client.middleware_stack.add(hold, step="deserialize")
        await client.invoke("f")
        pool = pool_of(client._wiring.transport)
        call = asyncio.create_task(client.invoke("f"))
        await held.wait()
        ends.set()
        while any(line.is_open for route in pool._routes for line in route.shelf.idle):
            await asyncio.sleep(0.001)
        other = pool.turns.turn()  # somebody else has the only one
        released.set()
        await asyncio.sleep(0.05)
        freed = clock()
        other.release()
        output = await call
    assert [attempt.delivery for attempt in output.metadata.history] == [Delivery.NOT_DELIVERED, Delivery.EXECUTED]
    assert (len(signed), len(server.requests)) == (3, 2)
    assert signed[-1] >= freed
    assert nothing_is_promised(pool)


@pytest.mark.parametrize("half_closed", [False, True], ids=["open", "half-closed"])
@pytest.mark.parametrize("size", [900_000, 6_000_000])
async def test_an_upload_of_which_the_server_takes_nothing_ends_with_the_read_limit(
    size: int, half_closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The send buffer is as small as that of a connection whose way is long."""

    def small(*args: Any) -> Any:
        make = socket_factory(*args)

        def make_small(address: Any) -> Any:
            sock = make(address)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            return sock

        return make_small

    async def reads_nothing(connection: Connection) -> None:
        if half_closed:  # once the upload is under way: before that, nothing would have been delivered
            await connection.reader.readexactly(1)
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        if half_closed:
            connection.writer.write_eof()
        await stopped.wait()

    monkeypatch.setattr("aiolambda.transport.pool.socket_factory", small)
    stopped = asyncio.Event()
    async with raw_server(reads_nothing) as server, client_for(server) as client:
        with pytest.raises(TransportError) as raised:
            await client.invoke("f", b" " * size, timeout=Timeouts(read=0.3, total=5))
        if isinstance(raised.value, InvocationTimeoutError):
            assert raised.value.exceeded == "read"
        else:  # uvloop, and the oldest aiohttp, end at once what the server has ended
            assert half_closed
            assert isinstance(raised.value, ConnectionLostError)
        assert raised.value.delivery is Delivery.UNKNOWN
        stopped.set()


async def test_a_stream_that_is_left_with_all_of_it_at_hand_takes_no_connection_from_another_request() -> None:
    """The connection went back to the pool when the last byte came, not when it was read."""

    async def script(connection: Connection) -> None:
        while True:
            head, _ = await connection.read_request()
            if b"slow" in head:
                await asyncio.sleep(0.2)
            await connection.write(answer(body=b"all of it"))

    async with raw_server(script) as server, transport_to() as transport:
        async with transport.stream(request_to(server)):
            await asyncio.sleep(0.05)
            slow = request_to(server)
            slow.headers["x-slow"] = "slow"
            other = asyncio.create_task(transport.send(slow))
            await asyncio.sleep(0.05)
        assert (await other).body == b"all of it"


async def test_a_method_that_aiohttp_would_send_again_is_sent_once_and_judged_as_sent() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer())
        await connection.read_request()

    async with raw_server(script) as server, transport_to() as transport:
        request = request_to(server)
        request.method = "PUT"
        await transport.send(request.copy())
        with pytest.raises(ConnectionLostError) as raised:
            await transport.send(request)
    assert (raised.value.delivery, len(server.requests)) == (Delivery.UNKNOWN, 2)


async def test_a_request_that_a_middleware_made_has_the_limits_of_its_call() -> None:
    async def exchange(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request = Request(call.request.method, call.request.url, call.request.headers, call.request.body)
        return await call_next(call)

    for step in ("build", "finalize", "deserialize"):
        async with raw_server(silent) as server, client_for(server) as client:
            client.middleware_stack.add(exchange, step=step)  # type: ignore[arg-type]
            with pytest.raises(InvocationTimeoutError) as raised:
                await client.invoke("f", timeout=Timeouts(read=0.1, queue=1, total=5))
            assert raised.value.exceeded == "read"


async def test_at_most_so_many_handshakes_go_on_at_a_time(authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    calls = OPENING_AT_A_TIME * 5
    most = 0
    held = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await held.wait()
        await connection.write(answer())

    with authority.cert_pem.tempfile() as bundle:
        async with raw_server(script, tls=server_tls) as server, client_for(server, ca_bundle=bundle) as client:
            await client.open()
            tasks = [asyncio.create_task(client.invoke("f")) for _ in range(calls)]
            while len(server.requests) < calls:
                await asyncio.sleep(0.001)
                transport = client._wiring.transport
                assert isinstance(transport, AiohttpTransport)
                connector = transport._pool or None
                if connector is not None:
                    most = max(most, connector.turns.in_use)  # type: ignore[attr-defined]
            held.set()
            await asyncio.gather(*tasks)
    assert most == OPENING_AT_A_TIME
    assert server.connections == calls


async def test_who_waits_for_a_turn_takes_the_connection_that_comes_back_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left behind while those who came later go on over the connections that there are."""
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 1)
    async with raw_server(always(answer())) as server, client_for(server) as client:
        await client.invoke("first")
        pool = pool_of(client._wiring.transport)
        other = pool.turns.turn()  # somebody else has the only one
        other.hold()
        ended: list[str] = []

        async def invoke_twice(name: str) -> None:
            for _ in range(2):
                await client.invoke(name)
                ended.append(name)

        async with asyncio.timeout(10):
            await asyncio.gather(*(invoke_twice(name) for name in "abc"))
        other.release()
        assert ended == ["a", "b", "c", "a", "b", "c"]
        assert server.connections == 1
        assert nothing_is_promised(pool)


async def test_a_promise_with_nothing_behind_it_is_void_at_once() -> None:
    """While its request opens a connection, the next that lies idle is another's."""
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server)
        await transport.send(request)
        pool = pool_of(transport)
        (route,) = pool._routes
        promise = pool.promised(route)
        assert promise is not None
        route.shelf.idle.pop().close()
        assert pool.lend_idle(Exchange(request, proves=True), route, promise) is None
        assert promise.ended
        assert nothing_is_promised(pool)


async def closes_unannounced(connection: Connection) -> None:
    """Answers one request, and ends its side right behind the answer."""
    await connection.read_request()
    connection.writer.write(answer())
    connection.writer.write_eof()
    await connection.writer.drain()


async def test_who_waits_is_not_served_with_a_connection_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be signed for it in vain, and wait again behind all others."""
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 2)
    async with raw_server(closes_unannounced) as server, client_for(server, retry=NoRetry()) as client:
        outputs = await asyncio.gather(*(client.invoke("f") for _ in range(40)))
        assert server.connections == 40
        assert nothing_is_promised(pool_of(client._wiring.transport))
    assert {len(output.metadata.history) for output in outputs} == {1}


async def test_nested_calls_do_not_stand_behind_those_who_wait_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the signature a middleware sends another call: what its own call keeps would else be kept for as long."""
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 2)
    monkeypatch.setattr(connect_queue, "KEPT", 60.0)

    async def nested(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "outer":
            await client.invoke("inner")
        return await call_next(call)

    async with raw_server(always(answer())) as server, client_for(server) as client, asyncio.timeout(10):
        await asyncio.gather(*(client.invoke("warm") for _ in range(5)))
        client.middleware_stack.add(nested, step="deserialize")
        await asyncio.gather(*(client.invoke("outer") for _ in range(100)))
        assert len(server.requests) == 205
        assert nothing_is_promised(pool_of(client._wiring.transport))


async def test_a_request_that_has_a_turn_takes_no_connection_that_is_promised_to_another() -> None:
    """Not even where the one that it could have had has ended."""
    held = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await held.wait()
        await connection.write(answer())
        await connection.read_request()

    async with raw_server(script) as server, transport_to() as transport:
        request = request_to(server)
        both = [asyncio.create_task(transport.send(request.copy())) for _ in range(2)]
        while len(server.requests) < 2:
            await asyncio.sleep(0.001)
        held.set()
        await asyncio.gather(*both)
        pool = pool_of(transport)
        (route,) = pool._routes
        promise, turn = pool.promised(route), pool.turns.turn()
        assert promise is not None
        spare = route.shelf.idle[-1].sock
        assert spare is not None
        spare.cut()
        assert pool.lend_idle(Exchange(request, proves=True), route, turn) is None
        turn.release()
        line = pool.lend_idle(Exchange(request, proves=False), route, promise)
        assert line is not None
        line.close()
        assert nothing_is_promised(pool)


async def test_a_request_that_is_turned_elsewhere_gives_its_promise_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 1)
    arrived, released = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection) -> None:
        await connection.read_request()
        arrived.set()
        await released.wait()
        await connection.write(answer())

    async with raw_server(always(answer())) as here, raw_server(slow) as there, transport_to() as transport:
        await transport.send(request_to(here))

        async def redirected() -> None:
            place = await transport.reserve(request_to(here))
            try:
                await transport.send(request_to(there))
            finally:
                place.end()

        task = asyncio.create_task(redirected())
        await arrived.wait()
        turn = pool_of(transport).turns.turn()
        await transport.send(request_to(here, timeouts=Timeouts(queue=1, read=5)))
        turn.release()
        released.set()
        await task
        assert here.connections == 1
        assert nothing_is_promised(pool_of(transport))


async def test_a_promise_outlives_that_a_hundred_other_origins_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 1)
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server, timeouts=Timeouts(queue=1, read=5))
        await transport.send(request.copy())
        place = await transport.reserve(request)
        loop = asyncio.get_running_loop()

        async def ask(origin: str) -> None:
            assert transport.promise(Request("POST", f"{origin}/", Headers({}), b"{}"), loop) is None

        for number in range(110):  # by a task that keeps no place
            await loop.create_task(ask(f"http://h{number}.invalid"), context=contextvars.Context())
        turn = pool_of(transport).turns.turn()
        await transport.send(request)
        turn.release()
        place.end()
        assert server.connections == 1
        assert len(transport._routes) < 110


async def test_who_waits_for_a_connection_when_the_transport_is_closed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 1)
    with unreachable() as endpoint:
        transport = AiohttpTransport(keep_alive=None, idle_connection_timeout=60)
        request = Request("POST", f"{endpoint}/", Headers({}), b"{}", Timeouts(connect=30))
        sends = [asyncio.create_task(transport.send(request.copy())) for _ in range(3)]
        await asyncio.sleep(0.05)
        await transport.close()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(outcome, AiolambdaError) and not outcome.may_have_run for outcome in outcomes)
    assert [type(outcome) for outcome in outcomes].count(ClientClosedError) == 2


async def test_a_wait_for_a_connection_that_is_too_long_says_its_limit_and_leaves_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connect_queue, "AT_A_TIME", 1)
    async with raw_server(always(answer())) as server, transport_to() as transport:
        await transport.send(request_to(server))
        pool = pool_of(transport)
        (route,) = pool._routes
        promise, turn = pool.promised(route), pool.turns.turn()
        assert promise is not None
        with pytest.raises(QueueTimeoutError, match=r"within 0 s"):
            await pool.reserve(route, 0)
        assert not route.shelf.waiting
        promise.release()
        turn.release()
        assert nothing_is_promised(pool)


async def test_the_wait_for_a_turn_to_connect_is_queue_time() -> None:
    with unreachable() as endpoint:
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint) as client:
            limits = Timeouts(queue=0.3, connect=1.0)
            calls = [asyncio.create_task(client.invoke("f", timeout=limits)) for _ in range(OPENING_AT_A_TIME + 1)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(QueueTimeoutError) == 1
    assert all(isinstance(outcome, AiolambdaError) and not outcome.may_have_run for outcome in outcomes)


@pytest.mark.parametrize(
    "body", [b"123456789", b"1", b"", b"x" * 2_000_000], ids=["longer", "shorter", "none", "two megabytes"]
)
async def test_the_body_is_sent_whole_whatever_length_a_header_says(body: bytes) -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server, body)
        request.headers["content-length"] = "5"
        await transport.send(request)
    assert server.requests[0][1] == body


async def test_a_body_that_is_changed_behind_the_signature_is_sent_whole() -> None:
    async def change(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.body = b'{"longer":"than before"}'
        return await call_next(call)

    async with raw_server(always(answer())) as server, client_for(server) as client:
        client.middleware_stack.add(change, step="deserialize")
        await client.invoke("f", b"{}")
    assert server.requests[0][1] == b'{"longer":"than before"}'


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b"garbage\r\n\r\n"]
)
async def test_no_traceback_shows_the_password_of_a_proxy_or_the_headers_of_a_request(data: bytes) -> None:
    keys = Credentials("AKIDEXAMPLE", "secret", "hunter3")

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.write(data)

    async with raw_server(script) as proxy:
        for endpoint in ("https://lambda.invalid", "http://lambda.invalid"):
            via = proxy.url.replace("http://", "http://user:hunter2@")
            async with LambdaClient(region="us-east-1", credentials=keys, endpoint_url=endpoint, proxy=via) as client:
                with pytest.raises(AiolambdaError) as raised:
                    await client.invoke("f", tenant_id=TENANT)
                shown = "".join(traceback.format_exception(raised.value)) + repr(client.config)
                cause: BaseException | None = raised.value
                while cause is not None:
                    shown += repr(cause)
                    cause = cause.__cause__
                assert "hunter" not in shown


@pytest.mark.parametrize(
    "proxy", ["user:hunter2@h:8080", "//user:hunter2@h", "socks5://h:1", "http://", "http://h h", "http://h:99999"]
)
def test_a_proxy_that_is_none_is_refused_when_the_client_is_built(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy is not") as raised:
        LambdaClient(proxy=proxy)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"), [("x-a", "a\r\nx-b: c"), ("x-a", "a\x00"), ("x a", "b"), ("", "b"), ("x-a\r\n", "b")]
)
async def test_a_header_that_http_cannot_carry_is_refused_before_anything_is_sent(name: str, value: str) -> None:
    async def spoil(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.headers[name] = value
        return await call_next(call)

    async with raw_server(always(answer())) as server, client_for(server) as client:
        client.middleware_stack.add(spoil, step="finalize")
        with pytest.raises(InvalidInputError, match="holds a character that HTTP cannot carry") as raised:
            await client.invoke("f")
        assert (raised.value.delivery, client.stats.unknown) == (Delivery.NOT_DELIVERED, 0)
    assert (server.connections, server.requests) == (0, [])


async def test_keys_and_agents_that_no_header_can_carry_are_refused_when_the_client_opens() -> None:
    with pytest.raises(ConfigurationError, match="session_token"):
        await LambdaClient(region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "s", "token\n")).open()
    with pytest.raises(ConfigurationError, match="user_agent_extra"):
        LambdaClient(user_agent_extra="a\r\nb")


async def test_a_request_is_not_kept_alive_by_the_context_of_its_caller() -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server)
        kept = weakref.ref(request.headers)
        await transport.send(request)
        del request
        gc.collect()
        assert kept() is None


async def test_a_call_that_waits_for_its_turn_to_connect_has_not_been_sent() -> None:
    with unreachable() as endpoint:
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint) as client:
            limits = [Timeouts(total=1, connect=5)] * OPENING_AT_A_TIME + [Timeouts(total=0.3, connect=5)] * 5
            calls = [asyncio.create_task(client.invoke("f", timeout=limit)) for limit in limits]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert client.stats.unknown == 0
    stages = [outcome.stage for outcome in outcomes if isinstance(outcome, InvocationTimeoutError) and not outcome.may_have_run]
    assert stages == ["connect"] * OPENING_AT_A_TIME + ["queue"] * 5


async def test_an_idle_connection_to_another_host_opens_no_gate() -> None:
    """The turns are for the host of the request: what lies idle for another is no connection for this one."""
    with unreachable() as endpoint:
        async with raw_server(always(answer())) as server, transport_to() as transport:
            await transport.send(request_to(server))
            elsewhere = Timeouts(queue=0.2, connect=5)

            async def send() -> None:
                await transport.send(Request("POST", f"{endpoint}/x", Headers({"host": "h"}), b"", elsewhere))

            calls = [asyncio.create_task(send()) for _ in range(OPENING_AT_A_TIME + 1)]
            done, waiting = await asyncio.wait(calls, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            assert [type(task.exception()) for task in done] == [QueueTimeoutError]
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)


async def test_nothing_is_left_behind_by_a_hundred_calls_of_every_kind() -> None:
    async def script(connection: Connection) -> None:
        for data in (answer(), answer("500 Oops"), b""):
            await connection.read_request()
            await connection.write(data)

    before = len(asyncio.all_tasks())
    async with raw_server(script) as server, client_for(server, max_concurrency=10) as client:
        outcomes = await asyncio.gather(
            *(client.send(InvokeCommand(function_name="f")) for _ in range(100)), return_exceptions=True
        )
        assert client.stats.in_flight == client.stats.waiting == 0
    assert all(isinstance(outcome, AiolambdaError) or not isinstance(outcome, BaseException) for outcome in outcomes)
    gc.collect()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before
