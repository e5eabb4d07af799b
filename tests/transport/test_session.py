"""The transport over a session of the user's own: bytes, settings of the session, losses, cancellation, streams, lifetime."""

import asyncio
import gc
import json
import ssl
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from aioresponses import aioresponses
from yarl import URL

from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    QueueTimeoutError,
    Request,
    ResponseLimits,
    SessionTransport,
    Timeouts,
)
from aiolambda.operations import stream_events

from ..support.fault_table import kept_sockets, open_files
from ..support.loops import LoopFactory
from ..support.servers import Connection, RawServer, always, answer, raw_server, silent
from ..support.transports import KEYS, request_to, unreachable

ENDPOINT = "https://lambda.us-east-1.amazonaws.com"
OF_LAMBDA = {"x-amzn-requestid": "1", "x-amz-executed-version": "$LATEST"}
INVOKE = f"{ENDPOINT}/2015-03-31/functions/orders/invocations"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    with kept_sockets() as make_socket:
        connector = aiohttp.TCPConnector(limit=0, socket_factory=make_socket)
        async with aiohttp.ClientSession(connector=connector) as opened:
            yield opened


@pytest.fixture
def transport(session: aiohttp.ClientSession) -> SessionTransport:
    return SessionTransport(session)


def client_of(session: aiohttp.ClientSession, url: str = ENDPOINT, **settings: Any) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=url, transport=SessionTransport(session), **settings)


def fields_of(server: RawServer) -> Counter[bytes]:
    """The lines of the header of the only request."""
    ((head, _),) = server.requests
    return Counter(head.split(b"\r\n")[1:-2])


def names_of(server: RawServer) -> list[bytes]:
    return sorted(line.split(b":")[0].lower() for line in fields_of(server).elements())


async def lost(connection: Connection) -> None:
    """Reads a request, and ends the connection."""
    await connection.read_request()


# Bytes


async def test_request_arrives_unchanged(transport: SessionTransport) -> None:
    async with raw_server(always(answer())) as server:
        response = await transport.send(request_to(server, b"\x00\xff payload"))
    ((head, body),) = server.requests
    assert head.startswith(b"POST /path%2Fkept?Qualifier=%24LATEST HTTP/1.1\r\n")
    assert names_of(server) == [b"content-length", b"content-type", b"host"]
    assert fields_of(server)[b"host: example"] == 1
    assert (body, response.status, response.body) == (b"\x00\xff payload", 200, b"{}")


@pytest.mark.parametrize("target", ["/a%2fb//c/../d;e=%7e~?x=%20&y=+&z=%C3%A4&&=", "/?", "/%25%3F%23?a=b%3Dc"])
async def test_url_is_sent_byte_for_byte(transport: SessionTransport, target: str) -> None:
    async with raw_server(always(answer())) as server:
        request = request_to(server)
        request.url = server.url + target
        await transport.send(request)
    assert server.requests[0][0].split(b" ")[1] == (target.removesuffix("?")).encode()


async def test_empty_body_is_sent_with_its_length(transport: SessionTransport) -> None:
    async with raw_server(always(answer())) as server:
        await transport.send(request_to(server, b""))
    assert fields_of(server)[b"content-length: 0"] == 1


async def test_wrong_length_is_replaced_by_the_true_one(transport: SessionTransport) -> None:
    async with raw_server(always(answer())) as server:
        request = request_to(server, b"1234")
        request.headers["content-length"] = "1"
        await transport.send(request)
    assert server.requests[0][1] == b"1234"


async def test_six_megabytes_go_both_ways_unchanged(transport: SessionTransport) -> None:
    """aiohttp warns of bytes longer than a megabyte, and warnings are errors here."""
    payload = bytes(range(256)) * 24576
    async with raw_server(always(answer(body=payload))) as server:
        response = await transport.send(request_to(server, payload))
    assert (server.requests[0][1], response.body) == (payload, payload)


async def test_calls_over_tls_use_the_sessions_context(authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        raw_server(always(answer()), tls=server_tls) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session,
    ):
        for _ in range(3):
            await SessionTransport(session).send(request_to(server))
    assert (len(server.requests), server.connections) == (3, 1)


async def test_untrusted_certificate_is_not_tried_again(transport: SessionTransport, server_tls: ssl.SSLContext) -> None:
    async with raw_server(always(answer()), tls=server_tls) as server:
        with pytest.raises(ConnectError, match="cannot connect to localhost") as caught:
            await transport.send(request_to(server))
    assert (caught.value.delivery, caught.value.transient) == (Delivery.NOT_DELIVERED, False)


async def test_response_without_a_body_is_accepted(transport: SessionTransport) -> None:
    async with raw_server(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        response = await transport.send(request_to(server))
    assert (response.status, response.body) == (204, b"")


async def test_header_that_http_cannot_carry_is_refused(transport: SessionTransport) -> None:
    async with raw_server(always(answer())) as server:
        request = request_to(server)
        request.headers["x-a"] = "b\r\nx-c: d"
        with pytest.raises(InvalidInputError):
            await transport.send(request)
    assert (server.connections, request.stage) == (0, "connect")


# Settings of the session


async def test_redirect_is_returned_and_not_followed(transport: SessionTransport) -> None:
    async with raw_server(always(answer("307 Moved", "Location: /elsewhere\r\n"))) as server:
        assert (await transport.send(request_to(server))).status == 307
    assert len(server.requests) == 1


async def test_answers_are_not_decoded(transport: SessionTransport) -> None:
    async with raw_server(always(answer(headers="Content-Encoding: gzip\r\n", body=b"not gzip"))) as server:
        assert (await transport.send(request_to(server))).body == b"not gzip"


async def test_error_statuses_are_answers_despite_the_session() -> None:
    async with raw_server(always(answer("500 Oops"))) as server, aiohttp.ClientSession(raise_for_status=True) as session:
        assert (await SessionTransport(session).send(request_to(server))).status == 500


async def test_default_headers_add_and_never_replace() -> None:
    own = {"X-Team": "blue", "Content-Type": "text/plain", "User-Agent": "mine", "HOST": "elsewhere", "Accept-Encoding": "gzip"}
    async with raw_server(always(answer())) as server, aiohttp.ClientSession(headers=own) as session:
        request = request_to(server)
        request.headers["user-agent"] = "signed"
        await SessionTransport(session).send(request)
    fields = fields_of(server)
    lines = (b"X-Team: blue", b"content-type: application/octet-stream", b"user-agent: signed", b"host: example")
    assert [fields[line] for line in lines] == [1, 1, 1, 1]
    assert fields[b"accept-encoding: identity"] == 1
    assert len(names_of(server)) == len(set(names_of(server))) == 6


@pytest.mark.parametrize(
    "name", ["X-Amz-Invocation-Type", "Expect", "Transfer-Encoding", "Content-Encoding", "Upgrade", "TE", "Trailer"]
)
async def test_default_header_that_changes_the_meaning_is_refused(name: str) -> None:
    async with raw_server(always(answer())) as server, aiohttp.ClientSession(headers={name: "Event"}) as session:
        async with client_of(session, server.url) as client:
            with pytest.raises(ConfigurationError, match=name.lower()) as caught:
                await client.invoke("orders")
    assert (caught.value.delivery, server.connections) == (Delivery.NOT_DELIVERED, 0)


async def test_cookies_are_added_unless_one_is_signed() -> None:
    async with (
        raw_server(always(answer(headers="Set-Cookie: a=b\r\n"))) as server,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        transport = SessionTransport(session)
        for _ in range(2):
            await transport.send(request_to(server))
        request = request_to(server)
        request.headers["cookie"] = "signed=1"
        with pytest.raises(ConfigurationError, match="cookie"):
            await transport.send(request)
    assert [head.count(b"Cookie: a=b") for head, _ in server.requests] == [0, 1]


async def test_netrc_that_would_replace_the_signature_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of aiohttp tell this refusal from others: this test notices if they change."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with raw_server(always(answer())) as server, aiohttp.ClientSession(trust_env=True) as session:
        async with client_of(session, server.url) as client:
            with pytest.raises(ConfigurationError, match=r"\.netrc") as caught:
                await client.invoke("orders")
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.delivery, server.connections) == (Delivery.NOT_DELIVERED, 0)


async def test_proxy_of_the_session_relays_the_request() -> None:
    async with raw_server(always(answer())) as proxy, aiohttp.ClientSession(proxy=proxy.url) as session:
        async with client_of(session, "http://unreachable.invalid") as client:
            await client.invoke("f")
    assert proxy.requests[0][0].startswith(b"POST http://unreachable.invalid/2015-03-31/functions/f/invocations HTTP/1.1\r\n")


async def test_proxy_that_refuses_the_client_is_not_tried_again() -> None:
    async def refuses(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(refuses) as proxy, aiohttp.ClientSession(proxy=proxy.url) as session:
        async with client_of(session, "https://unreachable.invalid") as client:
            with pytest.raises(ConnectError, match="the proxy answered 407") as caught:
                await client.invoke("f")
    assert (caught.value.transient, caught.value.attempts, proxy.connections) == (False, 1, 1)


async def test_https_goes_through_the_tunnel_of_a_proxy(authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def tunnel(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await connection.write(b"HTTP/1.1 200 Go on\r\n\r\n")
        back = asyncio.create_task(carry(reader, connection.writer))
        try:
            await carry(connection.reader, writer)
            await back
        finally:
            back.cancel()
            writer.close()

    connector = aiohttp.TCPConnector(limit=0, ssl=trusting)
    async with (
        raw_server(always(answer()), tls=server_tls) as server,
        raw_server(tunnel) as proxy,
        aiohttp.ClientSession(connector=connector, proxy=proxy.url) as session,
    ):
        for _ in range(2):
            await SessionTransport(session).send(request_to(server))
    assert (len(server.requests), proxy.connections) == (2, 1)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_proxy_that_stalls_fails_in_the_connect_limit() -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with raw_server(silent) as proxy, aiohttp.ClientSession(connector=connector, proxy=proxy.url) as session:
        request = request_to(RawServer(silent), timeouts=Timeouts(connect=0.05))
        request.url = "https://unreachable.invalid/"
        with pytest.raises(InvocationTimeoutError) as caught:
            await SessionTransport(session).send(request)
    assert (caught.value.exceeded, caught.value.delivery) == ("connect", Delivery.NOT_DELIVERED)


async def test_tracing_sees_the_request_and_its_answer(session: aiohttp.ClientSession) -> None:
    seen: list[str] = []
    config = aiohttp.TraceConfig()
    for hook in ("on_request_start", "on_request_chunk_sent", "on_response_chunk_received", "on_request_end"):

        async def note(session: object, context: object, params: Any, hook: str = hook) -> None:
            seen.append(hook)
            if hook == "on_request_start":
                params.headers["traceparent"] = "00-1-2-01"  # as OpenTelemetry does

        getattr(config, hook).append(note)
    async with raw_server(always(answer())) as server, aiohttp.ClientSession(trace_configs=[config]) as traced:
        await SessionTransport(traced).send(request_to(server))
    assert seen == ["on_request_start", "on_request_chunk_sent", "on_request_end", "on_response_chunk_received"]
    assert fields_of(server)[b"traceparent: 00-1-2-01"] == 1


@pytest.mark.parametrize(
    ("hook", "stage"), [("on_request_start", "connect"), ("on_request_chunk_sent", "send"), ("on_request_end", "wait")]
)
async def test_error_of_a_hook_is_raised_and_leaves_nothing(hook: str, stage: str) -> None:
    async def breaks(*_: object) -> None:
        raise KeyError("a hook")

    config = aiohttp.TraceConfig()
    getattr(config, hook).append(breaks)
    async with raw_server(always(answer())) as server, aiohttp.ClientSession(trace_configs=[config]) as traced:
        request = request_to(server)
        # aiohttp reports an error in the middle of the body as the loss of the connection
        with pytest.raises(ConnectionLostError if stage == "send" else KeyError):
            await SessionTransport(traced).send(request)
        assert request.stage == stage
    gc.collect()


# Losses


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("body", [b"", b"{}"], ids=["empty", "body"])
async def test_lost_request_is_sent_once(transport: SessionTransport, method: str, body: bytes) -> None:
    """On a new connection, and on one from the pool."""

    async def once(connection: Connection) -> None:
        if connection.number == 2:
            await connection.read_request()
            await connection.write(answer())
        await connection.read_request()

    async with raw_server(once) as server:
        for before in (0, 1):
            for _ in range(before):
                await transport.send(request_to(server))
            server.requests.clear()
            request = request_to(server, body)
            request.method = method
            with pytest.raises(ConnectionLostError) as caught:
                await transport.send(request)
            assert len(server.requests) == 1
            assert (caught.value.delivery, caught.value.stale_connection) == (Delivery.UNKNOWN, False)


async def test_aiohttp_alone_sends_a_lost_get_twice(session: aiohttp.ClientSession) -> None:
    """The reason for `Body.consumed`."""
    async with raw_server(lost) as server:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.get(server.url, data=b"{}")
    assert len(server.requests) == 2


async def test_second_answer_never_reaches_the_next_call(session: aiohttp.ClientSession) -> None:
    """aiohttp alone gives it to the next call. The one after it is served well."""
    late = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer(body=b"1"))
        await late.wait()
        await connection.write(answer(body=b"2"))
        await connection.read_request()

    async with raw_server(script) as server:
        transport = SessionTransport(session)
        assert (await transport.send(request_to(server))).body == b"1"
        late.set()
        for _ in range(20):
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLostError, match="belongs to another request") as caught:
            await transport.send(request_to(server, b"[]"))
        assert caught.value.delivery is Delivery.UNKNOWN
        assert len(server.requests) == 1
        assert (await transport.send(request_to(server))).body == b"1"


async def test_second_attempt_of_a_session_middleware_is_not_denied() -> None:
    """It is sent again by the middleware. The refused connection of the second attempt proves nothing of the first."""

    async def insists(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ServerDisconnectedError:
            listener.close()
            await listener.wait_closed()
            return await handler(request)

    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n{}"))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    async with aiohttp.ClientSession(middlewares=[insists]) as session:
        request = Request("POST", url, request_to(RawServer(silent)).headers, b"{}", Timeouts(read=5))
        with pytest.raises(ConnectionLostError) as caught:
            await SessionTransport(session).send(request)
    assert (caught.value.delivery, len(requests)) == (Delivery.UNKNOWN, 1)


async def test_session_middleware_may_send_again_and_sees_the_body() -> None:
    bodies: list[bytes] = []

    async def insists(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        assert request.body
        bodies.append(await request.body.as_bytes())
        response = await handler(request)
        if response.status == 429:
            response.release()
            response = await handler(request)
        return response

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer("429 Wait"))
        await connection.read_request()
        await connection.write(answer())

    async with raw_server(script) as server, aiohttp.ClientSession(middlewares=[insists]) as session:
        response = await SessionTransport(session).send(request_to(server, b"[1]"))
    assert (response.status, bodies, [body for _, body in server.requests]) == (200, [b"[1]"], [b"[1]", b"[1]"])


async def test_refused_connection_is_not_delivered(transport: SessionTransport) -> None:
    async with raw_server(silent) as server:
        pass
    with pytest.raises(ConnectError, match="cannot connect to 127") as caught:
        await transport.send(request_to(server))
    assert (caught.value.delivery, caught.value.transient) == (Delivery.NOT_DELIVERED, True)


class NoNames(AbstractResolver):
    """A resolver that knows no name, or never finishes."""

    def __init__(self, *, stalls: bool = False) -> None:
        self.stalls = stalls
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        self.asked += 1
        if self.stalls:
            await asyncio.Event().wait()
        raise OSError(None, "no such name")

    async def close(self) -> None:
        pass


async def test_unknown_host_is_not_delivered() -> None:
    resolver = NoNames()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver)) as session:
        async with client_of(session, "http://a.example") as client:
            with pytest.raises(ConnectError) as caught:
                await client.invoke("f", timeout=Timeouts(connect=5))
    assert (caught.value.delivery, caught.value.attempts, resolver.asked) == (Delivery.NOT_DELIVERED, 3, 3)


async def test_connect_limit_holds_for_names_without_a_pool_limit() -> None:
    resolver = NoNames(stalls=True)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, resolver=resolver)) as session:
        request = request_to(RawServer(silent), timeouts=Timeouts(connect=0.05, queue=0))
        request.url = "http://a.example/"
        with pytest.raises(InvocationTimeoutError, match="no connection to a.example") as caught:
            await SessionTransport(session).send(request)
    assert (caught.value.exceeded, caught.value.delivery) == ("connect", Delivery.NOT_DELIVERED)


async def test_stalled_connection_fails_in_the_connect_limit(transport: SessionTransport) -> None:
    with unreachable() as url:
        request = request_to(RawServer(silent), timeouts=Timeouts(connect=0.05))
        request.url = url
        with pytest.raises(InvocationTimeoutError) as caught:
            await transport.send(request)
    assert (caught.value.exceeded, caught.value.stage) == ("connect", "connect")
    assert caught.value.delivery is Delivery.NOT_DELIVERED


async def test_wait_for_the_connector_has_a_limit() -> None:
    async with raw_server(silent) as server, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        transport = SessionTransport(session)
        first = asyncio.create_task(transport.send(request_to(server)))
        while not server.requests:
            await asyncio.sleep(0)
        with pytest.raises(QueueTimeoutError) as caught:
            await transport.send(request_to(server, timeouts=Timeouts(queue=0.03, connect=0.02)))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    assert (caught.value.delivery, len(server.requests)) == (Delivery.NOT_DELIVERED, 1)


async def test_call_cut_while_it_waits_for_the_connector_has_not_run() -> None:
    async with raw_server(silent) as server, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        async with client_of(session, server.url) as client:
            first = asyncio.create_task(client.invoke("first"))
            while not server.requests:
                await asyncio.sleep(0)
            with pytest.raises(InvocationTimeoutError) as caught:
                await client.invoke("second", timeout=0.05)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
    assert (caught.value.exceeded, caught.value.delivery, caught.value.may_have_run) == (
        "total",
        Delivery.NOT_DELIVERED,
        False,
    )


async def test_silent_server_fails_in_the_read_limit(transport: SessionTransport) -> None:
    async with raw_server(silent) as server:
        with pytest.raises(InvocationTimeoutError, match=r"the whole head of an answer within 0\.05 s") as caught:
            await transport.send(request_to(server, timeouts=Timeouts(read=0.05)))
    assert (caught.value.exceeded, caught.value.stage, caught.value.delivery) == ("read", "wait", Delivery.UNKNOWN)


async def test_body_that_stalls_fails_in_the_read_limit(transport: SessionTransport) -> None:
    async def half(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")
        await connection.until_client_closes()

    async with raw_server(half) as server:
        with pytest.raises(InvocationTimeoutError, match="the whole body of the answer") as caught:
            await transport.send(request_to(server, timeouts=Timeouts(read=0.05)))
    assert (caught.value.stage, caught.value.delivery) == ("receive", Delivery.UNKNOWN)


async def test_limits_of_the_session_do_not_apply(session: aiohttp.ClientSession) -> None:
    """A call of half an hour passes the 5 minutes of aiohttp."""
    with aioresponses() as mocked:
        mocked.post(INVOKE, body=b"{}", headers=OF_LAMBDA, response_class=ShimmedResponse)
        async with client_of(session) as client:
            await client.invoke("orders")
        (call,) = mocked.requests["POST", URL(INVOKE)]
    limits = call.kwargs["timeout"]
    assert (limits.total, limits.sock_read, limits.connect, limits.sock_connect) == (None, None, 5.0, 5.0)


@pytest.mark.parametrize("size", [1000, 1001])
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
async def test_body_has_a_limit(session: aiohttp.ClientSession, size: int, chunked: bool) -> None:
    body = b"1" * size
    framed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    async with raw_server(always(framed if chunked else answer(body=body))) as server:
        transport = SessionTransport(session, response_limits=ResponseLimits(body=1000))
        if size == 1000:
            assert (await transport.send(request_to(server))).body == body
        else:
            with pytest.raises(ConnectionLostError, match=r"more than 1,000 bytes.*ResponseLimits\(body") as caught:
                await transport.send(request_to(server))
            assert caught.value.delivery is Delivery.UNKNOWN


async def test_answer_without_an_end_is_refused(transport: SessionTransport) -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\n\r\n{}")

    async with raw_server(script) as server:
        with pytest.raises(ConnectionLostError, match="neither a Content-Length nor") as caught:
            await transport.send(request_to(server))
    assert caught.value.delivery is Delivery.UNKNOWN


async def test_errors_hold_no_secret(session: aiohttp.ClientSession) -> None:
    async with raw_server(lost) as server:
        async with client_of(session, server.url) as client:
            with pytest.raises(ConnectionLostError) as caught:
                await client.send(InvokeCommand(function_name="f", payload=json.dumps("hid" + "den")))
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any(isinstance(error, aiohttp.ClientError) for error in chain)
    assert "hidden" not in text
    assert "AWS4-HMAC" not in text


# Cancellation, concurrency, streams


@pytest.mark.parametrize("tls", [False, True], ids=["TCP", "TLS"])
async def test_cancelling_at_any_await_leaves_nothing(tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    """After so many turns of the loop, until a call is done before it is cancelled. A request that has come is not denied."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with kept_sockets() as make_socket:
        connector = aiohttp.TCPConnector(limit=0, ssl=trusting, socket_factory=make_socket)
        async with raw_server(always(answer()), tls=server_tls if tls else None) as server:
            async with aiohttp.ClientSession(connector=connector) as session:
                await _cancel_everywhere(session, server)
    gc.collect()


async def _cancel_everywhere(session: aiohttp.ClientSession, server: RawServer) -> None:
    transport, finished = SessionTransport(session), 0
    before = len(asyncio.all_tasks())
    for turns in range(1000):
        arrived, request = len(server.requests), request_to(server)
        task = asyncio.create_task(transport.send(request))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
            finished += 1
        except asyncio.CancelledError:
            if len(server.requests) > arrived:
                assert request.stage != "connect"
        if finished == 3:
            break
    assert finished == 3
    assert (await transport.send(request_to(server))).status == 200
    await session.close()
    while server.closed < server.connections:
        await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) <= before


async def test_a_hundred_calls_get_their_own_answers(session: aiohttp.ClientSession) -> None:
    async def echo(connection: Connection) -> None:
        while True:
            _, body = await connection.read_request()
            await connection.write(answer(body=body))

    async with raw_server(echo) as server:
        transport = SessionTransport(session)
        bodies = [str(number).encode() for number in range(100)]
        for _ in range(2):
            answers = await asyncio.gather(*(transport.send(request_to(server, body)) for body in bodies))
            assert [response.body for response in answers] == bodies
    assert server.connections == 100


def pieces(*written: bytes, then_close: bool = False) -> Any:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in written:
            await connection.write(piece)
        if not then_close:
            await connection.until_client_closes()

    return script


async def test_stream_is_read_to_its_end(transport: SessionTransport) -> None:
    async with raw_server(pieces(b"2\r\nab\r\n", b"1\r\nc\r\n", b"0\r\n\r\n")) as server:
        async with transport.stream(request_to(server)) as response:
            assert (response.status, response.headers["transfer-encoding"]) == (200, "chunked")
            assert b"".join([piece async for piece in response]) == b"abc"
        assert server.closed == 0


async def test_stream_left_early_ends_its_connection(transport: SessionTransport) -> None:
    async with raw_server(pieces(b"2\r\nab\r\n")) as server:
        async with transport.stream(request_to(server)) as response:
            async for piece in response:
                assert piece == b"ab"
                break
        while not server.closed:
            await asyncio.sleep(0)


async def test_client_streams_over_a_session(session: aiohttp.ClientSession) -> None:
    body = stream_events.chunk_event(b"tea") + stream_events.completion_event()
    head = f"Content-Type: {stream_events.CONTENT_TYPE}\r\n"
    async with raw_server(always(answer(headers=head, body=body))) as server:
        async with client_of(session, server.url) as client, client.stream("writer") as stream:
            assert [chunk async for chunk in stream] == [b"tea"]


async def test_stream_that_is_cut_is_an_error(transport: SessionTransport) -> None:
    async with raw_server(pieces(b"2\r\nab\r\n", then_close=True)) as server:
        async with transport.stream(request_to(server)) as response:
            with pytest.raises(ConnectionLostError, match="in the middle of the answer") as caught:
                async for _ in response:
                    pass
    assert caught.value.delivery is Delivery.UNKNOWN


async def test_stream_with_broken_chunks_does_not_wait_forever(transport: SessionTransport) -> None:
    """aiohttp closes the connection and leaves the reader waiting, so a check each second ends it."""
    read = asyncio.Event()

    async def script(connection: Connection) -> None:
        await pieces(b"2\r\nab\r\n", then_close=True)(connection)
        await read.wait()
        await connection.write(b"xyz\r\n")
        await connection.until_client_closes()

    async with raw_server(script) as server:
        async with transport.stream(request_to(server)) as response:
            with pytest.raises(ConnectionLostError):
                async for piece in response:
                    assert piece == b"ab"
                    read.set()
    assert read.is_set()


async def test_read_limit_ends_with_the_head_of_a_stream(transport: SessionTransport) -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await go_on.wait()
        await connection.write(b"ab")
        await connection.until_client_closes()

    async with raw_server(script) as server:
        async with transport.stream(request_to(server, timeouts=Timeouts(read=0.5))) as response:
            asyncio.get_running_loop().call_later(0.6, go_on.set)
            assert [piece async for piece in response] == [b"ab"]


# Lifetime


async def test_closing_the_client_leaves_the_session_open(session: aiohttp.ClientSession) -> None:
    async with raw_server(always(answer())) as server:
        async with client_of(session, server.url) as client:
            await client.invoke("f")
        assert not session.closed
        async with client_of(session, server.url) as client:
            await client.invoke("f")
        assert server.connections == 1


async def test_closed_session_is_named(session: aiohttp.ClientSession) -> None:
    async with client_of(session) as client:
        await session.close()
        with pytest.raises(ClientClosedError, match=r"aiohttp\.ClientSession .* is closed") as caught:
            await client.invoke("f")
    assert (caught.value.delivery, caught.value.may_have_run) == (Delivery.NOT_DELIVERED, False)
    assert repr(SessionTransport(session)) == "<SessionTransport over a session that is closed>"


async def test_session_closed_during_a_call_is_a_loss(session: aiohttp.ClientSession) -> None:
    async with raw_server(silent) as server:
        task = asyncio.create_task(SessionTransport(session).send(request_to(server)))
        while not server.requests:
            await asyncio.sleep(0)
        await session.close()
        with pytest.raises(ConnectionLostError) as caught:
            await task
    assert caught.value.delivery is Delivery.UNKNOWN


def test_session_of_another_loop_is_refused(new_loop: LoopFactory) -> None:
    with asyncio.Runner(loop_factory=new_loop) as one, asyncio.Runner(loop_factory=new_loop) as other:

        async def opened() -> aiohttp.ClientSession:
            return aiohttp.ClientSession()

        session = one.run(opened())

        async def call() -> None:
            async with client_of(session) as client:
                await client.invoke("f")

        with pytest.raises(ConfigurationError, match="another event loop") as caught:
            other.run(call())
        assert caught.value.delivery is Delivery.NOT_DELIVERED
        one.run(session.close())


def test_other_object_than_a_session_is_refused() -> None:
    with pytest.raises(TypeError, match="takes an aiohttp.ClientSession; got an object"):
        SessionTransport(object())  # type: ignore[arg-type]


async def test_calls_leave_no_file_open() -> None:
    async with raw_server(always(answer())) as server:
        for _ in range(2):  # the loop opens some files when it is first used
            before = open_files()
            async with aiohttp.ClientSession() as session:
                await asyncio.gather(*(SessionTransport(session).send(request_to(server)) for _ in range(10)))
            while server.closed < server.connections:
                await asyncio.sleep(0)
            for _ in range(3):
                await asyncio.sleep(0)
    assert open_files() <= before


# aioresponses


class NothingWritten:
    """What aiohttp 3.14 asks of the writer behind an answer."""

    output_size = 0


class ShimmedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 does not know `stream_writer`, which aiohttp 3.14 needs: see test_http_get.py."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("stream_writer", NothingWritten())
        super().__init__(*arguments, **options)


@pytest.fixture
def mocked() -> Iterator[aioresponses]:
    with aioresponses() as answers:
        yield answers


async def test_aioresponses_answers_a_call(session: aiohttp.ClientSession, mocked: aioresponses) -> None:
    mocked.post(INVOKE, payload={"total": 6}, headers=OF_LAMBDA, response_class=ShimmedResponse)
    async with client_of(session) as client:
        output = await client.invoke("orders", {"quantity": 2})
    assert (output.json(), output.executed_version) == ({"total": 6}, "$LATEST")
    (call,) = mocked.requests["POST", URL(INVOKE)]
    assert json.loads(call.kwargs["data"].decode()) == {"quantity": 2}
    assert call.kwargs["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 ")


@pytest.mark.parametrize(
    ("raised", "error", "delivery"),
    [
        (aiohttp.ServerDisconnectedError(), ConnectionLostError, Delivery.UNKNOWN),
        (aiohttp.ClientPayloadError("cut short"), ConnectionLostError, Delivery.UNKNOWN),
        (ConnectionResetError("reset"), ConnectionLostError, Delivery.UNKNOWN),
        (TimeoutError(), InvocationTimeoutError, Delivery.UNKNOWN),
        (aiohttp.SocketTimeoutError(), InvocationTimeoutError, Delivery.UNKNOWN),
        (aiohttp.ConnectionTimeoutError(), InvocationTimeoutError, Delivery.NOT_DELIVERED),
        (aiohttp.InvalidURL("http://"), ConnectError, Delivery.NOT_DELIVERED),
    ],
)
async def test_aioresponses_can_lose_a_call(
    session: aiohttp.ClientSession,
    mocked: aioresponses,
    raised: Exception,
    error: type[AiolambdaError],
    delivery: Delivery,
) -> None:
    mocked.post(INVOKE, exception=raised, repeat=True)
    async with client_of(session) as client:
        with pytest.raises(error) as caught:
            await client.invoke("orders")
    assert caught.value.delivery is delivery


async def test_aioresponses_refuses_a_url_that_it_does_not_know(session: aiohttp.ClientSession, mocked: aioresponses) -> None:
    async with client_of(session) as client:
        with pytest.raises(ConnectError, match=r"cannot connect to lambda\.us-east-1"):
            await client.invoke("orders")


async def test_aioresponses_without_a_session_reaches_the_network(mocked: aioresponses) -> None:
    """As the manual says."""
    async with raw_server(always(answer())) as server:
        mocked.post(f"{server.url}/2015-03-31/functions/orders/invocations", payload="mocked", response_class=ShimmedResponse)
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url) as client:
            output = await client.invoke("orders")
    assert (output.payload, len(server.requests)) == (b"{}", 1)
