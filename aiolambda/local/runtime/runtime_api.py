"""The Lambda Runtime API, as one runtime process sees it: `next`, `response`, `error` and `init/error` on a port of its own.

Laws: a response that is streamed goes on as it comes, no faster than its reader takes it, and is over with its last piece.
Only the process that was admitted, and the processes of its session, are heard; every other one gets 403 and changes nothing.

Owns the protocol: who may ask what when, and what is answered. Must not know how the process was started, what its function
is, or who awaits the answer.

A port for each process is what tells the processes apart: runtime clients put nothing into their requests that would, and
not all of them take a path in `AWS_LAMBDA_RUNTIME_API` (Node's refuses it; Python's does when it reports an error of init).
Source: "Using the Lambda runtime API for custom runtimes" of the developer guide.
"""

import asyncio
import base64
import json

from . import socket_owner
from .http1 import BadRequest, HttpServer, Reply, RuntimeRequest
from .invocations import (
    RESPONSE_LIMIT,
    STREAMED_RESPONSE_LIMIT,
    Answer,
    Invocation,
    Sink,
    streamed_too_large,
    too_large,
    truncated,
)

__all__ = ["RuntimeApi"]

_PREFIX = "/2018-06-01/runtime"
_UNDECLARED_ERROR = "Function.Unknown"
_JSON = {"Content-Type": "application/json"}


def _status(status: int, content: dict[str, str]) -> Reply:
    return Reply(status, json.dumps(content).encode(), _JSON)


def _accepted() -> Reply:
    return _status(202, {"status": "OK"})


def _refused(status: int, kind: str, message: str) -> Reply:
    return _status(status, {"errorType": kind, "errorMessage": message})


class RuntimeApi:
    """Made in a running loop, started before its process, closed after it.

    `admit` names the process; connections wait for it. One invocation at a time: `dispatch`, then await what it gives.
    """

    def __init__(self) -> None:
        self._server = HttpServer(self._serve, self._refusal)
        self._session: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.ready: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        """Done at the first poll with `None`, or with the error that the runtime reports instead of polling."""
        self._poll: asyncio.Future[Invocation] | None = None
        self._poller: RuntimeRequest | None = None
        self._waiting: Invocation | None = None
        self._running: Invocation | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._deadline = 0.0

    async def start(self) -> str:
        """Listen, and give the `HOST:PORT` to listen at."""
        return await self._server.start()

    async def close(self) -> None:
        """Let go of whoever still polls, and stop listening."""
        if self._poll is not None:
            self._poll.cancel()
        await self._server.close()

    def admit(self, session: int) -> None:
        """Hear the process that leads this session, and those that it started in it: a runtime may stand behind a launcher."""
        self._session.set_result(session)

    async def _refusal(self, client: socket_owner.Address, server: socket_owner.Address) -> Reply | None:
        session = await asyncio.shield(self._session)
        if await socket_owner.is_held_in_session(session, client, server):
            return None
        message = "this Runtime API serves only the runtime process that the endpoint started, and the processes of its session"
        return _refused(403, "AccessDenied", message)

    @property
    def taken(self) -> bool:
        """Whether the runtime has been given the invocation that was dispatched last."""
        return self._waiting is None

    def dispatch(self, invocation: Invocation, deadline: float) -> "asyncio.Future[Answer]":
        """Give the invocation to the process when it polls next; `deadline` is in seconds since the epoch."""
        self._answer = asyncio.get_running_loop().create_future()
        self._waiting = invocation
        self._deadline = deadline
        if self._poll is not None and not self._poll.done() and self._poller_is_there():
            self._poll.set_result(self._take(invocation))
        return self._answer

    def _poller_is_there(self) -> bool:
        """Not so when its process has just died: then nobody has taken the invocation, and another process may."""
        return self._poller is not None and self._poller.sender_is_there

    def _take(self, invocation: Invocation) -> Invocation:
        self._waiting, self._running = None, invocation
        return invocation

    async def _serve(self, request: RuntimeRequest) -> Reply:
        match request.method, request.path.removeprefix(f"{_PREFIX}/").split("/"):
            case "GET", ["invocation", "next"]:
                return await self._next(request)
            case "POST", ["invocation", request_id, "response"]:
                return await self._response(request, request_id)
            case "POST", ["invocation", request_id, "error"]:
                return await self._error(request, request_id)
            case "POST", ["init", "error"]:
                return await self._init_error(request)
            case _:
                return _refused(404, "NotFound", "the Runtime API has no such path, or not with this method")

    async def _next(self, request: RuntimeRequest) -> Reply:
        if self._running is not None:
            return _refused(403, "InvalidStateTransition", "the invocation before this one has not been answered")
        if not self.ready.done():
            self.ready.set_result(None)
        invocation = self._take(self._waiting) if self._waiting is not None else await self._polled(request)
        if invocation is None:
            return _refused(410, "Gone", "somebody else polls")
        return Reply(200, invocation.payload, self._headers(invocation))

    async def _polled(self, request: RuntimeRequest) -> Invocation | None:
        """The next invocation; `None` for a poll that a later one displaces, or that the end of the process cuts off."""
        if self._poll is not None:
            self._poll.cancel()
        poll = self._poll = asyncio.get_running_loop().create_future()
        self._poller = request
        await asyncio.wait({poll})
        return None if poll.cancelled() else poll.result()

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

    async def _response(self, request: RuntimeRequest, request_id: str) -> Reply:
        sink = self._running.sink if self._running is not None and self._is_running(request_id) else None
        if sink is not None and request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
            self._finish(await _streamed(request, sink))
            return _accepted()
        payload = await request.read(RESPONSE_LIMIT)
        if not self._is_running(request_id):
            return _refused(400, "InvalidRequestID", "this is not the id of the invocation that runs")
        if payload is None:
            self._finish(too_large())
            return _refused(413, "RequestEntityTooLarge", f"a response has at most {RESPONSE_LIMIT} bytes")
        self._finish(_reported_in_trailers(request) or Answer(payload))
        return _accepted()

    async def _error(self, request: RuntimeRequest, request_id: str) -> Reply:
        answer = await _reported(request)
        if not self._is_running(request_id):
            return _refused(400, "InvalidRequestID", "this is not the id of the invocation that runs")
        self._finish(answer)
        return _accepted()

    async def _init_error(self, request: RuntimeRequest) -> Reply:
        answer = await _reported(request)
        if self.ready.done():
            return _refused(403, "InvalidStateTransition", "init is over")
        self.ready.set_result(answer)
        return _accepted()

    def _is_running(self, request_id: str) -> bool:
        return self._running is not None and self._running.request_id == request_id

    def _finish(self, answer: Answer) -> None:
        self._running = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)


async def _reported(request: RuntimeRequest) -> Answer:
    payload = await request.read(RESPONSE_LIMIT)
    kind = request.headers.get("lambda-runtime-function-error-type", _UNDECLARED_ERROR)
    return too_large() if payload is None else Answer(payload, kind)


async def _streamed(request: RuntimeRequest, sink: Sink) -> Answer:
    """Hand a response on as it comes, and give how it ended."""
    await sink.begin(request.headers.get("content-type"))
    size = 0
    try:
        async for piece in request.pieces():
            size += len(piece)
            if size <= STREAMED_RESPONSE_LIMIT:
                await sink.write(piece)
    except BadRequest:
        return truncated()
    return streamed_too_large() if size > STREAMED_RESPONSE_LIMIT else _reported_in_trailers(request) or Answer(b"")


def _reported_in_trailers(request: RuntimeRequest) -> Answer | None:
    """The error that a runtime reports behind a streamed response."""
    kind = request.trailers.get("lambda-runtime-function-error-type")
    if kind is None:
        return None
    try:
        content = base64.b64decode(request.trailers.get("lambda-runtime-function-error-body", ""), validate=True)
    except ValueError:
        content = b""
    return Answer(content, kind)
