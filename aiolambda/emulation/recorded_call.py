"""The record of one request of a client, with everything that it sent.

Must not know what becomes of the request.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from ..protocol import names
from ..types.http import Request
from .control_plane.routes import Asked
from .targets import Target

__all__ = ["RecordedCall", "RecordedOperation", "recorded", "recorded_at_url", "recorded_operation"]


@attrs.frozen(kw_only=True)
class RecordedCall:
    """A request that the client sent.

    Args:
        function_name: The name of the function, as in the URL: a name, `name:qualifier`, or an ARN.
        qualifier: The version or alias, from the name or the query of the URL; `None` if the request names none.
        payload: The bytes of the body.
        headers: The header fields, by name in any case.
        attempt: The number of the attempt: 1 for the first.
        streamed: Whether the request is an InvokeWithResponseStream.
        url: The URL, percent-encoded.
        request_id: The request id of the answer.
        time: The clock of the event loop at this request, in seconds. Differences are pauses.
    """

    function_name: str
    """The name of the function, as in the URL: a name, `name:qualifier`, or an ARN."""
    qualifier: str | None
    """The version or alias, from the name or the query of the URL; `None` if the request names none."""
    payload: bytes = attrs.field(repr=lambda payload: f"<{len(payload)} bytes>")
    """The bytes of the body."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    """The header fields, by name in any case."""
    attempt: int
    """The number of the attempt: 1 for the first."""
    streamed: bool
    """Whether the request is an InvokeWithResponseStream."""
    url: str = attrs.field(repr=False)
    """The URL, percent-encoded."""
    request_id: str
    """The request id of the answer."""
    time: float
    """The clock of the event loop at this request, in seconds. Differences are pauses."""

    @property
    def invocation_type(self) -> str:
        """`"RequestResponse"`, `"Event"` or `"DryRun"`."""
        return self.headers.get("x-amz-invocation-type", "RequestResponse")

    @property
    def log_type(self) -> str:
        """`"None"` or `"Tail"`."""
        return self.headers.get("x-amz-log-type", "None")

    @property
    def client_context(self) -> Mapping[str, Any] | None:
        """The client context, decoded; `None` if there is none, or if it is not the base64 of a JSON object."""
        encoded = self.headers.get("x-amz-client-context")
        if encoded is None:
            return None
        try:
            content: object = json.loads(base64.b64decode(encoded, validate=True))
        except ValueError:
            return None
        return cast("Mapping[str, Any]", content) if isinstance(content, dict) else None

    @property
    def tenant_id(self) -> str | None:
        """The tenant id; `None` if there is none."""
        return self.headers.get("x-amz-tenant-id")

    @property
    def durable_execution_name(self) -> str | None:
        """The name of the durable execution; `None` if there is none."""
        return self.headers.get("x-amz-durable-execution-name")

    @property
    def path(self) -> str:
        """The path of the URL, percent-encoded."""
        return urlsplit(self.url).path

    def json(self) -> Any:
        """Decode the payload."""
        return json.loads(self.payload)


def recorded(request: Request, *, streamed: bool, request_id: str, time: float) -> RecordedCall:
    """The record of a request."""
    parts = urlsplit(request.url)
    name = unquote(parts.path.split("/")[-2])
    return RecordedCall(
        function_name=name,
        qualifier=names.qualifier_of(name) or (parse_qs(parts.query).get("Qualifier", [None])[0] if parts.query else None),
        payload=request.body,
        headers=request.headers.copy(),
        attempt=_attempt_of(request),
        streamed=streamed,
        url=request.url,
        request_id=request_id,
        time=time,
    )


def recorded_at_url(request: Request, target: Target, *, request_id: str, time: float) -> RecordedCall:
    """The record of a request at the URL of a function. Its payload is the body of the request, not the event made of it."""
    return RecordedCall(
        function_name=target.name if target.qualifier is None else f"{target.name}:{target.qualifier}",
        qualifier=target.qualifier,
        payload=request.body,
        headers=request.headers.copy(),
        attempt=_attempt_of(request),
        streamed=False,
        url=request.url,
        request_id=request_id,
        time=time,
    )


@attrs.frozen(kw_only=True)
class RecordedOperation:
    """A request of an operation that runs no function.

    Args:
        operation: The name of the operation, such as `"GetFunction"`.
        function_name: The name of the function, as in the URL; `None` if the request names none.
        qualifier: The version or alias; `None` if the request names none.
        headers: The header fields, by name in any case.
        attempt: The number of the attempt: 1 for the first.
        url: The URL, percent-encoded.
        body: The bytes of the body.
        request_id: The request id of the answer.
        time: The clock of the event loop at this request, in seconds. Differences are pauses.
    """

    operation: str
    """The name of the operation, such as `"GetFunction"`."""
    function_name: str | None
    """The name of the function, as in the URL; `None` if the request names none."""
    qualifier: str | None
    """The version or alias; `None` if the request names none."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    """The header fields, by name in any case."""
    attempt: int
    """The number of the attempt: 1 for the first."""
    url: str = attrs.field(repr=False)
    """The URL, percent-encoded."""
    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")
    """The bytes of the body."""
    request_id: str
    """The request id of the answer."""
    time: float
    """The clock of the event loop at this request, in seconds. Differences are pauses."""


def recorded_operation(request: Request, asked: Asked, *, request_id: str, time: float) -> RecordedOperation:
    """The record of a request that runs no function."""
    name = asked.labels.get("FunctionName", asked.query_member("FunctionName"))
    derived = None if name is None else names.qualifier_of(name)
    return RecordedOperation(
        operation=asked.operation,
        function_name=name,
        qualifier=derived or asked.query_member("Qualifier"),
        headers=request.headers.copy(),
        attempt=_attempt_of(request),
        url=request.url,
        body=request.body,
        request_id=request_id,
        time=time,
    )


def _attempt_of(request: Request) -> int:
    """Parse `amz-sdk-request: attempt=2; max=3`. Returns 1 if a middleware has removed the header."""
    first, _, _ = request.headers.get("amz-sdk-request", "").partition(";")
    number = first.removeprefix("attempt=")
    return int(number) if number.isdigit() else 1
