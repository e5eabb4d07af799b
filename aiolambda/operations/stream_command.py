"""The command whose answer is read as the function writes it. It is loaded by the first program that asks for it.

Owns how it is built. Must not know how it is sent.
"""

from collections.abc import Mapping
from typing import Any, Self, cast, overload

from ..pipeline.call import Operation
from ..pipeline.command import BaseCommand
from ..types.values import LogType
from .commands import one_of
from .invoke_types import Payload
from .stream import (
    INVOKE_WITH_RESPONSE_STREAM,
    InvokeWithResponseStreamCommandInput,
    InvokeWithResponseStreamCommandOutput,
    StreamingInvocationType,
)

__all__ = ["InvokeWithResponseStreamCommand"]


class InvokeWithResponseStreamCommand(BaseCommand[InvokeWithResponseStreamCommandInput, InvokeWithResponseStreamCommandOutput]):
    """Invokes a function and reads its answer as it writes it: the output's `event_stream`, which its reader closes.

    `idempotent` says that running the function twice does no harm; once an answer has begun, nothing is sent again.
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
            made = one_of(input, members) or InvokeWithResponseStreamCommandInput(**cast("dict[str, Any]", members))
        finally:
            del members  # a traceback that is printed with locals would show the payload
        super().__init__(made, idempotent)

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The command from the API's member names, as JS and boto3 have them: `{"FunctionName": ..., "Payload": ...}`."""
        return cls(InvokeWithResponseStreamCommandInput.from_api(members))
