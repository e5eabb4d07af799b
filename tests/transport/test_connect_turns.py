"""Turns to connect: order, reservations, limits."""

import asyncio
import contextvars
import socket
import ssl
from typing import Any

import pytest
import trustme

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ClientClosedError,
    ConnectionLostError,
    Delivery,
    InvocationTimeoutError,
    LambdaClient,
    NoRetry,
    QueueTimeoutError,
    Request,
    Timeouts,
    TransportError,
)
from aiolambda.transport import AiohttpTransport
from aiolambda.transport.connect_queue import MAX_CONNECTING
from aiolambda.transport.exchange import Exchange
from aiolambda.transport.pool import Pool
from aiolambda.transport.sockets import socket_factory
from aiolambda.types.http import Headers

from ..support.servers import Connection, always, answer, raw_server, silent
from ..support.transports import KEYS, client_for, request_to, transport_to, transport_with, unreachable


def pool_of(transport: object) -> Pool:
    assert isinstance(transport, AiohttpTransport)
    assert transport._pool is not None
    return transport._pool


def nothing_is_promised(pool: Pool) -> bool:
    return not pool.turns.in_use and not any(route.shelf.promised for route in pool._routes)


async def test_request_is_signed_at_its_turn_to_connect() -> None:
    signed: list[str] = []

    async def note(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        signed.append(call.request.headers["authorization"])
        return await call_next(call)

    with unreachable() as url:
        client = LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=url, retry=NoRetry())
        client.middleware_stack.add_relative_to(note, relation="after", to_middleware="httpSigningMiddleware")
        async with client:
            calls = [client.invoke("f", timeout=Timeouts(connect=0.3)) for _ in range(MAX_CONNECTING + 5)]
            tasks = [asyncio.create_task(call) for call in calls]
            await asyncio.sleep(0.1)
            assert len(signed) == MAX_CONNECTING
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [getattr(outcome, "exceeded", None) for outcome in outcomes] == ["connect"] * len(tasks)
        assert len(signed) == len(tasks)


async def test_nested_calls_do_not_deadlock_the_turns() -> None:
    """Behind the signature a middleware sends another call, and exchanges the request, while each has a turn to connect."""

    async def nested(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "outer":
            await client.invoke("inner")
        call.request = call.request.copy()
        return await call_next(call)

    async with (
        raw_server(always(answer())) as server,
        client_for(server, transport=transport_with(reservation_ttl=0.05)) as client,
        asyncio.timeout(10),
    ):
        client.middleware_stack.add(nested, step="deserialize")
        await asyncio.gather(*(client.invoke("outer") for _ in range(2 * MAX_CONNECTING)))
        assert len(server.requests) == 4 * MAX_CONNECTING
        pool = pool_of(client._state.transport)
        assert nothing_is_promised(pool)


async def test_request_is_signed_again_if_its_connection_ends() -> None:
    """Behind the signature only opening a connection may come; to wait for a turn would make the signature old."""
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

    transport = transport_with(max_connecting=1)
    async with raw_server(script) as server, client_for(server, transport=transport) as client:
        client.middleware_stack.add(hold, step="deserialize")
        await client.invoke("f")
        pool = pool_of(client._state.transport)
        call = asyncio.create_task(client.invoke("f"))
        await held.wait()
        ends.set()
        while any(connection.is_open for route in pool._routes for connection in route.shelf.idle):
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
async def test_stalled_upload_ends_at_the_read_limit(size: int, half_closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
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

    monkeypatch.setattr("aiolambda.transport.sockets.socket_factory", small)
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


async def test_abandoned_stream_keeps_other_requests_connected() -> None:
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


async def test_idempotent_method_is_not_resent_by_aiohttp() -> None:
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


async def test_replaced_request_keeps_the_calls_limits() -> None:
    async def exchange(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request = Request(call.request.method, call.request.url, call.request.headers, call.request.body)
        return await call_next(call)

    for step in ("build", "finalize", "deserialize"):
        async with raw_server(silent) as server, client_for(server) as client:
            client.middleware_stack.add(exchange, step=step)  # type: ignore[arg-type]
            with pytest.raises(InvocationTimeoutError) as raised:
                await client.invoke("f", timeout=Timeouts(read=0.1, queue=1, total=5))
            assert raised.value.exceeded == "read"


async def test_concurrent_handshakes_are_limited(authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    calls = MAX_CONNECTING * 5
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
                transport = client._state.transport
                assert isinstance(transport, AiohttpTransport)
                connector = transport._pool or None
                if connector is not None:
                    most = max(most, connector.turns.in_use)  # type: ignore[attr-defined]
            held.set()
            await asyncio.gather(*tasks)
    assert most == MAX_CONNECTING
    assert server.connections == calls


async def test_waiter_takes_the_first_released_connection() -> None:
    """Nobody is left behind while those who came later go on over the connections that there are."""
    transport = transport_with(max_connecting=1)
    async with raw_server(always(answer())) as server, client_for(server, transport=transport) as client:
        await client.invoke("first")
        pool = pool_of(client._state.transport)
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


async def test_reservation_without_connection_is_void() -> None:
    """While its request opens a connection, the next that lies idle is another's."""
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server)
        await transport.send(request)
        pool = pool_of(transport)
        (route,) = pool._routes
        promise = pool.promised(route)
        assert promise is not None
        route.shelf.idle.pop().abort()
        assert pool.lend_idle(Exchange(request, proves=True), route, promise) is None
        assert promise.ended
        assert nothing_is_promised(pool)


async def closes_unannounced(connection: Connection) -> None:
    """Answers one request, and ends its side right behind the answer."""
    await connection.read_request()
    connection.writer.write(answer())
    connection.writer.write_eof()
    await connection.writer.drain()


async def test_waiter_gets_no_stale_connection() -> None:
    """It would be signed for it in vain, and wait again behind all others."""
    async with (
        raw_server(closes_unannounced) as server,
        client_for(server, transport=transport_with(max_connecting=2), retry=NoRetry()) as client,
    ):
        outputs = await asyncio.gather(*(client.invoke("f") for _ in range(40)))
        assert server.connections == 40
        assert nothing_is_promised(pool_of(client._state.transport))
    assert {len(output.metadata.history) for output in outputs} == {1}


async def test_nested_calls_go_before_waiting_ones() -> None:
    """Behind the signature a middleware sends another call: what its own call keeps would else be kept for as long."""

    async def nested(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "outer":
            await client.invoke("inner")
        return await call_next(call)

    async with (
        raw_server(always(answer())) as server,
        client_for(server, transport=transport_with(max_connecting=2, reservation_ttl=60.0)) as client,
        asyncio.timeout(10),
    ):
        await asyncio.gather(*(client.invoke("warm") for _ in range(5)))
        client.middleware_stack.add(nested, step="deserialize")
        await asyncio.gather(*(client.invoke("outer") for _ in range(100)))
        assert len(server.requests) == 205
        assert nothing_is_promised(pool_of(client._state.transport))


async def test_turn_takes_no_reserved_connection() -> None:
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
        spare.shutdown(socket.SHUT_RDWR)
        assert pool.lend_idle(Exchange(request, proves=True), route, turn) is None
        turn.release()
        line = pool.lend_idle(Exchange(request, proves=False), route, promise)
        assert line is not None
        line.abort()
        assert nothing_is_promised(pool)


async def test_redirected_request_releases_its_reservation() -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection) -> None:
        await connection.read_request()
        arrived.set()
        await released.wait()
        await connection.write(answer())

    async with raw_server(always(answer())) as here, raw_server(slow) as there, transport_to(max_connecting=1) as transport:
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


async def test_reservation_outlives_many_other_origins() -> None:
    async with raw_server(always(answer())) as server, transport_to(max_connecting=1) as transport:
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


async def test_closing_the_transport_fails_all_waiters() -> None:
    with unreachable() as endpoint:
        transport = transport_with(max_connecting=1)
        request = Request("POST", f"{endpoint}/", Headers({}), b"{}", Timeouts(connect=30))
        sends = [asyncio.create_task(transport.send(request.copy())) for _ in range(3)]
        await asyncio.sleep(0.05)
        await transport.close()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(outcome, AiolambdaError) and not outcome.may_have_run for outcome in outcomes)
    assert [type(outcome) for outcome in outcomes].count(ClientClosedError) == 2


async def test_queue_timeout_leaves_the_connection_queue() -> None:
    async with raw_server(always(answer())) as server, transport_to(max_connecting=1) as transport:
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


async def test_wait_for_a_turn_is_queue_time() -> None:
    with unreachable() as endpoint:
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint) as client:
            limits = Timeouts(queue=0.3, connect=1.0)
            calls = [asyncio.create_task(client.invoke("f", timeout=limits)) for _ in range(MAX_CONNECTING + 1)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(QueueTimeoutError) == 1
    assert all(isinstance(outcome, AiolambdaError) and not outcome.may_have_run for outcome in outcomes)


@pytest.mark.parametrize(
    "body", [b"123456789", b"1", b"", b"x" * 2_000_000], ids=["longer", "shorter", "none", "two megabytes"]
)
async def test_body_is_sent_whole_despite_content_length(body: bytes) -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server, body)
        request.headers["content-length"] = "5"
        await transport.send(request)
    assert server.requests[0][1] == body
