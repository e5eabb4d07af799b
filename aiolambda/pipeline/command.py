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
from .call import Command
from .operation import CommandInput, CommandOutput
from .stack import MiddlewareStack

__all__ = ["BaseCommand", "check_command", "function_of", "parts_of"]

In = TypeVar("In", bound=CommandInput)
Out = TypeVar("Out", bound=CommandOutput)

_PARTS = ("input", "idempotent", "middleware_stack")


class BaseCommand(Generic[In, Out]):
    """An input, and the middlewares of this command alone. A subclass sets `operation`."""

    __slots__ = ("_has_begun_reading", "_idempotent", "_input", "_stack")
    _has_own_parts = False
    """Whether a subclass has properties of its own for the parts of a command."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._has_own_parts = any(getattr(cls, name) is not getattr(BaseCommand, name) for name in _PARTS)

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


def parts_of(command: Command[Any, Any]) -> tuple[Any, bool | None, MiddlewareStack[Any, Any] | None]:
    """The input, the answer for `idempotent`, and the middlewares of a command alone; these are `None` if it has none yet.

    `InvalidInputError` if it is no command. The property of a command would make an empty stack, and takes longer.
    """
    if not isinstance(command, BaseCommand):
        check_command(command)
    else:
        known: Any = command
        if not known._has_own_parts:
            return known._input, known._idempotent, known._stack
    return command.input, command.idempotent, command.middleware_stack


def function_of(command: Command[Any, Any]) -> str:
    """The name of the function that a command calls, as its operation reads it from the input."""
    return command.operation.function_name(command.input)
