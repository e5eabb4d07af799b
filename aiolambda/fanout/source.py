"""The input of a map: read item by item, from a plain or an asynchronous iterable, no earlier than there is room for one.

Owns the reading, and what is made of an item: its key, its command. Must not know when it is sent.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

import attrs

from ..commands import InvokeCommand
from ..errors import AiolambdaError

__all__ = ["Source", "Work"]

Item = TypeVar("Item")


@attrs.define(eq=False)
class Work(Generic[Item]):
    """An item on its way. Times are those of the loop."""

    index: int
    item: Item
    key: str
    command: InvokeCommand
    function_name: str
    idempotent: bool = False
    refusal: AiolambdaError | None = None
    given_key: str | None = None
    hash: str | None = None
    attempts: int = 0
    throttles: int = 0
    function_errors: int = 0
    rests_for: AiolambdaError | None = None
    in_window: bool = False


class Source(Generic[Item]):
    """Reads the items, and makes work of them with `make`. `index` is that of the next item."""

    def __init__(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        make: Callable[[int, Item], Work[Item]],
    ) -> None:
        self._items = items
        self._make = make
        self._iterator: Iterator[Item] | AsyncIterator[Item] | None = None
        self._awaited: asyncio.Task[Work[Item] | None] | None = None
        self.index = 0
        self.exhausted = False

    @property
    def awaited(self) -> "asyncio.Task[Work[Item] | None] | None":
        """The item that an asynchronous input is asked for now."""
        return self._awaited

    def take(self) -> Work[Item] | None:
        """The next item, if it is there: `None` while it is `awaited`, and once the input is exhausted."""
        if self._iterator is None:
            items = cast("Any", self._items)
            self._iterator = aiter(items) if hasattr(items, "__aiter__") else iter(items)
        if isinstance(self._iterator, Iterator):
            try:
                return self._made(next(self._iterator))
            except StopIteration:
                self.exhausted = True
                return None
        if self._awaited is None:
            self._awaited = asyncio.create_task(self._next(self._iterator), name="next item of a map")
        if not self._awaited.done():
            return None
        awaited, self._awaited = self._awaited, None
        return awaited.result()

    async def aclose(self) -> None:
        """Ask for no more; an asynchronous input that can be closed is."""
        if self._awaited is not None:
            self._awaited.cancel()
            await asyncio.wait({self._awaited})
        close = getattr(self._iterator, "aclose", None) or getattr(self._iterator, "close", None)
        if self._iterator is not None and self._iterator is not self._items and close is not None:
            closing = close()
            if closing is not None:
                await closing

    async def _next(self, iterator: AsyncIterator[Item]) -> Work[Item] | None:
        try:
            return self._made(await anext(iterator))
        except StopAsyncIteration:
            self.exhausted = True
            return None

    def _made(self, item: Item) -> Work[Item]:
        self.index += 1
        return self._make(self.index - 1, item)
