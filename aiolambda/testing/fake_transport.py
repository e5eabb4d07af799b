"""A transport that runs Python functions in place of Lambda, with responses in the form of Lambda's.

Must not open a socket, or know the client.
"""

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import cast

import attrs

from ..emulation import api_errors, url_errors
from ..emulation.api_errors import ApiError
from ..emulation.control_plane.answers import ConfigurationReader
from ..emulation.control_plane.routes import Asked
from ..emulation.durable.answers import DURABLE_OPERATIONS
from ..emulation.event_queue import EventQueue
from ..emulation.failure_script import Decision
from ..emulation.function_log import FunctionLog
from ..emulation.handlers import Handler, HandlerFailed, is_generator
from ..emulation.identifiers import LATEST, new_request_id
from ..emulation.in_process import (
    HandlerInvocation,
    HandlerRun,
    InProcessFunction,
    function_of,
    problem_of_handler,
)
from ..emulation.payloads import check_json
from ..emulation.recorded_call import RecordedCall, recorded, recorded_operation
from ..emulation.scenarios import FailureKind, Scenario
from ..errors import ConfigurationError
from ..operations import stream_events
from ..protocol import names
from ..types.http import Request, Response
from ..types.interfaces import AbortableTransport, OfflineTransport, Transport
from ..types.mistakes import kind_of
from .durable_fake import DurableFake
from .exchanges import called_arn, error_response_to, operation_asked_of, region_of, response_to, within_limit
from .fake_urls import FakeUrls, http_response, name_of_url, response_of_result
from .piece_stream import PieceStream

__all__ = ["FakeTransport"]


class FakeTransport(DurableFake, OfflineTransport, AbortableTransport, Transport):
    """A transport for tests, which calls Python functions in place of Lambda.

    ::

        fake = FakeTransport()
        fake.add("price", lambda event: {"total": 3 * event["amount"]})
        async with LambdaClient(transport=fake) as client:
            output = await client.invoke("price", {"amount": 2})
        assert output.json() == {"total": 6}

    A client with this transport needs no region, credentials or server.

    A handler is a function or a coroutine function of the decoded event, or of event and context, as on Lambda. It returns a
    value to encode, or bytes to send unchanged. A generator, synchronous or asynchronous, streams its response in pieces of
    bytes or text. Results and errors are encoded as by Lambda's Python runtime. `fail` lets calls fail.

    `add_durable` adds durable functions, whose executions can be followed, paused, stopped and deleted.

    An `Event` is answered with 202, and runs its handler afterwards, one event after another: await `wait_idle()`. Its errors
    are in `executions`. A `DryRun` runs nothing.
    """

    offline = True
    """No request leaves the process, so a client with this transport needs neither region nor credentials."""

    def __init__(self, functions: Mapping[str, Handler] | None = None, /) -> None:
        """Build a transport that knows these functions.

        Args:
            functions: The handlers by function name. Default none; `add` adds more.
        """
        super().__init__()
        self._urls = FakeUrls()
        self._event_queue = EventQueue("FakeTransport")
        self._reader = ConfigurationReader(self._functions, self._states)
        for name, handler in _checked(functions).items():
            self.add(name, handler)

    def add(
        self,
        function_name: str,
        handler: Handler,
        /,
        *,
        qualifier: str | None = None,
        version: str | None = None,
        timeout: float = 60.0,
        concurrency: int | None = None,
    ) -> None:
        """Add a function, or replace its handler.

        A function without qualifiers answers calls with any qualifier. One with qualifiers answers those only.

        Args:
            function_name: The name of the function, also as `name:qualifier` or an ARN.
            handler: A function of the event, or of event and context.
                A second parameter gets the context, unless it has a default and another name than `context`.
            qualifier: The version or alias that this handler serves. Default `None`: calls without one.
            version: The version that answers state. Default: `"$LATEST"`, the qualifier if it is a number, or `"1"`.
            timeout: The timeout of the function that the context counts down, in seconds. It ends nothing. Default 60.
            concurrency: The reserved concurrency that descriptions show. It limits nothing. Default `None`: there is none.

        Raises:
            ConfigurationError: The name is not a string, or the handler not a function.
        """
        function = function_of(
            function_name, handler, qualifier=qualifier, version=version, timeout=timeout, concurrency=concurrency
        )
        self._functions.add(function)

    def add_url(self, url: str, handler: Handler, /, *, function_name: str | None = None, timeout: float = 60.0) -> None:
        """Add a function with its URL, for `client.fetch` and `client.fetch_stream`.

        ::

            fake.add_url("https://abcdefg.lambda-url.eu-west-1.on.aws/", lambda event: {"path": event["rawPath"]})

        The handler gets the event of a function URL (payload format 2.0). It returns a dictionary with `statusCode`, or any
        value, which becomes the body. A generator writes the body, or a head, eight zero bytes and the body. The client gets
        the response once the handler has ended. No signature is checked.

        Args:
            url: The URL of the function. All of its paths call the handler.
            handler: A function of the event, or of event and context.
            function_name: The name of the function, for `fail`, `calls_of` and `invoke`.
                Default: the first label of the host.
            timeout: The timeout of the function that the context counts down, in seconds. It ends nothing. Default 60.

        Raises:
            ConfigurationError: The URL is not one, the name is not a string, or the handler not a function.
        """
        name = name_of_url(url) if function_name is None else function_name
        self.add(name, handler, timeout=timeout)
        self._urls.add(url, name)

    async def wait_idle(self) -> None:
        """Wait until every `Event` that was accepted has run, and every handler of a durable execution. Scripts go on."""
        await self._event_queue.wait_idle()
        await self._durable_runs_end()

    async def send(self, request: Request, /) -> Response:
        """Call the handler and return its response, or describe the functions.

        Args:
            request: The request of the client.
        """
        if (name := self._urls.function_at(request)) is not None:
            return await self._answer_at_url(request, name)
        asked = operation_asked_of(request)
        if asked is not None:
            return await self._describe(request, asked)
        call = self._record(request, streamed=False)
        try:
            return await self._answer(request, call)
        except ApiError as error:
            return error_response_to(call.request_id, call.headers, error)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[PieceStream]:
        """Stream the response in the pieces of the handler, as InvokeWithResponseStream does.

        Args:
            request: The request of the client.
        """
        if (name := self._urls.function_at(request)) is not None:
            response = await self._answer_at_url(request, name)
            stream = PieceStream(response, _one_piece(response.body))
        else:
            stream = await self._streamed(request)
        try:
            yield stream
        finally:
            await stream.close()

    async def _streamed(self, request: Request) -> PieceStream:
        call = self._record(request, streamed=True)
        try:
            return await self._open(request, call)
        except ApiError as error:
            response = error_response_to(call.request_id, call.headers, error)
            return PieceStream(response, _one_piece(response.body))

    async def _answer_at_url(self, request: Request, name: str) -> Response:
        """Run the function of a URL, and answer with the HTTP response that its result becomes."""
        request_id = new_request_id()
        call, event = self._urls.call_of(request, name, request_id)
        self._calls.append(call)
        call = attrs.evolve(call, payload=event)
        try:
            function, decision = await self._admit(request, call)
            result = await within_limit(request, self._run(function, call, decision).whole())
            answer = response_of_result(result, is_stream=is_generator(function.handler))
        except ApiError as error:
            answer, decision = url_errors.answer_of(error), None
        except HandlerFailed:
            answer, decision = url_errors.failed(), None
        if decision is not None and decision.loss is not None:
            raise decision.loss.transport_error()
        request.stage = "receive"
        return http_response(request, answer, request_id)

    def abort(self) -> None:
        """Cancel the events that were accepted. The client cancels the handlers of its calls."""
        self._event_queue.cancel()
        self._abort_durable_runs()

    async def close(self) -> None:
        """Wait for the events that were accepted. Those that still run after 5 seconds are cancelled."""
        await self._event_queue.close()
        await self._durable_runs_end(closing=True)

    def detach(self, *, forked: bool = False) -> None:
        """Forget the events of an event loop that has ended, so that the client can be used on another one.

        Args:
            forked: Whether the loop belongs to the parent process. It makes no difference here.
        """
        self._event_queue.drop()
        self._drop_durable_runs()

    def _check_known(self, function_name: str) -> None:
        self._functions.check_known(function_name)

    def _record(self, request: Request, *, streamed: bool) -> RecordedCall:
        time = asyncio.get_running_loop().time()
        call = recorded(request, streamed=streamed, request_id=new_request_id(), time=time)
        self._calls.append(call)
        return call

    async def _describe(self, request: Request, asked: Asked) -> Response:
        """Answer an operation that runs no function."""
        time = asyncio.get_running_loop().time()
        call = recorded_operation(request, asked, request_id=new_request_id(), time=time)
        self._control_plane_calls.append(call)
        is_durable = asked.operation in DURABLE_OPERATIONS
        target = self._durable_answers.function_of(asked) if is_durable else (call.function_name, call.qualifier)
        decision = self._decide_operation(asked.operation, *target)
        request.stage = "wait"
        await within_limit(request, asyncio.sleep(decision.delay))
        scenario = decision.scenario
        if scenario is not None and scenario.answer is None and not (is_durable and scenario.runs):
            raise scenario.transport_error()
        request.stage = "receive"
        status = 200
        try:
            if scenario is not None and scenario.answer is not None:
                raise scenario.answer
            if is_durable:
                status, body = self._answer_about_durable(asked, call.body, region=region_of(call.headers))
            else:
                body = self._reader.answer(asked, region=region_of(call.headers))
        except ApiError as error:
            return error_response_to(call.request_id, call.headers, error)
        if scenario is not None:
            raise scenario.transport_error()
        return response_to(call.request_id, call.headers, status, body, {"content-type": "application/json"})

    async def _answer(self, request: Request, call: RecordedCall) -> Response:
        function, decision = await self._admit(request, call)
        loss = decision.loss
        if function.durable is not None and call.invocation_type in ("Event", "RequestResponse"):
            execution = self._begin_durable(function, call, decision, self._run(function, call, decision))
            return await self._answer_durable(request, call, execution, decision)
        if call.invocation_type == "Event":
            self._event_queue.put(lambda: _ended(self._run(function, call, decision)))
        elif call.invocation_type == "RequestResponse":
            return await self._response_of(request, call, self._run(function, call, decision), loss)
        if loss is not None:
            raise loss.transport_error()
        return response_to(call.request_id, call.headers, 202 if call.invocation_type == "Event" else 204)

    async def _response_of(self, request: Request, call: RecordedCall, run: HandlerRun, loss: Scenario | None) -> Response:
        headers = {"content-type": "application/json", "x-amz-executed-version": run.version}
        try:
            body = await within_limit(request, run.whole())
        except HandlerFailed as failed:
            body = failed.response.payload
            headers["x-amz-function-error"] = failed.kind
        if loss is not None:
            raise loss.transport_error()
        request.stage = "receive"
        if run.log is not None:
            headers["x-amz-log-result"] = base64.b64encode(run.log_tail).decode()
        return response_to(call.request_id, call.headers, 200, body, headers)

    async def _open(self, request: Request, call: RecordedCall) -> PieceStream:
        function, decision = await self._admit(request, call)
        loss = decision.loss
        if call.invocation_type == "DryRun":
            if loss is not None:
                raise loss.transport_error()
            return PieceStream(response_to(call.request_id, call.headers, 204), _one_piece(b""))
        if function.durable is not None:
            raise api_errors.durable_function_streamed()
        run = self._run(function, call, decision)
        if loss is not None and loss.kind is not FailureKind.CUT and not loss.chunks:
            with contextlib.suppress(HandlerFailed):
                await within_limit(request, run.whole())
            raise loss.transport_error()
        request.stage = "receive"
        headers = {"content-type": stream_events.CONTENT_TYPE, "x-amz-executed-version": run.version}
        return PieceStream(response_to(call.request_id, call.headers, 200, headers=headers), _events_of(run, loss))

    async def _admit(self, request: Request, call: RecordedCall) -> tuple[InProcessFunction, Decision]:
        """The function to run, and what the script decided. Raises the error of a call whose function does not run."""
        name = names.plain_name_of(call.function_name)
        request.stage = "wait"
        if call.qualifier is None and self._functions.is_durable(name):
            raise api_errors.durable_function_unqualified()
        function = self._functions.find(name, call.qualifier)
        if function is None:
            raise api_errors.function_not_found(called_arn(call, call.qualifier or LATEST))
        check_json(call.payload)
        if (state := self._states.refused_state(name, call.qualifier)) is not None:
            raise api_errors.not_invocable(state)
        decision = self._decide(name, call.qualifier, call.payload)
        scenario = decision.scenario
        if scenario is None or scenario.kind is FailureKind.FUNCTION or scenario.runs:
            return function, decision
        await within_limit(request, asyncio.sleep(decision.delay))
        if scenario.answer is not None:
            request.stage = "receive"
            raise scenario.answer
        raise scenario.transport_error()

    def _run(self, function: InProcessFunction, call: RecordedCall, decision: Decision) -> HandlerRun:
        invocation = HandlerInvocation(
            request_id=call.request_id,
            invocation_type=call.invocation_type,
            payload=call.payload,
            function_arn=called_arn(call, call.qualifier),
            client_context=call.client_context,
            tenant_id=call.tenant_id,
        )
        log = FunctionLog() if call.log_type == "Tail" else None
        return HandlerRun(function, invocation, decision, on_end=self._executions.append, log=log)


async def _events_of(run: HandlerRun, loss: Scenario | None) -> AsyncGenerator[bytes]:
    """The events of a stream, up to the loss that was scripted."""
    left = -1 if loss is None else loss.chunks
    try:
        async with contextlib.aclosing(run.pieces()) as pieces:
            async for piece in pieces:
                event = stream_events.chunk_event(piece)
                if loss is not None and not left:
                    break
                yield event
                left -= 1
            else:
                event = None
    except HandlerFailed as failed:
        event = stream_events.completion_event(
            error_code=failed.kind, error_details=failed.response.payload.decode(), log_result=_log_result_of(run)
        )
    else:
        event = event or stream_events.completion_event(log_result=_log_result_of(run))
    if loss is None:
        yield event
    elif loss.kind is FailureKind.CUT:
        yield event[: len(event) // 2]
    else:
        raise loss.transport_error()


def _log_result_of(run: HandlerRun) -> str | None:
    return None if run.log is None else base64.b64encode(run.log_tail).decode()


def _checked(functions: object) -> Mapping[str, Handler]:
    """The functions. `ConfigurationError` unless they are a mapping of names to handlers."""
    if functions is None:
        return {}
    form = "FakeTransport takes a mapping of function names to handlers, such as {'price': handler}"
    if not isinstance(functions, Mapping):
        raise ConfigurationError(f"{form}; got {kind_of(functions)}")
    for name, handler in cast("Mapping[object, object]", functions).items():
        if not isinstance(name, str):
            raise ConfigurationError(f"{form}; got a name of type {type(name).__name__}")
        if not callable(handler):
            raise ConfigurationError(f"{form}; {problem_of_handler(name, handler)}")
    return cast("Mapping[str, Handler]", functions)


async def _ended(run: HandlerRun) -> None:
    """Run an event. Its failure is in the record of the execution."""
    with contextlib.suppress(HandlerFailed):
        await run.whole()


async def _one_piece(body: bytes) -> AsyncGenerator[bytes]:
    yield body
