"""A local Lambda endpoint: the Invoke API, the processes that run the handlers, and the definitions of the functions."""

from .api.endpoint import LocalEndpoint
from .event_config import EventInvokeConfig
from .functions import LocalFunction

__all__ = ["EventInvokeConfig", "LocalEndpoint", "LocalFunction"]
