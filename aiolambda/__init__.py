"""An asyncio client for AWS Lambda: one call is at most one execution, and each error says whether the function may have run.

::

    async with LambdaClient(region="eu-west-1") as client:
        output = await client.invoke("orders", {"id": 7}, timeout=30)

All public names are here, except those of `aiolambda.errors`, `aiolambda.credentials`, `aiolambda.local` and
`aiolambda.testing`. Importing this module loads only the parts that a plain call needs. Maps, streams and the errors of the
service are loaded on first use.
"""

import os.path as _path
from importlib import import_module
from typing import TYPE_CHECKING

if _path.exists(f"{__path__[0]}/mq.py"):  # noqa: PTH110 - one `stat`; of another project, whose wheel uses this folder too
    from .version import INSTALL as _INSTALL

    raise ImportError(
        "another project, the package index's `aiolambda`, is installed into the folder of aiolambda-client; each has "
        f"overwritten files of the other. Run: pip uninstall -y aiolambda aiolambda-client && {_INSTALL}"
    )

from . import errors as errors
from .client.client import LambdaClient
from .codecs import JsonCodec
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
from .operations.commands import InvokeCommand
from .operations.invoke_types import EventReceipt, InvokeCommandInput, InvokeCommandOutput
from .operations.payload import Payload
from .pipeline.call import (
    Call,
    CallNext,
    Command,
    CommandInput,
    CommandOutput,
    Middleware,
    Operation,
    Plugin,
    Priority,
    Relation,
    Step,
)
from .pipeline.stack import MiddlewareStack
from .policy.retry import NoRetry, StandardRetry
from .types.http import Headers, Request, Response
from .types.interfaces import (
    Codec,
    CredentialsProvider,
    RefreshingCredentialsProvider,
    RetryStrategy,
    StreamedResponse,
    Transport,
)
from .types.values import (
    UNSET,
    Attempt,
    ClientStats,
    Credentials,
    Delivery,
    InvocationType,
    Metadata,
    PayloadLimits,
    ResponseLimits,
    RetryAction,
    TcpKeepAlive,
    ThrottleReason,
    Timeouts,
    Unset,
)

if TYPE_CHECKING:
    from . import credentials as credentials
    from .errors import (
        AccessDeniedException,
        DurableExecutionAlreadyStartedException,
        RequestTooLargeException,
        ResourceNotFoundException,
        TooManyRequestsException,
    )
    from .fanout import MapRun
    from .fanout.values import MapResult, MapStats
    from .operations.report import Report
    from .operations.response_stream import ResponseStream
    from .operations.stream import InvokeWithResponseStreamCommandInput, InvokeWithResponseStreamCommandOutput
    from .operations.stream_command import InvokeWithResponseStreamCommand
    from .operations.text_formats import HttpPrelude, SseEvent
    from .policy.failure import Failure
    from .transport.session import SessionTransport

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
    "CommandInput",
    "CommandOutput",
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
    "Report",
    "Request",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "Response",
    "ResponseLimits",
    "ResponseStream",
    "RetryAction",
    "RetryStrategy",
    "SessionTransport",
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
    "Failure": ".policy.failure",
    "HttpPrelude": ".operations.text_formats",
    "InvokeWithResponseStreamCommand": ".operations.stream_command",
    "InvokeWithResponseStreamCommandInput": ".operations.stream",
    "InvokeWithResponseStreamCommandOutput": ".operations.stream",
    "MapResult": ".fanout.values",
    "MapRun": ".fanout",
    "MapStats": ".fanout.values",
    "Report": ".operations.report",
    "RequestTooLargeException": ".errors",
    "ResourceNotFoundException": ".errors",
    "ResponseStream": ".operations.response_stream",
    "SessionTransport": ".transport.session",
    "SseEvent": ".operations.text_formats",
    "TooManyRequestsException": ".errors",
}

if not TYPE_CHECKING:  # with it, type checkers would accept any name

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
