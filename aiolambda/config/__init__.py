"""Configuration: what the caller gave, what the environment and the profile say, and where credentials come from."""

from .credentials import StaticCredentials
from .explained import Explained
from .machine import client_user_agent
from .resolution import Resolved, needs_thread, resolve
from .settings import LambdaClientConfig

__all__ = [
    "Explained",
    "LambdaClientConfig",
    "Resolved",
    "StaticCredentials",
    "client_user_agent",
    "needs_thread",
    "resolve",
]
