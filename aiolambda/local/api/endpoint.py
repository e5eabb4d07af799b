"""The local endpoint: an HTTP server on 127.0.0.1 with the Invoke API of Lambda.

Owns the server, the order of the checks, and the HTTP form of each result. Must not know how runtime processes work, and must
not print.
"""

import base64
import datetime as dt
import functools
import os
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Never, Self, cast

from aiohttp import web

from ...emulation import api_errors
from ...emulation.api_errors import ApiError
from ...emulation.function_log import LogListener
from ...emulation.identifiers import arn_of, new_request_id, new_trace_id
from ...errors import ConfigurationError
from ...errors.checks import check_callable, check_choice, check_seconds, check_whole
from ...types.mistakes import explains_arguments, kind_of
from ...types.values import Credentials
from ..functions import LocalFunction
from ..runtime.environment import SharedEnvironment
from ..runtime.invocations import InvocationResult, ResponseWriter
from ..runtime.pool import ConcurrencyExceeded, ProcessPool
from ..runtime.process import INIT_LIMIT, EndpointClosed, RuntimeProcess
from ..runtime.process_groups import ProcessGroups
from . import authentication, cross_origin, errors, requests
from .authentication import SignedRequest
from .requests import InvokeRequest, Target
from .stream import StreamingResponse

__all__ = ["LocalEndpoint"]

_REGION = "us-east-1"
"""The region that functions see if the endpoint takes requests of any region."""
_PATH = "/2015-03-31/functions/{function_name}/invocations"
_STREAMING_PATH = "/2021-11-15/functions/{function_name}/response-streaming-invocations"


@explains_arguments
class LocalEndpoint:
    """Serve functions on 127.0.0.1 while the block is open.

    ::

        async with LocalEndpoint([function]) as endpoint:
            async with LambdaClient(
                region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials
            ) as client:
                output = await client.invoke("orders", {"id": 7})

    No process runs before `start`, and none is left after `close`.
    """

    def __init__(
        self,
        functions: Iterable[LocalFunction],
        *,
        port: int = 0,
        region: str | None = None,
        credentials: Credentials | None = None,
        verify_signatures: bool = True,
        on_log: LogListener | None = None,
        init_limit: float = INIT_LIMIT,
    ) -> None:
        """Build an endpoint. This starts nothing.

        Args:
            functions: The functions to serve, each with a name of its own.
            port: The port to listen on. Default 0: the system chooses one.
            region: The region that requests must be signed for. Default: any; functions then see `"us-east-1"`.
            credentials: The keys that requests must be signed with. By default, random ones are made.
            verify_signatures: `False` accepts requests without verifying signatures. Default `True`.
                Requests of web pages are refused either way.
            on_log: Called with the output of the functions, as they write it.
            init_limit: The longest duration of the init of a runtime, in seconds. Default 10.
        """
        check_choice("verify_signatures", verify_signatures)
        check_whole("port", port, least=0, most=65_535)
        check_seconds("init_limit", init_limit)
        check_callable("on_log", on_log)
        if not (region is None or isinstance(region, str)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"region must be a string; got {type(region).__name__}")
        if not (credentials is None or isinstance(credentials, Credentials)):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            raise ConfigurationError(f"credentials must be Credentials(...); got {kind_of(credentials)}")
        self.region = _REGION if region is None else region
        """The region that the endpoint reports, and that functions see."""
        self._only_region = region
        self.credentials = credentials or authentication.fresh_credentials()
        """The keys that requests must be signed with."""
        self.functions: Mapping[str, LocalFunction] = _by_name(functions)
        """The functions that are served, by name."""
        self._requested_port = port
        self._verify_signatures = verify_signatures
        self._on_log = on_log
        self._init_limit = init_limit
        self._groups = ProcessGroups()
        self._pools: dict[str, ProcessPool] = {}
        self._runner: web.AppRunner | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The URL of the endpoint. Raises `ConfigurationError` before `start`."""
        if self._url is None:
            raise ConfigurationError("the local endpoint has no URL before it is started; use `async with` or `start()`")
        return self._url

    def runtime_pids(self, function_name: str) -> list[int]:
        """The process ids of the function's runtimes, idle or busy.

        Args:
            function_name: The name of the function.
        """
        pool = self._pools.get(function_name)
        return [] if pool is None else pool.pids

    if not TYPE_CHECKING:  # a type checker finds this mistake by itself

        def __enter__(self) -> Never:
            raise TypeError("an endpoint is used in an async block: async with LocalEndpoint(...) as endpoint: ...")

        __exit__ = __enter__

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start listening. Raises `ConfigurationError` if the port is in use, or if the system is not Linux or macOS."""
        if os.name != "posix":
            raise ConfigurationError("the local endpoint needs a POSIX system; run it on Linux, macOS or WSL")
        async with AsyncExitStack() as started:
            started.push_async_callback(self.close)
            await self._groups.start()
            await self._listen()
            started.pop_all()

    async def _listen(self) -> None:
        app = web.Application()
        app.router.add_post(_PATH, self._invoke)
        app.router.add_post(_STREAMING_PATH, self._invoke_streaming)
        app.router.add_route("*", "/{path:.*}", self._refuse_operation)
        self._runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._requested_port).start()
        except OSError as error:
            reason = error.strerror or str(error)
            remedy = "choose another port with port= (--port on the command line); 0 takes a free one"
            message = f"cannot listen on 127.0.0.1:{self._requested_port}: {reason}; {remedy}"
            raise ConfigurationError(message) from error
        host, port = self._runner.addresses[0][:2]
        url = self._url = f"http://{host}:{port}"
        inherited = dict(os.environ)
        shared = SharedEnvironment(url=url, region=self.region, credentials=self.credentials, inherited=inherited)
        make_process = functools.partial(
            RuntimeProcess, shared=shared, groups=self._groups, on_log=self._on_log, init_limit=self._init_limit
        )
        self._pools = {
            name: ProcessPool(function.concurrency, functools.partial(make_process, function))
            for name, function in self.functions.items()
        }

    async def close(self) -> None:
        """Kill all runtimes and stop listening. Invocations in progress are answered with `ServiceException`."""
        for pool in self._pools.values():
            await pool.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await self._groups.close()

    async def _invoke(self, request: web.Request) -> web.Response:
        request_id = new_request_id()
        try:
            invoke = await self._parse(request, types=requests.INVOCATION_TYPES)
            if invoke.dry_run:
                return web.Response(status=204, headers=_trace_headers(request_id, invoke.trace_id))
            result = await self._run(invoke, request_id)
        except ApiError as error:
            return _error_response(error, request_id)
        headers = _invocation_headers(request_id, invoke.trace_id)
        if result.response.error_type is not None:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if invoke.wants_log_tail:
            headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail).decode()
        return web.Response(body=result.response.payload, headers=headers, content_type="application/json")

    async def _invoke_streaming(self, request: web.Request) -> web.StreamResponse:
        request_id = new_request_id()
        response: StreamingResponse | None = None
        try:
            invoke = await self._parse(request, types=("RequestResponse", "DryRun"))
            if invoke.dry_run:
                return web.Response(status=204, headers=_trace_headers(request_id, invoke.trace_id))
            response = StreamingResponse(request, _invocation_headers(request_id, invoke.trace_id))
            result = await self._run(invoke, request_id, response)
        except ApiError as error:
            if response is not None and response.begun:
                response.abort()
            return _error_response(error, request_id)
        return await response.end(result, wants_log_tail=invoke.wants_log_tail)

    async def _refuse_operation(self, request: web.Request) -> web.Response:
        return _error_response(errors.unknown_operation(request.method, request.path), new_request_id())

    async def _parse(self, request: web.Request, *, types: tuple[str, ...]) -> InvokeRequest:
        """Check and parse a request. Raises an `ApiError` if it is invalid."""
        headers: dict[str, str] = {}
        for header, value in request.headers.items():  # repeated headers are joined, as the signature has them
            name = header.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        path, _, query = request.raw_path.partition("?")
        signed = SignedRequest(method=request.method, path=path, query=query, headers=headers)
        if self._verify_signatures:
            authentication.check_head(signed, self.credentials, self._only_region, dt.datetime.now(dt.UTC))
        else:
            cross_origin.check(headers)
        payload = await _read_payload(request)
        if self._verify_signatures:
            authentication.check_body(signed, payload, self.credentials)
        target = requests.parse_target(request.match_info["function_name"], query)
        self._pool_of(target)
        return requests.parse(target, headers, payload, types=types)

    async def _run(self, invoke: InvokeRequest, request_id: str, writer: ResponseWriter | None = None) -> InvocationResult:
        invocation = invoke.invocation(request_id, self._arn(invoke.target.name), writer)
        try:
            return await self._pool_of(invoke.target).invoke(invocation)
        except ConcurrencyExceeded:
            raise api_errors.throttled() from None
        except EndpointClosed:
            raise errors.endpoint_closed() from None

    def _pool_of(self, target: Target) -> ProcessPool:
        if self._only_region is not None and target.region not in (None, self._only_region):
            raise api_errors.wrong_region(str(target.region), self._only_region)
        pool = self._pools.get(target.name)
        if pool is None or not target.is_latest:
            raise api_errors.function_not_found(f"{self._arn(target.name)}:{target.qualifier or '$LATEST'}")
        return pool

    def _arn(self, name: str) -> str:
        return arn_of(name, self.region)


def _by_name(functions: object) -> dict[str, LocalFunction]:
    form = "functions must be LocalFunctions, as in LocalEndpoint([LocalFunction(...)])"
    kind = kind_of(functions)
    if not isinstance(functions, Iterable) or isinstance(functions, str | bytes | Mapping):
        raise ConfigurationError(f"{form}; got {kind}")
    named: dict[str, LocalFunction] = {}
    for function in cast("Iterable[object]", functions):
        if not isinstance(function, LocalFunction):
            raise ConfigurationError(f"{form}; got one of type {type(function).__name__}")
        if function.name in named:
            raise ConfigurationError(f"the function {function.name!r} is defined twice; function names must be unique")
        named[function.name] = function
    return named


async def _read_payload(request: web.Request) -> bytes:
    """Read the payload. If the declared length is over a limit, refuse the request without reading it."""
    declared = request.content_length or 0
    if declared > requests.REQUEST_LIMIT:
        raise api_errors.request_too_large(requests.REQUEST_LIMIT)
    if declared > requests.PAYLOAD_LIMIT:
        raise api_errors.payload_too_large(declared, requests.PAYLOAD_LIMIT)
    payload = bytearray()
    async for chunk in request.content.iter_any():
        payload += chunk
        if len(payload) > requests.PAYLOAD_LIMIT:
            raise api_errors.payload_too_large(request.content_length, requests.PAYLOAD_LIMIT)
    return bytes(payload)


def _trace_headers(request_id: str, trace_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id, "X-Amzn-Trace-Id": trace_id}


def _invocation_headers(request_id: str, trace_id: str) -> dict[str, str]:
    return _trace_headers(request_id, trace_id) | {"X-Amz-Executed-Version": "$LATEST"}


def _error_response(error: ApiError, request_id: str) -> web.Response:
    headers = {"x-amzn-ErrorType": error.code, **error.headers, **_trace_headers(request_id, new_trace_id())}
    return web.Response(status=error.status, body=error.body, headers=headers, content_type="application/json")
