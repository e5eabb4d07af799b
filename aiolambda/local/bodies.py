"""Reading a request's body up to a limit.

Owns that a body over the limit costs no memory, and that its sender can still read the answer. Must not know what a body is.
"""

from aiohttp import web

__all__ = ["read"]


async def read(request: web.Request, limit: int) -> bytes | None:
    """The body, or `None` where it has more than `limit` bytes; read to its end either way, so that an answer arrives."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks) if size <= limit else None
