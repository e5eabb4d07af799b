"""The checks of `aiolambda doctor`: settings, endpoint URL, credentials, versions, concurrency, a connection, a function."""

from .check import Check, State, exit_code_of
from .concurrency import check_concurrency
from .function import checks_of_function
from .network import check_connection
from .permission import check_function
from .settings import (
    ExplainedSettings,
    check_credentials,
    check_endpoint_url,
    check_settings,
    check_versions,
    find_settings,
    installed_versions,
)

__all__ = [
    "Check",
    "ExplainedSettings",
    "State",
    "check_concurrency",
    "check_connection",
    "check_credentials",
    "check_endpoint_url",
    "check_function",
    "check_settings",
    "check_versions",
    "checks_of_function",
    "exit_code_of",
    "find_settings",
    "installed_versions",
]
