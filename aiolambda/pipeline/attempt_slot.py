"""The place of an attempt: credentials, a slot, and a reservation with the transport, in this order; all are given back.

Must not know how an attempt is signed or sent.
"""

from collections.abc import Sequence
from typing import Any

import attrs

from ..errors import ConfigurationError
from ..types.http import StreamingBody
from ..types.interfaces import CredentialsProvider, Reservation
from ..types.values import Credentials
from .call import Call
from .context import PipelineState
from .slots import Slots

__all__ = [
    "NO_RESERVATION",
    "acquire_nowait",
    "checked_credentials",
    "provider_if_expired",
    "release",
    "wait_for_slot",
]


class _NoReservation:
    """In place of a reservation, for a transport that makes none."""

    def end(self) -> None:
        """There is nothing to give back."""


NO_RESERVATION = _NoReservation()


def checked_credentials(credentials: object, provider: CredentialsProvider) -> Credentials:
    """The credentials of a provider. `ConfigurationError` for anything else, which is not shown: it may hold a secret."""
    if not isinstance(credentials, Credentials):
        raise ConfigurationError(
            f"{type(provider).__name__}.get_credentials() must return aiolambda.Credentials; "
            f"it returned {type(credentials).__name__}"
        )
    return credentials


def acquire_nowait(call: Call[Any, Any], state: PipelineState) -> Reservation | None:
    """Take a free slot, and reserve an idle connection. `None` if that needs waiting: then nothing is taken."""
    transport = state.reserving_transport
    if transport is None:
        call.stage = "queue"
        return NO_RESERVATION if state.slots.acquire_nowait() else None
    reservation = transport.promise(call.request, call.loop) if state.slots.free else None
    if reservation is not None:
        state.slots.acquire_nowait()
    return reservation


def provider_if_expired(call: Call[Any, Any], state: PipelineState, reservation: Reservation) -> CredentialsProvider | None:
    """The provider to ask again, if the credentials expired during the wait. Slot and reservation are given back then.

    A fetch may take long, and may need a slot itself.
    """
    credentials, slots = call.credentials, state.slots
    if credentials is None or credentials.expires_at is None:
        return None
    try:
        has_expired = credentials.expires_at <= state.now()
    except BaseException:
        release(slots, reservation)
        raise
    if not has_expired or state.context.credentials is None:
        return None
    release(slots, reservation)
    return state.context.credentials


async def wait_for_slot(call: Call[Any, Any], state: PipelineState, *, first: bool) -> Reservation:
    """A slot and a reservation, both within the queue limit; `first`, before all calls that have not begun."""
    call.stage = "queue"
    slots, limit, asked, has_waited = state.slots, call.timeouts.queue, call.loop.time(), False
    if not slots.acquire_nowait():
        await slots.acquire(limit, first=first)
        has_waited = True
    try:
        if has_waited and limit is not None:  # the turn to connect may take the rest of the limit
            rest = max(0.0, limit - (call.loop.time() - asked))
            call.request.timeouts = attrs.evolve(call.request.timeouts, queue=rest)
        transport = state.reserving_transport
        return NO_RESERVATION if transport is None else await transport.reserve(call.request, first=first)
    except BaseException:
        slots.release()
        raise


def release(slots: Slots, reservation: Reservation, answers: Sequence[StreamingBody] = ()) -> None:
    """Give back the reservation and the slot. A streamed answer keeps the slot until it is closed."""
    try:
        reservation.end()
    finally:
        if not answers or not any(answer.keep(slots.release) for answer in answers):
            slots.release()
