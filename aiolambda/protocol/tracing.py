"""The header `X-Amzn-Trace-Id`: the trace that a request belongs to, and by which Lambda detects recursion.

Owns the conditions and the encoding. Must not read the environment.
Source: the recursion detection that AWS SDKs share, and the tracing header of AWS X-Ray.
"""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from ..errors import InvalidInputError

__all__ = ["TRACE_ID", "is_in_function", "propagated_trace_id", "trace_id_for", "with_parent"]

TRACE_ID = "x-amzn-trace-id"
"""The name of the header."""
_KEPT = "=;:+&[]{}\"',"
_REPLACED = ("root=", "parent=", "sampled=")


def is_in_function(environment: Mapping[str, str]) -> bool:
    """Whether these are the environment variables of a Lambda function."""
    return bool(environment.get("AWS_LAMBDA_FUNCTION_NAME"))


def propagated_trace_id(environment: Mapping[str, str]) -> str | None:
    """The value of `X-Amzn-Trace-Id` for a request that a function sends; `None` outside Lambda."""
    trace_id = environment.get("_X_AMZN_TRACE_ID")
    if not trace_id or not is_in_function(environment):
        return None
    return _quoted(trace_id)


def trace_id_for(own: str | None, environment: Mapping[str, str] | None) -> str | None:
    """The value of `X-Amzn-Trace-Id` for a call: its own, or that of the function it is made in. `None` if there is neither.

    `InvalidInputError` for one of its own that a header cannot carry. The text does not show it.
    """
    if own is None:
        return None if environment is None else propagated_trace_id(environment)
    # Callers need not be typed.
    if not (isinstance(own, str) and own and own.isascii() and own.isprintable() and " " not in own):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInputError(
            "call.trace_id must be None, or a text of printable ASCII characters without spaces, such as "
            "'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'",
            member="trace_id",
        )
    return own


def with_parent(inherited: str | None, trace_parent: str) -> str:
    """The trace id `trace_parent` (Root, Parent and Sampled), with all other fields of the inherited one, such as Lineage."""
    return trace_parent if inherited is None else trace_parent + _other_fields(inherited)


@lru_cache(maxsize=8)
def _other_fields(inherited: str) -> str:
    fields = [field for field in inherited.split(";") if field and not field.strip().lower().startswith(_REPLACED)]
    return "".join(f";{field}" for field in fields)


@lru_cache(maxsize=8)
def _quoted(trace_id: str) -> str:
    """Encoded for a header. Cached, because all requests of one invocation pass the same on."""
    return quote(trace_id, safe=_KEPT, errors="replace")
