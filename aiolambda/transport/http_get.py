"""One small document over HTTP, for the configuration: a GET, and nothing that could lead it elsewhere.

Owns the limits of such a fetch: time, size, no redirect, no proxy, no cookie. Must not know what the document says.
"""

import ssl
from collections.abc import Mapping

import aiohttp
from yarl import URL

from ..errors import ConnectError, ConnectionLostError, InvocationTimeoutError, TransportError
from ..types.http import Response
from .error_mapping import reason_of
from .resolver import resolver_of_own

__all__ = ["fetch"]

_TIMEOUT = aiohttp.ClientTimeout(total=5, sock_connect=2)
"""Seconds. Whoever answers stands on the same machine or beside it."""

_MOST = 65_536
"""Bytes of a body; credentials have some 2,000."""


async def fetch(url: str, headers: Mapping[str, str], /, *, tls: ssl.SSLContext | bool = True) -> Response:
    """The answer to a GET, whatever its status; `TransportError` where none came, or one without an end.

    `tls` is what an https server is verified with; `True` is the authorities of the system.
    """
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver_of_own()),  # pyright: ignore[reportUnknownMemberType] - aiohttp leaves an address open
                timeout=_TIMEOUT,
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
        raise ConnectionLostError(f"{_host(url)} gave no whole answer: {reason_of(error)}") from None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _MOST:
            raise TransportError(f"{_host(str(answer.url))} answered with more than {_MOST:,} bytes")
    return bytes(body)


def _host(url: str) -> str:
    """What may be said of a URL: its query could hold a secret."""
    try:
        return URL(url, encoded=True).authority.rpartition("@")[2] or "the URL"
    except ValueError:
        return "the URL"
