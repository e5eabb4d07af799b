"""What the transport uses of aiohttp beyond its documentation, each with the test that notices when it changes.

- `TCPConnector.connect(request, traces, timeout)`, for DNS, happy eyeballs, proxies and TLS:
  `test_connector_opens_a_connection_for_a_request`.
- `ClientRequest` without a session, which is never sent, and its `is_ssl()`: `test_request_alone_names_the_destination`. Its
  `proxy_headers` are in each CONNECT: `test_connector_gives_the_proxy_its_headers`.
- `Connection.transport`, on which our protocol takes over: `test_other_protocol_takes_the_connection_over`. It is `None` once
  the connection is lost: `test_lost_connection_has_no_transport`. Its socket has the number of the one that our factory made:
  `test_socket_of_the_factory_is_the_connections`.
- `Connection.protocol` and its `should_close`, for bytes that came before: `test_handler_shows_bytes_that_came_before`.
- `Connection.close()`, which ends a connection and keeps none: `test_closed_connection_is_not_kept`. One that is forgotten
  warns, so that a test of ours fails: `test_forgotten_connection_warns`.
- `connection_lost()` of that protocol: `TCPConnector.close()` waits for it, so ours calls it:
  `test_connector_waits_for_the_end_of_each_connection`.
- `transport.abort()` before both, so that TLS ends at once and without a warning:
  `test_aborted_tls_connection_leaves_no_warning`.

Documented, so without a test here: the arguments of `TCPConnector`, `ClientTimeout`, and the exceptions. These are the tests to
run first with a new release of aiohttp.
"""

import asyncio
import gc
import inspect
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.connector import Connection as Opened
from yarl import URL

from ..support.servers import Connection, always, answer, raw_server

LIMITS = aiohttp.ClientTimeout(connect=5)
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


class Ours(asyncio.BufferedProtocol):
    """The smallest protocol of the kind of `transport.connection.Connection`."""

    def __init__(self) -> None:
        self.buffer = bytearray(65536)
        self.received = b""
        self.came = asyncio.Event()
        self.lost = asyncio.Event()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += self.buffer[:nbytes]
        self.came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


def request_for(url: str, **settings: Any) -> aiohttp.ClientRequest:
    return aiohttp.ClientRequest("POST", URL(url, encoded=True), loop=asyncio.get_running_loop(), **settings)


@pytest.fixture
async def connector(authority: trustme.CA) -> AsyncIterator[aiohttp.TCPConnector]:
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    connector = aiohttp.TCPConnector(limit=0, ssl=trusted)
    yield connector
    await connector.close()


def end(opened: Opened, handler: Any, transport: asyncio.Transport) -> None:
    """As the transport ends a connection."""
    transport.abort()
    opened.close()
    handler.connection_lost(None)


async def speaks_first(connection: Connection) -> None:
    await connection.write(answer())
    await connection.until_client_closes()


async def test_connector_opens_a_connection_for_a_request(connector: aiohttp.TCPConnector) -> None:
    assert list(inspect.signature(connector.connect).parameters) == ["req", "traces", "timeout"]
    async with raw_server(always(answer())) as server:
        opened = await connector.connect(request_for(server.url), [], LIMITS)
        assert isinstance(opened, Opened)
        assert opened.transport is not None
        assert opened.protocol is not None
        assert server.requests == []  # nothing is written
        end(opened, opened.protocol, opened.transport)


async def test_request_alone_names_the_destination() -> None:
    """Without a session, and it is garbage without a warning."""
    proxy = URL("http://proxy.example:3128")
    plain = request_for("http://host.example:8080", proxy=proxy, proxy_headers={"Proxy-Authorization": "Basic x"})
    encrypted = request_for("https://host.example", proxy=None, proxy_headers=None)
    assert (plain.is_ssl(), encrypted.is_ssl()) == (False, True)
    assert (plain.host, plain.port, plain.proxy) == ("host.example", 8080, proxy)
    assert (encrypted.host, encrypted.port, encrypted.proxy) == ("host.example", 443, None)
    del plain, encrypted
    gc.collect()


async def test_connector_gives_the_proxy_its_headers(
    connector: aiohttp.TCPConnector, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    heads: list[bytes] = []

    async def refuses(connection: Connection) -> None:
        heads.append(await connection.reader.readuntil(b"\r\n\r\n"))
        await connection.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(refuses) as proxy:
        request = request_for(
            "https://host.example", proxy=URL(proxy.url), proxy_headers={"Proxy-Authorization": "Basic secret"}
        )
        for _ in range(2):  # the same request, again and again
            with pytest.raises(aiohttp.ClientHttpProxyError) as raised:
                await connector.connect(request, [], LIMITS)
            assert raised.value.status == 407
    for head in heads:
        assert head.startswith(b"CONNECT host.example:443 HTTP/1.1\r\n")
        assert head.count(b"Proxy-Authorization: Basic secret\r\n") == 1
    assert len(heads) == 2


@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
async def test_other_protocol_takes_the_connection_over(
    connector: aiohttp.TCPConnector, server_tls: ssl.SSLContext, encrypted: bool
) -> None:
    async with raw_server(always(answer()), tls=server_tls if encrypted else None) as server:
        opened = await connector.connect(request_for(server.url), [], LIMITS)
        transport, handler, ours = opened.transport, opened.protocol, Ours()
        assert transport is not None
        assert (transport.get_extra_info("ssl_object") is not None) is encrypted
        transport.set_protocol(ours)
        transport.write(REQUEST)
        await ours.came.wait()
        assert ours.received == answer()
        assert handler is not None
        assert not handler.should_close  # it has seen nothing
        end(opened, handler, transport)
        await ours.lost.wait()


@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
async def test_handler_shows_bytes_that_came_before(
    connector: aiohttp.TCPConnector, server_tls: ssl.SSLContext, encrypted: bool
) -> None:
    async with raw_server(speaks_first, tls=server_tls if encrypted else None) as server:
        opened = await connector.connect(request_for(server.url), [], LIMITS)
        handler, transport = opened.protocol, opened.transport
        assert handler is not None
        assert transport is not None
        while not handler.should_close:
            await asyncio.sleep(0)
        end(opened, handler, transport)


async def test_lost_connection_has_no_transport(connector: aiohttp.TCPConnector) -> None:
    async with raw_server(always(answer())) as server:
        opened: Any = await connector.connect(request_for(server.url), [], LIMITS)
        opened.transport.abort()
        async with asyncio.timeout(5):
            while opened.transport is not None:
                await asyncio.sleep(0)
        opened.close()


async def test_closed_connection_is_not_kept(connector: aiohttp.TCPConnector) -> None:
    async with raw_server(always(answer())) as server:
        request = request_for(server.url)
        for number in (1, 2):
            opened = await connector.connect(request, [], LIMITS)
            handler, transport = opened.protocol, opened.transport
            assert handler is not None
            assert transport is not None
            opened.close()
            assert transport.is_closing()
            assert opened.protocol is None
            opened.close()  # it may be closed twice
            assert server.connections <= number
        async with asyncio.timeout(5):
            while server.closed < 2:
                await asyncio.sleep(0)
    assert server.connections == 2


async def test_connector_waits_for_the_end_of_each_connection() -> None:
    """So `Connection` tells aiohttp's protocol, whose place it has taken."""
    connector = aiohttp.TCPConnector(limit=0)
    async with raw_server(always(answer())) as server:
        opened = await connector.connect(request_for(server.url), [], LIMITS)
        handler, transport, ours = opened.protocol, opened.transport, Ours()
        assert handler is not None
        assert transport is not None
        transport.set_protocol(ours)
        closing = asyncio.ensure_future(connector.close())
        await ours.lost.wait()
        assert not closing.done()
        handler.connection_lost(None)
        await asyncio.wait_for(closing, 5)
        opened.close()


async def test_aborted_tls_connection_leaves_no_warning(connector: aiohttp.TCPConnector, server_tls: ssl.SSLContext) -> None:
    """`Connection.close()` alone waits for the peer's goodbye, and the connector would be closed before."""
    async with raw_server(always(answer()), tls=server_tls) as server:
        opened = await connector.connect(request_for(server.url), [], LIMITS)
        handler, transport, ours = opened.protocol, opened.transport, Ours()
        assert handler is not None
        assert transport is not None
        transport.set_protocol(ours)
        end(opened, handler, transport)
        await connector.close()
        await ours.lost.wait()
        del opened, handler, transport
        gc.collect()


@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")
async def test_forgotten_connection_warns(connector: aiohttp.TCPConnector, recwarn: pytest.WarningsRecorder) -> None:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    async with raw_server(always(answer())) as server:
        await connector.connect(request_for(server.url), [], LIMITS)
        gc.collect()
    assert complaints == ["Unclosed connection"]


async def test_socket_of_the_factory_is_the_connections(connector: aiohttp.TCPConnector) -> None:
    """The loop shows another object; its number finds ours, which is duplicated."""
    made: list[socket.socket] = []

    def make(address: Any) -> socket.socket:
        made.append(socket.socket(*address[:3]))
        return made[-1]

    own = aiohttp.TCPConnector(limit=0, socket_factory=make)
    async with raw_server(always(answer())) as server:
        opened = await own.connect(request_for(server.url), [], LIMITS)
        handler, transport = opened.protocol, opened.transport
        assert handler is not None
        assert transport is not None
        assert [sock.fileno() for sock in made] == [transport.get_extra_info("socket").fileno()]
        end(opened, handler, transport)
        await own.close()
