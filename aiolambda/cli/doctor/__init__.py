"""What `aiolambda doctor` looks at: each check says what it found, and what to do where that is not good."""

from .check import Check, State, exit_code_of
from .network import check_connection
from .permission import check_function
from .settings import Setup, check_credentials, check_endpoint, check_settings, check_versions, look_at

__all__ = [
    "Check",
    "Setup",
    "State",
    "check_connection",
    "check_credentials",
    "check_endpoint",
    "check_function",
    "check_settings",
    "check_versions",
    "exit_code_of",
    "look_at",
]
