"""Results as the journal keeps them: JSON and bytes, which run no code when they are read back.

Law: what is read back is checked member by member, so a row that holds something else is an `UnreadableError` and nothing more.

Owns their form. Must not know where they are kept.
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
from .source import Work
from .values import MapResult

__all__ = ["UnreadableError", "cost_of", "left_in_flight", "restored", "stored"]

Item = TypeVar("Item")
Content = Mapping[str, Any]

_NUMBER = (int, float)
_TEXT = (str, NoneType)
_OF_OUTPUT: Mapping[str, tuple[type, ...]] = {
    "status_code": (int,),
    "function_error": _TEXT,
    "log_result": _TEXT,
    "executed_version": _TEXT,
    "durable_execution_arn": _TEXT,
}
_OF_METADATA: Mapping[str, tuple[type, ...]] = {
    "http_status_code": (int,),
    "request_id": _TEXT,
    "trace_id": _TEXT,
    "attempts": (int,),
    "total_retry_delay": _NUMBER,
}
_OF_ERROR: Mapping[str, tuple[type, ...]] = {
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
_KINDS: tuple[type[AiolambdaError], ...] = (
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
"""The errors that an item can have, beside those of the service's codes and `FunctionError`, which its payload holds."""
_UNSAID: tuple[tuple[type[AiolambdaError], Mapping[str, object]], ...] = (
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
"""The attributes of an error of which its row says nothing."""


class UnreadableError(Exception):
    """A stored result is not what was stored; the text says which member, and never a value."""


def stored(result: MapResult[Any], *, billed_ms: float = 0.0, cold_starts: int = 0) -> tuple[dict[str, Any], bytes | None]:
    """The result without its item, with what all its invocations have cost, and the bytes of its payload."""
    output, error = result.output, result.error
    content: dict[str, Any] = {
        "delivery": result.delivery,
        "attempts": result.attempts,
        "duration": result.duration,
        "billed_ms": billed_ms,
        "cold_starts": cold_starts,
    }
    if output is not None:
        content["output"] = {name: getattr(output, name) for name in _OF_OUTPUT} | {"metadata": _metadata(output.metadata)}
    if error is not None and not isinstance(error, FunctionError):
        content["error"] = {
            "kind": type(error).__name__,
            "text": str(error.args[0]) if error.args else "",
            "function_name": error.function_name,
            "metadata": _metadata(error.metadata) if isinstance(error, LambdaServiceException) else None,
            **_said_by(error),
        }
    return content, None if output is None else output.payload


def restored(work: Work[Item], content: object, payload: bytes | None, *, codec: Codec) -> MapResult[Item]:
    """The result of an earlier run. `UnreadableError` if the content is something else."""
    whole = _object(content, "result")
    verdict = _verdict(whole)
    output: InvokeCommandOutput | None = None
    error: AiolambdaError | None = None
    if "output" in whole:
        output = _output(_object(whole["output"], "output"), payload, codec, work.function_name)
        try:
            output.raise_for_function_error()
        except FunctionError as failure:
            error = failure.with_traceback(None)
    if "error" in whole:
        error = _error(_object(whole["error"], "error"), verdict)
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


def cost_of(content: object) -> tuple[float, int]:
    """The billed milliseconds and the cold starts of a stored result."""
    whole = _object(content, "result")
    return _member(whole, "billed_ms", *_NUMBER), _member(whole, "cold_starts", int)


def left_in_flight(work: Work[Item]) -> MapResult[Item]:
    """The result of an item that an earlier run had sent when it ended."""
    said = "an earlier run had sent this item, and ended without its result"
    error = UnknownOutcomeError(said, function_name=work.function_name)
    return MapResult(index=work.index, key=work.key, item=work.item, error=error, delivery=Delivery.UNKNOWN, replayed=True)


def _metadata(metadata: Metadata) -> dict[str, Any]:
    return {name: getattr(metadata, name) for name in _OF_METADATA} | {"headers": dict(metadata.headers)}


def _said_by(error: AiolambdaError) -> dict[str, Any]:
    plain = {name: getattr(error, name, None) for name in _OF_ERROR}
    return {name: value for name, value in plain.items() if type(value) in _OF_ERROR[name] and _is_finite(value)}


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _object(value: object, name: str) -> Content:
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is not a JSON object")
    return cast("Content", value)


def _member(content: Content, name: str, *kinds: type) -> Any:
    value = content.get(name)
    if type(value) not in kinds:
        raise UnreadableError(f"{name} is missing or of another type")
    return _finite(value, name) if float in kinds else value


def _finite(value: Any, name: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UnreadableError(f"{name} is not a finite number")
    return number


def _members(content: Content, table: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    return {name: _member(content, name, *kinds) for name, kinds in table.items()}


def _verdict(content: Content) -> Delivery:
    try:
        return Delivery(_member(content, "delivery", str))
    except ValueError:
        raise UnreadableError("delivery is no verdict") from None


def _restored_metadata(content: object) -> Metadata:
    whole = _object(content, "metadata")
    headers = _object(whole.get("headers"), "headers")
    return Metadata(**_members(whole, _OF_METADATA), headers={name: _member(headers, name, str) for name in headers})


def _output(content: Content, payload: bytes | None, codec: Codec, function_name: str) -> InvokeCommandOutput:
    members = _members(content, _OF_OUTPUT)
    metadata = _restored_metadata(content.get("metadata"))
    return InvokeCommandOutput(**members, payload=payload or b"", metadata=metadata, codec=codec, function_name=function_name)


def _error(content: Content, verdict: Delivery) -> AiolambdaError:
    name, text = _member(content, "kind", str), _member(content, "text", str)
    kind = EXCEPTIONS.get(name) or next((kind for kind in _KINDS if kind.__name__ == name), AiolambdaError)
    state: dict[str, object] = {
        "_delivery": verdict,
        "_function_name": _member(content, "function_name", *_TEXT),
        "_located": True,
    }
    for base, unsaid in _UNSAID:
        if issubclass(kind, base):
            state |= unsaid
    state |= {name: _member(content, name, *kinds) for name, kinds in _OF_ERROR.items() if name in content}
    if issubclass(kind, LambdaServiceException):
        state |= {"metadata": _restored_metadata(content.get("metadata")), "message": text}
        state.pop("request_id", None)  # the metadata has it
    return rebuilt(kind, (text,), state)
