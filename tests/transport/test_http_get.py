"""The fetch of a small document: what is asked of aiohttp, and what becomes of every kind of answer."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import trustme
from aioresponses import aioresponses
from yarl import URL

from aiolambda import ConnectError, ConnectionLostError, InvocationTimeoutError, TransportError
from aiolambda.transport import fetch

from ..support.servers import Connection, always, answer, raw_server, silent

URL_OF_KEYS = "http://169.254.170.2/v2/credentials?id=a%2Fb"


class NothingWritten:
    """What aiohttp 3.14 asks of the writer behind an answer."""

    output_size = 0


class ShimmedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 does not know `stream_writer`, which aiohttp 3.14 needs."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("stream_writer", NothingWritten())
        super().__init__(*arguments, **options)


@pytest.fixture
def answers() -> Iterator[aioresponses]:
    with aioresponses() as mocked:
        yield mocked


async def test_status_headers_and_body_come_through(answers: aioresponses) -> None:
    answers.get(
        URL(URL_OF_KEYS, encoded=True), status=404, body=b"\x00\xff", headers={"X-A": "1"}, response_class=ShimmedResponse
    )
    response = await fetch(URL_OF_KEYS, {"authorization": "token"})
    assert (response.status, response.headers["x-a"], response.body) == (404, "1", b"\x00\xff")


async def test_fetch_makes_one_get_without_redirects(answers: aioresponses) -> None:
    answers.get(URL(URL_OF_KEYS, encoded=True), response_class=ShimmedResponse)
    await fetch(URL_OF_KEYS, {"authorization": "token"})
    (((method, _), (call,)),) = answers.requests.items()
    assert method == "GET"
    assert (call.kwargs["allow_redirects"], call.kwargs["headers"]) == (False, {"authorization": "token"})


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (TimeoutError(), InvocationTimeoutError),
        (aiohttp.ServerTimeoutError(), InvocationTimeoutError),
        (aiohttp.ServerDisconnectedError(), ConnectionLostError),
        (aiohttp.ClientPayloadError("cut short"), ConnectionLostError),
        (ConnectionResetError("reset"), ConnectionLostError),
        (aiohttp.InvalidURL("http://"), ConnectError),
    ],
)
async def test_aiohttp_failures_are_transport_errors(
    answers: aioresponses, raised: Exception, error: type[TransportError]
) -> None:
    answers.get(URL(URL_OF_KEYS, encoded=True), exception=raised)
    with pytest.raises(error, match=r"169\.254\.170\.2") as caught:
        await fetch(URL_OF_KEYS, {})
    assert "a%2Fb" not in str(caught.value)


async def test_aioresponses_shim_is_still_needed(answers: aioresponses) -> None:
    """When this fails, aioresponses knows aiohttp 3.14, and `ShimmedResponse` can go."""
    answers.get("http://host/")
    with pytest.raises(TypeError, match="stream_writer"):
        await fetch("http://host/", {})


async def test_real_server_receives_one_plain_get() -> None:
    async with raw_server(always(answer(headers="Set-Cookie: a=b\r\n", body=b'{"a": 1}'))) as server:
        response = await fetch(f"{server.url}/v2/x%2Fy?z=%20", {"authorization": "token"})
        await fetch(f"{server.url}/", {})
    assert response.body == b'{"a": 1}'
    (first, _), (second, _) = server.requests
    assert first.startswith(b"GET /v2/x%2Fy?z=%20 HTTP/1.1\r\n")
    assert b"\r\nauthorization: token\r\n" in first
    assert b"ookie" not in second


async def test_redirect_is_returned_and_not_followed() -> None:
    async with raw_server(always(answer("302 Found", "Location: /elsewhere\r\n"))) as server:
        assert (await fetch(server.url, {})).status == 302
    assert len(server.requests) == 1


async def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with raw_server(always(answer())) as server:
        assert (await fetch(server.url, {})).status == 200


async def test_refused_connection_is_a_connect_error() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError, match="no connection to 127.0.0.1"):
            await fetch(f"http://127.0.0.1:{bound.getsockname()[1]}/secret", {})


async def test_silent_server_ends_at_the_time_limit() -> None:
    async with raw_server(silent) as server:
        with pytest.raises(InvocationTimeoutError, match="did not answer in time"):
            await fetch(server.url, {}, timeout=0.1)


async def test_endless_response_is_cut_off() -> None:
    async def endless(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await connection.write(b"1000\r\n" + bytes(4096) + b"\r\n")

    async with raw_server(endless) as server:
        with pytest.raises(TransportError, match="more than 65,536 bytes"):
            await asyncio.wait_for(fetch(server.url, {}), 10)


async def test_truncated_response_is_an_error() -> None:
    async def cut(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")

    async with raw_server(cut) as server:
        with pytest.raises(ConnectionLostError, match="no complete answer"):
            await fetch(server.url, {})


async def test_untrusted_certificate_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with raw_server(always(answer()), tls=context) as server:
        with pytest.raises(ConnectError):
            await fetch(server.url, {"authorization": "token"})
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://host:99999/"])
async def test_invalid_url_is_a_connect_error(url: str) -> None:
    with pytest.raises(ConnectError):
        await fetch(url, {})


@pytest.mark.parametrize(
    "said",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r{"SecretAccessKey": "hunter2"}\r\n\r\n',
        b'{"SecretAccessKey": "hunter2"}\r\n\r\n',
    ],
)
async def test_unreadable_response_is_not_quoted(said: bytes) -> None:
    async with raw_server(always(said)) as server:
        with pytest.raises(ConnectionLostError, match="not valid HTTP") as caught:
            await fetch(f"{server.url}/?token=hunter2", {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/?token=hunter2", "http:///x?token=hunter2"])
async def test_unsupported_url_is_not_shown(url: str) -> None:
    with pytest.raises(TransportError) as caught:
        await fetch(url, {})
    assert "hunter2" not in str(caught.value)
