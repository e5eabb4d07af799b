"""The end of every stack: it hands the request to the transport, and records the facts of each attempt.

Owns the record of an attempt (verdict, status and duration) and the client's counters of requests. No middleware can replace
it, so a request that was sent is always recorded as sent. Must not make outputs or errors of answers.
"""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

import attrs

from ..errors import AiolambdaError, ConnectionLostError, InvocationTimeoutError
from ..policy import delivery
from ..protocol import success_response
from ..protocol.request_template import TemplateHeaders
from ..types.http import Request, Response
from ..types.interfaces import StreamedResponse, Transport
from ..types.values import UNSET, Delivery, new_attempt
from .call import Call, CallNext
from .context import Counters, PipelineState
from .observers import tell_ended, tell_sent
from .open_response import OpenResponse
from .operation import ControlPlaneOperation, HttpOperation
from .preparation import FusedChain, OutputOf
from .verdicts import verdict_of, verdict_of_control_plane

__all__ = ["UNKNOWN", "Dispatch", "hand_over", "invocation_type_of", "record"]

UNKNOWN = Delivery.UNKNOWN
"""Looking up a member of an enum takes longer than the rest of an attempt's record."""


class Dispatch:
    """Sends `call.request`, and returns the answer, which `call.response` then holds for middlewares to look at.

    A body that is still being received is added to `call.answers`.
    """

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    def __call__(self, call: Call[Any, Any], /) -> Awaitable[Response]:
        return _dispatching(self._state, _answer)(call)

    def ending_with(self, output_of: OutputOf) -> FusedChain:
        """The dispatch in one with a function that makes the output of the answer."""
        walk = _dispatching(self._state, output_of)
        return FusedChain(walk, rest=walk, output_of=output_of)


def _answer(call: Call[Any, Any], response: Response) -> Response:
    return response


def _dispatching(state: PipelineState, output_of: OutputOf) -> CallNext[Any, Any]:
    async def dispatch(call: Call[Any, Any], /) -> Any:
        request, clock = call.request, call.loop.time
        if request.sent:  # a middleware sends it once more, perhaps at the same time: each send has a stage of its own
            request = request.copy()
        operation, started = call.command.operation, clock()
        hand_over(call, state, request)
        verdict, status = UNKNOWN, None
        try:
            transport = state.transport or state.open_transport
            streamed, invocation_type = operation.streamed, invocation_type_of(request)
            if streamed:
                response = await _open(call, transport, request, invocation_type, state.context.response_limits.body)
            else:
                response = await transport.send(request)
            call.response, status = response, response.status
            if isinstance(operation, ControlPlaneOperation):
                verdict = verdict_of_control_plane(operation, response, request)
            elif isinstance(operation, HttpOperation):
                verdict = operation.verdict(call.input, response)
            else:
                verdict = verdict_of(response, request, invocation_type, streamed=streamed)
        except AiolambdaError as error:
            verdict, call.last_error = error.delivery, error
            raise
        except BaseException:
            verdict = delivery.verdict_of_silence(request.stage)
            raise
        finally:
            counters = None if isinstance(operation, ControlPlaneOperation) else state.counters
            record(call, counters, request, verdict, status, clock() - started)
        return output_of(call, response)

    return dispatch


def hand_over(call: Call[Any, Any], state: PipelineState, request: Request) -> None:
    """Note that the request goes to the transport now."""
    if call.watch is not None:
        tell_sent(call, call.watch, state.observers)
    call.response = None
    if (read := request.timeouts.read) is UNSET or read == "function":  # a middleware made this request
        request.timeouts = attrs.evolve(request.timeouts, read=call.timeouts.read)
    request.sent = True
    call.sent += 1
    request.stage = "send"  # a transport that reports more sets it back to queue and connect


def invocation_type_of(request: Request) -> str:
    """The invocation type that a request asks for. The headers of a template are not made for that."""
    headers = request.headers
    if type(headers) is TemplateHeaders and headers.template is not None:
        return headers.template.invocation_type
    return headers.fields.get("x-amz-invocation-type", "RequestResponse")


def record(
    call: Call[Any, Any], counters: Counters | None, request: Request, verdict: Delivery, status: int | None, duration: float
) -> None:
    """Record the facts of an attempt. Invocations are counted."""
    call.stage = request.stage
    call.history.append(new_attempt(verdict, duration, status))
    if counters is not None:
        counters.attempts += 1
        if len(call.history) > 1:
            counters.retries += 1
    if call.watch is not None:
        tell_ended(call, call.watch)


async def _open(call: Call[Any, Any], transport: Transport, request: Request, invocation_type: str, most: int) -> Response:
    """The head of a streamed answer, whose body is read later. An answer without a stream, such as an error, is read whole."""
    async with contextlib.AsyncExitStack() as exits:
        answer = await exits.enter_async_context(transport.stream(request))
        head, operation = Response(answer.status, answer.headers), call.command.operation
        is_http = isinstance(operation, HttpOperation)
        if isinstance(operation, HttpOperation):
            is_whole = not operation.is_output(call.input, head)
        else:
            is_whole = answer.status == 204 or not 200 <= answer.status < 300
        if is_whole:
            return Response(answer.status, answer.headers, await _whole_body(answer, request.timeouts.read, most))
        if not is_http and success_response.problem_of(head, request, invocation_type, streamed=True) is not None:
            return head  # which closes the connection: the body of an answer that is not Lambda's is not read
        head.stream = OpenResponse(call, answer, exits)
        call.answers += (head.stream,)
    return head


async def _whole_body(answer: StreamedResponse, limit: object, most: int) -> bytes:
    """All of a body, at most `most` bytes, within the read limit (seconds)."""
    body, piece = bytearray(), b""
    try:
        async with asyncio.timeout(limit if isinstance(limit, (int, float)) else None):
            async for piece in answer:
                body += piece
                if len(body) > most:
                    raise ConnectionLostError(
                        f"the answer has a body of more than {most:,} bytes; "
                        "response_limits=ResponseLimits(body=...) sets this limit"
                    )
        return bytes(body)
    except TimeoutError:
        silence = f"the head of the answer came, but not all of its body within {limit} s"
        raise InvocationTimeoutError(silence, exceeded="read", stage="receive") from None
    finally:
        del body, piece  # a traceback that is printed with locals would show them
