"""One attempt in one coroutine: slot, signature, dispatch and output, for when nothing of the user's stands between these.

Laws: it does what `ConcurrencyMiddleware`, the signature, `Dispatch` and `DeserializerMiddleware` do one after another. A
stream and a call of the control plane go through these one by one.

Owns this sequence. Must not own a rule: they do.
"""

from typing import Any

from ..errors import AiolambdaError
from ..policy import delivery
from .attempt_slot import (
    acquire_nowait,
    credentials_of,
    provider_if_expired,
    wait_for_slot,
)
from .call import Call, CallNext
from .context import PipelineState
from .dispatch import UNKNOWN, hand_over, invocation_type_of, record
from .operation import ControlPlaneOperation, HttpOperation
from .preparation import OutputOf, Prepare
from .verdicts import verdict_of

__all__ = ["attempting"]


def attempting(  # noqa: C901 - a straight line: a function for each step would cost every call a frame
    state: PipelineState, sign: Prepare, output_of: OutputOf, step_by_step: CallNext[Any, Any]
) -> CallNext[Any, Any]:
    """The four as one. `step_by_step` are the same four for other calls, or after an earlier answer that is still open."""

    async def attempt(call: Call[Any, Any], /) -> Any:  # noqa: C901, PLR0912 - as above
        operation = call.command.operation
        if call.answers or operation.streamed or isinstance(operation, ControlPlaneOperation):
            return await step_by_step(call)
        context = state.context
        if (provider := context.credentials) is not None and call.signs:
            ready = context.ready_credentials()
            call.credentials = ready or await credentials_of(provider)
        reservation = acquire_nowait(call, state, state.slots) or await wait_for_slot(
            call, state, state.slots, first=bool(call.history)
        )
        if call.credentials is not None and call.credentials.expires_at is not None:
            provider = provider_if_expired(call, state, state.slots, reservation)
            if provider is not None:
                call.credentials = await credentials_of(provider)
                reservation = await wait_for_slot(call, state, state.slots, first=True)
        slots, clock = state.slots, call.loop.time
        try:
            if call.on_slot is not None:
                call.on_slot()
            if (rest := sign(call)) is not None:
                await rest
            request = call.request
            invocation_type = invocation_type_of(request)
            started = clock()
            hand_over(call, state, request)
            verdict, status = UNKNOWN, None
            try:
                response = await (state.transport or state.open_transport).send(request)
                call.response, status = response, response.status
                if isinstance(operation, HttpOperation):
                    verdict = operation.verdict(call.input, response)
                else:
                    verdict = verdict_of(response, request, invocation_type, streamed=False)
            except AiolambdaError as error:
                verdict, call.last_error = error.delivery, error
                raise
            except BaseException:
                verdict = delivery.verdict_of_silence(request.stage)
                raise
            finally:
                record(call, state.counters, request, verdict, status, clock() - started)
            return output_of(call, response)
        finally:
            try:
                reservation.end()
            finally:
                slots.release()

    return attempt
