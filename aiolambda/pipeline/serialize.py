"""Serialize, once per send: where the call goes, and the request that its input becomes.

Must not know what a member means: the command's operation does.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from ..protocol import names
from . import payload_file
from .call import Call, Middleware, UnreadFile
from .command import BaseCommand
from .context import Wiring
from .stack import SyncMiddleware

__all__ = ["endpoint_middleware", "serializer_middleware"]


def endpoint_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Sets `call.endpoint`, the URL that the operation's path is put behind."""

    def choose_endpoint(call: Call[Any, Any]) -> None:
        call.endpoint = wiring.endpoint
        if wiring.endpoint_in is not None:
            _follow_arn(call, wiring, wiring.endpoint_in)

    return SyncMiddleware(choose_endpoint)


def _follow_arn(call: Call[Any, Any], wiring: Wiring, endpoint_in: Callable[[str], str]) -> None:
    """Send the call where its function is, and have it signed for there."""
    region = names.region_of(call.function_name)
    if region is not None and wiring.signer is not None and region != wiring.signer.region:
        call.endpoint, call.signing_region = endpoint_in(region), region


def serializer_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Makes the request. A payload that is an open file is read first."""

    def serialize(call: Call[Any, Any]) -> Awaitable[None] | None:
        try:
            request = call.command.operation.request(
                call.input, endpoint=call.endpoint or wiring.endpoint, codec=wiring.codec, limits=wiring.limits
            )
        except UnreadFile as unread:
            return read_and_serialize(call, unread.file, unread.longest)
        request.timeouts = call.timeouts
        call.request = request
        return None

    async def read_and_serialize(call: Call[Any, Any], file: object, longest: int) -> None:
        payload_file.check(file)
        command = call.command
        owner = command if command.input.payload is file and isinstance(command, BaseCommand) else None
        if owner is not None:
            owner.begin_reading()
        call.input = attrs.evolve(call.input, payload=await payload_file.read(file, longest))
        if owner is not None:
            owner.keep_payload(call.input.payload)
        serialize(call)

    return SyncMiddleware(serialize)
