"""Deserialize, once per attempt: around the transport, it turns the answer into an output or an error.

Owns which of the two an answer becomes. Must not decide the consequences, nor record the attempt: `dispatch` does.
"""

from typing import Any

from ..errors import AiolambdaError
from ..policy import delivery
from ..protocol import error_response
from ..types.http import Response
from ..types.values import Metadata
from .call import Call, CallNext, Middleware
from .context import PipelineState
from .dispatch import parsed_error

__all__ = ["deserializer_middleware"]


def deserializer_middleware(state: PipelineState) -> Middleware[Any, Any]:
    """Returns the output of an answer, or raises the exception of an error answer.

    The answer is the return value of `call_next`: of `dispatch`, or of a middleware behind this one that answers itself.
    """

    async def deserialize(call: Call[Any, Any], call_next: CallNext[Any, Response]) -> Any:
        call.response = response = _checked(await call_next(call))
        if not 200 <= response.status < 300:
            call.last_error = _exception(call, state, response)
            raise call.last_error
        metadata = _metadata(call, response)
        output = call.command.operation.output(call.input, response, metadata=metadata, codec=state.context.codec)
        if getattr(output, "durable_execution_arn", None) is not None:  # a user's command need not have one
            state.durable.add((call.function_name, getattr(call.input, "qualifier", None)))
        return output

    return deserialize


def _checked(answer: object) -> Response:
    """The answer of a middleware behind this one, if it is one."""
    if not isinstance(answer, Response):
        raise AiolambdaError(
            "a middleware behind deserializerMiddleware must return a Response, its own or that of call_next; "
            f"it returned {type(answer).__name__}"
        )
    return answer


def _exception(call: Call[Any, Any], state: PipelineState, response: Response) -> AiolambdaError:
    from ..errors.service import TooManyRequestsException  # noqa: PLC0415 - sixty classes, and most calls need none

    parsed = parsed_error(response)
    error = error_response.exception_of(
        response,
        parsed,
        delivery=delivery.worst([parsed.delivery, *(attempt.delivery for attempt in call.history)]),
        metadata=_metadata(call, response),
        function_name=call.function_name,
        now=state.now(),
    )
    if isinstance(error, TooManyRequestsException) and error.reason is not None:
        throttled = state.counters.throttled
        throttled[error.reason] = throttled.get(error.reason, 0) + 1
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
