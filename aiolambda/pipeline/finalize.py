"""Finalize, once per attempt: the attempt's slot, then its signature. `retry_loop` holds the beginning of this step.

Must not know how a request is sent, or the meaning of an answer.
"""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Awaitable
from typing import Any

from ..protocol import sigv4
from ..protocol.request_template import TemplateHeaders
from ..protocol.urls import path_and_query
from ..threads import Threads
from ..types.http import Request
from ..types.interfaces import CredentialsProvider
from ..types.values import Credentials
from .attempt import attempting
from .attempt_slot import (
    acquire_nowait,
    credentials_of,
    provider_if_expired,
    release,
    slots_of,
    wait_for_slot,
)
from .build import set_content_length, set_host
from .call import Call, CallNext
from .context import PipelineState, attempt_header
from .preparation import FusedChain, Preparation, Prepare, prepare_all, unwrapped
from .stack import FusibleMiddleware

__all__ = ["ConcurrencyMiddleware", "signing_middleware"]

_HASHED_ON_LOOP = 1024 * 1024
"""Bytes of a payload that are hashed in one turn of the loop, in half a millisecond."""
_HASHES = Threads("hashing", most=4)


class ConcurrencyMiddleware(FusibleMiddleware):
    """Holds a slot while the attempt is signed, sent and answered; a streamed answer keeps it until it is closed.

    Credentials are fetched before the slot is taken. Every wait for the transport, except opening a connection, happens here:
    nothing else comes after the signature.
    """

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return _holding_slot(self._state, None, call_next)(call)

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """The preparations behind it, of which the signature is one, happen with the slot in hand."""
        if not isinstance(call_next, FusedChain) or not call_next.steps:
            return _holding_slot(self._state, None, unwrapped(call_next))
        prepare, rest = prepare_all(self._state, call_next.steps), call_next.rest
        general = _holding_slot(self._state, prepare, unwrapped(rest))
        if isinstance(rest, FusedChain) and rest.output_of is not None:
            return attempting(self._state, prepare, rest.output_of, general)
        return general


def _holding_slot(state: PipelineState, prepare: Prepare | None, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
    async def hold_slot(call: Call[Any, Any], /) -> Any:
        for answer in call.answers:  # of an earlier attempt by a middleware: its slot is free before another is taken
            await answer.aclose()
        context = state.context
        if (provider := context.credentials) is not None and call.signs:
            ready = context.ready_credentials()
            call.credentials = ready or await credentials_of(provider)
        reservation = acquire_nowait(call, state, slots_of(call, state)) or await wait_for_slot(
            call, state, slots_of(call, state), first=bool(call.history)
        )
        provider = provider_if_expired(call, state, slots_of(call, state), reservation)
        if provider is not None:
            call.credentials = await credentials_of(provider)
            reservation = await wait_for_slot(call, state, slots_of(call, state), first=True)
        slots, before = slots_of(call, state), len(call.answers)  # a client that moves to another loop gets other slots
        try:
            if call.on_slot is not None:
                call.on_slot()
            if prepare is not None and (rest := prepare(call)) is not None:
                await rest
            return await call_next(call)
        finally:
            release(slots, reservation, call.answers[before:] if call.answers else ())

    return hold_slot


def signing_middleware(state: PipelineState) -> Preparation:  # noqa: C901 - three functions: the signature, and two waits before it
    """Signs the request as it is now: content length and payload hash are those of the body that is sent."""

    def sign(call: Call[Any, Any]) -> Awaitable[None] | None:
        context = state.context
        if call.credentials is None and context.credentials is not None and call.signs:  # concurrencyMiddleware was removed
            return fetch_and_sign(call, context.credentials)
        request = call.request
        if request.sent:  # by a middleware that sends it again: the first must stay as it was sent
            request = call.request = request.copy()
        if call.attempt <= len(call.history):
            _renumber(call, context.attempts_suffix)
        signer = context.signer if call.signing_region is None else state.signer_for(call.signing_region)
        if signer is None or call.credentials is None:
            return None
        if len(request.body) > _HASHED_ON_LOOP:
            return hash_and_sign(call, signer)
        now = state.now()
        if call.clock_offset:
            now += call.clock_offset
        body_hash, headers = sigv4.payload_hash(request.body), request.headers
        if type(headers) is not TemplateHeaders or not headers.sign(request, signer, call.credentials, now, body_hash):
            _sign_in_general(request, body_hash, signer, call.credentials, now)
        return None

    async def fetch_and_sign(call: Call[Any, Any], provider: CredentialsProvider) -> None:
        call.credentials = await credentials_of(provider)
        if (rest := sign(call)) is not None:
            await rest

    async def hash_and_sign(call: Call[Any, Any], signer: sigv4.Signer) -> None:
        has_company = state.slots.in_flight > 1
        body_hash = await (_hash_in_thread if has_company else _hash_in_turns)(call.request)
        if call.on_slot is not None:
            call.on_slot()  # the call, or the run of its map, may have ended meanwhile
        if call.credentials is not None:
            _sign(call.request, body_hash, signer, call.credentials, state.now() + call.clock_offset)

    return Preparation(state, sign, "sign")


async def _hash_in_turns(request: Request) -> str:
    """Hash a large body piece by piece. Other callbacks run in between."""
    digest, body = hashlib.sha256(), memoryview(request.body)
    for begin in range(0, len(body), _HASHED_ON_LOOP):
        digest.update(body[begin : begin + _HASHED_ON_LOOP])
        await asyncio.sleep(0)
    return digest.hexdigest()


async def _hash_in_thread(request: Request) -> str:
    """Hash a large body beside the loop, which other calls need. It takes a tenth more than on the loop."""
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


def _sign(request: Request, body_hash: str, signer: sigv4.Signer, credentials: Credentials, now: dt.datetime) -> None:
    headers = request.headers
    if type(headers) is not TemplateHeaders or not headers.sign(request, signer, credentials, now, body_hash):
        _sign_in_general(request, body_hash, signer, credentials, now)


def _sign_in_general(
    request: Request, body_hash: str, signer: sigv4.Signer, credentials: Credentials, now: dt.datetime
) -> None:
    """Sign a request that follows no template. That looks at all headers."""
    set_content_length(request)
    set_host(request)  # AWS accepts no signature without it
    fields = request.headers.fields
    fields[sigv4.PAYLOAD_HASH] = body_hash
    fields.pop(sigv4.SECURITY_TOKEN, None)
    path, query = path_and_query(request.url)
    fields.update(signer.sign(request.method, path, query, fields, body_hash, credentials, now))
