"""The end of every stack: the transport, and the facts of each attempt that goes over it.

Owns verdict, status and duration of an attempt, and the client's counters. No middleware can take its place, so whatever is
removed or overridden, a request that was sent is known to have been sent. Must not make outputs or errors of answers.
"""

import asyncio
from typing import Any

import attrs

from ..errors import AiolambdaError
from ..interfaces import Call, CallNext
from ..messages import Response
from ..models import Attempt, Delivery, Unset
from ..policy import delivery
from ..protocol import service_error
from .wiring import Counters, Wiring

__all__ = ["send_over"]


def send_over(wiring: Wiring) -> CallNext[Any, Any]:
    """Sends `call.request`, and leaves the answer in `call.response`."""

    async def send(call: Call[Any, Any]) -> Response:
        # A copy of its own, for a middleware may send one request twice at a time: each has a stage, and its own limits.
        request, clock = call.request.copy(), asyncio.get_running_loop().time
        started = clock()
        call.response = None
        if isinstance(request.timeouts.read, Unset):  # a middleware made this request
            request.timeouts = attrs.evolve(request.timeouts, read=call.timeouts.read)
        request.stage = "send"  # a transport that tells more sets it back to queue and connect
        verdict, status = Delivery.UNKNOWN, None
        try:
            response = call.response = await wiring.open_transport.send(request)
            verdict, status = _verdict(call, response), response.status
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


def _verdict(call: Call[Any, Any], response: Response) -> Delivery:
    """The verdict on an answer, whatever it says."""
    if 200 <= response.status < 300:
        return delivery.verdict_of_output(response.status, call.command.operation.invocation_type(call.input))
    return delivery.verdict_of_error(response.status, service_error.code_of(response))


def _note(call: Call[Any, Any], counters: Counters, attempt: Attempt) -> None:
    call.history.append(attempt)
    counters.executed += attempt.delivery is Delivery.EXECUTED
    counters.unknown += attempt.delivery is Delivery.UNKNOWN
    counters.retried += len(call.history) > 1
