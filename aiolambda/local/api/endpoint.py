"""The Invoke API on loopback: what a client sees of Lambda.

Owns the server, the order of its checks, and what each outcome looks like over HTTP. Must not know how runtime processes
work, nor print anything.
"""

import base64
import datetime as dt
import os
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from ...errors import ConfigurationError
from ...errors.checks import check_choice, check_seconds, check_whole
from ...protocol.endpoints import partition_of
from ...types.values import Credentials
from ..functions import LocalFunction
from ..runtime.environment import Surroundings
from ..runtime.invocations import Invocation, Outcome
from ..runtime.log import Echo
from ..runtime.pool import ConcurrencyExceeded, Pool
from ..runtime.process import INIT_LIMIT, ProcessStopped, RuntimeProcess
from ..runtime.process_groups import ProcessGroups
from . import authentication, cross_origin, errors, requests
from .authentication import SignedRequest
from .errors import Refusal
from .requests import InvokeRequest, Target
from .stream import StreamedAnswer

__all__ = ["ACCOUNT", "LocalEndpoint", "is_over", "read"]

ACCOUNT = "000000000000"
_PATH = "/2015-03-31/functions/{function_name}/invocations"
_STREAMING_PATH = "/2021-11-15/functions/{function_name}/response-streaming-invocations"


class LocalEndpoint:
    """Serves functions on 127.0.0.1 while the block is open: `async with LocalEndpoint([function]) as endpoint:`.

    `port` 0 lets the system choose. `credentials` are the keys that a request must be signed with, fresh ones where none
    are given; `verify_signatures=False` takes requests that are not signed, but none that a web page of another origin may
    have sent. `echo` is given the functions' logs as they are written. `init_limit` is how long a runtime may take to
    start, in seconds. Nothing runs before `start`, nothing is left after `stop`.
    """

    def __init__(
        self,
        functions: Iterable[LocalFunction],
        *,
        port: int = 0,
        region: str = "us-east-1",
        credentials: Credentials | None = None,
        verify_signatures: bool = True,
        echo: Echo | None = None,
        init_limit: float = INIT_LIMIT,
    ) -> None:
        check_choice("verify_signatures", verify_signatures)
        check_whole("port", port, least=0, most=65_535)
        check_seconds("init_limit", init_limit)
        self.region = region
        self.credentials = credentials or authentication.fresh_credentials()
        self.functions: Mapping[str, LocalFunction] = _by_name(functions)
        self._asked_port = port
        self._verify_signatures = verify_signatures
        self._echo = echo
        self._init_limit = init_limit
        self._groups = ProcessGroups()
        self._pools: dict[str, Pool] = {}
        self._runner: web.AppRunner | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Where the endpoint is; it has a place once it is started."""
        if self._url is None:
            raise ConfigurationError("the local endpoint has no address before it is started")
        return self._url

    def runtime_pids(self, function_name: str) -> list[int]:
        """The runtime processes that a function has now."""
        pool = self._pools.get(function_name)
        return [] if pool is None else pool.pids

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; `ConfigurationError` where the port is taken, or this system cannot run functions."""
        if os.name != "posix":
            raise ConfigurationError("the local endpoint needs process groups and pipes as Linux and macOS have them")
        async with AsyncExitStack() as started:
            started.push_async_callback(self.stop)
            await self._groups.start()
            await self._listen()
            started.pop_all()

    async def _listen(self) -> None:
        app = web.Application()
        app.router.add_post(_PATH, self._invoke)
        app.router.add_post(_STREAMING_PATH, self._invoke_streaming)
        app.router.add_route("*", "/{path:.*}", self._unknown)
        self._runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._asked_port).start()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(f"cannot listen on 127.0.0.1:{self._asked_port}: {reason}") from error
        host, port = self._runner.addresses[0][:2]
        url = self._url = f"http://{host}:{port}"
        inherited = dict(os.environ)
        surroundings = Surroundings(url=url, region=self.region, credentials=self.credentials, inherited=inherited)
        self._pools = {name: self._pool(function, surroundings) for name, function in self.functions.items()}

    def _pool(self, function: LocalFunction, surroundings: Surroundings) -> Pool:
        def make_process() -> RuntimeProcess:
            return RuntimeProcess(function, surroundings, self._groups, echo=self._echo, init_limit=self._init_limit)

        return Pool(function.concurrency, make_process)

    async def stop(self) -> None:
        """End everything at once; an invocation that runs is answered with a `ServiceException`, for it may have run."""
        for pool in self._pools.values():
            await pool.stop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await self._groups.stop()

    async def _invoke(self, request: web.Request) -> web.Response:
        request_id = requests.new_request_id()
        try:
            return await self._serve(request, request_id)
        except Refusal as refusal:
            return _refused(refusal, request_id)

    async def _invoke_streaming(self, request: web.Request) -> web.StreamResponse:
        request_id = requests.new_request_id()
        answer: StreamedAnswer | None = None
        try:
            asked = await self._asked(request, types=("RequestResponse", "DryRun"))
            if asked.dry_run:
                return web.Response(status=204, headers=_identity(request_id, asked.trace_id))
            answer = StreamedAnswer(request, _executed(request_id, asked.trace_id))
            outcome = await _run(
                self._pool_of(asked.target), asked.invocation(request_id, self._arn(asked.target.name), answer)
            )
        except Refusal as refusal:
            if answer is not None and answer.begun:
                answer.abort()
            return _refused(refusal, request_id)
        return await answer.end(outcome, wants_log_tail=asked.wants_log_tail)

    async def _unknown(self, request: web.Request) -> web.Response:
        return _refused(errors.unknown_operation(request.method, request.path), requests.new_request_id())

    async def _serve(self, request: web.Request, request_id: str) -> web.Response:
        asked = await self._asked(request, types=requests.INVOCATION_TYPES)
        if asked.dry_run:
            return web.Response(status=204, headers=_identity(request_id, asked.trace_id))
        outcome = await _run(self._pool_of(asked.target), asked.invocation(request_id, self._arn(asked.target.name)))
        return _answered(asked, outcome, request_id)

    async def _asked(self, request: web.Request, *, types: tuple[str, ...]) -> InvokeRequest:
        """The request, or the `Refusal` that it deserves."""
        headers = _lower_case(request)
        path, _, query = request.raw_path.partition("?")
        signed = SignedRequest(method=request.method, path=path, query=query, headers=headers)
        if self._verify_signatures:
            authentication.check_head(signed, self.credentials, self.region, dt.datetime.now(dt.UTC))
        else:
            cross_origin.check(headers)
        payload = await _payload_of(request)
        if self._verify_signatures:
            authentication.check_body(signed, payload, self.credentials)
        target = requests.target_of(request.match_info["function_name"], query)
        self._pool_of(target)
        return requests.read(target, headers, payload, types=types)

    def _pool_of(self, target: Target) -> Pool:
        if target.region is not None and target.region != self.region:
            raise errors.wrong_region(target.region, self.region)
        pool = self._pools.get(target.name)
        if pool is None or not target.is_latest:
            raise errors.function_not_found(f"{self._arn(target.name)}:{target.qualifier or '$LATEST'}")
        return pool

    def _arn(self, name: str) -> str:
        return f"arn:{partition_of(self.region).id}:lambda:{self.region}:{ACCOUNT}:function:{name}"


def _by_name(functions: Iterable[LocalFunction]) -> dict[str, LocalFunction]:
    named: dict[str, LocalFunction] = {}
    for function in functions:
        if function.name in named:
            raise ConfigurationError(f"the function {function.name!r} is defined twice")
        named[function.name] = function
    return named


async def _payload_of(request: web.Request) -> bytes:
    """The payload; a request that is too large by its own head is not read at all."""
    if is_over(request, requests.LARGEST_REQUEST):
        raise errors.request_too_large(requests.LARGEST_REQUEST)
    payload = None
    if not is_over(request, requests.PAYLOAD_LIMIT):
        payload = await read(request, requests.PAYLOAD_LIMIT)
    if payload is None:
        raise errors.payload_too_large(request.content_length, requests.PAYLOAD_LIMIT)
    return payload


def _lower_case(request: web.Request) -> dict[str, str]:
    """The headers under lower-case names, repeated ones joined as a signature wants them."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return headers


async def _run(pool: Pool, invocation: Invocation) -> Outcome:
    try:
        return await pool.invoke(invocation)
    except ConcurrencyExceeded:
        raise errors.throttled() from None
    except ProcessStopped:
        raise errors.stopped() from None


def _identity(request_id: str, trace_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id, "X-Amzn-Trace-Id": trace_id}


def _executed(request_id: str, trace_id: str) -> dict[str, str]:
    return _identity(request_id, trace_id) | {"X-Amz-Executed-Version": "$LATEST"}


def _answered(asked: InvokeRequest, outcome: Outcome, request_id: str) -> web.Response:
    headers = _executed(request_id, asked.trace_id)
    if outcome.answer.error_type is not None:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if asked.wants_log_tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log_tail).decode()
    return web.Response(body=outcome.answer.payload, headers=headers, content_type="application/json")


def _refused(refusal: Refusal, request_id: str) -> web.Response:
    headers = {"x-amzn-ErrorType": refusal.code, **refusal.headers, **_identity(request_id, requests.new_trace_id())}
    return web.Response(status=refusal.status, body=refusal.body, headers=headers, content_type="application/json")


def is_over(request: web.Request, limit: int) -> bool:
    """Whether the head says that the body has more than `limit` bytes."""
    return (request.content_length or 0) > limit


async def read(request: web.Request, limit: int) -> bytes | None:
    """The body, or `None` as soon as it has more than `limit` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
