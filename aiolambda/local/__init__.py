"""A local Lambda endpoint: the Invoke API, the processes that run the handlers, and the definitions of the functions."""

from ..emulation.url_config import FunctionUrl, UrlCors
from .api.endpoint import LocalEndpoint
from .durable_config import DurableConfig
from .event_config import EventInvokeConfig
from .functions import LocalFunction
from .init_check import InitFailure
from .invocation_log import InvocationEvent
from .reload import Reload, ReloadEvent

__all__ = [
    "DurableConfig",
    "EventInvokeConfig",
    "FunctionUrl",
    "InitFailure",
    "InvocationEvent",
    "LocalEndpoint",
    "LocalFunction",
    "Reload",
    "ReloadEvent",
    "UrlCors",
]
