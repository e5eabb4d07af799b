"""Build, once per send: the headers that every request has, whatever its command.

Must not set what an attempt decides: that is finalize's.
"""

import functools
from typing import Any
from urllib.parse import urlsplit

from ..protocol.tracing import propagated_trace_id
from .call import Call, Middleware
from .context import Wiring
from .stack import SyncMiddleware

__all__ = ["content_length_middleware", "host_header_middleware", "recursion_detection_middleware", "user_agent_middleware"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def content_length_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Sets `content-length` where there is a body; signing corrects it if the body changes on the way."""

    def set_content_length(call: Call[Any, Any]) -> None:
        request = call.request
        if request.body:
            request.headers.fields["content-length"] = str(len(request.body))

    return SyncMiddleware(set_content_length)


def user_agent_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Sets `user-agent`, unless somebody has."""

    def set_user_agent(call: Call[Any, Any]) -> None:
        call.request.headers.fields.setdefault("user-agent", wiring.user_agent)

    return SyncMiddleware(set_user_agent)


@functools.lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """The `host` header of a URL: the port only where it is not the scheme's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return host if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def host_header_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Sets `host`, unless somebody has."""

    def set_host(call: Call[Any, Any]) -> None:
        request = call.request
        if "host" not in request.headers.fields:
            request.headers.fields["host"] = host_of(request.url)

    return SyncMiddleware(set_host)


def recursion_detection_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Inside a Lambda function, hands its trace id on, so that Lambda can stop a loop of functions."""

    def hand_on_trace_id(call: Call[Any, Any]) -> None:
        trace_id = propagated_trace_id(wiring.environment) if wiring.in_function else None
        if trace_id is not None:
            call.request.headers.setdefault("x-amzn-trace-id", trace_id)

    return SyncMiddleware(hand_on_trace_id)
