"""The command of Invoke: an input with its operation, and a middleware stack of its own.

Owns how a command is built. Must not know how it is sent.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar, cast, overload

from ..pipeline.command import BaseCommand
from ..pipeline.operation import Operation
from ..types.mistakes import explain_arguments, kind_of
from ..types.values import InvocationType, LogType
from .invoke import INVOKE
from .invoke_types import InvokeCommandInput, InvokeCommandOutput, new_input
from .payload import Payload

__all__ = ["InvokeCommand", "one_of", "problem_of_members", "show_members"]

In = TypeVar("In")


_MAPPINGS: tuple[type, ...] = (Mapping,)


class InvokeCommand(BaseCommand[InvokeCommandInput, InvokeCommandOutput]):
    """Invokes a function. It takes an `InvokeCommandInput`, or its members.

    A command can be sent many times, and concurrently. A change of its `middleware_stack` is seen by the next send.

    ::

        output = await client.send(InvokeCommand(function_name="orders", payload={"id": 7}, log_type="Tail"))
    """

    __slots__ = ()
    operation: Operation[InvokeCommandInput, InvokeCommandOutput] = INVOKE
    """The operation Invoke of the Lambda API."""

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
    def __init__(  # noqa: D417 - the signature that people see has the members, and neither `members` nor `more`
        self, input: InvokeCommandInput | None = None, *more: object, idempotent: bool | None = None, **members: Any
    ) -> None:
        """Build a command of an input, or of its members.

        Args:
            input: The input, in place of the members.
            function_name: A name, `name:alias`, a partial ARN or an ARN.
            payload: A value that the client's codec encodes, JSON text, bytes, or an open binary file. Default: no body.
            invocation_type: `"RequestResponse"` (the default), `"Event"` or `"DryRun"`.
            log_type: `"Tail"` asks for the last 4 KiB of the log. Default: no log.
            client_context: A mapping, sent as base64 of its JSON, or a string that is already base64.
            qualifier: A version or an alias. Default: the latest version.
            tenant_id: The tenant, for a function with tenant isolation.
            durable_execution_name: The name of the execution of a durable function, which runs once for each name.
            idempotent: `True` states that running the function twice does no harm. Default: as the client says.
                With `True`, an attempt with an unknown outcome is repeated.

        Raises:
            TypeError: Both an input and members are given.
        """
        try:
            made = new_input(**members) if input is None and not more else one_of(input, members, InvokeCommandInput, more)
            # `super()` takes longer than the rest; pyright does not infer the parameters of the class from `self`.
            BaseCommand.__init__(self, made, idempotent)  # pyright: ignore[reportUnknownMemberType]
        except TypeError:
            if input is not None or more or (text := problem_of_members(members, type(self), InvokeCommandInput)) is None:
                raise
        else:
            return
        finally:
            del members, more  # a traceback that is printed with locals would show the payload
        raise TypeError(text)

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The command from the member names of the API, as in boto3: `{"FunctionName": ..., "Payload": ...}`.

        Args:
            members: The members under their names in the API.

        Raises:
            InvalidInputError: Invoke has no such member.
        """
        return cls(InvokeCommandInput.from_api(members))


class _Needed:
    """In place of the default of a member that has none."""

    def __repr__(self) -> str:
        return "<needed without an input>"


_NEEDED = _Needed()


def show_members(init: Callable[..., None], input: type) -> None:
    """Show the members of an input in the signature of a command, which takes them as `**members`: for completion and `help()`.

    Each has a default there, because an input may stand in their place. That of a needed one says so.
    """
    shown = inspect.signature(init)
    members = [
        one.replace(default=_NEEDED) if one.default is one.empty else one
        for one in inspect.signature(input).parameters.values()
    ]
    own, input_again, _, idempotent, _ = shown.parameters.values()
    setattr(init, "__signature__", shown.replace(parameters=[own, input_again, *members, idempotent]))  # noqa: B010 - mypy knows no such attribute


show_members(InvokeCommand.__init__, InvokeCommandInput)


def one_of(input: In | None, members: Mapping[str, object], kind: type[In], more: Sequence[object] = ()) -> In:
    """The input, of this class. `TypeError` for another value, for `more` of them, or if its members were given too."""
    if not isinstance(input, kind):
        command, got = kind.__name__.removesuffix("Input"), kind_of(input)
        remedy = f"write {command}(function_name=...{', payload=...' if more else ''})"
        if isinstance(input, _MAPPINGS):
            is_of_api = any(isinstance(name, str) and name[:1].isupper() for name in cast("Mapping[object, object]", input))
            remedy = f"write {command}.from_api(members)" if is_of_api else f"write {command}(**members)"
        raise TypeError(f"{command} takes an {kind.__name__}, or its members by keyword; got {got}: {remedy}")
    if more:
        raise TypeError(f"{kind.__name__.removesuffix('Input')} takes one input by position; got {kind_of(more[0])} too")
    if members:
        raise TypeError(f"pass an input or its members, not both; got an input and {', '.join(members)}")
    return input


def problem_of_members(members: Mapping[str, object], command: type, input: type) -> str | None:
    """Why these keywords are not the members of an input; `None` if they are. `command` is the class that got them."""
    text = explain_arguments(input, (), members, shown=command)
    if text is not None and any(name[:1].isupper() for name in members):
        text = f"{text} or, for the names of the API, write {command.__name__}.from_api({{...}})"
    return text
