"""Fetches one small document over HTTP for the configuration: one GET, without redirects, proxy or cookies.

Owns the limits of such a fetch in time and size. Must not know the content of the document.
"""

import ssl
from collections.abc import Mapping

import aiohttp
from yarl import URL

from ..errors import ConnectError, ConnectionLostError, InvocationTimeoutError, TransportError
from ..types.http import Response
from .aiohttp_errors import reason_of
from .resolver import resolver_of_own

__all__ = ["fetch"]

_CONNECT_TIMEOUT = 2
"""Seconds. The server is on this machine or next to it."""

_LONGEST_BODY = 65_536
"""Bytes. Credentials take about 2,000."""


async def fetch(
    url: str, headers: Mapping[str, str], /, *, tls: ssl.SSLContext | bool = True, timeout: float = 5.0
) -> Response:
    """The answer to a GET, with any status. `TransportError` if no answer comes, or an incomplete one.

    `tls` verifies an https server; `True` uses the system's certificate authorities. `timeout` is in seconds.
    """
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver_of_own()),  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
                timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.get(URL(url, encoded=True), headers=headers, allow_redirects=False, ssl=tls) as answer,
        ):
            return Response(answer.status, answer.headers, await _body(answer))
    except TimeoutError:
        raise InvocationTimeoutError(f"{_host(url)} did not answer in time", exceeded="total", stage="receive") from None
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL, ValueError) as error:
        raise ConnectError(f"no connection to {_host(url)}: {reason_of(error)}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectionLostError(f"{_host(url)} sent no complete answer: {reason_of(error)}") from None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _LONGEST_BODY:
            raise TransportError(f"{_host(str(answer.url))} answered with more than {_LONGEST_BODY:,} bytes")
    return bytes(body)


def _host(url: str) -> str:
    """The host of a URL, for error texts: the rest of it may hold a secret."""
    try:
        return URL(url, encoded=True).authority.rpartition("@")[2] or "the URL"
    except ValueError:
        return "the URL"
