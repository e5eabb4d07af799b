"""Build, once per send: the headers that the requests of all commands have.

Must not set the headers of one attempt: `retry_loop` and `finalize` do.
"""

from typing import Any

from ..protocol.tracing import TRACE_ID, trace_id_for
from ..protocol.urls import host_of
from ..types.http import Request
from .call import Call
from .context import PipelineState
from .operation import HttpOperation
from .preparation import Preparation

__all__ = [
    "content_length_middleware",
    "host_header_middleware",
    "recursion_detection_middleware",
    "set_content_length",
    "set_host",
    "user_agent_middleware",
]


def set_content_length(request: Request) -> None:
    """Set `content-length` to the length of the body. A request without a body has none, unless a middleware has set it."""
    if request.body or "content-length" in request.headers.fields:
        request.headers.fields["content-length"] = str(len(request.body))


def set_host(request: Request) -> None:
    """Set `host` from the URL, unless a middleware has set it."""
    if "host" not in request.headers.fields:
        request.headers.fields["host"] = host_of(request.url)


def content_length_middleware(state: PipelineState) -> Preparation:
    """Sets `content-length`, for the middlewares behind it. Signing sets it again: the body may have changed."""
    return Preparation(state, lambda call: set_content_length(call.request), "length")


def user_agent_middleware(state: PipelineState) -> Preparation:
    """Sets `user-agent`, unless a middleware has."""

    def set_user_agent(call: Call[Any, Any]) -> None:
        call.request.headers.fields.setdefault("user-agent", state.context.user_agent)

    return Preparation(state, set_user_agent, "field")


def host_header_middleware(state: PipelineState) -> Preparation:
    """Sets `host`, for the middlewares behind it. Signing sets it if it is missing: the URL decides."""
    return Preparation(state, lambda call: set_host(call.request), "field")


def recursion_detection_middleware(state: PipelineState) -> Preparation:
    """Sets the trace id of the call. A header that a middleware has set stays.

    Inside a Lambda function, a call that has none gets that of the function. So Lambda can stop functions that invoke each
    other for ever.
    """

    def set_trace_id(call: Call[Any, Any]) -> None:
        context, operation = state.context, call.command.operation
        if isinstance(operation, HttpOperation) and not operation.passes_trace(call.input):
            return
        trace_id = trace_id_for(call.trace_id, context.environment if context.in_function else None)
        if trace_id is not None:
            call.request.headers.setdefault(TRACE_ID, trace_id)

    return Preparation(state, set_trace_id, "trace")
