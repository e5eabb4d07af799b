"""Deserialize, once per attempt: around the transport, it makes an output or an error of what came back.

Owns the facts of an attempt: its verdict, status and duration. Must not decide what follows from them.
"""

import asyncio
from typing import Any

from ..errors import AiolambdaError, TransportError
from ..interfaces import Call, CallNext, Middleware
from ..messages import Response
from ..models import Attempt, Delivery, Metadata
from ..policy import delivery
from ..protocol import service_error
from ..service_errors import TooManyRequestsException
from .wiring import Counters, Wiring

__all__ = ["deserializer_middleware", "send_over"]


def deserializer_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Gives the output of an answer; raises the exception of an error answer, and completes those of the transport."""

    async def deserialize(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        request, clock = call.request, asyncio.get_running_loop().time
        started = clock()
        request.stage = "send"  # a transport that tells more sets it back to queue and connect
        try:
            await call_next(call)
        except BaseException as error:
            call.stage = request.stage
            verdict = error.delivery if isinstance(error, AiolambdaError) else delivery.verdict_of_silence(request.stage)
            _note(call, wiring.counters, Attempt(delivery=verdict, duration=clock() - started, status_code=None))
            if isinstance(error, TransportError):
                error.attempts, error.elapsed = len(call.history), clock() - call.started
            raise
        call.stage = request.stage
        return _outcome(call, wiring, _answer(call), clock() - started)

    return deserialize


def send_over(wiring: Wiring) -> CallNext[Any, Any]:
    """The end of every stack: the transport."""

    async def send(call: Call[Any, Any]) -> Response:
        call.response = await wiring.open_transport.send(call.request)
        return call.response

    return send


def _answer(call: Call[Any, Any]) -> Response:
    if call.response is None:
        raise AiolambdaError(
            "a middleware behind deserializerMiddleware answered without setting call.response",
            function_name=call.function_name,
        )
    return call.response


def _outcome(call: Call[Any, Any], wiring: Wiring, response: Response, duration: float) -> Any:
    succeeded = 200 <= response.status < 300
    code = None if succeeded else service_error.code_of(response)
    verdict = delivery.verdict_of_output(response.status) if succeeded else delivery.verdict_of_error(response.status, code)
    _note(call, wiring.counters, Attempt(delivery=verdict, duration=duration, status_code=response.status))
    metadata = _metadata(call, response)
    operation = call.command.operation
    if succeeded:
        return operation.output(call.input, response, metadata=metadata, codec=wiring.codec)
    error = service_error.exception_of(
        response,
        code=code,
        delivery=delivery.worst([attempt.delivery for attempt in call.history]),
        metadata=metadata,
        function_name=call.function_name,
    )
    if isinstance(error, TooManyRequestsException) and error.reason is not None:
        throttled = wiring.counters.throttled
        throttled[error.reason] = throttled.get(error.reason, 0) + 1
    raise error


def _note(call: Call[Any, Any], counters: Counters, attempt: Attempt) -> None:
    call.history.append(attempt)
    counters.executed += attempt.delivery is Delivery.EXECUTED
    counters.unknown += attempt.delivery is Delivery.UNKNOWN
    counters.retried += len(call.history) > 1


def _metadata(call: Call[Any, Any], response: Response) -> Metadata:
    headers = response.headers
    return Metadata(
        http_status_code=response.status,
        request_id=headers.get("x-amzn-requestid") or headers.get("x-amz-request-id"),
        extended_request_id=headers.get("x-amz-id-2"),
        cf_id=headers.get("x-amz-cf-id"),
        trace_id=headers.get("x-amzn-trace-id"),
        headers=headers,
        attempts=len(call.history),
        total_retry_delay=call.total_retry_delay,
        history=tuple(call.history),
    )
