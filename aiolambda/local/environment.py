"""The environment of a runtime process.

Owns which variables a function finds. Must not know how the process is started.
Source: "Defined runtime environment variables" of the developer guide.
"""

import datetime as dt
import platform
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from ..models import Credentials
from .functions import LocalFunction

__all__ = ["Surroundings", "environment_of", "runtime_command"]

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))

_WITHHELD = ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_LAMBDA_MAX_CONCURRENCY", "_X_AMZN_TRACE_ID")
"""Variables of the server's own surroundings that would outvote the keys below, or mislead a runtime client."""


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


def environment_of(function: LocalFunction, surroundings: Surroundings, runtime_api: str, today: dt.date) -> dict[str, str]:
    """The server's own environment, with Lambda's variables on top."""
    environment = {name: value for name, value in surroundings.inherited.items() if name not in _WITHHELD}
    environment |= {
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
        "AWS_ACCESS_KEY_ID": surroundings.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": surroundings.credentials.secret_access_key,
        "AWS_ENDPOINT_URL_LAMBDA": surroundings.url,
        "LAMBDA_TASK_ROOT": str(function.root),
        "TZ": ":UTC",
    }
    if surroundings.credentials.session_token is not None:
        environment["AWS_SESSION_TOKEN"] = surroundings.credentials.session_token
    if function.runtime is None:
        major, minor, _ = platform.python_version_tuple()
        environment["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{major}.{minor}"
    return environment
