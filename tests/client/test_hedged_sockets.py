"""Hedged calls over real connections: both requests arrive, the loser's connection is closed, the pool stays sound."""

import asyncio
import os
from typing import Any

import pytest

from aiolambda import InvokeCommand, LambdaClient

from ..support.servers import Connection, RawServer, Script, answer, raw_server
from ..support.transports import client_for

HEDGED: dict[str, Any] = {"idempotent": True, "hedge_after": 0.05, "timeout": 30}


async def stalls_first(connection: Connection) -> None:
    """The first request gets no answer; every other one its own body."""
    while True:
        _, body = await connection.read_request()
        if len(connection.server.requests) == 1:
            await connection.until_client_closes()
            return
        await connection.write(answer(body=body))


async def until_closed(server: RawServer, count: int) -> None:
    async with asyncio.timeout(10):
        while server.closed < count:
            await asyncio.sleep(0.005)


async def test_loser_is_closed_and_the_pool_is_sound() -> None:
    async with raw_server(stalls_first) as server, client_for(server) as client:
        output = await client.invoke("f", {"call": 0}, **HEDGED)
        assert (output.json(), output.metadata.hedge) == ({"call": 0}, "won")
        await until_closed(server, 1)
        assert [body for _, body in server.requests] == [b'{"call":0}'] * 2
        assert server.connections == 2
        for number in range(1, 6):  # on the connection that is left: an answer belongs to its request
            assert (await client.invoke("f", {"call": number}, **HEDGED)).json() == {"call": number}
        assert (server.connections, server.closed) == (2, 1)


async def test_large_payload_is_sent_twice() -> None:
    payload = {"data": "x" * 6_000_000}
    async with raw_server(stalls_first) as server, client_for(server) as client:
        output = await client.invoke("f", payload, **HEDGED)
        assert (output.json(), output.metadata.hedge) == (payload, "won")
        await until_closed(server, 1)
        assert server.requests[0][1] == server.requests[1][1]
        assert len(server.requests[0][1]) > 6_000_000


async def test_hedge_that_cannot_connect_leaves_the_first() -> None:
    """The server takes no second connection: the hedge is refused, and the first answer comes all the same."""
    go_on = asyncio.Event()

    async def one_only(connection: Connection) -> None:
        if connection.number > 1:
            go_on.set()
            return
        _, body = await connection.read_request()
        await go_on.wait()
        await asyncio.sleep(0.05)
        await connection.write(answer(body=body))
        await connection.until_client_closes()

    async with raw_server(one_only) as server, client_for(server) as client:
        output = await client.invoke("f", {"id": 7}, **HEDGED)
        assert (output.json(), output.metadata.hedge) == ({"id": 7}, "lost")


async def test_cut_hedge_is_closed_too() -> None:
    async def second_stalls(connection: Connection) -> None:
        _, body = await connection.read_request()
        if connection.number == 1:
            await asyncio.sleep(0.2)
            await connection.write(answer(body=body))
        await connection.until_client_closes()

    async with raw_server(second_stalls) as server, client_for(server) as client:
        output = await client.invoke("f", {"id": 7}, **HEDGED)
        assert output.metadata.hedge == "lost"
        await until_closed(server, 1)
        assert client._state.slots.in_flight == 0


@pytest.mark.parametrize("grace", [0, 0.1])
async def test_close_ends_both_connections(grace: float) -> None:
    async def never(connection: Connection) -> None:
        await connection.read_request()
        await connection.until_client_closes()

    async with raw_server(never) as server:
        client: LambdaClient = client_for(server)
        task = asyncio.create_task(client.invoke("f", **HEDGED))
        async with asyncio.timeout(10):
            while len(server.requests) < 2:
                await asyncio.sleep(0.005)
        await client.close(grace=grace)
        with pytest.raises(RuntimeError, match="closed while this call was in flight"):
            await task
        await until_closed(server, 2)


async def test_map_over_sockets_has_each_answer_once() -> None:
    async def stalls_each_tenth(connection: Connection) -> None:
        while True:
            _, body = await connection.read_request()
            number = len(connection.server.requests)
            if number % 10 == 1 and [kept for _, kept in connection.server.requests].count(body) == 1:
                await connection.until_client_closes()
                return
            await connection.write(answer(body=body))

    async with raw_server(stalls_each_tenth) as server, client_for(server) as client:
        results = await client.map("f", range(60), concurrency=10, **HEDGED).collect()
        assert sorted(result.value() for result in results) == list(range(60))
        assert client.stats.hedged == client.stats.hedges_won > 0
        await until_closed(server, client.stats.hedged)


async def resets(connection: Connection) -> None:
    connection.writer.transport.abort()


async def ends_in_the_head(connection: Connection) -> None:
    await connection.write(b"HTTP/1.1 200 OK\r\nContent-")


async def ends_in_the_body(connection: Connection) -> None:
    await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


async def says_nonsense(connection: Connection) -> None:
    await connection.write(b"\x16\x03\x01 no HTTP at all \xf0\x9f\xab\x96\r\n\r\n")


async def throttles(connection: Connection) -> None:
    headers = "x-amzn-ErrorType: TooManyRequestsException\r\n"
    await connection.write(answer("429 Too Many Requests", headers, b'{"Reason":"CallerRateLimitExceeded"}'))


@pytest.mark.parametrize("fault", [resets, ends_in_the_head, ends_in_the_body, says_nonsense, throttles])
@pytest.mark.parametrize("faulty", [1, 2], ids=["first", "hedge"])
async def test_one_that_breaks_leaves_the_other(fault: Script, faulty: int) -> None:
    """Both requests are there before the faulty one breaks; the other is answered after it."""
    has_broken = asyncio.Event()

    async def script(connection: Connection) -> None:
        _, body = await connection.read_request()
        while len(connection.server.requests) < 2:
            await asyncio.sleep(0.005)
        if connection.number == faulty:
            await fault(connection)
            has_broken.set()
            return
        await has_broken.wait()
        await asyncio.sleep(0.05)
        await connection.write(answer(body=body))
        await connection.until_client_closes()

    async with raw_server(script) as server, client_for(server) as client:
        output = await client.invoke("f", {"id": 7}, **HEDGED)
        assert (output.json(), output.metadata.hedge) == ({"id": 7}, "won" if faulty == 1 else "lost")
        assert (len(server.requests), server.connections, output.metadata.attempts) == (2, 2, 2)
        assert client._state.slots.in_flight == 0


class OwnCommand:
    """A command that does not keep the bytes of its file."""

    def __init__(self, command: InvokeCommand) -> None:
        self.operation, self.input = command.operation, command.input
        self.idempotent, self.middleware_stack = command.idempotent, command.middleware_stack


async def test_hedge_does_not_send_the_rest_of_a_pipe() -> None:
    """The first request has read it to its end: a second one would be empty."""

    async def answers_late(connection: Connection) -> None:
        while True:
            _, body = await connection.read_request()
            await asyncio.sleep(0.3)
            await connection.write(answer(body=body))

    async with raw_server(answers_late) as server, client_for(server) as client:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as file:
            os.write(writing, b'{"id":7}')
            os.close(writing)
            command: Any = OwnCommand(InvokeCommand(function_name="f", payload=file))
            output = await client.send(command, **HEDGED)
        assert output.json() == {"id": 7}
        assert [body for _, body in server.requests] == [b'{"id":7}']
