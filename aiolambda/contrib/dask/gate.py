"""The worker's share of a concurrency that is divided: calls wait here, and the share may change while they run."""

import asyncio
from collections import deque
from types import TracebackType

__all__ = ["Gate"]


class Gate:
    """`async with gate:` holds a place. Without a share there is no limit."""

    def __init__(self, share: int | None) -> None:
        self.share = share
        self.busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._shrinking: set[asyncio.Future[None]] = set()
        self._open = asyncio.Event()
        if share != 0:
            self._open.set()

    async def __aenter__(self) -> None:
        while not self._has_place:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the place that was meant for this call is another's
                raise
        self.busy += 1

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.busy -= 1
        self._wake()
        self._note_shrunk()

    async def resize(self, share: int | None) -> None:
        """Set the share, and return once no more than that are in flight."""
        self.share = share
        if share == 0:
            self._open.clear()
        else:
            self._open.set()
        self._wake()
        if self._is_within:
            return
        shrunk = asyncio.get_running_loop().create_future()
        self._shrinking.add(shrunk)
        try:
            await shrunk
        finally:
            self._shrinking.discard(shrunk)

    async def opened(self) -> None:
        """Wait until the share is not 0."""
        await self._open.wait()

    @property
    def is_free(self) -> bool:
        """Whether a place is free, and no call waits for one."""
        return self._has_place and not any(not turn.done() for turn in self._waiting)

    @property
    def _has_place(self) -> bool:
        return self.share is None or self.busy < self.share

    @property
    def _is_within(self) -> bool:
        return self.share is None or self.busy <= self.share

    def _wake(self) -> None:
        """Wake as many as there are places. One that was woken asks again: another call may have come before it."""
        places = len(self._waiting) if self.share is None else self.share - self.busy
        while places > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                places -= 1

    def _note_shrunk(self) -> None:
        if self._is_within:
            for shrunk in self._shrinking:
                if not shrunk.done():
                    shrunk.set_result(None)
