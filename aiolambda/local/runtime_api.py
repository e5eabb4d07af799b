"""The Lambda Runtime API, as one runtime process sees it: `next`, `response`, `error` and `init/error` on a port of its own.

Owns the protocol: who may ask what when, and what is answered. Must not know how the process was started, what its function
is, or who awaits the answer.

A port for each process is what tells the processes apart: runtime clients put nothing into their requests that would, and
take no path in `AWS_LAMBDA_RUNTIME_API`.
Source: "Using the Lambda runtime API for custom runtimes" of the developer guide.
"""

import asyncio
import json

from aiohttp import web

from . import bodies
from .invocations import RESPONSE_LIMIT, Answer, Invocation, too_large

__all__ = ["RuntimeApi"]

_PREFIX = "/2018-06-01/runtime"
_KEPT_ALIVE = 86_400.0
"""Seconds. A connection is silent while its handler runs, and must be there when it ends."""
_UNDECLARED_ERROR = "Function.Unknown"


def _status(status: int, content: dict[str, str]) -> web.Response:
    return web.Response(status=status, body=json.dumps(content).encode(), content_type="application/json")


def _accepted() -> web.Response:
    return _status(202, {"status": "OK"})


def _refused(status: int, kind: str, message: str) -> web.Response:
    return _status(status, {"errorType": kind, "errorMessage": message})


class RuntimeApi:
    """Made in a running loop, started before its process, closed after it.

    One invocation at a time: `dispatch`, then await what it gives.
    """

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self.ready: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        """Done at the first poll with `None`, or with the error that the runtime reports instead of polling."""
        self._poll: asyncio.Future[Invocation] | None = None
        self._poller: web.Request | None = None
        self._waiting: Invocation | None = None
        self._running: Invocation | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._deadline = 0.0

    async def start(self) -> str:
        """Listen, and give the `HOST:PORT` to listen at."""
        app = web.Application()
        app.router.add_get(f"{_PREFIX}/invocation/next", self._next, allow_head=False)
        app.router.add_post(f"{_PREFIX}/invocation/{{request_id}}/response", self._response)
        app.router.add_post(f"{_PREFIX}/invocation/{{request_id}}/error", self._error)
        app.router.add_post(f"{_PREFIX}/init/error", self._init_error)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=_KEPT_ALIVE, auto_decompress=False, shutdown_timeout=1.0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"{host}:{port}"

    async def close(self) -> None:
        """Let go of whoever still polls, and stop listening."""
        if self._poll is not None:
            self._poll.cancel()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

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
        transport = None if self._poller is None else self._poller.transport
        return transport is not None and not transport.is_closing()

    def _take(self, invocation: Invocation) -> Invocation:
        self._waiting, self._running = None, invocation
        return invocation

    async def _next(self, request: web.Request) -> web.Response:
        if self._running is not None:
            return _refused(403, "InvalidStateTransition", "the invocation before this one has not been answered")
        if not self.ready.done():
            self.ready.set_result(None)
        invocation = self._take(self._waiting) if self._waiting is not None else await self._polled(request)
        if invocation is None:
            return _refused(410, "Gone", "somebody else polls")
        return web.Response(body=invocation.payload, headers=self._headers(invocation), content_type="application/json")

    async def _polled(self, request: web.Request) -> Invocation | None:
        """The next invocation; `None` for a poll that a later one displaces, or that the end of the process cuts off."""
        if self._poll is not None:
            self._poll.cancel()
        poll = self._poll = asyncio.get_running_loop().create_future()
        self._poller = request
        await asyncio.wait({poll})
        return None if poll.cancelled() else poll.result()

    def _headers(self, invocation: Invocation) -> dict[str, str]:
        headers = {
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

    async def _response(self, request: web.Request) -> web.Response:
        payload = await bodies.read(request, RESPONSE_LIMIT)
        if not self._is_running(request):
            return _refused(400, "InvalidRequestID", "this is not the id of the invocation that runs")
        if payload is None:
            self._finish(too_large())
            return _refused(413, "RequestEntityTooLarge", f"a response has at most {RESPONSE_LIMIT} bytes")
        self._finish(Answer(payload))
        return _accepted()

    async def _error(self, request: web.Request) -> web.Response:
        answer = await self._reported(request)
        if not self._is_running(request):
            return _refused(400, "InvalidRequestID", "this is not the id of the invocation that runs")
        self._finish(answer)
        return _accepted()

    async def _init_error(self, request: web.Request) -> web.Response:
        answer = await self._reported(request)
        if self.ready.done():
            return _refused(403, "InvalidStateTransition", "init is over")
        self.ready.set_result(answer)
        return _accepted()

    async def _reported(self, request: web.Request) -> Answer:
        payload = await bodies.read(request, RESPONSE_LIMIT)
        kind = request.headers.get("Lambda-Runtime-Function-Error-Type", _UNDECLARED_ERROR)
        return too_large() if payload is None else Answer(payload, kind)

    def _is_running(self, request: web.Request) -> bool:
        return self._running is not None and self._running.request_id == request.match_info["request_id"]

    def _finish(self, answer: Answer) -> None:
        self._running = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
