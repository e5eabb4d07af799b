"""The command of InvokeWithResponseStream. It is loaded when it is first asked for.

Owns how it is built. Must not know how it is sent.
"""

from collections.abc import Mapping
from typing import Any, Self, cast, overload

from ..pipeline.call import Operation
from ..pipeline.command import BaseCommand
from ..types.values import LogType
from .commands import one_of
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

    It takes an `InvokeWithResponseStreamCommandInput`, or its members. `idempotent=True` states that running the function
    twice is safe. Once an answer has begun, nothing is sent again. `client.stream(...)` does the same in a block.

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
    def __init__(
        self,
        input: InvokeWithResponseStreamCommandInput | None = None,
        *,
        idempotent: bool | None = None,
        **members: object,
    ) -> None:
        try:
            if input is None:
                made = InvokeWithResponseStreamCommandInput(**cast("dict[str, Any]", members))
            else:
                made = one_of(input, members)
        finally:
            del members  # a traceback that is printed with locals would show the payload
        super().__init__(made, idempotent)

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The command from the member names of the API, as in boto3: `{"FunctionName": ..., "Payload": ...}`."""
        return cls(InvokeWithResponseStreamCommandInput.from_api(members))
