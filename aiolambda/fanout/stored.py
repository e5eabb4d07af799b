"""Results as the journal keeps them: JSON and bytes, which run no code when they are read back.

Owns their form. Must not know where they are kept.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from .. import errors
from ..errors import AiolambdaError, FunctionError, LambdaServiceException, UnknownOutcomeError, rebuilt
from ..errors.service import EXCEPTIONS
from ..interfaces import Codec
from ..invocation import InvokeCommandOutput
from ..map_values import MapResult
from ..models import Delivery, Metadata
from .source import Work

__all__ = ["left_in_flight", "restored", "stored"]

Item = TypeVar("Item")

_OF_OUTPUT = ("status_code", "function_error", "log_result", "executed_version", "durable_execution_arn")
_OF_METADATA = ("http_status_code", "request_id", "trace_id", "attempts", "total_retry_delay")
_OF_ERROR = (
    "code",
    "type",
    "retry_after",
    "limit",
    "stage",
    "elapsed",
    "total_retry_delay",
    "request_id",
    "member",
    "size",
    "lasting",
)


def stored(result: MapResult[Any]) -> tuple[dict[str, Any], bytes | None]:
    """The result without its item, and the bytes of its payload."""
    output, error = result.output, result.error
    content: dict[str, Any] = {"delivery": result.delivery, "attempts": result.attempts, "duration": result.duration}
    if output is not None:
        content["output"] = {name: getattr(output, name) for name in _OF_OUTPUT} | {"metadata": _metadata(output.metadata)}
    if error is not None and not isinstance(error, FunctionError):
        plain = {name: getattr(error, name, None) for name in _OF_ERROR}
        content["error"] = {
            "kind": type(error).__name__,
            "text": error.args[0],
            "function_name": error.function_name,
            "metadata": _metadata(error.metadata) if isinstance(error, LambdaServiceException) else None,
            **{name: value for name, value in plain.items() if isinstance(value, str | int | float)},
        }
    return content, None if output is None else output.payload


def restored(work: Work[Item], content: Mapping[str, Any], payload: bytes | None, *, codec: Codec) -> MapResult[Item]:
    """The result of an earlier run."""
    output: InvokeCommandOutput | None = None
    error: AiolambdaError | None = None
    if "output" in content:
        members = dict(content["output"])
        metadata = Metadata(**members.pop("metadata"))
        output = InvokeCommandOutput(
            **members, payload=payload or b"", metadata=metadata, codec=codec, function_name=work.function_name
        )
        try:
            output.raise_for_function_error()
        except FunctionError as failure:
            error = failure.with_traceback(None)
    if "error" in content:
        error = _error(content["error"], Delivery(content["delivery"]))
    return MapResult(
        index=work.index,
        key=work.key,
        item=work.item,
        output=output,
        error=error,
        delivery=Delivery(content["delivery"]),
        attempts=content["attempts"],
        duration=content["duration"],
        replayed=True,
    )


def left_in_flight(work: Work[Item]) -> MapResult[Item]:
    """The result of an item that an earlier run had sent when it ended."""
    said = "an earlier run had sent this item, and ended without its result"
    error = UnknownOutcomeError(said, function_name=work.function_name)
    return MapResult(index=work.index, key=work.key, item=work.item, error=error, delivery=Delivery.UNKNOWN, replayed=True)


def _metadata(metadata: Metadata) -> dict[str, Any]:
    return {name: getattr(metadata, name) for name in _OF_METADATA} | {"headers": dict(metadata.headers)}


def _error(content: Mapping[str, Any], delivery: Delivery) -> AiolambdaError:
    members = dict(content)
    name, text, metadata = members.pop("kind"), members.pop("text"), members.pop("metadata")
    kind = EXCEPTIONS.get(name) or (getattr(errors, name) if name in errors.__all__ else AiolambdaError)
    state: dict[str, object] = {"_delivery": delivery, "_function_name": members.pop("function_name"), "_located": True}
    if metadata is not None:
        state |= {"metadata": Metadata(**metadata), "message": text, "body": b"", "type": None}
    elif issubclass(kind, errors.TransportError):
        state |= {"history": (), "elapsed": 0.0, "total_retry_delay": 0.0, "request_id": None, "last_error": None}
    if metadata is not None:  # which says it
        members.pop("request_id", None)
    return rebuilt(kind, (text,), state | members)
