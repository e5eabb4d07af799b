"""The place of an attempt: credentials, a slot, and a reservation with the transport, in this order; all are given back.

Must not know how an attempt is signed or sent.
"""

from collections.abc import Sequence
from typing import Any, cast

import attrs

from ..errors import AiolambdaError, ConfigurationError
from ..types.events import CallQueued, CallSlotted
from ..types.http import StreamingBody
from ..types.interfaces import CredentialsProvider, Reservation, can_refresh
from ..types.values import Credentials
from .call import Call
from .context import PipelineState
from .operation import ControlPlaneOperation
from .slots import Slots

__all__ = [
    "NO_RESERVATION",
    "acquire_nowait",
    "credentials_of",
    "provider_if_expired",
    "release",
    "slots_of",
    "wait_for_slot",
]


class _NoReservation:
    """In place of a reservation, for a transport that makes none."""

    def end(self) -> None:
        """There is nothing to give back."""


NO_RESERVATION = _NoReservation()


async def credentials_of(provider: CredentialsProvider, rejected: Credentials | None = None) -> Credentials:
    """The credentials of a provider; others than the rejected ones, if it can refresh them.

    `ConfigurationError` if it raises or returns something else. Neither is shown, because it may hold a secret.
    """
    method = "get_credentials"
    try:
        if rejected is not None and can_refresh(provider):
            method = "refresh"
            credentials = cast("object", await provider.refresh(rejected))
        else:
            credentials = await provider.get_credentials()
    except AiolambdaError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{type(provider).__name__}.{method}() raised {type(error).__name__}") from error
    if not isinstance(credentials, Credentials):
        raise ConfigurationError(
            f"{type(provider).__name__}.{method}() must return aiolambda.Credentials; it returned {type(credentials).__name__}"
        )
    return credentials


def slots_of(call: Call[Any, Any], state: PipelineState) -> Slots:
    """The slots that an attempt takes one of, as they are now: a client that moves to another loop gets others."""
    return state.control_slots if isinstance(call.command.operation, ControlPlaneOperation) else state.slots


def acquire_nowait(call: Call[Any, Any], state: PipelineState, slots: Slots) -> Reservation | None:
    """Take a free slot, and reserve an idle connection. `None` if that needs waiting: then nothing is taken."""
    transport = state.reserving_transport
    if transport is None:
        call.stage = "queue"
        return NO_RESERVATION if slots.acquire_nowait() else None
    reservation = transport.promise(call.request, call.loop) if slots.free else None
    if reservation is not None:
        slots.acquire_nowait()
    return reservation


def provider_if_expired(
    call: Call[Any, Any], state: PipelineState, slots: Slots, reservation: Reservation
) -> CredentialsProvider | None:
    """The provider to ask again, if the credentials expired during the wait. Slot and reservation are given back then.

    A fetch may take long, and may need a slot itself.
    """
    credentials = call.credentials
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


async def wait_for_slot(call: Call[Any, Any], state: PipelineState, slots: Slots, *, first: bool) -> Reservation:
    """A slot and a reservation, both within the queue limit; `first`, before all calls that have not begun."""
    call.stage = "queue"
    limit, asked, has_waited = call.timeouts.queue, call.loop.time(), False
    try:
        if not slots.acquire_nowait():
            await _acquire(call, slots, limit, first=first)
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
    finally:
        call.queued += call.loop.time() - asked


async def _acquire(call: Call[Any, Any], slots: Slots, limit: float | None, *, first: bool) -> None:
    """Wait for a slot. The observers are told."""
    watch, asked, gave_up = call.watch, call.loop.time(), True
    if watch is not None and "call_queued" in watch.wanted:
        watch.tell("call_queued", CallQueued(watch.facts_of(call)))
    try:
        await slots.acquire(limit, first=first)
        gave_up = False
    finally:
        if watch is not None and "call_slotted" in watch.wanted:
            watch.tell("call_slotted", CallSlotted(watch.facts_of(call), call.loop.time() - asked, gave_up))


def release(slots: Slots, reservation: Reservation, answers: Sequence[StreamingBody] = ()) -> None:
    """Give back the reservation and the slot. A streamed answer keeps the slot until it is closed."""
    try:
        reservation.end()
    finally:
        if not answers or not any(answer.keep(slots.release) for answer in answers):
            slots.release()
