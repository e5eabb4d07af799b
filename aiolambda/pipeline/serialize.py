"""Serialize, once per send: the endpoint of the call, and the request of its input.

Must not know the meaning of a member: the command's operation does.
"""

from collections.abc import Awaitable
from typing import Any

import attrs

from ..errors import InvalidInputError
from ..protocol import names
from ..threads import Threads
from ..types.http import Request
from . import payload_file
from .call import Call, NewCall
from .command import BaseCommand
from .context import PipelineContext, PipelineState
from .operation import ControlPlaneOperation, HttpOperation, UnreadFile
from .preparation import Preparation

__all__ = ["endpoint_middleware", "serializer_middleware"]

_ENCODING = Threads("encoding", most=4)


def endpoint_middleware(state: PipelineState) -> Preparation:
    """Sets `call.endpoint`, the URL before the operation's path. A function's ARN or a URL may decide the region."""

    def choose_endpoint(call: Call[Any, Any]) -> None:
        context, operation = state.context, call.command.operation
        call.endpoint = context.endpoint
        if isinstance(operation, HttpOperation):
            region = operation.signing_region(call.input)
            call.signs = region is not None
            if call.signs and (context.signer is None or region != context.signer.region):
                call.signing_region = region
            return
        if context.endpoint_in is None or context.signer is None:
            return
        if isinstance(operation, ControlPlaneOperation):
            region = operation.arn_region(call.input)
        else:
            region = names.region_of(call.function_name)
        if region is not None and region != context.signer.region:
            call.endpoint, call.signing_region = context.endpoint_in(region), region

    return Preparation(state, choose_endpoint, "endpoint")


def serializer_middleware(state: PipelineState) -> Preparation:  # noqa: C901 - three functions: the request, and two waits for it
    """Makes the request. If the payload is an open file, it is read first. A thread encodes the code of a function."""

    def serialize(call: Call[Any, Any], request: Request | None = None) -> Awaitable[None] | None:
        context, operation = state.context, call.command.operation
        if request is None:
            if isinstance(operation, ControlPlaneOperation) and operation.is_large(call.input):
                return make_in_thread(call)
            try:
                request = _made(call, context)
            except UnreadFile as unread:
                return read_and_serialize(call, unread.file, unread.longest)
        request.timeouts = call.timeouts
        call.request = request
        if type(call) is NewCall:
            call.__class__ = Call  # type: ignore[assignment] # see `NewCall`
        return None

    async def make_in_thread(call: Call[Any, Any]) -> None:
        serialize(call, await _made_in_thread(call, state.context))

    async def read_and_serialize(call: Call[Any, Any], file: object, longest: int) -> None:
        payload_file.check(file)
        command = call.command
        is_of_command = command.input.payload is file
        owner = command if is_of_command and isinstance(command, BaseCommand) else None
        if owner is not None:
            owner.begin_reading()
        elif is_of_command and call.watch is not None and call.watch.side is not None and call.watch.side.hedge:
            raise InvalidInputError("payload is a file that the first request of this call has read", member="payload")
        call.input = attrs.evolve(call.input, payload=await payload_file.read(file, longest))
        if owner is not None:
            owner.keep_payload(call.input.payload)
        serialize(call)

    return Preparation(state, serialize, "request")


def _made(call: Call[Any, Any], context: PipelineContext) -> Request:
    endpoint = call.endpoint or context.endpoint
    return call.command.operation.request(call.input, endpoint=endpoint, codec=context.codec, limits=context.limits)


async def _made_in_thread(call: Call[Any, Any], context: PipelineContext) -> Request:
    try:
        return await _ENCODING.run(lambda: _made(call, context))
    except OSError:  # no thread can be started: encode on the loop, which takes a few milliseconds for each megabyte
        return _made(call, context)
