"""The stored form of a result: JSON and bytes, which run no code when they are loaded.

Law: loading checks each member, so a record with other content raises `UnreadableError` and has no other effect.

Owns the form of a record. Must not know where records are stored.
"""

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar, cast

from .. import errors
from ..errors import AiolambdaError, FunctionError, LambdaServiceException, UnknownOutcomeError, rebuilt
from ..errors.service import EXCEPTIONS
from ..operations.invoke_types import InvokeCommandOutput
from ..types.interfaces import Codec
from ..types.values import Delivery, Metadata
from .cost import NO_COST, Cost
from .item import WorkItem
from .values import MapResult

__all__ = ["UnreadableError", "cost_of", "dump", "load", "unknown_outcome"]

Item = TypeVar("Item")
Content = Mapping[str, Any]

_NUMBER = (int, float)
_TEXT = (str, NoneType)
_OUTPUT_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "status_code": (int,),
    "function_error": _TEXT,
    "log_result": _TEXT,
    "executed_version": _TEXT,
    "durable_execution_arn": _TEXT,
}
_METADATA_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "http_status_code": (int,),
    "request_id": _TEXT,
    "trace_id": _TEXT,
    "attempts": (int,),
    "total_retry_delay": _NUMBER,
}
_COST_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "billed_ms": _NUMBER,
    "cold_starts": (int,),
    "gb_seconds": _NUMBER,
    "invocations": (int,),
}
_ERROR_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "code": (str,),
    "type": (str,),
    "retry_after": _NUMBER,
    "limit": (int,),
    "exceeded": (str,),
    "stage": (str,),
    "elapsed": _NUMBER,
    "total_retry_delay": _NUMBER,
    "request_id": (str,),
    "member": (str,),
    "size": (int,),
    "transient": (bool,),
    "stale_connection": (bool,),
}
_ERROR_CLASSES: tuple[type[AiolambdaError], ...] = (
    errors.ConfigurationError,
    errors.MiddlewareStackError,
    errors.ClientClosedError,
    errors.InvalidInputError,
    errors.InvalidPayloadSizeError,
    errors.PayloadTooLargeError,
    errors.TransportError,
    errors.ConnectError,
    errors.ConnectionLostError,
    errors.InvocationTimeoutError,
    errors.QueueTimeoutError,
    errors.UnknownOutcomeError,
    LambdaServiceException,
)
"""The errors of an item, except those of the service's codes, and `FunctionError`, which is made from the payload."""
_ERROR_DEFAULTS: tuple[tuple[type[AiolambdaError], Mapping[str, object]], ...] = (
    (errors.InvalidInputError, {"member": "", "limit": None}),
    (
        errors.TransportError,
        {"history": (), "elapsed": 0.0, "total_retry_delay": 0.0, "request_id": None, "last_error": None},
    ),
    (errors.ConnectError, {"transient": True}),
    (errors.ConnectionLostError, {"stale_connection": False}),
    (errors.InvocationTimeoutError, {"exceeded": "total", "stage": "wait"}),
    (LambdaServiceException, {"code": "", "type": None, "body": b""}),
)
"""The attributes of an error that its record does not hold."""


class UnreadableError(Exception):
    """A record is not a result that `dump` made. The text names the member, and never contains a value."""


def dump(result: MapResult[Any], *, cost: Cost = NO_COST) -> tuple[dict[str, Any], bytes | None]:
    """The record of a result without its item, with the cost of all invocations, and the bytes of the payload."""
    output, error = result.output, result.error
    content: dict[str, Any] = {
        "delivery": result.delivery,
        "attempts": result.attempts,
        "duration": result.duration,
        "billed_ms": cost.billed_ms,
        "cold_starts": cost.cold_starts,
        "gb_seconds": cost.gb_seconds,
        "invocations": cost.invocations,
    }
    if output is not None:
        content["output"] = {name: getattr(output, name) for name in _OUTPUT_MEMBERS} | {"metadata": _metadata(output.metadata)}
    if error is not None and not isinstance(error, FunctionError):
        members = {name: getattr(error, name, None) for name in _ERROR_MEMBERS}
        content["error"] = {
            "kind": type(error).__name__,
            "text": str(error.args[0]) if error.args else "",
            "function_name": error.function_name,
            "metadata": _metadata(error.metadata) if isinstance(error, LambdaServiceException) else None,
            **{name: value for name, value in members.items() if type(value) in _ERROR_MEMBERS[name] and _is_sound(value)},
        }
    return content, None if output is None else _bytes_of(output.payload, result.key)


def _bytes_of(payload: object, key: str) -> bytes:
    """The payload. A middleware may have put another type in its place, which would come back as a changed row."""
    if not isinstance(payload, bytes | bytearray):
        raise AiolambdaError(
            f"the output of the item {key!r} has a payload of the type {type(payload).__name__}, and a journal stores bytes: "
            "check the middleware that made this output",
            delivery=Delivery.EXECUTED,
        )
    return bytes(payload)


def load(work: WorkItem[Item], content: object, payload: bytes | None, *, codec: Codec) -> MapResult[Item]:
    """The result that an earlier run stored. `UnreadableError` if the content is not a record."""
    whole = _object(content, "result")
    try:
        verdict = Delivery(_member(whole, "delivery", str))
    except ValueError:
        raise UnreadableError("delivery is not a verdict") from None
    output: InvokeCommandOutput | None = None
    error: AiolambdaError | None = None
    if "output" in whole:
        output = _load_output(_object(whole["output"], "output"), payload, codec, work.function_name)
        try:
            output.raise_for_function_error()
        except FunctionError as failure:
            error = failure.with_traceback(None)
    if "error" in whole:
        error = _load_error(_object(whole["error"], "error"), verdict)
    if output is None and error is None:
        raise UnreadableError("it has neither an output nor an error")
    return MapResult(
        index=work.index,
        key=work.key,
        item=work.item,
        output=output,
        error=error,
        delivery=verdict,
        attempts=_member(whole, "attempts", int),
        duration=_member(whole, "duration", *_NUMBER),
        replayed=True,
    )


def cost_of(content: object) -> Cost:
    """The cost in a record. Records of earlier versions lack the GB-seconds and the number of invocations."""
    whole = {"gb_seconds": 0.0, "invocations": 0, **_object(content, "result")}
    return Cost(**{name: _member(whole, name, *kinds) for name, kinds in _COST_MEMBERS.items()})


def unknown_outcome(work: WorkItem[Item]) -> MapResult[Item]:
    """The result of an item that was in flight when an earlier run ended."""
    said = (
        "an earlier run sent this item and ended before its result, so it may have run; if running twice does no harm, resume "
        "with idempotent=True (--idempotent on the command line), which sends such items again"
    )
    error = UnknownOutcomeError(said, function_name=work.function_name)
    return MapResult(index=work.index, key=work.key, item=work.item, error=error, delivery=Delivery.UNKNOWN, replayed=True)


def _metadata(metadata: Metadata) -> dict[str, Any]:
    return {name: getattr(metadata, name) for name in _METADATA_MEMBERS} | {"headers": dict(metadata.headers)}


def _is_sound(value: object) -> bool:
    """Whether a value is something else than a number that is infinite, NaN or too large for a float."""
    try:
        return not isinstance(value, int | float) or math.isfinite(value)
    except OverflowError:
        return False


def _object(value: object, name: str) -> Content:
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is not a JSON object")
    return cast("Content", value)


def _member(content: Content, name: str, *kinds: type) -> Any:
    value: Any = content.get(name)
    if type(value) not in kinds:
        raise UnreadableError(f"{name} is missing or of another type")
    if float not in kinds:
        return value
    if not _is_sound(value):
        raise UnreadableError(f"{name} is not a finite number")
    return float(value)


def _members(content: Content, table: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    return {name: _member(content, name, *kinds) for name, kinds in table.items()}


def _load_metadata(content: object) -> Metadata:
    whole = _object(content, "metadata")
    headers = _object(whole.get("headers"), "headers")
    return Metadata(**_members(whole, _METADATA_MEMBERS), headers={name: _member(headers, name, str) for name in headers})


def _load_output(content: Content, payload: bytes | None, codec: Codec, function_name: str) -> InvokeCommandOutput:
    members = _members(content, _OUTPUT_MEMBERS)
    metadata = _load_metadata(content.get("metadata"))
    return InvokeCommandOutput(**members, payload=payload or b"", metadata=metadata, codec=codec, function_name=function_name)


def _load_error(content: Content, verdict: Delivery) -> AiolambdaError:
    name, text = _member(content, "kind", str), _member(content, "text", str)
    kind = EXCEPTIONS.get(name) or next((kind for kind in _ERROR_CLASSES if kind.__name__ == name), AiolambdaError)
    state: dict[str, object] = {
        "_delivery": verdict,
        "_function_name": _member(content, "function_name", *_TEXT),
        "_located": True,
    }
    for base, defaults in _ERROR_DEFAULTS:
        if issubclass(kind, base):
            state |= defaults
    state |= {name: _member(content, name, *kinds) for name, kinds in _ERROR_MEMBERS.items() if name in content}
    if issubclass(kind, LambdaServiceException):
        state |= {"metadata": _load_metadata(content.get("metadata")), "message": text}
        state.pop("request_id", None)  # the metadata has it
    return rebuilt(kind, (text,), state)
