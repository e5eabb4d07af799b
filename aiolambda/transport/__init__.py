"""The transport: one signed request over aiohttp, and the answer or the error that says how far it got."""

import aiohttp

from .http_get import fetch
from .sockets import connection_room
from .transport import AiohttpTransport

__all__ = ["LIBRARIES", "AiohttpTransport", "connection_room", "fetch"]

LIBRARIES = {"aiohttp": aiohttp.__version__}
"""The libraries that send requests, and their versions, for the user agent."""
