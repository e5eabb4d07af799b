"""The transport: one signed request over aiohttp, and the answer or the error that says how far it got."""

from .fetching import fetch
from .http import AiohttpTransport
from .sockets import connection_room

__all__ = ["AiohttpTransport", "connection_room", "fetch"]
