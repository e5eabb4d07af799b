"""The function URLs of the fake: which URL runs which function, and the HTTP responses that results become.

Must not know how a function runs, or is found.
"""

import asyncio
import datetime as dt
import json
from urllib.parse import urlsplit

from ..emulation import url_errors
from ..emulation.function_url import MalformedResponse, UrlRequest, UrlResponse, event_of, head_of, response_of
from ..emulation.identifiers import new_trace_id
from ..emulation.recorded_call import RecordedCall, recorded_at_url
from ..emulation.targets import Target
from ..errors import ConfigurationError, InvalidInputError
from ..operations.text_formats import PRELUDE_END, PreludeError, prelude_of
from ..protocol.function_urls import host_at
from ..protocol.urls import origin_and_target
from ..types.http import Request, Response, headers_of_pairs

__all__ = ["FakeUrls", "http_response", "name_of_url", "response_of_result"]

_STREAM = ("content-type", "application/octet-stream")


class FakeUrls:
    """The names of functions, by the origin of their URL."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, url: str, name: str) -> None:
        """Let this URL, with any path, run the function of this name."""
        self._names[_origin_of(url)] = name

    def function_at(self, request: Request) -> str | None:
        """The name of the function that answers a request; `None` if no URL is registered for it."""
        if not self._names:
            return None
        return self._names.get(origin_and_target(request.url)[0].lower())

    def call_of(self, request: Request, name: str, request_id: str) -> tuple[RecordedCall, bytes]:
        """The record of a request, and the event that it becomes."""
        time = asyncio.get_running_loop().time()
        call = recorded_at_url(request, Target(name=name), request_id=request_id, time=time)
        parts = urlsplit(request.url)
        event = event_of(
            UrlRequest(
                method=request.method,
                target=origin_and_target(request.url)[1],
                headers=tuple(request.headers.items()),
                body=request.body,
            ),
            domain_name=parts.hostname or "",
            request_id=request_id,
            trace_id=request.headers.get("x-amzn-trace-id") or new_trace_id(),
            now=dt.datetime.now(dt.UTC),
            access_key_id=_key_of(request),
            scheme=parts.scheme,
            port=parts.port or (80 if parts.scheme == "http" else 443),
        )
        return call, json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def name_of_url(url: str) -> str:
    """The name for a function that is known by its URL alone: the first label of the host."""
    return _host_of(url).partition(".")[0]


def _origin_of(url: str) -> str:
    _host_of(url)
    return origin_and_target(url)[0].lower()


def _host_of(url: str) -> str:
    """The host of a URL. `ConfigurationError` if it is none."""
    try:
        return host_at(url).name.partition(":")[0]
    except (InvalidInputError, TypeError) as error:
        problem = error.args[0]
    raise ConfigurationError(f"add_url takes the URL of a function: {problem}")


def _key_of(request: Request) -> str | None:
    """The access key id of a signature; `None` without one."""
    _, mark, scope = request.headers.get("authorization", "").partition("Credential=")
    return scope.partition("/")[0] if mark else None


def response_of_result(result: bytes, *, is_stream: bool) -> UrlResponse:
    """The response for the result of a function. A stream may begin with a head of HTTP."""
    try:
        if not is_stream:
            return response_of(result)
        head, mark, body = result.partition(PRELUDE_END)
        if not mark:
            return UrlResponse(status_code=200, headers=(_STREAM,), body=result)
        begun = head_of(prelude_of(head))
        return UrlResponse(status_code=begun.status_code, headers=begun.headers, body=body)
    except (MalformedResponse, PreludeError):
        return url_errors.failed()


def http_response(request: Request, answer: UrlResponse, request_id: str) -> Response:
    """The response as the client receives it."""
    has_body = request.method != "HEAD" and answer.status_code not in (204, 304)
    body = answer.body if has_body else b""
    own = (("x-amzn-requestid", request_id), ("content-length", str(len(body))))
    return Response(answer.status_code, headers_of_pairs((*own, *answer.headers)), body)
