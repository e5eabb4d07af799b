"""An answer that is still coming when its attempt ends: what reads it, and all that ends it.

Laws: whatever ends it first is what its reader is told; its connection ends before its slot is free.

Owns the waiting for bytes, and the end. Must not know what the bytes are.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from ..errors import AiolambdaError, ConnectionLostError, InvocationTimeoutError
from ..policy import delivery
from ..types.http import StreamingBody
from ..types.interfaces import StreamedResponse
from ..types.values import Delivery
from .call import Call

__all__ = ["OpenResponse"]

_AT_ONCE = 64 * 1024
"""Bytes that a reader is given in one turn of the loop."""


class OpenResponse(StreamingBody):
    """The body of `answer`, whose connection `exits` ends; they are taken over.

    The reader waits as long as the call's `idle` limit says.
    """

    def __init__(self, call: Call[Any, Any], answer: StreamedResponse, exits: AsyncExitStack) -> None:
        # The call itself is not kept: it holds the payload, and this may last for half an hour.
        self._function_name, self._history, self._started = call.function_name, call.history, call.started
        self._total_retry_delay, self._loop = call.total_retry_delay, call.loop
        self._idle = call.timeouts.idle
        self._pieces = aiter(answer)
        if (end := getattr(self._pieces, "aclose", None)) is not None:  # a transport whose body is a generator
            exits.push_async_callback(end)
        self._waiting: asyncio.Timeout | None = None
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._has_closed = asyncio.Event()
        self._surplus = b""  # of a piece that was too long
        self._keeps_slot = False
        self._cut: Exception | None = None
        self._closed = False
        self._callbacks: list[Callable[[], object]] = []
        self._exits = exits.pop_all()  # last: what fails before leaves them to the caller

    @property
    def closed(self) -> bool:
        return self._closed

    async def read(self, *, within: float | None = None) -> bytes:
        if self._cut is not None:
            raise self._cut
        if self._surplus:
            await asyncio.sleep(0)  # what comes at once may hold thousands of events: others have their turn between
            return self._next_of(self._surplus)
        limit = self._idle if within is None else min(within, self._idle or within)
        scope = self._waiting = asyncio.timeout(limit)
        self._at_rest.clear()
        try:
            async with scope:
                piece = await self._piece()
        except Exception as error:
            if self._cut is not None:
                raise self._cut from None
            if scope.expired():
                raise self._completed(_silence(limit)) from None
            if isinstance(error, AiolambdaError):
                self._completed(error)
            raise
        finally:
            self._waiting = None
            self._at_rest.set()
        return self._next_of(piece)

    def cut(self, error: Exception, /) -> None:
        self._cut = self._completed(error) if isinstance(error, AiolambdaError) else error
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(0)  # a moment that is past: the wait ends at the loop's next turn

    async def aclose(self) -> None:
        if self._closed:
            await self._has_closed.wait()
            return
        self._closed = True
        try:
            await self._end_read()
        finally:
            try:
                await self._exits.aclose()
            finally:
                self._has_closed.set()
                with ExitStack() as callbacks:  # each of them is called, whatever another raises
                    for callback in reversed(self._callbacks):
                        callbacks.callback(callback)

    async def _end_read(self) -> None:
        """Another task may wait for bytes, and a transport may not be left under it."""
        if self._waiting is not None and self._cut is None:
            self.cut(ConnectionLostError("the answer was closed while it was read", delivery=Delivery.EXECUTED))
        await self._at_rest.wait()

    def keep(self, give_back_slot: Callable[[], object], /) -> bool:
        if self._closed or self._keeps_slot:
            return False
        self._keeps_slot = True
        self.on_close(give_back_slot)
        return True

    def on_close(self, callback: Callable[[], object], /) -> None:
        if self._has_closed.is_set():
            callback()
        else:
            self._callbacks.append(callback)

    def _next_of(self, data: bytes) -> bytes:
        self._surplus = data[_AT_ONCE:]
        return data[:_AT_ONCE]

    async def _piece(self) -> bytes:
        async for piece in self._pieces:
            if piece:
                return piece
        return b""

    def _completed(self, error: AiolambdaError) -> AiolambdaError:
        elapsed = self._loop.time() - self._started
        return delivery.completed(
            error,
            function_name=self._function_name,
            history=self._history,
            elapsed=elapsed,
            total_retry_delay=self._total_retry_delay,
        )


def _silence(limit: float | None) -> InvocationTimeoutError:
    silence = f"nothing came of the rest of the answer for {limit} s"
    return InvocationTimeoutError(silence, exceeded="idle", stage="receive", delivery=Delivery.EXECUTED)
