"""Deserialize, once per attempt: around the transport, it turns the answer into an output or an error.

Owns which of the two an answer becomes. Must not decide the consequences, nor record the attempt: `dispatch` does.
"""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..errors import AiolambdaError
from ..policy import classification, delivery
from ..protocol import error_response
from ..types.events import Throttled
from ..types.http import Response
from ..types.values import Attempt, Metadata, RetryAction
from .call import Call, CallNext
from .context import PipelineState
from .dispatch import Dispatch
from .operation import ControlPlaneOperation, HttpOperation, TemplatedOperation
from .preparation import unwrapped
from .stack import FusibleMiddleware
from .verdicts import parsed_error

__all__ = ["DeserializerMiddleware"]


class DeserializerMiddleware(FusibleMiddleware):
    """Returns the output of an answer, or raises the exception of an error answer.

    The answer is the return value of `call_next`: of `Dispatch`, or of a middleware behind this one that answers itself.
    """

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    async def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Response], /) -> Any:
        return self._output(call, _checked(await call_next(call)))

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """If nothing stands behind it, it ends the dispatch."""
        if isinstance(call_next, Dispatch):
            return call_next.ending_with(self._output)
        walk = unwrapped(call_next)

        async def deserialize(call: Call[Any, Any], /) -> Any:
            return self._output(call, _checked(await walk(call)))

        return deserialize

    def _output(self, call: Call[Any, Any], response: Response) -> Any:
        call.response, state = response, self._state
        operation, codec = call.command.operation, state.context.codec
        if not 200 <= response.status < 300 and not (
            isinstance(operation, HttpOperation) and operation.is_output(call.input, response)
        ):
            call.last_error = _exception(call, state, response)
            raise call.last_error
        if isinstance(operation, TemplatedOperation):
            history, delay = call.history, call.total_retry_delay
            metadata = partial(_metadata, response, history, len(history), delay)
            output = operation.output_of(call.input, response, metadata=metadata, codec=codec)
        else:
            output = operation.output(call.input, response, metadata=_metadata_of(call, response), codec=codec)
        if isinstance(operation, HttpOperation):
            return output
        ran = getattr(output, "durable_execution_arn", None)  # a user's command need not have one
        if ran is not None and not isinstance(operation, ControlPlaneOperation):
            state.durable.add((call.function_name, getattr(call.input, "qualifier", None)))
        return output


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

    operation = call.command.operation
    is_invocation = not isinstance(operation, ControlPlaneOperation)
    if isinstance(operation, HttpOperation):
        parsed = operation.parsed_error(call.input, response)
    else:
        parsed = parsed_error(response) if is_invocation else parsed_error(response, delivery.verdict_of_control_plane_error)
    error = error_response.exception_of(
        response,
        parsed,
        delivery=delivery.worst([parsed.delivery, *(attempt.delivery for attempt in call.history)]),
        metadata=_metadata_of(call, response),
        function_name=call.function_name or None,
        now=state.now(),
    )
    error.retry_action = classification.retry_action_of(error)
    if isinstance(operation, HttpOperation):
        operation.explain(error, call.input, call.request, details=state.context.logger.isEnabledFor(logging.DEBUG))
    if error.retry_action is RetryAction.WAIT:
        reason = error.reason if isinstance(error, TooManyRequestsException) else None
        if is_invocation:
            throttled = state.counters.throttled
            throttled[reason] = throttled.get(reason, 0) + 1
        if (watch := call.watch) is not None:
            watch.throttles += 1
            if "throttled" in watch.wanted:
                event = Throttled(watch.facts_of(call), len(call.history), error.code, reason, error.retry_after)
                watch.tell("throttled", event)
    return error


def _metadata_of(call: Call[Any, Any], response: Response) -> Metadata:
    return _metadata(response, call.history, len(call.history), call.total_retry_delay)


def _metadata(response: Response, history: Sequence[Attempt], attempts: int, total_retry_delay: float) -> Metadata:
    """The metadata of an answer. `attempts` counts those before it: the history of its call may go on."""
    fields = response.fields
    return Metadata(
        http_status_code=response.status,
        request_id=fields.get("x-amzn-requestid") or fields.get("x-amz-request-id") or fields.get("lambda-web-request-id"),
        extended_request_id=fields.get("x-amz-id-2"),
        cf_id=fields.get("x-amz-cf-id"),
        trace_id=fields.get("x-amzn-trace-id"),
        headers=response.headers,
        attempts=attempts,
        total_retry_delay=total_retry_delay,
        history=tuple(history[:attempts]),
    )
