"""Commands and outcomes as plain values, for a process that sends them in place of this one.

Laws: a payload travels as encoded bytes, so the other process needs no codec. A packed value pickles. A command that cannot
be packed is an `InvalidInputError`, and nothing was sent. An outcome keeps its verdict, even if its error has no pickle.

Owns the form of these values. Must not know how they travel.
"""

import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import attrs

from ..errors import AiolambdaError, InvalidInputError
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandInput, InvokeCommandOutput, new_input, output_with_later_metadata
from ..operations.payload import body_of, encoded
from ..pipeline.command import BaseCommand, function_of, parts_of
from ..pipeline.operation import HttpOperation, UnreadFile
from ..types.http import Headers
from ..types.interfaces import Codec
from ..types.values import Attempt, Delivery, Metadata, text_of
from .pickles import NotPicklable, pickled

if TYPE_CHECKING:
    from ..operations.fetch_command import FetchCommand
    from ..operations.fetch_types import HttpOutput

__all__ = ["command_of", "hedge_of", "outcome_of", "packed_command", "packed_outcome"]

Packed = tuple[Any, ...]

_PLAIN = frozenset({str, bytes, int, type(None)})
_DELIVERIES = {verdict.value: verdict for verdict in Delivery}


def packed_command(command: "InvokeCommand | FetchCommand", codec: Codec) -> Packed:
    """The command as a tuple of plain values.

    Args:
        command: The command. It stays as it is.
        codec: Encodes the payload.

    Raises:
        InvalidInputError: The payload cannot be encoded, or a part of the command cannot be pickled. Nothing was sent.
    """
    input, idempotent, stack = parts_of(cast("Any", command))
    if type(command) is not InvokeCommand or stack is not None:
        return _whole_command(command, codec)
    name, payload = input.function_name, input.payload
    if type(payload) is not bytes and payload is not None:
        payload = _encoded(payload, codec, name)
    kind, log, context = text_of(input.invocation_type), text_of(input.log_type), input.client_context
    qualifier, tenant, execution = input.qualifier, input.tenant_id, input.durable_execution_name
    members = name, kind, log, context, qualifier, tenant, execution
    if not all(one is None or type(one) is str for one in members):
        return _whole_command(command, codec)
    if members[1:] == _NO_MEMBERS:  # nearly every command
        return "invoke", idempotent, payload, name
    return "invoke", idempotent, payload, *members


_NO_MEMBERS = (None,) * 6


def command_of(packed: Packed) -> "InvokeCommand | FetchCommand":
    """The command that was packed.

    Args:
        packed: What `packed_command` returned.
    """
    kind, idempotent, payload, *members = packed
    if kind != "invoke":
        return cast("InvokeCommand | FetchCommand", pickle.loads(payload))  # noqa: S301 - of a process of this program
    if len(members) == 1:
        return InvokeCommand(new_input(function_name=members[0], payload=payload), idempotent=idempotent)
    name, invocation_type, log_type, context, qualifier, tenant, execution = members
    input = new_input(
        function_name=name,
        payload=payload,
        invocation_type=invocation_type,
        log_type=log_type,
        client_context=context,
        qualifier=qualifier,
        tenant_id=tenant,
        durable_execution_name=execution,
    )
    return InvokeCommand(input, idempotent=idempotent)


def packed_outcome(output: "InvokeCommandOutput | HttpOutput | None", error: AiolambdaError | None) -> Packed:
    """The outcome of a command as a tuple of plain values: its output, or the error that its call raised.

    Args:
        output: The output, or `None`.
        error: The error, or `None`.
    """
    if error is not None:
        return _packed_error(error)
    if type(output) is InvokeCommandOutput:
        known: Any = output
        members = (
            output.status_code,
            output.function_error,
            output.log_result,
            output.payload,
            output.executed_version,
            output.durable_execution_arn,
            known._function_name,
            known._invocation_type,
        )
        if _PLAIN.issuperset(map(type, members)):  # a middleware may have put anything there
            return "invoke", _packed_metadata(output.metadata), *members
    try:
        return "output", pickled(output)
    except NotPicklable as problem:
        said = f"the output of a middleware, of the class {type(output).__name__}, cannot leave its process: {problem}"
    return _packed_error(AiolambdaError(said, delivery=Delivery.UNKNOWN))


def outcome_of(packed: Packed, codec: Codec) -> "tuple[InvokeCommandOutput | HttpOutput | None, AiolambdaError | None]":
    """The outcome that was packed, as its output and its error: one of them is `None`.

    Args:
        packed: What `packed_outcome` returned.
        codec: Decodes the payload of the output.
    """
    if packed[0] == "invoke":
        _, metadata, status, function_error, log, payload, version, arn, name, kind = packed
        output = output_with_later_metadata(
            lambda: _metadata_of(metadata), status, function_error, log, payload, version, arn, codec, name, kind
        )
        return output, None
    if packed[0] == "error":
        return None, _error_of(packed)
    return _with_codec(pickle.loads(packed[1]), codec), None  # noqa: S301 - of a process of this program


def hedge_of(packed: Packed) -> Literal["won", "lost"] | None:
    """What the hedge of a packed outcome did, as `Metadata.hedge` says it. Nothing is unpacked for it.

    Args:
        packed: What `packed_outcome` returned.
    """
    return cast('Literal["won", "lost"] | None', packed[1][-1]) if packed[0] == "invoke" else None


def _encoded(payload: object, codec: Codec, function_name: object) -> bytes:
    name = function_name if isinstance(function_name, str) else None
    try:
        return bytes(body_of(payload, codec, 0))
    except UnreadFile:
        problem = "payload is an open file, which another process cannot read: pass its bytes"
    except InvalidInputError as error:
        problem = str(error.args[0])
    finally:
        del payload  # a traceback that is printed with locals would show it
    raise InvalidInputError(problem, member="payload", function_name=name)


def _whole_command(command: "InvokeCommand | FetchCommand", codec: Codec) -> Packed:
    """A command of another kind, or with middlewares of its own. Its payload is encoded, too."""
    name = function_of(command)
    known: Any = command
    input: Any = known.input
    if isinstance(command, BaseCommand):  # pyright: ignore[reportUnnecessaryIsInstance] - a command of another class works too
        if isinstance(input, InvokeCommandInput) and input.payload is not None:
            known = known.with_input(attrs.evolve(input, payload=_encoded(input.payload, codec, name)))
        elif isinstance(command.operation, HttpOperation):
            known = _with_body(known, codec, name)
    try:
        return "whole", None, pickled(known)
    except NotPicklable as problem:
        said = f"the {type(command).__name__} cannot be sent by another process: {problem}"
    raise InvalidInputError(said, member="command", function_name=name)


def _with_body(command: Any, codec: Codec, function_name: str) -> Any:
    """A fetch whose value is encoded. One that cannot be sent stays as it is: the call says why."""
    input: Any = command.input
    given: Any = input.headers
    if input.json is None or input.content is not None or not isinstance(given, Mapping | None):
        return command
    try:
        content = encoded("json", lambda: codec.encode(input.json))
    except InvalidInputError as error:
        problem = str(error.args[0])
    else:
        headers: dict[object, object] = dict(cast("Any", given or {}))
        if not any(isinstance(name, str) and name.lower() == "content-type" for name in headers):
            headers["content-type"] = "application/json"
        return command.with_input(attrs.evolve(input, json=None, content=content, headers=headers))
    raise InvalidInputError(problem, member="json", function_name=function_name)


def _packed_metadata(metadata: Metadata) -> Packed:
    headers = metadata.headers
    fields: object = headers.fields if type(headers) is Headers else headers
    return (
        metadata.http_status_code,
        metadata.request_id,
        metadata.extended_request_id,
        metadata.cf_id,
        metadata.trace_id,
        fields,
        metadata.attempts,
        metadata.total_retry_delay,
        tuple((one.delivery.value, one.duration, one.status_code) for one in metadata.history),
        metadata.hedge,
    )


def _metadata_of(packed: Packed) -> Metadata:
    status, request_id, extended, cf_id, trace_id, headers, attempts, delay, history, hedge = packed
    return Metadata(
        http_status_code=status,
        request_id=request_id,
        extended_request_id=extended,
        cf_id=cf_id,
        trace_id=trace_id,
        headers=Headers.of(cast("dict[str, str]", headers)) if type(headers) is dict else headers,
        attempts=attempts,
        total_retry_delay=delay,
        history=tuple(
            Attempt(delivery=_DELIVERIES[verdict], duration=duration, status_code=code) for verdict, duration, code in history
        ),
        hedge=hedge,
    )


def _packed_error(error: AiolambdaError) -> Packed:
    """An error with its verdict beside it: it may hold an object of the user's that pickles, and cannot be loaded."""
    name = error.function_name
    try:
        return "error", pickled(error), error.delivery.value, type(error).__name__, name
    except NotPicklable:
        return "error", None, error.delivery.value, type(error).__name__, name


def _error_of(packed: Packed) -> AiolambdaError:
    _, content, verdict, kind, name = packed
    delivery = _DELIVERIES[verdict]
    if content is not None:
        try:
            error: object = pickle.loads(content)  # noqa: S301 - of a process of this program
        except Exception:  # noqa: BLE001 - of a class of the user's
            error = None
        if isinstance(error, AiolambdaError):
            return error
    said = f"the call raised {kind}, which cannot be passed from one process to another; its verdict is here"
    return AiolambdaError(said, delivery=delivery, function_name=name)


def _with_codec(output: Any, codec: Codec) -> Any:
    """The output with the codec that was left out. The output of a middleware need not have one."""
    has_codec = attrs.has(output.__class__) and hasattr(output, "_codec")
    return attrs.evolve(output, codec=codec) if has_codec else output
