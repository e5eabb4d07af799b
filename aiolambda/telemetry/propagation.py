"""The trace that goes to the function: as the value of `X-Amzn-Trace-Id`, and on request in the client context.

Laws: a payload is never touched. What the caller has put into a client context stays, and so do contexts that would become
too long.

Owns the two formats. Must not know when a call is traced.
Source: the tracing header of AWS X-Ray, and W3C Trace Context and Baggage.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from typing import cast
from urllib.parse import quote

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from ..protocol.tracing import is_in_function, propagated_trace_id, with_parent

__all__ = ["ContextFields", "TraceHeader", "merged"]

_LOW = (1 << 96) - 1
"""Of a trace id, the digits that do not begin it: X-Ray has the time there."""


class TraceHeader:
    """Makes the value of `X-Amzn-Trace-Id`. Inside Lambda it keeps the other fields of the function's own."""

    def __init__(self) -> None:
        self._in_function = is_in_function(os.environ)

    def value(self, span: SpanContext) -> str:
        """The value for requests whose parent is this span."""
        trace_id = span.trace_id
        root = f"Root=1-{trace_id >> 96:08x}-{trace_id & _LOW:024x}"
        parent = f"{root};Parent={span.span_id:016x};Sampled={'1' if span.trace_flags & 1 else '0'}"
        return with_parent(propagated_trace_id(os.environ), parent) if self._in_function else parent


class ContextFields:
    """Makes the fields for a client context: `traceparent`, `tracestate`, and the entries of the baggage that are named."""

    def __init__(self, baggage_entries: Iterable[str]) -> None:
        self._entries = tuple(baggage_entries)

    def of(self, span: SpanContext, context: Context) -> dict[str, str]:
        """The fields for a call whose parent is this span."""
        fields = {"traceparent": f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & 0xFF:02x}"}
        if span.trace_state:
            fields["tracestate"] = span.trace_state.to_header()
        entries = {name: baggage.get_baggage(name, context) for name in self._entries}
        listed = ",".join(f"{name}={quote(str(value))}" for name, value in entries.items() if value is not None)
        return fields | ({"baggage": listed} if listed else {})


def merged(client_context: object, fields: Mapping[str, str], limit: int) -> Mapping[str, object] | None:
    """A client context with these fields in its `custom`. `None` if it must stay as it is.

    That is one which has such a field, which is no JSON object, or which would have more than `limit` characters in base64.
    """
    members = _members_of(client_context)
    if members is None:
        return None
    custom = members.get("custom")
    if custom is not None and not isinstance(custom, Mapping):
        return None
    own = cast("Mapping[str, object]", custom or {})
    if not fields.keys().isdisjoint(own):
        return None
    whole = {**members, "custom": {**own, **fields}}
    try:
        length = len(json.dumps(whole, separators=(",", ":"), allow_nan=False))  # ASCII, so one byte for each character
    except (TypeError, ValueError, RecursionError):  # the serializer explains it
        return None
    return whole if (length + 2) // 3 * 4 <= limit else None


def _members_of(client_context: object) -> Mapping[str, object] | None:
    if client_context is None:
        return {}
    members = client_context
    if isinstance(client_context, str):
        try:
            members = json.loads(base64.b64decode(f"{client_context}{'=' * (-len(client_context) % 4)}", validate=True))
        except (binascii.Error, ValueError, RecursionError):
            return None
    return cast("Mapping[str, object]", members) if isinstance(members, Mapping) else None
