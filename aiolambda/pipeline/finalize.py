"""Finalize, once per attempt: the attempt's slot, then its signature. `retry_loop` holds the beginning of this step.

Must not know how a request is sent, or the meaning of an answer.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import attrs

from ..errors import ConfigurationError
from ..protocol import sigv4
from ..protocol.urls import path_and_query
from ..threads import Threads
from ..types.http import Request, StreamingBody
from ..types.interfaces import CredentialsProvider, Reservation
from ..types.values import Credentials
from .build import set_content_length, set_host
from .call import Call, CallNext, Middleware
from .context import PipelineState
from .retry_loop import attempt_header
from .slots import Slots

__all__ = ["concurrency_middleware", "signing_middleware"]

_HASHED_ON_LOOP = 1024 * 1024
"""Bytes of a payload that are hashed on the loop, in half a millisecond. A thread costs a fifth of that to ask."""
_HASHES = Threads("hashing", most=4)


def concurrency_middleware(state: PipelineState) -> Middleware[Any, Any]:
    """Holds a slot while the attempt is signed, sent and answered; a streamed answer keeps it until it is closed.

    Credentials are fetched before the slot is taken. Every wait for the transport, except opening a connection, happens here:
    nothing else comes after the signature.
    """

    async def hold_slot(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        for answer in call.answers:  # of an earlier attempt by a middleware: its slot is free before another is taken
            await answer.aclose()
        provider = state.context.credentials
        if provider is not None:
            call.credentials = _checked(await provider.get_credentials(), provider)
        reservation, before = await _acquire(call, state), len(call.answers)
        slots = state.slots  # a client that moves to another loop gets other slots
        try:
            if call.on_slot is not None:
                call.on_slot()
            return await call_next(call)
        finally:
            _release(slots, reservation, call.answers[before:])

    return hold_slot


def _checked(credentials: object, provider: CredentialsProvider) -> Credentials:
    """The credentials of a provider. `ConfigurationError` for anything else, which is not shown: it may hold a secret."""
    if not isinstance(credentials, Credentials):
        raise ConfigurationError(
            f"{type(provider).__name__}.get_credentials() must return aiolambda.Credentials; "
            f"it returned {type(credentials).__name__}"
        )
    return credentials


async def _acquire(call: Call[Any, Any], state: PipelineState) -> Reservation | None:
    """Take a slot, and reserve a connection or a turn to open one. Credentials that expired meanwhile are fetched again."""
    slots, transport, reservation = state.slots, state.reserving_transport, None
    if transport is not None and slots.is_free:
        reservation = transport.promise(call.request, call.loop)
    if reservation is not None:
        slots.acquire_nowait()
    else:
        reservation = await _wait_for_slot(call, state, first=bool(call.history))
    try:
        provider = _provider_if_expired(call.credentials, state)
    except BaseException:
        _release(slots, reservation)
        raise
    if provider is None:
        return reservation
    _release(slots, reservation)  # a fetch may take long, and may need a slot itself
    call.credentials = _checked(await provider.get_credentials(), provider)
    return await _wait_for_slot(call, state, first=True)


def _provider_if_expired(credentials: Credentials | None, state: PipelineState) -> CredentialsProvider | None:
    """The provider to ask again, if these credentials have expired."""
    if credentials is None or credentials.expires_at is None or credentials.expires_at > state.now():
        return None
    return state.context.credentials


async def _wait_for_slot(call: Call[Any, Any], state: PipelineState, *, first: bool) -> Reservation | None:
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
        return None if transport is None else await transport.reserve(call.request, first=first)
    except BaseException:
        slots.release()
        raise


def _release(slots: Slots, reservation: Reservation | None, answers: Sequence[StreamingBody] = ()) -> None:
    """Give back the reservation and the slot. A streamed answer keeps the slot until it is closed."""
    try:
        if reservation is not None:
            reservation.end()
    finally:
        if not answers or not any(answer.keep(slots.release) for answer in answers):
            slots.release()


def signing_middleware(state: PipelineState) -> Middleware[Any, Any]:
    """Signs the request as it is now: content length and payload hash are those of the body that is sent."""

    async def sign(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        context = state.context
        if call.credentials is None and context.credentials is not None:  # concurrencyMiddleware was removed
            call.credentials = _checked(await context.credentials.get_credentials(), context.credentials)
        if call.request.sent:  # by a middleware that sends it again: the first must stay as it was sent
            call.request = call.request.copy()
        if call.attempt <= len(call.history):
            _renumber(call, context.attempts_suffix)
        signer = context.signer if call.signing_region is None else state.signer_for(call.signing_region)
        if signer is not None and call.credentials is not None:
            large = len(call.request.body) > _HASHED_ON_LOOP
            body_hash = await _hash_in_thread(call.request) if large else sigv4.payload_hash(call.request.body)
            _sign(call, body_hash, signer, call.credentials, state.now() + call.clock_offset)
        return await call_next(call)

    return sign


async def _hash_in_thread(request: Request) -> str:
    try:
        return await _HASHES.run(lambda: sigv4.payload_hash(request.body))
    except OSError:  # no thread can be started: hash on the loop, which takes a few milliseconds
        return sigv4.payload_hash(request.body)


def _renumber(call: Call[Any, Any], suffix: str) -> None:
    """Count the requests that a middleware has sent for this call. A header that a middleware has written stays."""
    fields = call.request.headers.fields
    is_ours = fields.get("amz-sdk-request") == attempt_header(call.attempt, suffix)
    call.attempt = len(call.history) + 1
    if is_ours:
        fields["amz-sdk-request"] = attempt_header(call.attempt, suffix)


def _sign(call: Call[Any, Any], body_hash: str, signer: sigv4.Signer, credentials: Credentials, now: dt.datetime) -> None:
    set_content_length(call)
    set_host(call)  # AWS accepts no signature without it
    request, headers = call.request, call.request.headers.fields
    headers["x-amz-content-sha256"] = body_hash
    headers.pop("x-amz-security-token", None)
    path, query = path_and_query(request.url)
    headers.update(signer.sign(request.method, path, query, headers, body_hash, credentials, now))
