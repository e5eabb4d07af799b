"""Finalize, once per attempt: the attempt's slot and its signature, in this order. Its beginning stands in `retrying`.

Must not know how a request is sent, or what an answer means.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NoReturn, cast

import attrs

from ..errors import ConfigurationError
from ..protocol import sigv4
from ..threads import Threads
from ..types.http import Request, StreamingBody
from ..types.interfaces import CredentialsProvider, Reservation
from ..types.values import Credentials
from .build import host_of
from .call import Call, CallNext, Middleware
from .context import Wiring
from .slots import Slots

__all__ = ["concurrency_middleware", "signing_middleware"]

_HASHED_AT_ONCE = 1024 * 1024
"""Bytes of a payload that are hashed on the loop, in half a millisecond; to ask a thread costs a fifth of that."""
_HASHES = Threads("hashing", most=4)


def concurrency_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Holds a slot while the attempt is signed, sent and answered; if the answer is read as it comes, until that is closed.

    Credentials are fetched before it is taken.

    Whatever the transport would wait for is waited for here, so that only opening a connection comes after the signature.
    """

    async def hold_slot(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        for answer in call.answers:  # of an attempt that a middleware has made before: nobody waits for its slot
            await answer.aclose()
        if wiring.credentials is not None:
            keys = call.credentials = await wiring.credentials.get_credentials()
            if not isinstance(cast("object", keys), Credentials):
                _refuse_keys(keys, wiring.credentials)
        reservation, before = await _place_with_keys(call, wiring), len(call.answers)
        slots = wiring.slots  # a client that has moved to another loop has others there
        try:
            if call.time_begins is not None:
                call.time_begins()
            return await call_next(call)
        finally:
            _leave(slots, reservation, call.answers[before:])

    return hold_slot


def _leave(slots: Slots, reservation: Reservation | None, answers: Sequence[StreamingBody] = ()) -> None:
    """Give the place back: the slot only once the answer that is still coming is closed."""
    try:
        if reservation is not None:
            reservation.end()
    finally:
        if not answers or not any(answer.keep(slots.give_back) for answer in answers):
            slots.give_back()


async def _place_with_keys(call: Call[Any, Any], wiring: Wiring) -> Reservation | None:
    """A slot, and with the transport a connection or a turn to open one; and keys that have not expired meanwhile."""
    promise = wiring.promise if wiring.slots.is_free else None
    reservation = None if promise is None else promise(call.request, call.loop)
    if reservation is not None:
        wiring.slots.take_free()
    else:
        reservation = await _place(call, wiring, first=call.attempt > 1)
    try:
        expired = _has_expired(call.credentials, wiring)
    except BaseException:
        _leave(wiring.slots, reservation)
        raise
    if not expired:
        return reservation
    _leave(wiring.slots, reservation)  # to fetch keys may take its time, and may need a slot itself
    await _fetch_keys(call, wiring)
    return await _place(call, wiring, first=True)


async def _place(call: Call[Any, Any], wiring: Wiring, *, first: bool) -> Reservation | None:
    call.stage = "queue"
    slots, asked, has_waited = wiring.slots, call.loop.time(), not wiring.slots.take_free()
    if has_waited:
        await slots.take(call.timeouts.queue, first=first)
    try:
        if has_waited:
            _shorten_queue(call, call.loop.time() - asked)
        return None if wiring.reserve is None else await wiring.reserve(call.request, first=first)
    except BaseException:
        slots.give_back()
        raise


def _shorten_queue(call: Call[Any, Any], waited: float) -> None:
    """What of the limit is left over is for the turn to connect."""
    limit = call.timeouts.queue
    if limit is not None:
        call.request.timeouts = attrs.evolve(call.request.timeouts, queue=max(0.0, limit - waited))


async def _fetch_keys(call: Call[Any, Any], wiring: Wiring) -> None:
    if wiring.credentials is not None:
        keys = call.credentials = await wiring.credentials.get_credentials()
        if not isinstance(cast("object", keys), Credentials):
            _refuse_keys(keys, wiring.credentials)


def _refuse_keys(keys: object, provider: CredentialsProvider) -> NoReturn:
    """`ConfigurationError` for what is no keys; its value is not shown, for it may hold some."""
    raise ConfigurationError(
        f"{type(provider).__name__}.get_credentials() gave {type(keys).__name__}, and a provider gives aiolambda.Credentials"
    )


def _has_expired(credentials: Credentials | None, wiring: Wiring) -> bool:
    return credentials is not None and credentials.expires_at is not None and credentials.expires_at <= wiring.now()


def signing_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Signs the request as it is now: content length and payload hash are those of the body that is sent."""

    async def sign(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.credentials is None:  # nobody waited for a slot
            await _fetch_keys(call, wiring)
        if call.request.stage != "queue":  # it was sent already, and stays as it was sent
            call.request = call.request.copy()
        _number(call)
        signer = wiring.signer if call.signing_region is None else wiring.signer_for(call.signing_region)
        if signer is not None and call.credentials is not None:
            large = len(call.request.body) > _HASHED_AT_ONCE
            body_hash = await _hash_in_thread(call.request) if large else sigv4.payload_hash(call.request.body)
            _sign(call.request, body_hash, signer, call.credentials, wiring.now() + call.clock_offset)
        return await call_next(call)

    return sign


async def _hash_in_thread(request: Request) -> str:
    try:
        return await _HASHES.run(lambda: sigv4.payload_hash(request.body))
    except OSError:  # no thread can be started: a call that takes a few milliseconds longer is better than none
        return sigv4.payload_hash(request.body)


def _number(call: Call[Any, Any]) -> None:
    """A middleware may have sent requests of its own for this call: every one that is sent counts."""
    if call.attempt == len(call.history) + 1:
        return
    announced, separator, rest = call.request.headers.get("amz-sdk-request", "").partition(";")
    if announced == f"attempt={call.attempt}":  # and not what somebody else has put there
        call.request.headers["amz-sdk-request"] = f"attempt={len(call.history) + 1}{separator}{rest}"


def _sign(request: Request, body_hash: str, signer: sigv4.Signer, credentials: Credentials, now: dt.datetime) -> None:
    headers = request.headers.fields
    if "host" not in headers:  # AWS takes no signature that leaves it out
        headers["host"] = host_of(request.url)
    if "content-length" in headers:
        headers["content-length"] = str(len(request.body))
    headers["x-amz-content-sha256"] = body_hash
    path, query = _target_of(request.url)
    headers.pop("x-amz-security-token", None)
    headers.update(signer.sign(request.method, path, query, headers, body_hash, credentials, now))


def _target_of(url: str) -> tuple[str, str]:
    """Path and query as they go over the wire."""
    target = url.split("/", 3)[3] if url.count("/") > 2 else ""
    path, _, query = target.partition("?")
    return f"/{path}", query
