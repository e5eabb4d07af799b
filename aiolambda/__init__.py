"""An asyncio client for AWS Lambda: one call is one execution, and failure is never silent.

Owns the public names. Must not load what a call with keys at hand does not need: maps, streams and the service's own errors
are loaded when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from . import errors as errors
from .client import LambdaClient
from .codecs import JsonCodec
from .commands import InvokeCommand
from .config import LambdaClientConfig
from .errors import (
    AiolambdaError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    DecodeError,
    FunctionError,
    InvalidInputError,
    InvalidPayloadSizeError,
    InvocationTimeoutError,
    LambdaServiceException,
    MiddlewareStackError,
    PayloadTooLargeError,
    QueueTimeoutError,
    StreamError,
    TooManyFailuresError,
    TransportError,
    UnknownOutcomeError,
)
from .interfaces import (
    Call,
    CallNext,
    Codec,
    Command,
    CredentialsProvider,
    Middleware,
    Operation,
    Plugin,
    Priority,
    RefreshingCredentialsProvider,
    Relation,
    RetryStrategy,
    Step,
    StreamedResponse,
    Transport,
)
from .invocation import EventReceipt, InvokeCommandInput, InvokeCommandOutput, Payload
from .messages import Headers, Request, Response
from .models import (
    UNSET,
    Attempt,
    ClientStats,
    Credentials,
    Delivery,
    InvocationType,
    Metadata,
    PayloadLimits,
    Remedy,
    ResponseLimits,
    TcpKeepAlive,
    ThrottleReason,
    Timeouts,
    Unset,
)
from .policy.retry import NoRetry, StandardRetry
from .stack import MiddlewareStack

if TYPE_CHECKING:
    from . import credentials as credentials
    from .errors import (
        AccessDeniedException,
        DurableExecutionAlreadyStartedException,
        RequestTooLargeException,
        ResourceNotFoundException,
        TooManyRequestsException,
    )
    from .failure import Failure
    from .fanout import MapRun
    from .map_values import MapResult, MapStats
    from .reports import Report
    from .stream_commands import InvokeWithResponseStreamCommand
    from .streaming import (
        HttpPrelude,
        InvokeWithResponseStreamCommandInput,
        InvokeWithResponseStreamCommandOutput,
        ResponseStream,
        SseEvent,
    )

__all__ = [
    "UNSET",
    "AccessDeniedException",
    "AiolambdaError",
    "Attempt",
    "Call",
    "CallNext",
    "ClientClosedError",
    "ClientStats",
    "Codec",
    "Command",
    "ConfigurationError",
    "ConnectError",
    "ConnectionLostError",
    "Credentials",
    "CredentialsProvider",
    "DecodeError",
    "Delivery",
    "DurableExecutionAlreadyStartedException",
    "EventReceipt",
    "Failure",
    "FunctionError",
    "Headers",
    "HttpPrelude",
    "InvalidInputError",
    "InvalidPayloadSizeError",
    "InvocationTimeoutError",
    "InvocationType",
    "InvokeCommand",
    "InvokeCommandInput",
    "InvokeCommandOutput",
    "InvokeWithResponseStreamCommand",
    "InvokeWithResponseStreamCommandInput",
    "InvokeWithResponseStreamCommandOutput",
    "JsonCodec",
    "LambdaClient",
    "LambdaClientConfig",
    "LambdaServiceException",
    "MapResult",
    "MapRun",
    "MapStats",
    "Metadata",
    "Middleware",
    "MiddlewareStack",
    "MiddlewareStackError",
    "NoRetry",
    "Operation",
    "Payload",
    "PayloadLimits",
    "PayloadTooLargeError",
    "Plugin",
    "Priority",
    "QueueTimeoutError",
    "RefreshingCredentialsProvider",
    "Relation",
    "Remedy",
    "Report",
    "Request",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "Response",
    "ResponseLimits",
    "ResponseStream",
    "RetryStrategy",
    "SseEvent",
    "StandardRetry",
    "Step",
    "StreamError",
    "StreamedResponse",
    "TcpKeepAlive",
    "ThrottleReason",
    "Timeouts",
    "TooManyFailuresError",
    "TooManyRequestsException",
    "Transport",
    "TransportError",
    "UnknownOutcomeError",
    "Unset",
    "errors",
]

_LOADED_LATER = {
    "AccessDeniedException": ".errors",
    "credentials": "",
    "DurableExecutionAlreadyStartedException": ".errors",
    "Failure": ".failure",
    "HttpPrelude": ".streaming",
    "InvokeWithResponseStreamCommand": ".stream_commands",
    "InvokeWithResponseStreamCommandInput": ".streaming",
    "InvokeWithResponseStreamCommandOutput": ".streaming",
    "MapResult": ".map_values",
    "MapRun": ".fanout",
    "MapStats": ".map_values",
    "Report": ".reports",
    "RequestTooLargeException": ".errors",
    "ResourceNotFoundException": ".errors",
    "ResponseStream": ".streaming",
    "SseEvent": ".streaming",
    "TooManyRequestsException": ".errors",
}

if not TYPE_CHECKING:  # else every name would pass for one of the package's

    def __getattr__(name: str) -> object:
        module = _LOADED_LATER.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if not module:
            return import_module(f".{name}", __name__)
        value = globals()[name] = getattr(import_module(module, __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
