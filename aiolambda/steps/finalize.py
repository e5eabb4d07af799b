"""Finalize, once per attempt: the attempt's slot and its signature, in this order. Its beginning stands in `retrying`.

Must not know how a request is sent, or what an answer means.
"""

import asyncio
import datetime as dt
from typing import Any

import attrs

from ..interfaces import Call, CallNext, CredentialsProvider, Middleware
from ..messages import Request
from ..models import Credentials
from ..protocol import sigv4
from .build import host_of
from .wiring import Wiring

__all__ = ["concurrency_middleware", "signing_middleware"]


def concurrency_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Holds a slot while the attempt is signed, sent and answered. Credentials are fetched before it is taken.

    Whatever the transport would wait for is waited for here, so that only opening a connection comes after the signature.
    """
    slots = wiring.slots

    async def hold_slot(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if wiring.credentials is not None:
            call.credentials = await wiring.credentials.get_credentials()
        limit, loop = call.timeouts.queue, asyncio.get_running_loop()
        asked = loop.time()
        call.stage = "queue"
        await slots.take(limit, first=call.attempt > 1)
        try:
            if limit is not None:
                left = max(0.0, limit - (loop.time() - asked))
                call.request.timeouts = attrs.evolve(call.request.timeouts, queue=left)
            reservation = None if wiring.reserve is None else await wiring.reserve(call.request.timeouts)
            try:
                return await call_next(call)
            finally:
                if reservation is not None:
                    reservation.end()
        finally:
            slots.give_back()

    return hold_slot


def signing_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Signs the request as it is now: content length and payload hash are those of the body that is sent."""

    async def sign(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if wiring.signer is not None and wiring.credentials is not None:
            call.credentials = await _still_valid(call.credentials, wiring.credentials, wiring.now())
            _sign(call.request, wiring.signer, call.credentials, wiring.now() + call.clock_offset)
        return await call_next(call)

    return sign


async def _still_valid(credentials: Credentials | None, provider: CredentialsProvider, now: dt.datetime) -> Credentials:
    """The credentials that were fetched before the slot; asked for again only if they expired while waiting for it."""
    if credentials is None or (credentials.expires_at is not None and credentials.expires_at <= now):
        return await provider.get_credentials()
    return credentials


def _sign(request: Request, signer: sigv4.Signer, credentials: Credentials, now: dt.datetime) -> None:
    headers = request.headers.fields
    headers.setdefault("host", host_of(request.url))  # AWS takes no signature that leaves it out
    if "content-length" in headers:
        headers["content-length"] = str(len(request.body))
    body_hash = headers["x-amz-content-sha256"] = sigv4.payload_hash(request.body)
    path, query = _target_of(request.url)
    headers.pop("x-amz-security-token", None)
    headers.update(signer.sign(request.method, path, query, headers, body_hash, credentials, now))


def _target_of(url: str) -> tuple[str, str]:
    """Path and query as they go over the wire."""
    target = url.split("/", 3)[3] if url.count("/") > 2 else ""
    path, _, query = target.partition("?")
    return f"/{path}", query
