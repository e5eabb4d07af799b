"""The forms of requests and responses that a fake transport shares: which operation, which function, which headers.

Must not know functions, or what is answered.
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from ..emulation.api_errors import ApiError
from ..emulation.control_plane.routes import Asked, asked_of
from ..emulation.identifiers import arn_of, new_trace_id
from ..emulation.recorded_call import RecordedCall
from ..errors import InvocationTimeoutError
from ..protocol import names
from ..types.http import Headers, Request, Response

__all__ = ["called_arn", "error_response_to", "operation_asked_of", "region_of", "response_to", "within_limit"]

T = TypeVar("T")

_REGION = "us-east-1"
"""The region in the ARNs of functions, if a request is not signed for one."""
_SCOPE = re.compile(r"/\d{8}/((?:[a-z]+-){2,}\d)/lambda/aws4_request")  # a client without a region signs for none
_API_PATH = re.compile(r"/\d{4}-\d\d-\d\d/.*")
"""The path of an operation, after a path of the endpoint."""


def called_arn(call: RecordedCall, qualifier: str | None) -> str:
    name = call.function_name
    if name.startswith("arn:") and names.qualifier_of(name) == qualifier:
        return name
    return arn_of(names.plain_name_of(name), names.region_of(name) or region_of(call.headers), qualifier)


def operation_asked_of(request: Request) -> Asked | None:
    """The operation of a request; `None` if it is an invocation."""
    if request.method == "POST" and request.url.partition("?")[0].endswith("invocations"):
        return None
    parts = urlsplit(request.url)
    found = _API_PATH.search(parts.path)
    return None if found is None else asked_of(request.method, found[0], parts.query)


def region_of(headers: Mapping[str, str]) -> str:
    """The region that a request is signed for."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    return _REGION if scope is None else scope[1]


def response_to(
    request_id: str, sent: Mapping[str, str], status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    """A response to a request with these headers."""
    trace_id = sent.get("x-amzn-trace-id") or new_trace_id()
    fields = {"x-amzn-requestid": request_id, "x-amzn-trace-id": trace_id, **(headers or {})}
    return Response(status, Headers(fields), body)


def error_response_to(request_id: str, sent: Mapping[str, str], error: ApiError) -> Response:
    headers = {"content-type": "application/json", "x-amzn-errortype": error.code, **error.headers}
    return response_to(request_id, sent, error.status, error.body, headers)


async def within_limit(request: Request, work: Awaitable[T]) -> T:
    """Wait for something within the read limit of a request."""
    limit = request.timeouts.read
    scope = asyncio.timeout(limit if isinstance(limit, int | float) else None)
    try:
        async with scope:
            return await work
    except TimeoutError:
        if not scope.expired():
            raise
    raise InvocationTimeoutError(f"no answer came within {limit} s", exceeded="read", stage="wait")
