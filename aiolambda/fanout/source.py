"""The input of a map: read item by item, from a plain or an asynchronous iterable, no earlier than there is room for one.

Owns the reading, and what is made of an item: its key, its command. Must not know when it is sent.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Generic, TypeVar

import attrs

from ..commands import InvokeCommand
from ..errors import AiolambdaError
from ..tracebacks import forget_locals

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
    may_have_run: bool = False
    billed_ms: float = 0.0
    cold_starts: int = 0

    def bill(self, billed_ms: float, cold_starts: int) -> None:
        """Add what one invocation of it has cost."""
        self.billed_ms += billed_ms
        self.cold_starts += cold_starts

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
    def is_waiting(self) -> bool:
        """Whether an asynchronous input has been asked for an item, and has not given it yet."""
        return self._awaited is not None and not self._awaited.done()

    def take(self, on_ready: Callable[[], object]) -> Work[Item] | None:
        """The next item, if it is there; `on_ready` is called once one is that is awaited. `None` at the end, too."""
        if self._iterator is None:
            self._iterator = _iterator_of(self._items)
        if isinstance(self._iterator, Iterator):
            try:
                item = next(self._iterator)
            except StopIteration:
                self.exhausted = True
                return None
            try:
                return self._made(item)
            finally:
                del item  # a traceback that is printed with locals would show it
        if self._awaited is None:
            self._awaited = asyncio.create_task(self._next(self._iterator), name="next item of a map")
            self._awaited.add_done_callback(lambda _: on_ready())
        if not self._awaited.done():
            return None
        awaited, self._awaited = self._awaited, None
        return awaited.result()

    def stop(self) -> None:
        """Wait for no more items."""
        if self._awaited is not None:
            self._awaited.cancel()

    async def aclose(self) -> Work[Item] | None:
        """Ask for no more; an asynchronous input that can be closed is. Gives the item that came last, if nobody took it."""
        awaited, self._awaited, work = self._awaited, None, None
        if awaited is not None:
            awaited.cancel()
            await asyncio.wait({awaited})
            work = None if awaited.cancelled() else awaited.result()
        close = getattr(self._iterator, "aclose", None) or getattr(self._iterator, "close", None)
        if self._iterator is not None and self._iterator is not self._items and close is not None:
            closing = close()
            if closing is not None:
                await closing
        return work

    async def _next(self, iterator: AsyncIterator[Item]) -> Work[Item] | None:
        try:
            return self._made(await anext(iterator))
        except StopAsyncIteration:
            self.exhausted = True
            return None

    def _made(self, item: Item) -> Work[Item]:
        self.index += 1
        try:
            return self._make(self.index - 1, item)
        except (StopIteration, StopAsyncIteration) as error:
            raise RuntimeError("the function that makes a key or a payload of an item raised what ends an iteration") from error
        except Exception as error:
            forget_locals(error)
            raise
        finally:
            del item  # as above


def _iterator_of(items: "Iterable[Item] | AsyncIterable[Item]") -> "Iterator[Item] | AsyncIterator[Item]":
    return aiter(items) if isinstance(items, AsyncIterable) else iter(items)
