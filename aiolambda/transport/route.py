"""A destination of connections.

Owns what aiohttp's connector must know of it. Must not know how a connection is opened or used.
"""

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from .connect_queue import Shelf

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Route"]


class Route:
    """A destination of connections: an origin, and the proxy on the way. `request` tells aiohttp's connector, and is not sent.

    - `is_relayed`: a proxy relays the requests, instead of tunnelling a connection.
    - `proxy_credentials`: for a proxy that relays. A proxy that tunnels gets them with CONNECT.
    - `shelf`: the idle connections, and the requests that wait for one.
    """

    def __init__(
        self, origin: str, *, proxy: str | None, authorization: str | None, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self.origin = origin
        self.proxy = None if proxy is None else URL(proxy, encoded=True)
        self.request = aiohttp.ClientRequest(
            "POST",
            URL(origin, encoded=True),
            loop=loop,
            proxy=self.proxy,
            proxy_headers=None if authorization is None else {"Proxy-Authorization": authorization},
        )
        self.is_relayed = proxy is not None and not self.request.is_ssl()
        self.proxy_credentials = authorization if self.is_relayed else None
        self.shelf: Shelf[Connection] = Shelf()
