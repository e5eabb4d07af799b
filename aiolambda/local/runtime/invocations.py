"""Values of one invocation: the input of a runtime, its result, and the destination of a streamed response.

Must not know processes, sockets or HTTP.
"""

from typing import Protocol

import attrs

from ...emulation.function_responses import FunctionResponse

__all__ = ["Invocation", "InvocationResult", "ResponseWriter"]


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


class ResponseWriter(Protocol):
    """The destination of a streamed response. Its methods return when more may be written (back-pressure)."""

    async def begin(self, content_type: str | None) -> None: ...
    async def write(self, piece: bytes) -> None: ...


@attrs.frozen(kw_only=True)
class Invocation:
    """The input of a runtime. `client_context` is JSON in ASCII; `payload` has the bytes of the request.

    A streamed response goes to `writer`; if that is `None`, it is collected like any other response.
    """

    request_id: str
    payload: bytes = attrs.field(repr=_size)
    function_arn: str
    trace_id: str
    client_context: str | None = attrs.field(default=None, repr=False)
    tenant_id: str | None = attrs.field(default=None, repr=False)
    writer: ResponseWriter | None = attrs.field(default=None, repr=False)
    invocation_type: str = "RequestResponse"
    wants_log: bool = False

    def writing_to(self, writer: ResponseWriter | None) -> "Invocation":
        """The invocation with another destination of its stream."""
        return attrs.evolve(self, writer=writer)


@attrs.frozen(kw_only=True)
class InvocationResult:
    """A finished invocation: the response, and the last 4 KB of the log.

    `kind` is the value of `X-Amz-Function-Error` if the function failed.
    """

    response: FunctionResponse
    log_tail: bytes = attrs.field(repr=_size)
    kind: str = "Unhandled"
