"""Serialize, once per send: where the call goes, and the request that its input becomes.

Must not know what a member means: the command's operation does.
"""

from typing import Any

from ..interfaces import Call, Middleware
from ..stack import Preparation
from .wiring import Wiring

__all__ = ["endpoint_middleware", "serializer_middleware"]


def endpoint_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Sets `call.endpoint`, the URL that the operation's path is put behind."""

    def choose_endpoint(call: Call[Any, Any]) -> None:
        call.endpoint = wiring.endpoint

    return Preparation(choose_endpoint)


def serializer_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Makes the request."""

    def serialize(call: Call[Any, Any]) -> None:
        request = call.command.operation.request(
            call.input, endpoint=call.endpoint or wiring.endpoint, codec=wiring.codec, limits=wiring.limits
        )
        request.timeouts = call.timeouts
        call.request = request

    return Preparation(serialize)
