"""The base of all commands: an input, and a middleware stack of its own.

Owns the state that a caller keeps between sends. Must not know an operation, or how a command is sent.
"""

import copy
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar, cast

import attrs

from ..errors import InvalidInputError
from ..errors.checks import check_flag
from ..types.mistakes import kind_of
from .call import Command, CommandInput, CommandOutput
from .stack import MiddlewareStack

__all__ = ["BaseCommand", "check_command", "own_stack"]

In = TypeVar("In", bound=CommandInput)
Out = TypeVar("Out", bound=CommandOutput)


class BaseCommand(Generic[In, Out]):
    """An input, and the middlewares of this command alone. A subclass sets `operation`."""

    __slots__ = ("_has_begun_reading", "_idempotent", "_input", "_stack")

    def __init__(self, input: In, idempotent: bool | None) -> None:
        if idempotent is not None:
            check_flag("idempotent", idempotent)
        self._input = input
        self._has_begun_reading = False
        self._idempotent = idempotent
        self._stack: MiddlewareStack[In, Out] | None = None

    @property
    def input(self) -> In:
        """The input: the members of the operation."""
        return self._input

    @property
    def idempotent(self) -> bool | None:
        """Whether running the function twice does no harm; `None` leaves this to the client."""
        return self._idempotent

    @property
    def middleware_stack(self) -> MiddlewareStack[In, Out]:
        """The middlewares of this command alone; `send` joins them to the client's. Made when first asked for."""
        if self._stack is None:
            self._stack = MiddlewareStack()
        return self._stack

    def begin_reading(self) -> None:
        """Let one send read the file that is the payload.

        `InvalidInputError` for any other send until `keep_payload`: two readers, or one after an interrupted read, would each
        send a part of the file.
        """
        if self._has_begun_reading:
            raise InvalidInputError(
                "payload is a file that another send of this command has begun to read; to send a command twice, read the file "
                "yourself and pass its bytes",
                member="payload",
            )
        self._has_begun_reading = True

    def keep_payload(self, payload: bytes) -> None:
        """Replace the file by the bytes that were read from it, so that the command can be sent again.

        Args:
            payload: The bytes that were read.
        """
        self._input = attrs.evolve(cast("Any", self._input), payload=payload)

    def with_input(self, input: In) -> Self:
        """A copy of this command with another input. It shares the middleware stack, if this command has one by now.

        Args:
            input: The other input.
        """
        other = copy.copy(self)
        other._input, other._has_begun_reading = input, False
        return other

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._input!r})"


def check_command(command: object, *, taken: str = "send takes a command") -> None:
    """`InvalidInputError` unless it has what a command has. A command need not be a `BaseCommand`."""
    if isinstance(command, type):
        kind = command.__name__
        problem = f"the class {kind}: create a command, {kind}(function_name=...)"
    elif isinstance(command, str):
        problem = "a string: to invoke a function by its name, write client.invoke(name, payload)"
    elif isinstance(command, Mapping):
        problem = f"{kind_of(cast('object', command))}: write InvokeCommand.from_api(members), or InvokeCommand(**members)"
    elif isinstance(command, CommandInput):
        kind = type(command).__name__
        problem = f"{kind_of(command)}: write {kind.removesuffix('Input')}(input)"
    elif all(hasattr(command, name) for name in ("input", "operation", "idempotent", "middleware_stack")):
        return
    else:
        problem = f"{kind_of(command)}: write InvokeCommand(function_name=..., payload=...)"
    raise InvalidInputError(f"{taken}; got {problem}", member="command")


_STACK_WHEN_ASKED: object = BaseCommand.middleware_stack


def own_stack(command: Command[Any, Any]) -> MiddlewareStack[Any, Any] | None:
    """The middlewares of a command alone; `None` if it has none yet, so that a send does not make an empty stack."""
    if isinstance(command, BaseCommand) and type(command).middleware_stack is _STACK_WHEN_ASKED:
        # Its property would make one.
        own: MiddlewareStack[Any, Any] | None = command._stack  # pyright: ignore[reportPrivateUsage,reportUnknownVariableType,reportUnknownMemberType] - of this module
        return own
    return command.middleware_stack
