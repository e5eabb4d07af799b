"""Deserialize, once per attempt: around the transport, it makes an output or an error of what came back.

Owns which of the two an answer becomes. Must not decide what follows from it, nor note what happened: `sending` does.
"""

from typing import Any

from ..errors import AiolambdaError
from ..policy import delivery
from ..protocol import error_response
from ..types.http import Response
from ..types.values import Metadata, ThrottleReason
from .call import Call, CallNext, Middleware
from .context import Wiring

__all__ = ["deserializer_middleware"]


def deserializer_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Gives the output of an answer; raises the exception of an error answer."""

    async def deserialize(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.response = None
        await call_next(call)
        response = _answer(call)
        if not 200 <= response.status < 300:
            call.last_error = _exception(call, wiring, response)
            raise call.last_error
        metadata = _metadata(call, response)
        output = call.command.operation.output(call.input, response, metadata=metadata, codec=wiring.codec)
        if getattr(output, "durable_execution_arn", None) is not None:
            wiring.durable.add((call.function_name, getattr(call.input, "qualifier", None)))
        return output

    return deserialize


def _answer(call: Call[Any, Any]) -> Response:
    if call.response is None:
        raise AiolambdaError("a middleware behind deserializerMiddleware answered without setting call.response")
    return call.response


def _exception(call: Call[Any, Any], wiring: Wiring, response: Response) -> AiolambdaError:
    code = error_response.code_of(response)
    verdict = delivery.verdict_of_error(response.status, code)
    error = error_response.exception_of(
        response,
        code=code,
        delivery=delivery.worst([verdict, *(attempt.delivery for attempt in call.history)]),
        metadata=_metadata(call, response),
        function_name=call.function_name,
        now=wiring.now(),
    )
    if isinstance(reason := getattr(error, "reason", None), ThrottleReason):
        throttled = wiring.counters.throttled
        throttled[reason] = throttled.get(reason, 0) + 1
    return error


def _metadata(call: Call[Any, Any], response: Response) -> Metadata:
    fields = response.fields
    return Metadata(
        http_status_code=response.status,
        request_id=fields.get("x-amzn-requestid") or fields.get("x-amz-request-id"),
        extended_request_id=fields.get("x-amz-id-2"),
        cf_id=fields.get("x-amz-cf-id"),
        trace_id=fields.get("x-amzn-trace-id"),
        headers=response.headers,
        attempts=len(call.history),
        total_retry_delay=call.total_retry_delay,
        history=tuple(call.history),
    )
