"""Configuration: what the caller gave, what the environment says, and where credentials come from."""

from .chain import Chain, profile_credentials
from .credentials import StaticCredentials
from .finding import default_credentials
from .machine import client_user_agent
from .resolution import Resolved, needs_thread, resolve
from .roles import assume_role
from .sessions import session_credentials
from .settings import LambdaClientConfig

__all__ = [
    "Chain",
    "LambdaClientConfig",
    "Resolved",
    "StaticCredentials",
    "assume_role",
    "client_user_agent",
    "default_credentials",
    "needs_thread",
    "profile_credentials",
    "resolve",
    "session_credentials",
]
