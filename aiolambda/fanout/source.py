"""The input of a map: read item by item, from a plain or an asynchronous iterable, no earlier than there is room for one.

Owns the reading, and what is made of an item: its key, its command. Must not know when it is sent.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import attrs

from ..errors import AiolambdaError, InvalidInputError
from ..errors.checks import check_choice
from ..errors.tracebacks import forget_locals
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandInput
from ..operations.payload import Payload, encoded_payload
from ..types.interfaces import Codec

__all__ = ["Source", "Work", "maker_of_commands", "maker_of_items"]

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


def maker_of_items(
    template: InvokeCommandInput,
    *,
    key: Callable[[Item], str] | None,
    payload: Callable[[Item], Payload] | None,
    check: Callable[[Payload, str], Payload],
    codec: Codec,
    idempotent: bool,
    hashed: bool,
) -> Callable[[int, Item], Work[Item]]:
    """For `map`: every item is the payload of one function, or has one."""

    def make(index: int, item: Item) -> Work[Item]:
        content = item if payload is None else payload(item)
        refusal, hash = None, None
        try:
            check(content, template.function_name)
            if hashed:
                content = encoded_payload(content, codec)
                hash = hashlib.sha256(content).hexdigest()
        except InvalidInputError as error:
            forget_locals(error)
            refusal = error.with_traceback(None)  # it would hold this frame, with the payload
        command = InvokeCommand(attrs.evolve(template, payload=content))
        return _work(index, item, command, key, idempotent=idempotent, hash=hash, refusal=refusal)

    return make


def maker_of_commands(
    *, key: Callable[[InvokeCommand], str] | None, codec: Codec, idempotent: bool | None, default: bool, hashed: bool
) -> Callable[[int, InvokeCommand], Work[InvokeCommand]]:
    """For `map_commands`: every item is a command."""

    def make(index: int, command: InvokeCommand) -> Work[InvokeCommand]:
        said = (idempotent, command.idempotent, default)
        repeats = next(value for value in said if value is not None)
        check_choice("idempotent", repeats)  # of a command that is not of this package, too
        refusal, hash, sent = None, None, command
        if hashed:
            try:
                content = encoded_payload(command.input.payload, codec)
                hash = _hash(command.input, content)
                sent = command.with_input(attrs.evolve(command.input, payload=content))
            except InvalidInputError as error:
                forget_locals(error)
                refusal = error.with_traceback(None)  # it would hold this frame, with the payload
        return _work(index, command, sent, key, idempotent=repeats, hash=hash, refusal=refusal)

    return make


def _work(
    index: int,
    item: Any,
    command: InvokeCommand,
    key: Callable[[Any], str] | None,
    *,
    idempotent: bool,
    hash: str | None,
    refusal: InvalidInputError | None,
) -> Work[Any]:
    given = None if key is None else key(item)
    if given is not None and not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's function
        raise InvalidInputError(f"key gives a string, not {type(given).__name__}", member="key")
    return Work(
        index=index,
        item=item,
        key=str(index) if given is None else given,
        command=command,
        function_name=command.input.function_name,
        idempotent=idempotent,
        given_key=given,
        hash=hash or f"refused-{index}",
        refusal=refusal,
    )


def _hash(input: InvokeCommandInput, payload: bytes) -> str:
    """Of what is sent, and to whom."""
    digest = hashlib.sha256(payload)
    whom = [input.function_name, input.qualifier, str(input.invocation_type or ""), input.tenant_id, input.client_context]
    digest.update(json.dumps(whom, default=str, sort_keys=True).encode())
    return digest.hexdigest()
