"""An Invoke request, taken apart and checked: which function, how, with what.

Owns what a request must look like and the order in which its faults are told. Must not know which functions there are, or
what runs them.
Source: the API reference of Invoke.
"""

import base64
import binascii
import json
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import parse_qs, unquote

import attrs

from ...errors import InvalidInputError
from ...protocol import names
from ..runtime.invocations import Invocation, Sink
from . import errors

__all__ = [
    "INVOCATION_TYPES",
    "LARGEST_REQUEST",
    "PAYLOAD_LIMIT",
    "InvokeRequest",
    "Target",
    "new_trace_id",
    "read",
    "target_of",
]

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of a payload."""
LARGEST_REQUEST = 69_905_067
"""Bytes; past these the front end does not look at a request at all."""

_CLIENT_CONTEXT_LIMIT = 3583
INVOCATION_TYPES = ("Event", "RequestResponse", "DryRun")
_LOG_TYPES = ("None", "Tail")
_LATEST = "$LATEST"
_HEADER_TEXT = re.compile(r"[\x20-\x7e]+")


@attrs.frozen(kw_only=True)
class Target:
    """The function that a request names; `qualifier` is `None` where it names no version."""

    name: str
    qualifier: str | None = None
    region: str | None = None

    @property
    def is_latest(self) -> bool:
        return self.qualifier in (None, _LATEST)


@attrs.frozen(kw_only=True)
class InvokeRequest:
    """What is asked of a function; `wants_log_tail` is `LogType=Tail`."""

    target: Target
    dry_run: bool
    wants_log_tail: bool
    payload: bytes = attrs.field(repr=False)
    client_context: str | None = attrs.field(repr=False)
    tenant_id: str | None = attrs.field(repr=False)
    trace_id: str

    def invocation(self, request_id: str, function_arn: str, sink: Sink | None = None) -> Invocation:
        """What the runtime is given; Lambda hands an absent payload on as `{}`."""
        return Invocation(
            request_id=request_id,
            payload=self.payload or b"{}",
            function_arn=function_arn if self.target.qualifier is None else f"{function_arn}:{self.target.qualifier}",
            trace_id=self.trace_id,
            client_context=self.client_context,
            tenant_id=self.tenant_id,
            sink=sink,
        )


def new_request_id() -> str:
    return str(uuid.uuid4())


def new_trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


def target_of(function_name: str, query: str) -> Target:
    """The function that path and query name; a name and a qualifier may both carry the version, if they agree."""
    try:
        names.check_function_name(function_name)
    except InvalidInputError as error:
        raise errors.invalid_value("functionName", str(error)) from None
    asked = parse_qs(query).get("Qualifier", [None])[0]
    derived = names.qualifier_of(function_name)
    if asked is not None and derived is not None and asked != derived:
        raise errors.conflicting_qualifiers()
    return Target(name=names.plain_name_of(function_name), qualifier=derived or asked, region=names.region_of(function_name))


def read(target: Target, headers: Mapping[str, str], payload: bytes, *, types: tuple[str, ...]) -> InvokeRequest:
    """The request, or the `Refusal` that it deserves. Header names are in lower case."""
    invocation_type = _one_of(headers, "x-amz-invocation-type", "invocationType", types, "RequestResponse")
    log_type = _one_of(headers, "x-amz-log-type", "logType", _LOG_TYPES, "None")
    if invocation_type == "Event":
        raise errors.event_not_served()
    _check_json(payload)
    return InvokeRequest(
        target=target,
        dry_run=invocation_type == "DryRun",
        wants_log_tail=log_type == "Tail",
        payload=payload,
        client_context=_client_context(headers.get("x-amz-client-context")),
        tenant_id=_tenant_id(headers.get("x-amz-tenant-id")),
        trace_id=_trace_id(headers.get("x-amzn-trace-id")),
    )


def _one_of(headers: Mapping[str, str], header: str, member: str, allowed: tuple[str, ...], default: str) -> str:
    value = headers.get(header, default)
    if value not in allowed:
        raise errors.invalid_value(member, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    return value


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _check_json(payload: bytes) -> None:
    """Numbers are not converted: their size is the function's affair."""
    if not payload:
        return
    try:
        json.loads(payload.decode(), parse_constant=_not_json, parse_int=len, parse_float=len)
    except UnicodeDecodeError:
        raise errors.invalid_json("Invalid UTF-8") from None
    except json.JSONDecodeError as error:
        raise errors.invalid_json(f"{error.msg} at line: {error.lineno}, column: {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise errors.invalid_json(f"{error}") from None


def _client_context(header: str | None) -> str | None:
    """The context as JSON in ASCII, fit for a header again."""
    if not header:
        return None
    if len(header) > _CLIENT_CONTEXT_LIMIT:
        raise errors.invalid_client_context()
    try:
        content: object = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise errors.invalid_client_context() from None
    if not isinstance(content, dict):
        raise errors.invalid_client_context()
    return json.dumps(content)


def _tenant_id(header: str | None) -> str | None:
    if header is not None:
        try:
            names.check_pattern("tenant_id", header)
        except InvalidInputError:
            raise errors.invalid_value("tenantId", "Member must satisfy its pattern, with 1 to 256 characters") from None
    return header


def _trace_id(header: str | None) -> str:
    """The caller's trace, which SDKs percent-encode; a new one where there is none that fits into a header."""
    trace_id = unquote(header) if header else ""
    return trace_id if _HEADER_TEXT.fullmatch(trace_id) else new_trace_id()
