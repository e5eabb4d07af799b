"""The end of every stack: the transport, and the facts of each attempt that goes over it.

Owns verdict, status and duration of an attempt, and the client's counters. No middleware can take its place, so whatever is
removed or overridden, a request that was sent is known to have been sent. Must not make outputs or errors of answers.
"""

import asyncio
import contextlib
from typing import Any

import attrs

from ..errors import AiolambdaError, ConnectionLostError, InvocationTimeoutError
from ..policy import delivery
from ..protocol import error_response, success
from ..types.http import Request, Response
from ..types.interfaces import StreamedResponse, Transport
from ..types.values import Attempt, Delivery, Unset
from .call import Call, CallNext
from .context import Counters, Wiring
from .open_response import OpenResponse

__all__ = ["dispatch_over"]

_KIND = "x-amz-invocation-type"


def dispatch_over(wiring: Wiring) -> CallNext[Any, Any]:
    """Sends `call.request`, and leaves the answer in `call.response`; what is still to come of it, in `call.answers`, too."""

    async def send(call: Call[Any, Any]) -> Response:
        request, clock = call.request, call.loop.time
        if request.stage != "queue":  # a middleware sends it once more, perhaps at the same time: each has a stage of its own
            request = request.copy()
        started = clock()
        call.response = None
        if isinstance(request.timeouts.read, Unset):  # a middleware made this request
            request.timeouts = attrs.evolve(request.timeouts, read=call.timeouts.read)
        request.stage = "send"  # a transport that tells more sets it back to queue and connect
        verdict, status = Delivery.UNKNOWN, None
        try:
            transport = wiring.open_transport
            streamed = call.command.operation.streamed
            kind = request.headers.fields.get(_KIND, "RequestResponse")  # a middleware may have changed it
            most = wiring.response_limits.body
            response = await (_opened(call, transport, request, kind, most) if streamed else transport.send(request))
            call.response, status = response, response.status
            verdict = _verdict(response, request, kind, streamed=streamed)
        except AiolambdaError as error:
            verdict, call.last_error = error.delivery, error
            raise
        except BaseException:
            verdict = delivery.verdict_of_silence(request.stage)
            raise
        finally:
            call.stage = request.stage
            _note(call, wiring.counters, Attempt(delivery=verdict, duration=clock() - started, status_code=status))
        return response

    return send


async def _opened(call: Call[Any, Any], transport: Transport, request: Request, kind: str, most: int) -> Response:
    """The head of an answer that is to be read as it comes. One without a stream, such as an error, is read to its end."""
    async with contextlib.AsyncExitStack() as exits:
        answer = await exits.enter_async_context(transport.stream(request))
        if answer.status == 204 or not 200 <= answer.status < 300:
            return Response(answer.status, answer.headers, await _whole_body(answer, request.timeouts.read, most))
        head = Response(answer.status, answer.headers)
        if success.problem_of(head, request, kind, streamed=True) is not None:
            return head  # which ends the connection: nothing is read of what is not Lambda's
        head.stream = OpenResponse(call, answer, exits)
        call.answers.append(head.stream)
    return head


async def _whole_body(answer: StreamedResponse, limit: float | Unset | None, most: int) -> bytes:
    """All of a body, which may have `most` bytes, within the read limit (seconds)."""
    body, piece = bytearray(), b""
    try:
        async with asyncio.timeout(None if isinstance(limit, Unset) else limit):
            async for piece in answer:
                body += piece
                if len(body) > most:
                    raise ConnectionLostError(
                        f"the answer has a body of more than {most:,} bytes; "
                        "response_limits=ResponseLimits(body=...) sets this limit"
                    )
        return bytes(body)
    except TimeoutError:
        silence = f"the answer's head came, and not all of its body within {limit} s"
        raise InvocationTimeoutError(silence, exceeded="read", stage="receive") from None
    finally:
        del body, piece  # a traceback that is printed with locals would show them


def _verdict(response: Response, request: Request, kind: str, *, streamed: bool) -> Delivery:
    """The verdict on an answer, whatever it says. `ConnectionLostError` for a success that is not Lambda's."""
    if not 200 <= response.status < 300:
        return delivery.verdict_of_error(response.status, error_response.code_of(response))
    problem = success.problem_of(response, request, kind, streamed=streamed)
    if problem is not None:
        raise ConnectionLostError(
            f"the answer is not Lambda's: {problem}. Check endpoint_url and the proxy settings",
            request_id=response.fields.get("x-amzn-requestid"),
        )
    return delivery.verdict_of_output(response.status, kind)


def _note(call: Call[Any, Any], counters: Counters, attempt: Attempt) -> None:
    call.history.append(attempt)
    counters.executed += attempt.delivery is Delivery.EXECUTED
    counters.unknown += attempt.delivery is Delivery.UNKNOWN
    counters.retried += len(call.history) > 1
