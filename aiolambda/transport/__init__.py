"""One HTTP request on one connection: opening, pooling, sending, reading, with the facts about what left."""

import aiohttp

from .http_get import fetch
from .sockets import connection_room
from .transport import AiohttpTransport

__all__ = ["LIBRARIES", "AiohttpTransport", "connection_room", "fetch"]

LIBRARIES = {"aiohttp": aiohttp.__version__}
"""The libraries that send requests, and their versions, for the user agent."""
