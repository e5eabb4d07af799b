"""Callbacks of durable executions: answering one, and keeping one alive while the answer is prepared.

Owns the forms of an answer, and which callbacks of a history are open. Must not know how a request is sent.
"""

from collections.abc import AsyncIterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from ...errors import AiolambdaError, InvalidInputError, InvalidPayloadSizeError
from ...errors.checks import check_seconds
from ...errors.tracebacks import forget_locals
from ...operations.api.commands import (
    SendDurableExecutionCallbackFailureCommand,
    SendDurableExecutionCallbackHeartbeatCommand,
    SendDurableExecutionCallbackSuccessCommand,
)
from ...operations.api.structures import CallbackStartedDetails, ErrorObject
from ...operations.durable_events import DurableEvent
from ...operations.payload import encoded
from ...pipeline.call import Command
from ...types.mistakes import kind_of
from ...types.values import UNSET, Timeouts, Unset
from ..sending import Sending

if TYPE_CHECKING:
    from .alive import Alive

__all__ = ["LARGEST", "DurableCallback", "error_object", "open_callbacks"]

In = TypeVar("In")
Out = TypeVar("Out")

LARGEST = 1024 * 1024
"""Bytes of an answer. Source: the shape BinaryOperationPayload of the Lambda service model."""
_LONGEST_ID = 1024
_ENDS = frozenset({"CallbackSucceeded", "CallbackFailed", "CallbackTimedOut"})


class DurableCallback:
    """A callback that a durable execution waits for. `client.callback(id)` and `execution.callbacks()` make one.

    ::

        callback = client.callback(callback_id)
        await callback.succeed({"approved": True})
    """

    def __init__(self, client: Sending, callback_id: str, *, name: str | None = None) -> None:
        """Made by `client.callback` and `execution.callbacks`.

        Args:
            client: Sends the answer.
            callback_id: The id of the callback.
            name: The name that the function gave to it. Default: not known.
        """
        if not isinstance(callback_id, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise InvalidInputError(f"callback_id must be a string; got {kind_of(callback_id)}", member="callback_id")
        if not 1 <= len(callback_id) <= _LONGEST_ID:
            raise InvalidInputError(
                f"callback_id has {len(callback_id):,} characters; 1 to {_LONGEST_ID:,} are allowed",
                member="callback_id",
                limit=_LONGEST_ID,
            )
        self._client, self._id, self._name = client, callback_id, name
        self._is_answered = False

    @property
    def id(self) -> str:
        """The id of the callback."""
        return self._id

    @property
    def name(self) -> str | None:
        """The name that the function gave to the callback; `None` if it gave none, or if only the id is known."""
        return self._name

    @property
    def is_answered(self) -> bool:
        """Whether this object has sent an answer, or is sending one. Then `alive` sends no more heartbeats."""
        return self._is_answered

    def __repr__(self) -> str:
        name = "" if self._name is None else f" {self._name!r}"
        return f"<{type(self).__name__}{name}>"

    async def succeed(self, value: object = None, *, timeout: float | Timeouts | Unset | None = UNSET) -> None:
        """Answer the callback with a result.

        The request is sent at most once, unless it certainly did not arrive. It needs the permission
        `lambda:SendDurableExecutionCallbackSuccess`.

        Args:
            value: The result: bytes as they are, any other value through the client's codec. Default: none.
                A string becomes JSON text. At most 1 MiB.
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            InvalidPayloadSizeError: The result is too large. Nothing was sent.
            CallbackTimeoutException: The callback has expired, or is answered already.
            AiolambdaError: Any other error of `send`; its `may_have_run` says whether the answer may have arrived.
        """
        try:
            command = SendDurableExecutionCallbackSuccessCommand(callback_id=self._id, result=self._result(value))
        except InvalidInputError as error:
            forget_locals(error)  # a traceback that is printed with locals would show the value
            raise
        finally:
            del value  # as above
        await self._answer(command, timeout)

    async def fail(
        self,
        *,
        error_type: str | None = None,
        message: str | None = None,
        data: str | None = None,
        stack_trace: Sequence[str] | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> None:
        """Answer the callback with an error, which its function then meets.

        ::

            await client.callback(callback_id).fail(error_type="Rejected", message="the manager said no")

        The request is sent at most once, unless it certainly did not arrive. It needs the permission
        `lambda:SendDurableExecutionCallbackFailure`.

        Args:
            error_type: The type of the error. Default: none.
            message: The text of the error. Default: none.
            data: Its data, as JSON text for example. Default: none.
            stack_trace: Lines that say where it came from. Default: none.
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            InvalidPayloadSizeError: The error is too large, in all 1 MiB. Nothing was sent.
            CallbackTimeoutException: The callback has expired, or is answered already.
            AiolambdaError: Any other error of `send`; its `may_have_run` says whether the answer may have arrived.
        """
        error = error_object(error_type, message, data, stack_trace)
        del error_type, message, data, stack_trace  # a traceback that is printed with locals would show them
        command = SendDurableExecutionCallbackFailureCommand(callback_id=self._id, error=error)
        await self._answer(command, timeout)

    async def heartbeat(self, *, timeout: float | Timeouts | Unset | None = UNSET) -> None:
        """Tell the execution that the answer is still being prepared, so that the callback does not expire.

        A second heartbeat does no harm, so the request is repeated if its answer is lost. It needs the permission
        `lambda:SendDurableExecutionCallbackHeartbeat`.

        Args:
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            CallbackTimeoutException: The callback has expired, or is answered already.
            AiolambdaError: Any other error of `send`.
        """
        command = SendDurableExecutionCallbackHeartbeatCommand(callback_id=self._id, idempotent=True)
        await self._client.send(command, timeout=timeout)

    def alive(self, *, every: float = 60) -> "Alive":
        """Send heartbeats in the background while a block runs: one at its start, then one after each pause.

        ::

            async with client.callback(callback_id).alive(every=60) as callback:
                await callback.succeed(await work())

        A heartbeat that fails for a passing reason, such as a lost connection, is made up for by the next. If the callback has
        expired or does not exist, the block is cancelled and ends with that error. After an answer by `callback`, no more
        heartbeats are sent.

        Args:
            every: Seconds between two heartbeats, above 0. Default 60.
                It should be less than half of the heartbeat timeout that the function gave to the callback.

        Raises:
            ConfigurationError: `every` is no such number.
        """
        from .alive import Alive  # noqa: PLC0415 - it imports this module

        check_seconds("every", every, optional=False)
        return Alive(self, every=every)

    def _result(self, value: object) -> bytes | None:
        if value is None:
            return None
        if isinstance(value, bytes | bytearray | memoryview):
            result = bytes(value)  # pyright: ignore[reportUnknownArgumentType] - a view of any items
        else:
            codec = self._client.config.codec
            result = encoded("value", lambda: codec.encode(value))
        if len(result) > LARGEST:
            size = len(result)
            del result, value
            raise InvalidPayloadSizeError(
                f"the result of a callback has {size:,} bytes, and the limit is {LARGEST:,}", size=size, limit=LARGEST
            )
        return result

    async def _answer(
        self,
        command: Command[In, Out],
        timeout: float | Timeouts | Unset | None,
    ) -> None:
        before, self._is_answered = self._is_answered, True
        try:
            await self._client.send(command, timeout=timeout)
        except AiolambdaError as error:
            self._is_answered = before or error.may_have_run
            raise


def error_object(
    error_type: str | None, message: str | None, data: str | None, stack_trace: Sequence[str] | None
) -> ErrorObject | None:
    """The error of a request; `None` without any member. `InvalidInputError` for a wrong type or size."""
    texts: Mapping[str, object] = {"error_type": error_type, "message": message, "data": data}
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise InvalidInputError(f"{name} must be a string; got {kind_of(text)}", member=name)
    is_list = isinstance(stack_trace, Sequence) and not isinstance(stack_trace, str)  # pyright: ignore[reportUnnecessaryIsInstance] - as above
    if stack_trace is not None and not is_list:
        raise InvalidInputError(f"stack_trace must be a list of lines; got {kind_of(stack_trace)}", member="stack_trace")
    lines = None if stack_trace is None else list(stack_trace)
    if all(part is None for part in (error_type, message, data, lines)):
        return None
    given = [text for text in (error_type, message, data, *(lines or ())) if isinstance(text, str)]
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in given)
    if size > LARGEST:
        raise InvalidPayloadSizeError(
            f"the members of an error have {size:,} bytes, and the limit is {LARGEST:,}", size=size, limit=LARGEST
        )
    return ErrorObject(error_type=error_type, error_message=message, error_data=data, stack_trace=lines)


async def open_callbacks(client: Sending, events: AsyncIterable[DurableEvent]) -> list[DurableCallback]:
    """The callbacks of a history that began and did not end, in the order of their beginnings."""
    found: dict[str | None, DurableCallback] = {}
    async for event in events:
        if event.is_end:
            found.clear()
        elif event.type in _ENDS:
            found.pop(event.id, None)
        elif event.type == "CallbackStarted" and isinstance(event.details, CallbackStartedDetails):
            callback_id: object = getattr(event.details, "callback_id", None)
            if isinstance(callback_id, str) and 1 <= len(callback_id) <= _LONGEST_ID:  # no other can be answered
                found[event.id] = DurableCallback(client, callback_id, name=event.name)
    return list(found.values())
