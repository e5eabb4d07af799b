"""What the transport hands to aiohttp, seen by aioresponses, which takes the place of aiohttp's own request."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses
from yarl import URL

from aiolambda import ConnectError, Request, TcpKeepAlive, Timeouts
from aiolambda.messages import Headers
from aiolambda.transport import AiohttpTransport

ENDPOINT = "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/a%3Ab/invocations?Qualifier=%24LATEST"
NEEDS_SHIM = tuple(map(int, aiohttp.__version__.split(".")[:2])) >= (3, 14)


class NothingWritten:
    """What aiohttp 3.14 asks of the writer behind an answer."""

    output_size = 0


class ShimmedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 does not know `stream_writer`, which aiohttp 3.14 needs."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if NEEDS_SHIM:
            options.setdefault("stream_writer", NothingWritten())
        super().__init__(*arguments, **options)


@pytest.fixture
def answers() -> Iterator[aioresponses]:
    with aioresponses() as mocked:
        yield mocked


@pytest.fixture
async def transport() -> Any:
    transport = AiohttpTransport(keep_alive=TcpKeepAlive(), idle_connection_timeout=60, proxy="http://proxy:3128")
    yield transport
    await transport.close()


def request_with(timeouts: Timeouts, body: bytes = b"{}") -> Request:
    return Request("POST", ENDPOINT, Headers({"host": "h", "x-a": "1"}), body, timeouts)


async def test_status_headers_and_body_come_through(answers: aioresponses, transport: AiohttpTransport) -> None:
    answers.post(
        URL(ENDPOINT, encoded=True),
        status=429,
        body=b"\x00\xff",
        headers={"X-Amzn-ErrorType": "T"},
        response_class=ShimmedResponse,
    )
    response = await transport.send(request_with(Timeouts(read=1)))
    assert (response.status, response.headers["x-amzn-errortype"], response.body) == (429, "T", b"\x00\xff")


async def test_no_redirects_and_our_limits_are_asked_of_aiohttp(answers: aioresponses, transport: AiohttpTransport) -> None:
    answers.post(URL(ENDPOINT, encoded=True), repeat=True, response_class=ShimmedResponse)
    await transport.send(request_with(Timeouts(total=9, connect=2, read=3)))
    await transport.send(request_with(Timeouts(connect=None, read=None)))
    (calls,) = answers.requests.values()
    limited, unlimited = (call.kwargs["timeout"] for call in calls)
    assert (limited.total, limited.connect, limited.sock_read) == (None, 2, 3)
    assert (unlimited.total, unlimited.connect, unlimited.sock_read) == (None, None, None)
    options = calls[0].kwargs
    assert (options["allow_redirects"], options["proxy"], options["data"]) == (False, "http://proxy:3128", b"{}")


async def test_a_refusal_of_the_proxy_is_a_connect_error(answers: aioresponses, transport: AiohttpTransport) -> None:
    refused = aiohttp.ClientHttpProxyError(request_info=None, history=(), status=407)  # type: ignore[arg-type]
    answers.post(URL(ENDPOINT, encoded=True), exception=refused)
    with pytest.raises(ConnectError, match="the proxy answered 407"):
        await transport.send(request_with(Timeouts()))


@pytest.mark.skipif(not NEEDS_SHIM, reason="this aiohttp needs no shim")
async def test_the_shim_is_still_needed(answers: aioresponses) -> None:
    """When this fails, aioresponses knows aiohttp 3.14, and `ShimmedResponse` can go."""
    answers.post("http://host/")
    with pytest.raises(TypeError, match="stream_writer"):
        async with aiohttp.ClientSession() as session:
            await session.post("http://host/")
