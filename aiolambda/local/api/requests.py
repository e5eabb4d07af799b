"""Invoke requests, parsed and validated: header members and payload.

Owns the rules of a valid request and their order. Must not know which functions exist, or how they run.
Source: the API reference of Invoke.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from urllib.parse import unquote

import attrs

from ...emulation import api_errors
from ...emulation.identifiers import new_trace_id
from ...emulation.payloads import check_json
from ...emulation.targets import Target
from ...errors import InvalidInputError
from ...protocol import names
from ..runtime.invocations import Invocation

__all__ = [
    "INVOCATION_TYPES",
    "STREAMED_TYPES",
    "InvokeRequest",
    "check_size",
    "parse",
    "trace_id_in",
]

_PAYLOAD_LIMIT = 6 * 1024 * 1024
_EVENT_LIMIT = 1024 * 1024
_REQUEST_LIMIT = 69_905_067
"""Bytes of a request. The front end refuses a larger one before any other check."""

_CLIENT_CONTEXT_LIMIT = 3583
INVOCATION_TYPES = ("Event", "RequestResponse", "DryRun")
STREAMED_TYPES = ("RequestResponse", "DryRun")
_LOG_TYPES = ("None", "Tail")
_HEADER_TEXT = re.compile(r"[\x20-\x7e]+")


@attrs.frozen(kw_only=True)
class InvokeRequest:
    """A valid request; `wants_log_tail` is `LogType=Tail`."""

    target: Target
    invocation_type: str
    wants_log_tail: bool
    payload: bytes = attrs.field(repr=False)
    client_context: str | None = attrs.field(repr=False)
    tenant_id: str | None = attrs.field(repr=False)
    trace_id: str
    durable_execution_name: str | None = None

    def invocation(self, request_id: str, function_arn: str, trace_id: str) -> Invocation:
        """Make the invocation for the runtime, with its own trace id. As on Lambda, an absent payload becomes `{}`."""
        return Invocation(
            request_id=request_id,
            payload=self.payload or b"{}",
            function_arn=function_arn if self.target.qualifier is None else f"{function_arn}:{self.target.qualifier}",
            trace_id=trace_id,
            client_context=self.client_context,
            tenant_id=self.tenant_id,
            invocation_type=self.invocation_type,
            wants_log=self.wants_log_tail,
        )


def check_size(size: int, declared: int | None, headers: Mapping[str, str]) -> None:
    """Raise an `ApiError` if a payload of this size is too large for its invocation type. Header names are in lower case."""
    if size > _REQUEST_LIMIT:
        raise api_errors.request_too_large(_REQUEST_LIMIT)
    invocation_type, limit = ("Event", _EVENT_LIMIT) if _is_event(headers) else ("RequestResponse", _PAYLOAD_LIMIT)
    if size > limit:
        raise api_errors.payload_too_large(declared, invocation_type, limit)


def parse(target: Target, headers: Mapping[str, str], payload: bytes, *, types: tuple[str, ...]) -> InvokeRequest:
    """Parse headers and payload; raise an `ApiError` if one is invalid. Header names are in lower case."""
    invocation_type = _one_of(headers, "x-amz-invocation-type", "invocationType", types, "RequestResponse")
    log_type = _one_of(headers, "x-amz-log-type", "logType", _LOG_TYPES, "None")
    check_json(payload)
    return InvokeRequest(
        target=target,
        invocation_type=invocation_type,
        wants_log_tail=log_type == "Tail",
        payload=payload,
        client_context=_client_context(headers.get("x-amz-client-context")),
        tenant_id=_matching(headers, "x-amz-tenant-id", "tenant_id", "tenantId"),
        trace_id=trace_id_in(headers.get("x-amzn-trace-id")),
        durable_execution_name=_matching(
            headers, "x-amz-durable-execution-name", "durable_execution_name", "durableExecutionName"
        ),
    )


def trace_id_in(header: str | None) -> str:
    """The trace id of a request, or a new one. SDKs percent-encode it."""
    trace_id = unquote(header or "")
    return trace_id if _HEADER_TEXT.fullmatch(trace_id) else new_trace_id()


def _is_event(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-invocation-type") == "Event"


def _one_of(headers: Mapping[str, str], header: str, member: str, allowed: tuple[str, ...], default: str) -> str:
    value = headers.get(header, default)
    if value not in allowed:
        raise api_errors.invalid_value(member, f"Member must satisfy enum value set: [{', '.join(allowed)}]", value=value)
    return value


def _client_context(header: str | None) -> str | None:
    """Decode the context to JSON in ASCII, which a header can carry."""
    if not header:
        return None
    if len(header) > _CLIENT_CONTEXT_LIMIT:
        raise api_errors.invalid_client_context()
    try:
        content: object = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise api_errors.invalid_client_context() from None
    if not isinstance(content, dict):
        raise api_errors.invalid_client_context()
    return json.dumps(content)


def _matching(headers: Mapping[str, str], header: str, pattern: str, member: str) -> str | None:
    """The value of a header, which must match the pattern of its member."""
    value = headers.get(header)
    if value is not None:
        try:
            names.check_pattern(pattern, value)
        except InvalidInputError:
            raise api_errors.invalid_value(member, "Member must satisfy its pattern and its length") from None
    return value
