"""An iterator that runs on a thread, and whose items an event loop takes: reading a pipe or parsing a file blocks no loop.

Laws: a silent pipe blocks neither the loop nor the exit of the program; what is read ahead is bounded; a cancelled wait loses
no item.

Must not know what the items are.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, Self, TypeVar

__all__ = ["Feed"]

T = TypeVar("T")

_GROUPS = 4
"""Groups of items to read ahead."""
_GROUP_ITEMS = 250
"""Items that are handed over at once."""
_GROUP_BYTES = 256 * 1024
"""A group also ends with the item that reaches this size."""


class Feed(Generic[T]):
    """The items of `start(flush)`, which calls `flush` before it waits for input. `size` gives the bytes of an item."""

    def __init__(self, start: Callable[[Callable[[], None]], Iterator[T]], size: Callable[[T], int]) -> None:
        self._start = start
        self._size = size
        self._group: list[T] = []
        self._group_size = 0
        self._ready: deque[T] = deque()
        self._groups: asyncio.Queue[list[T] | BaseException | None] = asyncio.Queue()
        self._capacity = threading.Semaphore(_GROUPS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = self._is_over = False
        self.has_ended = False
        """Whether the last item was taken, and no error came."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._ready:
            if self._is_over:
                raise StopAsyncIteration
            await self._take_group()
        return self._ready.popleft()

    def close(self) -> bool:
        """End the thread, unless it waits for input. Returns whether there is one: it ends what it began."""
        self._is_closed = True
        self._capacity.release()
        return self._loop is not None

    async def _take_group(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, name="map input", daemon=True).start()
        group = await self._groups.get()
        if isinstance(group, list):
            self._capacity.release()
            self._ready.extend(group)
            return
        self._is_over = True
        if group is not None:
            raise group
        self.has_ended = True

    # On the thread

    def _read(self) -> None:
        with suppress(RuntimeError, _ClosedError):  # the loop is closed, or this feed
            try:
                for item in self._start(self._flush):
                    self._group.append(item)
                    self._group_size += self._size(item)
                    if len(self._group) >= _GROUP_ITEMS or self._group_size >= _GROUP_BYTES:
                        self._flush()
                self._flush()
                self._put(None)
            except (_ClosedError, GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001 - the reader of the items receives it
                self._flush()
                self._put(error)

    def _flush(self) -> None:
        if self._is_closed:
            raise _ClosedError
        if not self._group:
            return
        self._capacity.acquire()
        group, self._group, self._group_size = self._group, [], 0
        self._put(group)

    def _put(self, group: list[T] | BaseException | None) -> None:
        if self._is_closed:
            raise _ClosedError
        assert self._loop is not None  # noqa: S101 - set before the thread starts
        self._loop.call_soon_threadsafe(self._groups.put_nowait, group)


class _ClosedError(Exception):
    """Nobody takes items any more."""
