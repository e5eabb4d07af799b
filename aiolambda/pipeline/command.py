"""What every command is: an input, and a middleware stack of its own.

Owns what a caller holds before and after a send. Must not know an operation, or how a command is sent.
"""

import copy
from typing import Any, Generic, Self, TypeVar, cast

import attrs

from ..errors import InvalidInputError
from ..errors.checks import check_flag
from .stack import MiddlewareStack

__all__ = ["BaseCommand"]

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
