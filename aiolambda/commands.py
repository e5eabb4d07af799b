"""The commands: an input, the operation that it is for, and a middleware stack of its own.

Owns what a caller builds to send. Must not know how it is sent.
"""

import copy
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar, cast, overload

import attrs

from .checks import check_flag
from .errors import InvalidInputError
from .interfaces import Operation
from .invocation import InvokeCommandInput, InvokeCommandOutput, Payload
from .models import InvocationType, LogType
from .protocol.invoke import INVOKE
from .stack import MiddlewareStack

__all__ = ["BaseCommand", "InvokeCommand", "one_of"]

In = TypeVar("In")
Out = TypeVar("Out")


class BaseCommand(Generic[In, Out]):
    """What every command has."""

    __slots__ = ("_idempotent", "_input", "_is_read", "_stack")

    def __init__(self, input: In, idempotent: bool | None) -> None:
        if idempotent is not None:
            check_flag("idempotent", idempotent)
        self._input = input
        self._is_read = False
        self._idempotent = idempotent
        self._stack: MiddlewareStack[In, Out] | None = None

    @property
    def input(self) -> In:
        return self._input

    @property
    def idempotent(self) -> bool | None:
        return self._idempotent

    @property
    def middleware_stack(self) -> MiddlewareStack[In, Out]:
        """Middlewares of this command alone; they join the client's when it is sent."""
        if self._stack is None:
            self._stack = MiddlewareStack()
        return self._stack

    def begin_reading(self) -> None:
        """Let one send read the file that is the payload. Two at once, or one behind a read that was cut, would send parts.

        `InvalidInputError` for every send but the first, until that has read it.
        """
        if self._is_read:
            raise InvalidInputError(
                "payload is a file that another send of this command has begun to read; read it first, and give the bytes",
                member="payload",
            )
        self._is_read = True

    def keep_payload(self, payload: bytes) -> None:
        """Hold these bytes in place of the file that they were read from: the command can be sent again."""
        self._input = attrs.evolve(cast("Any", self._input), payload=payload)

    def with_input(self, input: In) -> Self:
        """The same command, with the same middlewares, for another input."""
        other = copy.copy(self)
        other._input, other._is_read = input, False
        return other

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._input!r})"


class InvokeCommand(BaseCommand[InvokeCommandInput, InvokeCommandOutput]):
    """Invokes a function. It can be sent many times, and concurrently; changing its stack is seen by the next send.

    `idempotent` says that running the function twice does no harm; `None` leaves that to the client.
    """

    __slots__ = ()
    operation: Operation[InvokeCommandInput, InvokeCommandOutput] = INVOKE

    @overload
    def __init__(self, input: InvokeCommandInput, /, *, idempotent: bool | None = None) -> None: ...
    @overload
    def __init__(
        self,
        *,
        function_name: str,
        payload: Payload = None,
        invocation_type: InvocationType | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        qualifier: str | None = None,
        tenant_id: str | None = None,
        durable_execution_name: str | None = None,
        idempotent: bool | None = None,
    ) -> None: ...
    def __init__(self, input: InvokeCommandInput | None = None, *, idempotent: bool | None = None, **members: object) -> None:
        try:
            super().__init__(one_of(input, members) or InvokeCommandInput(**cast("dict[str, Any]", members)), idempotent)
        finally:
            del members  # a traceback that is printed with locals would show the payload

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The command from the API's member names, as JS and boto3 have them: `{"FunctionName": ..., "Payload": ...}`."""
        return cls(InvokeCommandInput.from_api(members))


def one_of(input: In | None, members: Mapping[str, object]) -> In | None:
    """The input, where one was given; `TypeError` where its members were given, too."""
    if input is not None and members:
        raise TypeError(f"give an input or its members, not both; got an input and {', '.join(members)}")
    return input
