"""The input of a map: read lazily from a plain or an asynchronous iterable, and turned into items that can be sent.

Owns the iterator, and the preparation of an item: its command, its key, the hash of its payload. Must not know when an item is
sent.
"""

import asyncio
import functools
import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from ..errors import InvalidInputError
from ..errors.checks import check_choice
from ..errors.tracebacks import forget_locals
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandInput, new_input
from ..operations.payload import Payload, check_json_text, encoded_payload
from ..pipeline.command import BaseCommand, check_command, function_of
from ..pipeline.operation import ControlPlaneOperation, HttpOperation, StreamedOperation
from ..types.interfaces import Codec
from .item import WorkItem

if TYPE_CHECKING:
    from ..operations.fetch_command import FetchCommand

__all__ = ["Source", "command_factory", "item_factory"]

Item = TypeVar("Item")
Sent = TypeVar("Sent", bound="InvokeCommand | FetchCommand")


class Source(Generic[Item]):
    """Reads the input, and prepares each item with `prepare(index, item)`. `index` is that of the next item."""

    def __init__(self, items: Iterable[Item] | AsyncIterable[Item], prepare: Callable[[int, Item], WorkItem[Item]]) -> None:
        self._items = items
        self._prepare = prepare
        self._iterator: Iterator[Item] | AsyncIterator[Item] | None = None
        self._plain: Iterator[Item] | None = None
        """The iterator, if it is not an asynchronous one."""
        self._reading: asyncio.Task[WorkItem[Item] | None] | None = None
        self.index = 0
        self.exhausted = False

    @property
    def is_waiting(self) -> bool:
        """Whether an asynchronous input was asked for an item that it has not given yet."""
        return self._reading is not None and not self._reading.done()

    def take(self, on_ready: Callable[[], object]) -> WorkItem[Item] | None:
        """The next item, or `None`: the input is exhausted, or is asynchronous and will call `on_ready` when it has one."""
        if self._iterator is None:
            self._iterator = aiter(self._items) if isinstance(self._items, AsyncIterable) else iter(self._items)
            self._plain = self._iterator if isinstance(self._iterator, Iterator) else None
        if self._plain is None:
            return self._take_read(cast("AsyncIterator[Item]", self._iterator), on_ready)
        try:
            item = next(self._plain)
        except StopIteration:
            self.exhausted = True
            return None
        try:
            return self._prepared(item)
        finally:
            del item  # a traceback that is printed with locals would show it

    def _take_read(self, iterator: AsyncIterator[Item], on_ready: Callable[[], object]) -> WorkItem[Item] | None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(iterator), name="next item of a map")
            self._reading.add_done_callback(lambda _: on_ready())
        if not self._reading.done():
            return None
        reading, self._reading = self._reading, None
        return reading.result()

    def stop(self) -> None:
        """Stop waiting for an item of an asynchronous input."""
        if self._reading is not None:
            self._reading.cancel()

    async def close(self) -> WorkItem[Item] | None:
        """Close the iterator, if it can be closed and is not the caller's own. Returns an item that was read and not taken."""
        reading, self._reading, work = self._reading, None, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait({reading})
            work = None if reading.cancelled() else reading.result()
        close = getattr(self._iterator, "aclose", None) or getattr(self._iterator, "close", None)
        if self._iterator is not None and self._iterator is not self._items and close is not None:
            closing = close()
            if closing is not None:
                await closing
        return work

    async def _read(self, iterator: AsyncIterator[Item]) -> WorkItem[Item] | None:
        try:
            return self._prepared(await anext(iterator))
        except StopAsyncIteration:
            self.exhausted = True
            return None

    def _prepared(self, item: Item) -> WorkItem[Item]:
        index = self.index
        self.index += 1
        try:
            return self._prepare(index, item)
        except (StopIteration, StopAsyncIteration) as error:  # passed on, it would look like the end of the input
            raise RuntimeError(
                f"key= or payload= raised {type(error).__name__} for item {index}; make it raise another error"
            ) from error
        except Exception as error:
            forget_locals(error)
            raise
        finally:
            del item  # as above


def item_factory(
    template: InvokeCommandInput,
    *,
    key: Callable[[Item], str] | None,
    payload: Callable[[Item], Payload] | None,
    codec: Codec,
    idempotent: bool,
    hashed: bool,
) -> Callable[[int, Item], WorkItem[Item]]:
    """The `prepare` of `map`: each item is a payload for one function, or `payload(item)` gives it.

    If `hashed`, the payload is encoded here and sent as these bytes, so that it is encoded once.
    """
    function_name = template.function_name
    members = {name: value for name, value in attrs.asdict(template, recurse=False).items() if value is not None}
    with_payload = functools.partial(new_input, **members)  # `attrs.evolve` reads all members for each item

    def prepare(index: int, item: Item) -> WorkItem[Item]:
        content = item if payload is None else payload(item)
        input_error, hash = None, None
        try:
            check_json_text(content, function_name)
            if hashed:
                content = encoded_payload(content, codec)
                hash = hashlib.sha256(content).hexdigest()
        except InvalidInputError as error:
            forget_locals(error)
            input_error = error.with_traceback(None)  # the traceback holds this frame, with the payload
        command = InvokeCommand(with_payload(payload=content))
        return _work_item(index, item, command, key, idempotent=idempotent, hash=hash, input_error=input_error)

    return prepare


def command_factory(
    *, key: Callable[[Sent], str] | None, codec: Codec, idempotent: bool | None, default: bool, hashed: bool
) -> Callable[[int, Sent], WorkItem[Sent]]:
    """The `prepare` of `map_commands`: each item is a command. `idempotent` overrides the command, `default` completes it.

    If `hashed`, the payload is encoded here and sent as these bytes, so that it is encoded once.
    """

    def prepare(index: int, command: Sent) -> WorkItem[Sent]:
        _check_command(command)
        is_idempotent = command.idempotent if idempotent is None else idempotent
        if is_idempotent is None:
            is_idempotent = default
        check_choice("idempotent", is_idempotent)  # a user's own command class may hold any value
        input_error, hash, sent = None, None, cast("InvokeCommand | FetchCommand", command)
        if hashed:
            try:
                hash, sent = _hashed(sent, codec)
            except InvalidInputError as error:
                forget_locals(error)
                input_error = error.with_traceback(None)  # the traceback holds this frame, with the payload
        return _work_item(index, command, sent, key, idempotent=is_idempotent, hash=hash, input_error=input_error)

    return prepare


def _check_command(command: Any) -> None:
    """`InvalidInputError` unless it invokes a function, and has a whole answer."""
    if not isinstance(command, BaseCommand):
        check_command(command, taken="map_commands takes commands")
        return
    operation: object = cast("Any", command).operation
    kind = type(cast("object", command)).__name__
    if isinstance(operation, ControlPlaneOperation):
        raise InvalidInputError(
            f"map_commands takes commands that invoke functions; got a {kind}: write client.send(command)", member="command"
        )
    if isinstance(operation, HttpOperation) and isinstance(operation, StreamedOperation):
        raise InvalidInputError(
            f"map_commands takes commands with whole answers; got a {kind}: write FetchCommand(url=...)", member="command"
        )


def _hashed(command: "InvokeCommand | FetchCommand", codec: Codec) -> "tuple[str, InvokeCommand | FetchCommand]":
    """The hash of a command, and the command with its payload encoded. A fetch is encoded again when it is sent."""
    if isinstance(command.operation, HttpOperation):
        return command.operation.fingerprint(command.input, codec=codec), command
    invoke = cast("InvokeCommand", command)
    content = encoded_payload(invoke.input.payload, codec)
    return _command_hash(invoke.input, content), invoke.with_input(attrs.evolve(invoke.input, payload=content))


def _work_item(
    index: int,
    item: Any,
    command: "InvokeCommand | FetchCommand",
    key: Callable[[Any], str] | None,
    *,
    idempotent: bool,
    hash: str | None,
    input_error: InvalidInputError | None,
) -> WorkItem[Any]:
    given = None if key is None else key(item)
    if given is not None and not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's function
        raise InvalidInputError(
            f"key= returned {type(given).__name__} for item {index}; make it return a string, as key=str does", member="key"
        )
    if given is not None:
        given = str.__str__(given)  # of a subclass such as StrEnum, the plain text: the journal gives that back
    return WorkItem(
        index=index,
        item=item,
        key=str(index) if given is None else given,
        command=command,
        function_name=function_of(command),
        idempotent=idempotent,
        given_key=given,
        payload_hash=hash,
        input_error=input_error,
    )


def _command_hash(input: InvokeCommandInput, payload: bytes) -> str:
    """A hash of the payload and of the members that say which function receives it, and in which context."""
    digest = hashlib.sha256(payload)
    target = [input.function_name, input.qualifier, str(input.invocation_type or ""), input.tenant_id, input.client_context]
    digest.update(json.dumps(target, default=str, sort_keys=True).encode())
    return digest.hexdigest()
