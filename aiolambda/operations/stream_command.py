"""The command of InvokeWithResponseStream. It is loaded when it is first asked for.

Owns how it is built. Must not know how it is sent.
"""

from collections.abc import Mapping
from typing import Any, Self, cast, overload

from ..pipeline.command import BaseCommand
from ..pipeline.operation import Operation
from ..types.values import LogType
from .commands import one_of, problem_of_members, show_members
from .payload import Payload
from .stream import (
    INVOKE_WITH_RESPONSE_STREAM,
    InvokeWithResponseStreamCommandInput,
    InvokeWithResponseStreamCommandOutput,
    StreamingInvocationType,
)

__all__ = ["InvokeWithResponseStreamCommand"]


class InvokeWithResponseStreamCommand(BaseCommand[InvokeWithResponseStreamCommandInput, InvokeWithResponseStreamCommandOutput]):
    """Invokes a function, and gives its answer as a stream: `output.event_stream`, which the reader closes.

    Once an answer has begun, nothing is sent again. `client.stream(...)` does the same in a block.

    ::

        output = await client.send(InvokeWithResponseStreamCommand(function_name="writer", payload={"topic": "tea"}))
        async with output.event_stream as stream:
            async for chunk in stream:
                print(chunk)
    """

    __slots__ = ()
    operation: Operation[InvokeWithResponseStreamCommandInput, InvokeWithResponseStreamCommandOutput] = (
        INVOKE_WITH_RESPONSE_STREAM
    )
    """The operation InvokeWithResponseStream of the Lambda API."""

    @overload
    def __init__(self, input: InvokeWithResponseStreamCommandInput, /, *, idempotent: bool | None = None) -> None: ...
    @overload
    def __init__(
        self,
        *,
        function_name: str,
        payload: Payload = None,
        invocation_type: StreamingInvocationType | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        qualifier: str | None = None,
        tenant_id: str | None = None,
        idempotent: bool | None = None,
    ) -> None: ...
    def __init__(  # noqa: D417 - the signature that people see has the members, and neither `members` nor `more`
        self,
        input: InvokeWithResponseStreamCommandInput | None = None,
        *more: object,
        idempotent: bool | None = None,
        **members: object,
    ) -> None:
        """Build a command of an input, or of its members.

        Args:
            input: The input, in place of the members.
            function_name: A name, `name:alias`, a partial ARN or an ARN.
            payload: A value that the client's codec encodes, JSON text, bytes, or an open binary file. Default: no body.
            invocation_type: `"RequestResponse"` (the default) or `"DryRun"`. The answer to an `Event` cannot be streamed.
            log_type: `"Tail"` asks for the last 4 KiB of the log. Default: no log.
            client_context: A mapping, sent as base64 of its JSON, or a string that is already base64.
            qualifier: A version or an alias. Default: the latest version.
            tenant_id: The tenant, for a function with tenant isolation.
            idempotent: `True` states that running the function twice does no harm. Default: as the client says.
                With `True`, an attempt with an unknown outcome is repeated.

        Raises:
            TypeError: Both an input and members are given.
        """
        try:
            if input is None and not more:
                made = InvokeWithResponseStreamCommandInput(**cast("dict[str, Any]", members))
            else:
                made = one_of(input, members, InvokeWithResponseStreamCommandInput, more)
            super().__init__(made, idempotent)
        except TypeError:
            kind = InvokeWithResponseStreamCommandInput
            if input is not None or more or (text := problem_of_members(members, type(self), kind)) is None:
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
            InvalidInputError: InvokeWithResponseStream has no such member.
        """
        return cls(InvokeWithResponseStreamCommandInput.from_api(members))


show_members(InvokeWithResponseStreamCommand.__init__, InvokeWithResponseStreamCommandInput)
