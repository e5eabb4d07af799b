"""Requests at function URLs: who may call, the event for the function, and the response from its result.

Owns the order of the checks. Must not know how functions run, or what a script of failures decides: both are handed in.
Source: "Invoking Lambda function URLs" of the developer guide.
"""

import asyncio
import datetime as dt
import json
import logging
from collections.abc import Callable
from typing import Protocol

import attrs
from aiohttp import web

from ...emulation import api_errors, url_errors
from ...emulation.api_errors import ApiError
from ...emulation.function_url import MalformedResponse, UrlRequest, event_of, response_of
from ...emulation.handlers import is_generator
from ...emulation.identifiers import new_request_id
from ...emulation.in_process import InProcessFunction
from ...emulation.recorded_call import RecordedCall, recorded_at_url
from ...emulation.scenarios import FailureKind
from ...emulation.targets import Target, parse_target
from ...emulation.url_config import FunctionUrl, cors_headers, preflight_response
from ...types.http import Headers, Request
from ..api import cross_origin, errors, requests
from ..api.authentication import SignedRequest, parse_authorization
from ..api.bodies import NoAnswer, read_payload
from ..api.durable_calls import durable_config_of
from ..api.gate import Gate, headers_in
from ..api.requests import InvokeRequest
from ..invocation_log import InvocationLog, Watch
from ..jobs import Job
from ..runtime.invocations import InvocationResult
from ..served_functions import ServedFunctions
from .address import UrlAddress, domain_of, function_in
from .answers import Answers
from .stream import StreamingUrlResponse

__all__ = ["Runner", "UrlApi"]

_log = logging.getLogger("aiolambda.local.urls")
_EVENT_LIMIT = 6 * 1024 * 1024
"""Bytes of the event. A body that is encoded takes a third more."""
_UNKNOWN_KEY = "LOCAL"
"""The key of a caller whose signature is not verified."""


class Runner(Protocol):
    """Runs an invocation."""

    async def admit(self, invoke: InvokeRequest, watch: Watch, *, streamed: bool) -> Job:
        """The invocation to run. Raises for a call whose function does not run."""
        ...

    async def run(self, job: Job) -> InvocationResult:
        """The result. Raises an `ApiError` if the function cannot run now."""
        ...


@attrs.frozen(kw_only=True)
class _Call:
    """A request that was let in."""

    target: Target
    config: FunctionUrl
    request: UrlRequest
    access_key_id: str | None


class UrlApi:
    """Answers requests at function URLs. `on_call` gets the record of each, or is `None`."""

    def __init__(
        self,
        functions: ServedFunctions,
        gate: Gate,
        log: InvocationLog,
        runner: Runner,
        *,
        region: str,
        on_call: Callable[[RecordedCall], object] | None,
    ) -> None:
        self._functions = functions
        self._gate = gate
        self._log = log
        self._runner = runner
        self._region = region
        self._on_call = on_call

    async def serve(self, request: web.BaseRequest, address: UrlAddress) -> web.StreamResponse:
        """Answer a request. Raises `NoAnswer` if it gets none."""
        if self._functions.refresh is not None:
            await self._functions.refresh()  # before the configuration is looked at, which may have changed
        request_id = new_request_id()
        function_name = function_in(address, self._functions.function_names())
        watch = self._log.watch(request_id, function_name, "RequestResponse")
        answers = Answers(request=request, headers=(("x-amzn-RequestId", request_id),))
        try:
            target = attrs.evolve(parse_target(function_name, ""), region=address.region)
            config = self._functions.url_of(target.name)
            answers = attrs.evolve(answers, cors=config.cors)
            asked = UrlRequest(method=request.method, target=address.target, headers=list(request.headers.items()))
            preflight = preflight_response(config.cors, asked)
            if preflight is not None:
                return answers.whole(preflight)
            call = await self._let_in(request, asked, target, config)
            return await self._answer(request, call, watch, answers)
        except ApiError as error:
            watch.refuse(error.code, error.status)
            is_unsigned = error.code == "MissingAuthenticationTokenException"
            return answers.whole(url_errors.forbidden() if is_unsigned else url_errors.answer_of(error))

    async def _let_in(self, request: web.BaseRequest, asked: UrlRequest, target: Target, config: FunctionUrl) -> _Call:
        """Check the caller, and read the body. Raises an `ApiError` for a request that must not come in."""
        headers = headers_in(request)
        signed = self._check_caller(request, headers, config)
        body = await read_payload(request, {"expect": headers.get("expect", "")})
        if signed is not None:
            self._gate.check_body(signed, body)
        access_key_id = None
        if config.auth_type == "AWS_IAM":
            authorization = parse_authorization(headers.get("authorization", ""))
            access_key_id = _UNKNOWN_KEY if authorization is None else authorization.access_key_id
        return _Call(target=target, config=config, request=attrs.evolve(asked, body=body), access_key_id=access_key_id)

    def _check_caller(self, request: web.BaseRequest, headers: dict[str, str], config: FunctionUrl) -> SignedRequest | None:
        """The signed parts of a request; `None` if nothing has to be signed.

        A URL without authentication is open to web pages, as on Lambda. Its host must still be local: else a site that points
        its own name to this machine could read the answers.
        """
        origin = headers.get("origin")
        is_open = config.auth_type == "NONE" or (not self._gate.verifies and cors_headers(config.cors, origin))
        if is_open:
            cross_origin.check_host(headers)
            return None
        return self._gate.check_head(request)

    async def _answer(self, request: web.BaseRequest, call: _Call, watch: Watch, answers: Answers) -> web.StreamResponse:
        target = call.target
        watch.function_name, watch.qualifier = target.name, target.qualifier
        if self._on_call is not None:
            sent = Request(
                request.method, f"http://{request.host}{request.raw_path}", Headers(headers_in(request)), call.request.body
            )
            time = asyncio.get_running_loop().time()
            self._on_call(recorded_at_url(sent, target, request_id=watch.request_id, time=time))
        trace_id = requests.trace_id_in(call.request.header("x-amzn-trace-id"))
        event = self._event(request, call, watch.request_id, trace_id)
        invoke = InvokeRequest(
            target=target,
            invocation_type="RequestResponse",
            wants_log_tail=False,
            payload=event,
            client_context=None,
            tenant_id=None,
            trace_id=trace_id,
        )
        is_streamed = call.config.invoke_mode == "RESPONSE_STREAM"
        job = await self._runner.admit(invoke, watch, streamed=is_streamed)
        if durable_config_of(job.selection) is not None:
            raise errors.durable_at_url()
        answers = attrs.evolve(answers, headers=(*answers.headers, ("X-Amzn-Trace-Id", job.invocation.trace_id)))
        return await (self._stream(job, answers) if is_streamed else self._respond(job, answers))

    def _event(self, request: web.BaseRequest, call: _Call, request_id: str, trace_id: str) -> bytes:
        target = call.target
        _, _, port = request.host.rpartition(":")
        event = event_of(
            call.request,
            domain_name=domain_of(target.name, target.qualifier, target.region or self._region),
            request_id=request_id,
            trace_id=trace_id,
            now=dt.datetime.now(dt.UTC),
            source_ip=request.remote or "127.0.0.1",
            access_key_id=call.access_key_id,
            scheme="http",
            port=int(port) if port.isdecimal() and port.isascii() else 80,
        )
        encoded = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if len(encoded) > _EVENT_LIMIT:
            raise api_errors.payload_too_large(len(encoded), "RequestResponse", _EVENT_LIMIT)
        return encoded

    async def _respond(self, job: Job, answers: Answers) -> web.StreamResponse:
        """Run the function, and answer with its whole response."""
        loss = job.decision.loss
        result = await self._runner.run(job)
        if loss is not None and loss.kind is not FailureKind.CUT:
            raise NoAnswer(loss)
        if result.response.error_type is not None:
            return answers.whole(url_errors.failed())
        try:
            response = response_of(result.response.payload)
        except MalformedResponse as problem:
            _tell(job, f"{problem}")
            return answers.whole(url_errors.failed())
        return answers.whole(response) if loss is None else await answers.cut(response)

    async def _stream(self, job: Job, answers: Answers) -> web.StreamResponse:
        """Run the function, and answer while it writes."""
        loss = job.decision.loss
        if loss is not None and loss.kind is not FailureKind.CUT and not loss.chunks:
            await self._runner.run(job)
            raise NoAnswer(loss)
        stream = StreamingUrlResponse(answers, loss, is_json=_returns_json(job))
        try:
            result = await self._runner.run(job.writing_to(stream))
        except ApiError:
            if stream.begun:
                stream.cut()
            raise
        response = await stream.end(result)
        if stream.problem is not None:
            _tell(job, stream.problem)
        return response


def _returns_json(job: Job) -> bool:
    """Whether the function is one of this process that returns its result as a whole, which it writes as one piece."""
    function = job.selection.function
    return isinstance(function, InProcessFunction) and not is_generator(function.handler)


def _tell(job: Job, problem: str) -> None:
    """Log why the URL answered 502 although the function has not failed: the caller does not learn it."""
    name = job.selection.function.name
    _log.warning("the result of function %r is not an HTTP response: %s; its URL answered with 502", name, problem)
