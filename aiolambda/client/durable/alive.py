"""Heartbeats of a callback while a block runs.

Laws: nothing runs after the block. A block that is ended by a heartbeat ends with the error of that heartbeat, and a
cancellation from outside stays one.

Owns the task of the heartbeats. Must not know how one is sent.
"""

import asyncio
from types import TracebackType

from ...errors import AiolambdaError, ConfigurationError
from ...policy import polling
from .callbacks import DurableCallback

__all__ = ["Alive"]

_BEAT_LIMIT = 30.0
"""Seconds for one heartbeat, with its repeats; fewer if the next one is due before."""


class Alive:
    """The block of `callback.alive`. It can be entered once."""

    def __init__(self, callback: DurableCallback, *, every: float) -> None:
        if not every:
            raise ConfigurationError("every must be above 0: it is the pause between two heartbeats, in seconds")
        self._callback, self._every = callback, every
        self._beats: asyncio.Task[None] | None = None
        self._owner: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._error: Exception | None = None
        self._is_over = False

    async def __aenter__(self) -> DurableCallback:
        if self._beats is not None:
            raise RuntimeError("a block of alive() can be entered once: call alive() again")
        self._owner = asyncio.current_task()
        if self._owner is None:
            raise RuntimeError("alive() must be used inside an asyncio task")
        self._cancelling = self._owner.cancelling()
        self._beats = asyncio.create_task(self._beat(self._owner), name="heartbeats of a callback")
        return self._callback

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        beats, owner = self._beats, self._owner
        if beats is None or owner is None:
            return
        self._is_over = True
        beats.cancel()
        try:
            await asyncio.wait({beats})
        except asyncio.CancelledError:
            # If the block ended by itself when its heartbeat failed, the cancellation of that arrives here.
            is_ours = self._error is not None and exc_type is None and owner.cancelling() <= self._cancelling + 1
            if not is_ours:
                if self._error is not None:
                    owner.uncancel()
                raise
        if self._error is None:
            return
        is_cancelled_by_others = owner.uncancel() > self._cancelling
        if not is_cancelled_by_others and (exc_type is None or exc_type is asyncio.CancelledError):
            raise self._error

    async def _beat(self, owner: "asyncio.Task[object]") -> None:
        """Send heartbeats until the block ends, or one fails for good. None is sent while the callback is answered.

        An answer that did not arrive leaves the callback open, so the heartbeats go on then.
        """
        time = asyncio.get_running_loop().time
        while True:
            next_at = time() + self._every
            if not self._callback.is_answered:
                await self._send_one(owner)
            if self._error is not None:
                return
            await asyncio.sleep(max(0.0, next_at - time()))

    async def _send_one(self, owner: "asyncio.Task[object]") -> None:
        try:
            await self._callback.heartbeat(timeout=min(self._every, _BEAT_LIMIT))
        except AiolambdaError as error:
            if not polling.passes(error):
                self._fail(error, owner)
        except Exception as error:  # noqa: BLE001 - of a user's middleware: the block ends with it
            self._fail(error, owner)

    def _fail(self, error: Exception, owner: "asyncio.Task[object]") -> None:
        if not (self._callback.is_answered or self._is_over):  # else the heartbeat came too late
            self._error = error
            owner.cancel()
