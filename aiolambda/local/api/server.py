"""The HTTP side of the API: the order of the checks, the HTTP form of each result, and scripted failures on the socket.

Must not know how functions run, and must not print.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping

import attrs
from aiohttp import web

from ...emulation import api_errors, lineage
from ...emulation.api_errors import ApiError
from ...emulation.control_plane.answers import ConfigurationReader
from ...emulation.control_plane.routes import Asked, asked_of
from ...emulation.durable_names import DurableExecution, DurableNames
from ...emulation.executions import Execution
from ...emulation.failure_script import Decision
from ...emulation.function_responses import FunctionResponse
from ...emulation.function_states import FunctionStates
from ...emulation.identifiers import ACCOUNT, LATEST, arn_of, new_request_id, new_trace_id
from ...emulation.recorded_call import RecordedCall, RecordedOperation, recorded, recorded_operation
from ...emulation.scenarios import FailureKind, Scenario
from ...emulation.targets import Target, parse_target
from ...types.http import Headers, Request
from ...types.values import Credentials
from ..durable.executions import DurableExecutions
from ..durable.operations import OPERATIONS as DURABLE_OPERATIONS
from ..durable.peer import TOKEN_HEADER
from ..functions import LocalFunction
from ..invocation_log import InvocationLog, Watch
from ..jobs import Job, Selection, check_configuration
from ..runtime.invocations import InvocationResult
from ..runtime.pool import ConcurrencyExceeded
from ..runtime.process import EndpointClosed
from ..served_functions import ServedFunctions
from ..urls.address import UrlAddress, address_of
from ..urls.api import UrlApi
from . import cross_origin, errors, inspection, requests
from .bodies import NoAnswer, read_operation_body, read_payload
from .durable_calls import DurableCalls, durable_config_of, handler_job
from .gate import Gate, headers_in
from .operations import operation_of
from .requests import InvokeRequest
from .stream import StreamingResponse

__all__ = ["InvokeApi", "Observers"]


@attrs.frozen(kw_only=True)
class Observers:
    """`decide` is asked once for each call, `on_call` gets its record, and `on_end_of_run()` takes that of its run.

    `decide_operation` and `on_operation` are the same for calls that run no function. `on_call` and `on_operation` are `None`
    if records are not wanted: making one takes time.
    """

    decide: Callable[[str, str | None, bytes], Decision]
    decide_operation: Callable[[str, str | None, str | None], Decision]
    on_call: Callable[[RecordedCall], object] | None
    on_operation: Callable[[RecordedOperation], object] | None
    on_end_of_run: Callable[[], Callable[[Execution], object]]


class InvokeApi:
    """The handlers of a web application. With `credentials` of `None`, it does not verify signatures."""

    def __init__(
        self,
        functions: ServedFunctions,
        observers: Observers,
        log: InvocationLog,
        states: FunctionStates,
        *,
        region: str,
        only_region: str | None,
        credentials: Credentials | None,
        account_concurrency: int | None,
        url_of: Callable[[str], str],
        executions: DurableExecutions,
    ) -> None:
        self._functions = functions
        self._executions = executions
        self._durable_calls = DurableCalls(executions, functions, region)
        self._states = states
        self._reader = ConfigurationReader(
            functions, states, only_region=only_region, account_concurrency=account_concurrency, url_of=url_of
        )
        self._observers = observers
        self._log = log
        self._region, self._only_region = region, only_region
        self._gate = Gate(credentials, only_region)
        self._silence = asyncio.Event()
        self._durable = DurableNames()
        self._urls = UrlApi(functions, self._gate, log, self, region=region, on_call=observers.on_call)

    def server(self) -> web.Server:
        """The HTTP server. Call it on the event loop."""
        return web.Server(self._handle, access_log=None, auto_decompress=False)

    def end_silence(self) -> None:
        """Close the connections that a script keeps without an answer."""
        self._silence.set()
        self._silence = asyncio.Event()

    def forget_executions(self) -> None:
        """Free the names of all durable executions that have no checkpoints."""
        self._durable.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        address = address_of(request.raw_path, request.headers.get("Host", ""))
        if address is not None:
            return await self._serve_url(request, address)
        path = request.rel_url.raw_path
        operation = operation_of(request.method, path)
        if operation is not None:
            return await self._serve(request, operation.function_name, streamed=operation.streamed)
        if request.method in ("GET", "HEAD") and path == inspection.EXECUTIONS_PATH:
            return self._show_executions(request)
        if request.method in ("GET", "HEAD") and path == inspection.HEALTH_PATH:
            return self._show_health(request)
        asked = asked_of(request.method, path, request.raw_path.partition("?")[2])
        if asked is not None:
            return await self._describe(request, asked)
        return _error_response(errors.unknown_operation(request.method, request.path), new_request_id())

    async def _serve_url(self, request: web.BaseRequest, address: UrlAddress) -> web.StreamResponse:
        try:
            return await self._urls.serve(request, address)
        except NoAnswer as lost:
            return await self._leave_unanswered(request, lost.scenario)

    async def _describe(self, request: web.BaseRequest, asked: Asked) -> web.Response:
        """Answer an operation that runs no function."""
        request_id = new_request_id()
        try:
            signed = self._gate.check_head(request)
            body = await read_operation_body(request, asked, signed.headers)
            self._gate.check_body(signed, body)
            await self._decide_operation(request, asked, signed.headers, body, request_id)
            if self._functions.refresh is not None:
                await self._functions.refresh()
            if asked.operation in DURABLE_OPERATIONS:
                answer = await self._executions.answer(asked, body, self._listed)
            else:
                answer = self._reader.answer(asked, region=self._region)
        except ApiError as error:
            return _error_response(error, request_id)
        except NoAnswer as lost:
            return await self._leave_unanswered(request, lost.scenario)
        headers = {"x-amzn-RequestId": request_id, "X-Amzn-Trace-Id": new_trace_id()}
        return web.Response(body=answer, headers=headers, content_type="application/json")

    async def _decide_operation(
        self, request: web.BaseRequest, asked: Asked, headers: Mapping[str, str], body: bytes, request_id: str
    ) -> None:
        """Record a call that runs no function, and raise what a script wants for it."""
        sent = Request(request.method, f"http://{request.host}{request.raw_path}", Headers(headers), body)
        time = asyncio.get_running_loop().time()
        call = recorded_operation(sent, asked, request_id=request_id, time=time)
        if self._observers.on_operation is not None:
            self._observers.on_operation(call)
        decision = self._observers.decide_operation(asked.operation, call.function_name, call.qualifier)
        if decision.delay:
            await asyncio.sleep(decision.delay)
        if decision.scenario is not None:
            raise decision.scenario.answer or NoAnswer(decision.scenario)

    def _show_executions(self, request: web.BaseRequest) -> web.Response:
        try:
            self._gate.check_body(self._gate.check_head(request), b"")
            body = inspection.executions(self._log, request.query)
        except ApiError as error:
            return _error_response(error, new_request_id())
        return web.Response(body=body, content_type="application/json")

    def _show_health(self, request: web.BaseRequest) -> web.Response:
        """Anyone but a web page may ask, and learns only that the endpoint answers."""
        try:
            cross_origin.check(headers_in(request))
        except ApiError as error:
            return _error_response(error, new_request_id())
        return web.Response(text="ok")

    async def _serve(self, request: web.BaseRequest, function_name: str, *, streamed: bool) -> web.StreamResponse:
        request_id = new_request_id()
        invocation_type = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        watch = self._log.watch(request_id, function_name, invocation_type)
        try:
            invoke = await self._parse(request, function_name, watch, streamed=streamed)
            if TOKEN_HEADER in request.headers and self._is_handler_run(request):
                job = handler_job(invoke, self._find(invoke.target), self._arn(invoke.target), watch)
                return await self._respond(request, invoke, job, streamed=False)
            job = await self.admit(invoke, watch, streamed=streamed)
            config = durable_config_of(job.selection)
            if config is not None and invoke.invocation_type != "DryRun":
                if streamed:
                    raise errors.durable_stream()
                return await self._durable_calls.respond(invoke, job, config)
            if invoke.invocation_type == "RequestResponse":
                return await self._respond(request, invoke, job, streamed=streamed)
            return self._accept(invoke, job)
        except ApiError as error:
            watch.refuse(error.code, error.status)
            return _error_response(error, request_id)
        except NoAnswer as lost:
            return await self._leave_unanswered(request, lost.scenario)

    async def _parse(self, request: web.BaseRequest, function_name: str, watch: Watch, *, streamed: bool) -> InvokeRequest:
        """Check and parse a request. Raises an `ApiError` if it is invalid."""
        signed = self._gate.check_head(request)
        headers, query = signed.headers, signed.query
        payload = await read_payload(request, headers)
        self._gate.check_body(signed, payload)
        target = parse_target(function_name, query)
        watch.function_name, watch.qualifier = target.name, target.qualifier
        if self._observers.on_call is not None and not self._is_handler_run(request):
            sent = Request(request.method, f"http://{request.host}{request.raw_path}", Headers(headers), payload)
            time = asyncio.get_running_loop().time()
            self._observers.on_call(recorded(sent, streamed=streamed, request_id=watch.request_id, time=time))
        if self._functions.refresh is not None:
            await self._functions.refresh()
        self._find(target)
        types = requests.STREAMED_TYPES if streamed else requests.INVOCATION_TYPES
        return requests.parse(target, headers, payload, types=types)

    def _is_handler_run(self, request: web.BaseRequest) -> bool:
        token = request.headers.get(TOKEN_HEADER)
        return token is not None and self._executions.has_sent(token)

    def _listed(self, asked: Asked) -> tuple[str, str | None]:
        """The function whose executions a request asks for, and the version if it names one."""
        target = parse_target(asked.labels["FunctionName"], asked.query)
        selection = self._find(target)
        return target.name, None if target.qualifier is None else selection.version

    def _find(self, target: Target) -> Selection:
        if self._only_region is not None and target.region not in (None, self._only_region):
            raise api_errors.wrong_region(str(target.region), self._only_region)
        selection = self._functions.find(target.name, target.qualifier)
        if selection is None:
            raise api_errors.function_not_found(f"{self._arn(target)}:{target.qualifier or LATEST}")
        return selection

    async def admit(self, invoke: InvokeRequest, watch: Watch, *, streamed: bool) -> Job:
        """The invocation to run, with what the script decided. Raises for a call whose function does not run."""
        target = invoke.target
        selection = self._find(target)
        check_configuration(selection.function, target.qualifier, invoke.tenant_id)
        if (state := self._states.refused_state(target.name, target.qualifier)) is not None:
            raise api_errors.not_invocable(state)
        arn = self._arn(target)
        trace_id, times = lineage.extended(invoke.trace_id, arn)
        if times >= lineage.LIMIT and getattr(selection.function, "recursive_loop", "Terminate") == "Terminate":
            raise api_errors.recursive_invocation()
        decision = self._observers.decide(target.name, target.qualifier, invoke.payload)
        scenario = decision.scenario
        if scenario is not None and scenario.kind is not FailureKind.FUNCTION and not scenario.runs:
            await asyncio.sleep(decision.delay)
            raise scenario.answer or NoAnswer(scenario)
        job = Job(
            selection=selection,
            invocation=invoke.invocation(watch.request_id, arn, trace_id),
            decision=decision,
            on_end=self._observers.on_end_of_run(),
            watch=watch,
            keeps_stream=self._observers.on_call is not None,
        )
        return job if streamed or invoke.invocation_type == "DryRun" else self._durable_job(job, invoke, arn)

    def _durable_job(self, job: Job, invoke: InvokeRequest, arn: str) -> Job:
        """The same as part of a durable execution, if the function or the request asks for one."""
        name, selection = invoke.durable_execution_name, job.selection
        if name is None and not (isinstance(selection.function, LocalFunction) and selection.function.durable):
            return job
        if durable_config_of(selection) is not None:  # its executions have checkpoints, and are begun elsewhere
            return job
        execution, is_new = self._durable.begin(arn, selection.version, name, invoke.payload)

        def on_end(record: Execution) -> None:
            execution.end(record)
            job.on_end(record)

        def on_drop() -> None:
            if not execution.result.done():
                self._durable.forget(execution)

        return attrs.evolve(job, durable=execution, repeats=not is_new, on_end=on_end, on_drop=on_drop)

    def _accept(self, invoke: InvokeRequest, job: Job) -> web.Response:
        """Answer an event, which runs later, or a dry run."""
        is_event = invoke.invocation_type == "Event"
        if is_event and not job.repeats:
            job.watch.queue()
            self._functions.queue(job)
        else:
            job.watch.answer()
        if (loss := job.decision.loss) is not None:
            raise NoAnswer(loss)
        return web.Response(status=202 if is_event else 204, headers=_headers_of(job))

    async def _respond(
        self, request: web.BaseRequest, invoke: InvokeRequest, job: Job, *, streamed: bool
    ) -> web.StreamResponse:
        """Run the function, and answer with its response."""
        headers = _headers_of(job) | {"X-Amz-Executed-Version": job.selection.version}
        loss = job.decision.loss
        if streamed and (loss is None or loss.kind is FailureKind.CUT or loss.chunks):
            response = StreamingResponse(request, headers, loss)
            try:
                result = await self.run(job.writing_to(response))
            except ApiError:
                if response.begun:
                    response.abort()
                raise
            return await response.end(result, wants_log_tail=invoke.wants_log_tail)
        result = await self.run(job)
        if loss is not None and loss.kind is not FailureKind.CUT:
            raise NoAnswer(loss)
        if result.response.error_type is not None:
            headers["X-Amz-Function-Error"] = result.kind
        if invoke.wants_log_tail:
            headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail).decode()
        body = result.response.payload
        if loss is not None:
            return await _cut(request, body, headers)
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def run(self, job: Job) -> InvocationResult:
        """Run an invocation. Raises an `ApiError` if the function cannot run now."""
        try:
            if job.durable is not None and job.repeats:
                result = await _result_of(job.durable)
                job.watch.answer()
                return result
            return await (self._durable_calls.run_handler(job) if job.is_handler_run else self._functions.invoke(job))
        except ConcurrencyExceeded as exceeded:
            raise api_errors.throttled(exceeded.reason) from None
        except EndpointClosed:
            raise errors.endpoint_closed() from None
        finally:
            if not job.repeats:
                job.on_drop()  # without effect on an execution that has ended

    async def _leave_unanswered(self, request: web.BaseRequest, scenario: Scenario | None) -> web.Response:
        """Close the connection without an answer: now, or with the endpoint if the script wants silence."""
        if scenario is not None and scenario.kind is FailureKind.SILENT:
            await self._silence.wait()
        if request.transport is not None:
            request.transport.close()
        return web.Response()  # it does not leave

    def _arn(self, target: Target) -> str:
        """The ARN of the function, in the region and the account that the request names."""
        return arn_of(target.name, target.region or self._region, account=target.account or ACCOUNT)


async def _cut(request: web.BaseRequest, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
    """Send half of a body, and close the connection."""
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/json"
    response.content_length = len(body) + 1
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _result_of(execution: DurableExecution) -> InvocationResult:
    """The result of an execution, once it has ended. `EndpointClosed` if it never began."""
    done = asyncio.wrap_future(execution.result)
    await asyncio.wait({done})  # unlike `await done`, it does not cancel the execution with this request
    if done.cancelled():
        raise EndpointClosed
    record = done.result()
    return InvocationResult(response=FunctionResponse(record.response, record.error_type), log_tail=b"")


def _headers_of(job: Job) -> dict[str, str]:
    headers = {"x-amzn-RequestId": job.invocation.request_id, "X-Amzn-Trace-Id": job.invocation.trace_id}
    return headers if job.durable is None else {**headers, "X-Amz-Durable-Execution-Arn": job.durable.arn}


def _error_response(error: ApiError, request_id: str) -> web.Response:
    headers = {
        "x-amzn-ErrorType": error.code,
        **error.headers,
        "x-amzn-RequestId": request_id,
        "X-Amzn-Trace-Id": new_trace_id(),
    }
    return web.Response(status=error.status, body=error.body, headers=headers, content_type="application/json")
