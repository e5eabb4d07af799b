"""An asyncio client for AWS Lambda: one call is at most one execution, and each error says whether the function may have run.

::

    async with LambdaClient(region="eu-west-1") as client:
        output = await client.invoke("orders", {"id": 7}, timeout=30)

All public names are here, except those of `aiolambda.errors`, `aiolambda.credentials`, `aiolambda.local`,
`aiolambda.telemetry` and `aiolambda.testing`, and the commands that manage functions (`from aiolambda.operations import
GetFunctionCommand`). Importing this module loads nothing else. Each name loads its module on first use.
"""

import os.path as _path
from _thread import RLock as _RLock  # of `threading`, which takes a while to load

if _path.exists(f"{__path__[0]}/mq.py"):  # noqa: PTH110 - one `stat`; of another project, whose wheel uses this folder too
    from .version import INSTALL as _INSTALL

    raise ImportError(
        "another project, the package index's `aiolambda`, is installed into the folder of aiolambda-client; each has "
        f"overwritten files of the other. Run: pip uninstall -y aiolambda aiolambda-client && {_INSTALL}"
    )

from .types import TYPE_CHECKING

if TYPE_CHECKING:
    from . import credentials as credentials
    from . import errors as errors
    from .client.client import LambdaClient as LambdaClient
    from .client.durable.callbacks import DurableCallback as DurableCallback
    from .client.durable.execution import DurableExecution as DurableExecution
    from .codecs import JsonCodec as JsonCodec
    from .config import LambdaClientConfig as LambdaClientConfig
    from .errors import AccessDeniedException as AccessDeniedException
    from .errors import AiolambdaError as AiolambdaError
    from .errors import ClientClosedError as ClientClosedError
    from .errors import ConfigurationError as ConfigurationError
    from .errors import ConnectError as ConnectError
    from .errors import ConnectionLostError as ConnectionLostError
    from .errors import DecodeError as DecodeError
    from .errors import DurableExecutionAlreadyStartedException as DurableExecutionAlreadyStartedException
    from .errors import DurableExecutionError as DurableExecutionError
    from .errors import DurableExecutionFailedError as DurableExecutionFailedError
    from .errors import DurableExecutionStoppedError as DurableExecutionStoppedError
    from .errors import DurableExecutionTimedOutError as DurableExecutionTimedOutError
    from .errors import FunctionError as FunctionError
    from .errors import HttpStatusError as HttpStatusError
    from .errors import InvalidInputError as InvalidInputError
    from .errors import InvalidPayloadSizeError as InvalidPayloadSizeError
    from .errors import InvocationTimeoutError as InvocationTimeoutError
    from .errors import LambdaServiceException as LambdaServiceException
    from .errors import MiddlewareStackError as MiddlewareStackError
    from .errors import NotDurableError as NotDurableError
    from .errors import NotSentError as NotSentError
    from .errors import PayloadTooLargeError as PayloadTooLargeError
    from .errors import QueueTimeoutError as QueueTimeoutError
    from .errors import RequestTooLargeException as RequestTooLargeException
    from .errors import ResourceNotFoundException as ResourceNotFoundException
    from .errors import ResultTimeoutError as ResultTimeoutError
    from .errors import StreamError as StreamError
    from .errors import TooManyFailuresError as TooManyFailuresError
    from .errors import TooManyRequestsException as TooManyRequestsException
    from .errors import TransportError as TransportError
    from .errors import UnknownOutcomeError as UnknownOutcomeError
    from .errors import WaitError as WaitError
    from .errors import WaitTimeoutError as WaitTimeoutError
    from .errors import WorkerLostError as WorkerLostError
    from .fanout import MapRun as MapRun
    from .fanout.values import MapCause as MapCause
    from .fanout.values import MapResult as MapResult
    from .fanout.values import MapStats as MapStats
    from .operations.commands import InvokeCommand as InvokeCommand
    from .operations.descriptions import AccountLimits as AccountLimits
    from .operations.descriptions import FunctionDescription as FunctionDescription
    from .operations.durable import DurableExecutionDescription as DurableExecutionDescription
    from .operations.durable import DurableExecutionOutput as DurableExecutionOutput
    from .operations.durable_events import DurableEvent as DurableEvent
    from .operations.fetch_command import FetchCommand as FetchCommand
    from .operations.fetch_command import FetchStreamCommand as FetchStreamCommand
    from .operations.fetch_stream import FetchStreamOutput as FetchStreamOutput
    from .operations.fetch_types import FetchCommandInput as FetchCommandInput
    from .operations.fetch_types import HttpHeaders as HttpHeaders
    from .operations.fetch_types import HttpOutput as HttpOutput
    from .operations.invoke_types import EventReceipt as EventReceipt
    from .operations.invoke_types import InvokeCommandInput as InvokeCommandInput
    from .operations.invoke_types import InvokeCommandOutput as InvokeCommandOutput
    from .operations.payload import Payload as Payload
    from .operations.report import Report as Report
    from .operations.response_stream import ResponseStream as ResponseStream
    from .operations.stream import InvokeWithResponseStreamCommandInput as InvokeWithResponseStreamCommandInput
    from .operations.stream import InvokeWithResponseStreamCommandOutput as InvokeWithResponseStreamCommandOutput
    from .operations.stream_command import InvokeWithResponseStreamCommand as InvokeWithResponseStreamCommand
    from .operations.text_formats import HttpPrelude as HttpPrelude
    from .operations.text_formats import SseEvent as SseEvent
    from .pipeline.call import Call as Call
    from .pipeline.call import CallNext as CallNext
    from .pipeline.call import Command as Command
    from .pipeline.call import Middleware as Middleware
    from .pipeline.call import Plugin as Plugin
    from .pipeline.call import Priority as Priority
    from .pipeline.call import Relation as Relation
    from .pipeline.call import Step as Step
    from .pipeline.operation import CommandInput as CommandInput
    from .pipeline.operation import CommandOutput as CommandOutput
    from .pipeline.operation import Operation as Operation
    from .pipeline.stack import MiddlewareStack as MiddlewareStack
    from .policy.failure import Failure as Failure
    from .policy.retry import NoRetry as NoRetry
    from .policy.retry import StandardRetry as StandardRetry
    from .transport.session import SessionTransport as SessionTransport
    from .types.http import Headers as Headers
    from .types.http import Request as Request
    from .types.http import Response as Response
    from .types.interfaces import Codec as Codec
    from .types.interfaces import CredentialsProvider as CredentialsProvider
    from .types.interfaces import RefreshingCredentialsProvider as RefreshingCredentialsProvider
    from .types.interfaces import RetryStrategy as RetryStrategy
    from .types.interfaces import StreamedResponse as StreamedResponse
    from .types.interfaces import Transport as Transport
    from .types.stats import ClientStats as ClientStats
    from .types.values import UNSET as UNSET
    from .types.values import Attempt as Attempt
    from .types.values import Credentials as Credentials
    from .types.values import Delivery as Delivery
    from .types.values import InvocationType as InvocationType
    from .types.values import Metadata as Metadata
    from .types.values import PayloadLimits as PayloadLimits
    from .types.values import ResponseLimits as ResponseLimits
    from .types.values import RetryAction as RetryAction
    from .types.values import TcpKeepAlive as TcpKeepAlive
    from .types.values import ThrottleReason as ThrottleReason
    from .types.values import Timeouts as Timeouts
    from .types.values import Unset as Unset
else:
    _NAMES = {
        ".client.client": ("LambdaClient",),
        ".client.durable.callbacks": ("DurableCallback",),
        ".client.durable.execution": ("DurableExecution",),
        ".codecs": ("JsonCodec",),
        ".config": ("LambdaClientConfig",),
        ".errors": (
            "AccessDeniedException",
            "AiolambdaError",
            "ClientClosedError",
            "ConfigurationError",
            "ConnectError",
            "ConnectionLostError",
            "DecodeError",
            "DurableExecutionAlreadyStartedException",
            "DurableExecutionError",
            "DurableExecutionFailedError",
            "DurableExecutionStoppedError",
            "DurableExecutionTimedOutError",
            "FunctionError",
            "HttpStatusError",
            "InvalidInputError",
            "InvalidPayloadSizeError",
            "InvocationTimeoutError",
            "LambdaServiceException",
            "MiddlewareStackError",
            "NotDurableError",
            "NotSentError",
            "PayloadTooLargeError",
            "QueueTimeoutError",
            "RequestTooLargeException",
            "ResourceNotFoundException",
            "ResultTimeoutError",
            "StreamError",
            "TooManyFailuresError",
            "TooManyRequestsException",
            "TransportError",
            "UnknownOutcomeError",
            "WaitError",
            "WaitTimeoutError",
            "WorkerLostError",
        ),
        ".fanout": ("MapRun",),
        ".fanout.values": ("MapCause", "MapResult", "MapStats"),
        ".operations.commands": ("InvokeCommand",),
        ".operations.descriptions": ("AccountLimits", "FunctionDescription"),
        ".operations.durable": ("DurableExecutionDescription", "DurableExecutionOutput"),
        ".operations.durable_events": ("DurableEvent",),
        ".operations.fetch_command": ("FetchCommand", "FetchStreamCommand"),
        ".operations.fetch_stream": ("FetchStreamOutput",),
        ".operations.fetch_types": ("FetchCommandInput", "HttpHeaders", "HttpOutput"),
        ".operations.invoke_types": ("EventReceipt", "InvokeCommandInput", "InvokeCommandOutput"),
        ".operations.payload": ("Payload",),
        ".operations.report": ("Report",),
        ".operations.response_stream": ("ResponseStream",),
        ".operations.stream": ("InvokeWithResponseStreamCommandInput", "InvokeWithResponseStreamCommandOutput"),
        ".operations.stream_command": ("InvokeWithResponseStreamCommand",),
        ".operations.text_formats": ("HttpPrelude", "SseEvent"),
        ".pipeline.call": ("Call", "CallNext", "Command", "Middleware", "Plugin", "Priority", "Relation", "Step"),
        ".pipeline.operation": ("CommandInput", "CommandOutput", "Operation"),
        ".pipeline.stack": ("MiddlewareStack",),
        ".policy.failure": ("Failure",),
        ".policy.retry": ("NoRetry", "StandardRetry"),
        ".transport.session": ("SessionTransport",),
        ".types.http": ("Headers", "Request", "Response"),
        ".types.interfaces": (
            "Codec",
            "CredentialsProvider",
            "RefreshingCredentialsProvider",
            "RetryStrategy",
            "StreamedResponse",
            "Transport",
        ),
        ".types.stats": ("ClientStats",),
        ".types.values": (
            "Attempt",
            "Credentials",
            "Delivery",
            "InvocationType",
            "Metadata",
            "PayloadLimits",
            "ResponseLimits",
            "RetryAction",
            "TcpKeepAlive",
            "ThrottleReason",
            "Timeouts",
            "UNSET",
            "Unset",
        ),
    }
    """The public names, by the module that defines them. The imports above are the same for type checkers."""
    _MODULES = {name: module for module, names in _NAMES.items() for name in names}
    _SUBMODULES = ("credentials", "errors", "local", "testing")
    _LOADING = _RLock()
    """One thread loads at a time. Python breaks a deadlock of two imports with an `ImportError`: a package imports its modules,
    and each of them waits for its package."""

    # Without `local` and `testing`, whose servers few programs need.
    __all__ = sorted([*_MODULES, "credentials", "errors"])  # noqa: PLE0605 - type checkers take the imports above

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - loaded on first use, too

        if name in _SUBMODULES:
            with _LOADING:
                return import_module(f".{name}", __name__)
        if name in _MODULES:
            with _LOADING:
                value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
            return value
        raise AttributeError(_no_attribute(name), name=name, obj=None)  # with `obj`, tracebacks would suggest the name again

    def _no_attribute(name: str) -> str:
        from .types.mistakes import nearest  # noqa: PLC0415 - only a mistake needs it

        meant = None if name.startswith("_") else nearest(name, [*_MODULES, *_SUBMODULES])
        return f"module {__name__!r} has no attribute {name!r}" + ("" if meant is None else f"; did you mean {meant}?")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_SUBMODULES})
