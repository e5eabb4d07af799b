"""An answer that is read as the function writes it: the operation, the stream that a caller reads, and the texts in it."""

from .operation import (
    INVOKE_WITH_RESPONSE_STREAM,
    InvokeWithResponseStreamCommandInput,
    InvokeWithResponseStreamCommandOutput,
    StreamingInvocationType,
)
from .stream import ResponseStream
from .texts import HttpPrelude, SseEvent

__all__ = [
    "INVOKE_WITH_RESPONSE_STREAM",
    "HttpPrelude",
    "InvokeWithResponseStreamCommandInput",
    "InvokeWithResponseStreamCommandOutput",
    "ResponseStream",
    "SseEvent",
    "StreamingInvocationType",
]
