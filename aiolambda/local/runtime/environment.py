"""The environment variables of a runtime process: Lambda's, the function's own, and a few inherited search paths.

Must not know how the process is started.
Source: "Defined runtime environment variables" of the developer guide.
"""

import datetime as dt
import os
import platform
from collections.abc import Mapping

import attrs

from ...emulation.identifiers import log_stream_name
from ...types.values import Credentials
from ..functions import CREDENTIAL_VARIABLES, LocalFunction
from ..routing import LATEST
from .layers import with_layers

__all__ = ["SharedEnvironment", "environment_of"]

_INHERITED = (
    "PATH",
    "HOME",
    "TMPDIR",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "NODE_PATH",
    "GEM_PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
)
"""The variables that a function inherits from the server: search paths of programs and modules."""

_CREDENTIAL_SOURCES = frozenset(
    {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    }
)
"""Variables that name a source of credentials. Credentials in the environment would take precedence over these."""


@attrs.frozen(kw_only=True)
class SharedEnvironment:
    """The values that all functions of an endpoint share; `inherited` is the environment of the server."""

    url: str
    region: str
    credentials: Credentials
    inherited: Mapping[str, str] = attrs.field(repr=False)


def environment_of(
    function: LocalFunction, shared: SharedEnvironment, runtime_api: str, today: dt.date, version: str = LATEST
) -> dict[str, str]:
    """Build the environment of one process of a version. `runtime_api` is the `HOST:PORT` of its Runtime API.

    As on Lambda, there are no shared AWS files, so a function cannot use a developer's profiles by accident.
    """
    inherited = {name: shared.inherited[name] for name in _INHERITED if name in shared.inherited}
    environment = inherited | {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_LAMBDA": shared.url,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    }
    if not function.environment.keys() & (CREDENTIAL_VARIABLES | _CREDENTIAL_SOURCES):
        credentials = shared.credentials
        environment["AWS_ACCESS_KEY_ID"] = credentials.access_key_id
        environment["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
        if credentials.session_token is not None:
            environment["AWS_SESSION_TOKEN"] = credentials.session_token
    if function.runtime is None:
        major, minor, _ = platform.python_version_tuple()
        environment["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{major}.{minor}"
    reserved = _log_settings(function) | {
        "_HANDLER": function.handler,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream_name(today, version),
        "AWS_REGION": shared.region,
        "AWS_DEFAULT_REGION": shared.region,
        "LAMBDA_TASK_ROOT": str(function.folder_of(version)),
    }
    # The built-in runtime gets the module path from its command, so that a layer cannot replace a module that it needs.
    variables = environment | dict(function.environment) | reserved
    return with_layers(variables, function.layers, for_python=function.runtime is not None)


def _log_settings(function: LocalFunction) -> dict[str, str]:
    """The variables of the log format and level. Lambda sets a level for JSON only; here it may be set for text, too."""
    if function.log_format == "JSON":
        return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level or "INFO"}
    return {} if function.log_level is None else {"AWS_LAMBDA_LOG_LEVEL": function.log_level}
