"""The Lambda Runtime API of one runtime process, on its own port: `next`, `response`, `error` and `init/error`.

Laws: a streamed response is forwarded piece by piece, no faster than the client reads it. Only the admitted process and the
other processes of its session are served; every other process gets 403 and changes nothing.

Each process has its own port, because the port is what identifies it. Runtime clients send nothing else that would, and not
all of them accept a path in `AWS_LAMBDA_RUNTIME_API` (Node's refuses it; Python's does when it reports an init error).

Owns the states of the protocol and its responses. Must not know how the process was started, or its function.
Source: "Using the Lambda runtime API for custom runtimes" of the developer guide.
"""

import asyncio
import base64
import contextlib
import json

from ...emulation.function_responses import (
    RESPONSE_LIMIT,
    STREAMED_RESPONSE_LIMIT,
    FunctionResponse,
    too_large,
    truncated,
)
from . import socket_owner
from .http1 import BadRequest, Handler, HttpRequest, HttpResponse, HttpServer
from .invocations import Invocation, ResponseWriter

__all__ = ["RuntimeApiServer"]

_PREFIX = "/2018-06-01/runtime"
_TRACEBACK = "aiolambda-init-traceback"
_UNDECLARED_ERROR = "Function.Unknown"
_JSON = {"Content-Type": "application/json"}


def _json_response(status: int, content: dict[str, str]) -> HttpResponse:
    return HttpResponse(status, json.dumps(content).encode(), _JSON)


_ACCEPTED = _json_response(202, {"status": "OK"})


def _refused(status: int, error_type: str, message: str) -> HttpResponse:
    return _json_response(status, {"errorType": error_type, "errorMessage": message})


class RuntimeApiServer(Handler):
    """Make it in a running event loop, start it before the process, and close it after the process has ended.

    Connections wait until `admit` has named the process, and are refused after `dismiss`. `dispatch` accepts one invocation at
    a time.
    """

    def __init__(self, *, streamed_response_limit: int = STREAMED_RESPONSE_LIMIT) -> None:
        self._streamed_response_limit = streamed_response_limit
        self._server = HttpServer(self, self._refuse)
        self._session: int | None = None
        self.ready: asyncio.Future[FunctionResponse | None] = asyncio.get_running_loop().create_future()
        """The result of init: `None` after the first poll, or the error that the runtime reports instead."""
        self.init_traceback = ""
        """What the built-in runtime told with the error of its init, for people only. Empty if it told nothing."""
        self._poller: HttpRequest | None = None
        self._waiting: Invocation | None = None
        self._running: Invocation | None = None
        self._response: asyncio.Future[FunctionResponse | None] | None = None
        self._deadline = 0.0

    def start(self) -> str:
        """Start listening, and return `HOST:PORT`."""
        return self._server.start()

    async def close(self) -> None:
        """Close all connections, and stop listening."""
        self._poller = None
        await self._server.close()

    async def admit(self, session: int) -> None:
        """Serve the processes of this session from now on. The runtime may be a child of a launcher, such as a shell."""
        self._session = session
        await self._server.serve()

    def dismiss(self) -> None:
        """Admit nobody any more. The process has ended, and its number may be given to another one."""
        self._session = None

    async def _refuse(self, client: socket_owner.Address, server: socket_owner.Address) -> HttpResponse | None:
        session = self._session
        if session is not None and await socket_owner.is_owned_by_session(session, client, server):
            return None
        message = "this Runtime API serves only the runtime process that the endpoint started, and the processes of its session"
        return _refused(403, "AccessDenied", message)

    @property
    def is_delivered(self) -> bool:
        """Whether the runtime has received the last dispatched invocation."""
        return self._waiting is None

    def dispatch(self, invocation: Invocation, deadline: float) -> "asyncio.Future[FunctionResponse | None]":
        """Give the invocation to the process at its current or next poll. `deadline` is in seconds since the epoch.

        The result is the response, or `None` once `give_up` was called.
        """
        self._response = asyncio.get_running_loop().create_future()
        self._waiting = invocation
        self._deadline = deadline
        poller, self._poller = self._poller, None
        # If the process has just died, the invocation stays undelivered, so another process may run it.
        if poller is not None and poller.is_connected:
            poller.respond(self._deliver(invocation))
        return self._response

    def give_up(self) -> None:
        """Stop waiting for the response to the current invocation."""
        if self._response is not None and not self._response.done():
            self._response.set_result(None)

    def _deliver(self, invocation: Invocation) -> HttpResponse:
        self._waiting, self._running = None, invocation
        return HttpResponse(200, invocation.payload, self._headers(invocation))

    def serve(self, request: HttpRequest) -> HttpResponse | None:
        match request.method, request.path.removeprefix(f"{_PREFIX}/").split("/"):
            case "GET", ["invocation", "next"]:
                return self._next(request)
            case "POST", ["invocation", request_id, "response"]:
                return self._accept_response(request, request_id)
            case "POST", ["invocation", request_id, "error"]:
                return self._accept_error(request, request_id)
            case "POST", ["init", "error"]:
                return self._accept_init_error(request)
            case _:
                return _refused(404, "NotFound", "the Runtime API has no such path, or does not support this method")

    def is_long(self, request: HttpRequest) -> bool:
        return request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming"

    async def serve_long(self, request: HttpRequest) -> HttpResponse | None:
        running = self._running
        if running is not None and running.writer is not None and self.is_long(request) and _responds_to(running, request):
            self._finish(await self._forward(request, running.writer))
            return _ACCEPTED
        await request.read(RESPONSE_LIMIT)
        return self.serve(request)

    def _next(self, request: HttpRequest) -> HttpResponse | None:
        if self._running is not None:
            return _refused(403, "InvalidStateTransition", "respond to the current invocation before polling for the next")
        if not self.ready.done():
            self.ready.set_result(None)
        if self._waiting is not None:
            return self._deliver(self._waiting)
        if self._poller is not None and self._poller.is_connected:
            self._poller.respond(_refused(410, "Gone", "a later poll has replaced this one"))
        self._poller = request
        return None

    def _headers(self, invocation: Invocation) -> dict[str, str]:
        headers = _JSON | {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(self._deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        if invocation.tenant_id is not None:
            headers["Lambda-Runtime-Aws-Tenant-Id"] = invocation.tenant_id
        return headers

    def _accept_response(self, request: HttpRequest, request_id: str) -> HttpResponse:
        if not self._is_running(request_id):
            return _not_running()
        if request.body is None:
            self._finish(too_large(RESPONSE_LIMIT))
            return _refused(413, "RequestEntityTooLarge", f"a response must have at most {RESPONSE_LIMIT} bytes")
        self._finish(_error_in_trailers(request) or FunctionResponse(request.body))
        return _ACCEPTED

    async def _forward(self, request: HttpRequest, writer: ResponseWriter) -> FunctionResponse:
        """Forward a streamed response piece by piece, and return its end: an empty response, or an error."""
        await writer.begin(request.headers.get("content-type"))
        size = 0
        try:
            async for piece in request.pieces():
                size += len(piece)
                if size <= self._streamed_response_limit:
                    await writer.write(piece)
        except BadRequest:
            return truncated()
        if size > self._streamed_response_limit:
            return too_large(self._streamed_response_limit)
        return _error_in_trailers(request) or FunctionResponse(b"")

    def _accept_error(self, request: HttpRequest, request_id: str) -> HttpResponse:
        if not self._is_running(request_id):
            return _not_running()
        self._finish(_error_of(request))
        return _ACCEPTED

    def _accept_init_error(self, request: HttpRequest) -> HttpResponse:
        if self.ready.done():
            return _refused(403, "InvalidStateTransition", "init has already ended")
        with contextlib.suppress(ValueError):
            self.init_traceback = base64.b64decode(request.headers.get(_TRACEBACK, "")).decode(errors="replace")
        self.ready.set_result(_error_of(request))
        return _ACCEPTED

    def _is_running(self, request_id: str) -> bool:
        return self._running is not None and self._running.request_id == request_id

    def _finish(self, response: FunctionResponse) -> None:
        self._running = None
        if self._response is not None and not self._response.done():
            self._response.set_result(response)


def _not_running() -> HttpResponse:
    return _refused(400, "InvalidRequestID", "the request id is not that of the current invocation")


def _responds_to(invocation: Invocation, request: HttpRequest) -> bool:
    return request.method == "POST" and request.path == f"{_PREFIX}/invocation/{invocation.request_id}/response"


def _error_of(request: HttpRequest) -> FunctionResponse:
    error_type = request.headers.get("lambda-runtime-function-error-type", _UNDECLARED_ERROR)
    return too_large(RESPONSE_LIMIT) if request.body is None else FunctionResponse(request.body, error_type)


def _error_in_trailers(request: HttpRequest) -> FunctionResponse | None:
    """The error that a runtime reports after a streamed response."""
    error_type = request.trailers.get("lambda-runtime-function-error-type")
    if error_type is None:
        return None
    try:
        content = base64.b64decode(request.trailers.get("lambda-runtime-function-error-body", ""), validate=True)
    except ValueError:
        content = b""
    return FunctionResponse(content, error_type)
