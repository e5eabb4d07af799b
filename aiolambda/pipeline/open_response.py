"""A streamed answer, which is read after its attempt has ended: its reader's waits, and its end.

Laws: the reader gets the error that ended the answer first; the connection ends before the slot is free.

Owns the wait for bytes, and the end. Must not know the meaning of the bytes.
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

_MAX_PIECE = 64 * 1024
"""Bytes that a reader gets in one turn of the loop."""


class OpenResponse(StreamingBody):
    """The body of `answer`. Closing it closes `exits`, which ends the connection; both belong to this object from now on.

    A read waits as long as the `idle` limit of the call allows.
    """

    def __init__(self, call: Call[Any, Any], answer: StreamedResponse, exits: AsyncExitStack) -> None:
        # The call itself is not kept: it holds the payload, and the answer may take half an hour.
        self._function_name, self._history, self._started = call.function_name, call.history, call.started
        self._total_retry_delay, self._loop = call.total_retry_delay, call.loop
        self._idle = call.timeouts.idle
        self._pieces = aiter(answer)
        if (aclose := getattr(self._pieces, "aclose", None)) is not None:  # a user's transport may yield from a generator
            exits.push_async_callback(aclose)
        self._waiting: asyncio.Timeout | None = None
        self._not_reading = asyncio.Event()
        self._not_reading.set()
        self._has_closed = asyncio.Event()
        self._surplus = b""  # the rest of a piece that was too long
        self._keeps_slot = False
        self._error: Exception | None = None
        self._closed = False
        self._callbacks: list[Callable[[], object]] = []
        self._exits = exits.pop_all()  # last: after an error above, the caller still has them

    @property
    def closed(self) -> bool:
        return self._closed

    async def read(self, *, within: float | None = None) -> bytes:
        if self._error is not None:
            raise self._error
        if self._surplus:
            await asyncio.sleep(0)  # a piece may hold thousands of events: let other tasks run in between
            return self._first_part(self._surplus)
        limit = self._idle if within is None else min(within, self._idle or within)
        scope = self._waiting = asyncio.timeout(limit)
        self._not_reading.clear()
        try:
            async with scope:
                piece = await self._piece()
        except Exception as error:
            if self._error is not None:
                raise self._error from None
            if scope.expired():
                raise self._completed(
                    InvocationTimeoutError(
                        f"no further byte of the answer came within {limit} s",
                        exceeded="idle",
                        stage="receive",
                        delivery=Delivery.EXECUTED,
                    )
                ) from None
            if isinstance(error, AiolambdaError):
                self._completed(error)
            raise
        finally:
            self._waiting = None
            self._not_reading.set()
        return self._first_part(piece)

    def abort(self, error: Exception, /) -> None:
        self._error = self._completed(error) if isinstance(error, AiolambdaError) else error
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(0)  # a time in the past: the wait ends at the next turn of the loop

    async def aclose(self) -> None:
        if self._closed:
            await self._has_closed.wait()
            return
        self._closed = True
        try:
            if self._waiting is not None and self._error is None:  # another task is reading
                self.abort(ConnectionLostError("the answer was closed while it was being read", delivery=Delivery.EXECUTED))
            await self._not_reading.wait()
        finally:
            try:
                await self._exits.aclose()
            finally:
                self._has_closed.set()
                with ExitStack() as callbacks:  # calls every callback, even if another raises
                    for callback in reversed(self._callbacks):
                        callbacks.callback(callback)

    def keep(self, release_slot: Callable[[], object], /) -> bool:
        if self._closed or self._keeps_slot:
            return False
        self._keeps_slot = True
        self.on_close(release_slot)
        return True

    def on_close(self, callback: Callable[[], object], /) -> None:
        if self._has_closed.is_set():
            callback()
        else:
            self._callbacks.append(callback)

    def _first_part(self, data: bytes) -> bytes:
        self._surplus = data[_MAX_PIECE:]
        return data[:_MAX_PIECE]

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
