"""The trace id that a function passes on with its requests, so that Lambda can detect recursion.

Owns the condition and the encoding. Must not read the environment.
Source: the recursion detection that AWS SDKs share.
"""

from collections.abc import Mapping
from urllib.parse import quote

__all__ = ["is_in_function", "propagated_trace_id"]

_KEPT = "=;:+&[]{}\"',"


def is_in_function(environment: Mapping[str, str]) -> bool:
    """Whether these are the environment variables of a Lambda function."""
    return bool(environment.get("AWS_LAMBDA_FUNCTION_NAME"))


def propagated_trace_id(environment: Mapping[str, str]) -> str | None:
    """The value of `X-Amzn-Trace-Id` for a request that a function sends; `None` outside Lambda."""
    trace_id = environment.get("_X_AMZN_TRACE_ID")
    if not trace_id or not is_in_function(environment):
        return None
    return quote(trace_id, safe=_KEPT, errors="replace")
