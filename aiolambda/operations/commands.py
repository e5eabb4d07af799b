"""The command of Invoke: an input with its operation, and a middleware stack of its own.

Owns how a command is built. Must not know how it is sent.
"""

from collections.abc import Mapping
from typing import Any, Self, TypeVar, overload

from ..pipeline.call import Operation
from ..pipeline.command import BaseCommand
from ..types.values import InvocationType, LogType
from .invoke import INVOKE
from .invoke_types import InvokeCommandInput, InvokeCommandOutput, new_input
from .payload import Payload

__all__ = ["InvokeCommand", "one_of"]

In = TypeVar("In")


class InvokeCommand(BaseCommand[InvokeCommandInput, InvokeCommandOutput]):
    """Invokes a function. It takes an `InvokeCommandInput`, or its members.

    A command can be sent many times, and concurrently. A change of its `middleware_stack` is seen by the next send.
    `idempotent=True` states that running the function twice is safe, so that an attempt of unknown outcome is repeated;
    `None` leaves this to the client. `TypeError` for both an input and members.

    ::

        output = await client.send(InvokeCommand(function_name="orders", payload={"id": 7}, log_type="Tail"))
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
    def __init__(self, input: InvokeCommandInput | None = None, *, idempotent: bool | None = None, **members: Any) -> None:
        try:
            made = new_input(**members) if input is None else one_of(input, members)
            # `super()` takes longer than the rest; pyright does not infer the parameters of the class from `self`.
            BaseCommand.__init__(self, made, idempotent)  # pyright: ignore[reportUnknownMemberType]
        finally:
            del members  # a traceback that is printed with locals would show the payload

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The command from the member names of the API, as in boto3: `{"FunctionName": ..., "Payload": ...}`."""
        return cls(InvokeCommandInput.from_api(members))


def one_of(input: In, members: Mapping[str, object]) -> In:
    """The input. `TypeError` if its members were given too."""
    if members:
        raise TypeError(f"pass an input or its members, not both; got an input and {', '.join(members)}")
    return input
