"""Serialize, once per send: where the call goes, and the request that its input becomes.

Must not know what a member means: the command's operation does.
"""

from collections.abc import Callable
from typing import Any

from ..interfaces import Call, Middleware
from ..protocol import names
from ..stack import Preparation
from .wiring import Wiring

__all__ = ["endpoint_middleware", "serializer_middleware"]


def endpoint_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Sets `call.endpoint`, the URL that the operation's path is put behind."""

    def choose_endpoint(call: Call[Any, Any]) -> None:
        call.endpoint = wiring.endpoint
        if wiring.endpoint_in is not None:
            _follow_arn(call, wiring, wiring.endpoint_in)

    return Preparation(choose_endpoint)


def _follow_arn(call: Call[Any, Any], wiring: Wiring, endpoint_in: Callable[[str], str]) -> None:
    """Send the call where its function is, and have it signed for there."""
    region = names.region_of(call.function_name)
    if region is not None and wiring.signer is not None and region != wiring.signer.region:
        call.endpoint, call.signing_region = endpoint_in(region), region


def serializer_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Makes the request."""

    def serialize(call: Call[Any, Any]) -> None:
        request = call.command.operation.request(
            call.input, endpoint=call.endpoint or wiring.endpoint, codec=wiring.codec, limits=wiring.limits
        )
        request.timeouts = call.timeouts
        call.request = request

    return Preparation(serialize)
