"""Reading a request's body up to a limit.

Owns that a body over the limit costs no memory. Must not know what a body is. The server reads on for a moment after the
answer, and throws away what comes, so that the sender of a body that was refused can read why.
"""

from aiohttp import web

__all__ = ["is_over", "read"]


def is_over(request: web.Request, limit: int) -> bool:
    """Whether the head says that the body has more than `limit` bytes."""
    return (request.content_length or 0) > limit


async def read(request: web.Request, limit: int) -> bytes | None:
    """The body, or `None` as soon as it has more than `limit` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
