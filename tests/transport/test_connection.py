"""One connection: how it begins and ends, what makes it unusable for another request, and who is told; on each loop."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from aiolambda import ConnectError, ConnectionLostError, Delivery, InvokeCommand, PayloadTooLargeError

from ..support import faults
from ..support.fault_table import SMALL_BUFFER, client_of
from ..support.faults import Certificates, FaultServer
from ..support.loops import INSTALLED, loop_factory
from ..support.servers import Connection, always, answer, raw_server
from ..support.transports import request_to, transport_to

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=INSTALLED)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine to its end on each loop, within 10 s."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=loop_factory(request.param)) as runner:
            runner.run(asyncio.wait_for(main, 10))

    return run


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with faults.certificates() as found:
        yield found


def test_connection_lost_before_its_first_use_is_reported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """While aiohttp's protocol is still on it. The transport can be closed all the same."""

    async def main() -> None:
        async with raw_server(always(answer())) as server, transport_to() as transport:
            await transport.send(request_to(server))
            pool: Any = transport._pool
            pool._routes.copy().pop().shelf.idle.pop().abort()
            connect = pool._connector.connect

            async def too_late(*arguments: Any) -> Any:
                opened = await connect(*arguments)
                opened.transport.abort()
                while opened.transport is not None:
                    await asyncio.sleep(0)
                return opened

            monkeypatch.setattr(pool._connector, "connect", too_late)
            with pytest.raises(ConnectError, match="closed the connection before the request was sent"):
                await transport.send(request_to(server))
        assert len(server.requests) == 1

    run(main())


def test_closed_stream_ends_a_read_of_another_task(run: Run) -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(CHUNKED)
        await connection.until_client_closes()

    async def main() -> None:
        async with raw_server(script) as server, transport_to() as transport:
            async with transport.stream(request_to(server)) as response:
                reading = asyncio.ensure_future(anext(aiter(response)))
                await asyncio.sleep(0)
            with pytest.raises(ConnectionLostError) as raised:
                await reading
        assert raised.value.delivery is Delivery.UNKNOWN

    run(main())


async def answers_early(connection: faults.Connection) -> None:
    """The first connection: before it has read the body. It reads the body when the client has its answer, and serves on."""
    await connection.handshake()
    if connection.play.opened == 1:
        head = await connection.read_head()
        await connection.write(faults.service_error("413 Request Entity Too Large", "RequestTooLargeException")(head))
        await connection.play.strike.wait()
        await connection.read_request(head, executes=False)
    await faults.serve_on(connection)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("size", [200_000, 900_000, 5_000_000])
def test_early_response_ends_the_connection(run: Run, tls: bool, size: int, certificates: Certificates) -> None:
    """The client, the loop or the kernel still holds a part of the request. No other request follows it."""

    async def main() -> None:
        with FaultServer() as server:
            context = certificates.trusted if tls else None
            play = await server.play(answers_early, tls=context, buffer=SMALL_BUFFER)
            async with client_of(play, certificates) as client:
                with pytest.raises(PayloadTooLargeError):
                    await client.send(InvokeCommand(function_name="call-1", payload=b'"' + b"x" * size + b'"'))
                server.strike(play)
                output = await client.send(InvokeCommand(function_name="call-2"))
            assert output.json() == "call-2"
            assert play.opened == 2
            assert not await server.ended(play)

    run(main())


@pytest.mark.parametrize("size", [200_000, 5_000_000])
def test_large_upload_keeps_its_connection(run: Run, size: int) -> None:
    async def main() -> None:
        async with raw_server(always(answer())) as server, transport_to() as transport:
            for _ in range(3):
                assert (await transport.send(request_to(server, bytes(size)))).status == 200
        assert server.connections == 1

    run(main())
