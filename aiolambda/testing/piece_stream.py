"""A streamed response of the fake.

Must not know who makes its pieces.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Self

from ..types.http import Response

__all__ = ["PieceStream"]


class PieceStream:
    """A streamed response. As with a socket, a read that is cancelled loses no data."""

    def __init__(self, response: Response, pieces: AsyncGenerator[bytes]) -> None:
        self.status = response.status
        self.headers = response.headers
        self._pieces = pieces
        self._read: asyncio.Task[bytes | None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._read = self._read or asyncio.create_task(self._next())
        piece = await asyncio.shield(self._read)
        self._read = None
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def close(self) -> None:
        """Close the generator of the handler."""
        if self._read is not None:
            self._read.cancel()
            await asyncio.wait({self._read})
        await self._pieces.aclose()
