"""The environment of a runtime process.

Owns which variables a function finds. Must not know how the process is started.
Source: "Defined runtime environment variables" of the developer guide.
"""

import datetime as dt
import os
import platform
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from ...types.values import Credentials
from ..functions import KEYS, LocalFunction

__all__ = ["Surroundings", "environment_of", "runtime_command"]

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))

_KEPT = (
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
"""Variables of the server's own environment that a function finds: where programs and modules are on this machine."""


@attrs.frozen(kw_only=True)
class Surroundings:
    """What all functions of an endpoint share: where it is, and the keys that it takes."""

    url: str
    region: str
    credentials: Credentials
    inherited: Mapping[str, str] = attrs.field(repr=False)


def runtime_command(function: LocalFunction) -> tuple[str, ...]:
    """The words to start a runtime process with."""
    if function.runtime is not None:
        return tuple(word.replace("{handler}", function.handler) for word in function.runtime)
    # -u: what is printed is written, not buffered. -P: the modules beside the bootstrap stay out of the function's imports.
    return (sys.executable, "-u", "-P", "-X", "utf8", _BOOTSTRAP)


_OTHER_SOURCES = frozenset(
    {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    }
)
"""Variables that lead to keys. Keys in the environment would go before them."""


def environment_of(function: LocalFunction, surroundings: Surroundings, runtime_api: str, today: dt.date) -> dict[str, str]:
    """Lambda's variables and the function's own. Of the server's environment only the places of programs and modules.

    The shared files of AWS are not there on Lambda either, so a function does not find a developer's profiles by accident.
    """
    kept = {name: surroundings.inherited[name] for name in _KEPT if name in surroundings.inherited}
    environment = kept | {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_LAMBDA": surroundings.url,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    }
    if not function.environment.keys() & (KEYS | _OTHER_SOURCES):
        environment |= _keys(surroundings.credentials)
    if function.runtime is None:
        major, minor, _ = platform.python_version_tuple()
        environment["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{major}.{minor}"
    reserved = {
        "_HANDLER": function.handler,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{today:%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}",
        "AWS_REGION": surroundings.region,
        "AWS_DEFAULT_REGION": surroundings.region,
        "LAMBDA_TASK_ROOT": str(function.root),
    }
    return environment | dict(function.environment) | reserved


def _keys(credentials: Credentials) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": credentials.access_key_id, "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key}
    if credentials.session_token is not None:
        keys["AWS_SESSION_TOKEN"] = credentials.session_token
    return keys
