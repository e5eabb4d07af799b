"""The stored form of a result: JSON and bytes, which run no code when they are loaded.

Law: loading checks each member, so a record with other content raises `UnreadableError` and has no other effect.

Owns the form of a record. Must not know where records are stored.
"""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, TypeVar, cast

import attrs

from .. import errors
from ..errors import AiolambdaError, FunctionError, LambdaServiceException, UnknownOutcomeError, rebuilt
from ..errors.service import EXCEPTIONS
from ..operations.invoke_types import InvokeCommandOutput
from ..types.interfaces import Codec
from ..types.values import Delivery, Metadata
from .item import WorkItem
from .journal_rows import ItemState
from .values import MapResult

__all__ = ["UnreadableError", "compacted", "cost_of", "dump", "lacks_payload", "load", "state_of_record", "unknown_outcome"]

T = TypeVar("T")
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


@attrs.frozen(kw_only=True)
class OutcomeOutput(InvokeCommandOutput):
    """The output of an item whose payload was not kept: its readers raise an error that says so."""

    def text(self) -> str:
        """Raise `DecodeError`."""
        return self._decoded(bytes.decode, "text")

    def _decoded(self, decode: Callable[[bytes], T], form: str) -> T:
        raise self._undecoded(
            "this result was replayed without its payload: the journal keeps outcomes only, because the run that sent the item "
            'had journal_results="outcome"'
        )


def dump(
    result: MapResult[Any], *, billed_ms: float = 0.0, cold_starts: int = 0, whole: bool = True
) -> tuple[dict[str, Any], bytes | None]:
    """The record of a result without its item, with the cost of all invocations, and the bytes of the payload.

    Without `whole` it is the outcome only: no payload, no log tail, no headers, no message of the function.
    """
    output, error = result.output, result.error
    content: dict[str, Any] = {
        "delivery": result.delivery,
        "attempts": result.attempts,
        "duration": result.duration,
        "billed_ms": billed_ms,
        "cold_starts": cold_starts,
    }
    if output is not None:
        content["output"] = _output_record(output, whole=whole)
        if not whole and isinstance(error, FunctionError):
            content["output"]["error_type"] = error.error_type
    if error is not None and not isinstance(error, FunctionError):
        content["error"] = _error_record(error, whole=whole)
    return content, _bytes_of(output.payload, result.key) if output is not None and whole else None


def _output_record(output: InvokeCommandOutput, *, whole: bool) -> dict[str, Any]:
    """The record of an output. Its `kind` says what it is; `outcome` is one whose payload and log were not kept."""
    record: dict[str, Any] = {"kind": "invoke" if whole else "outcome"}
    record |= {name: getattr(output, name) for name in _OUTPUT_MEMBERS} | {"metadata": _metadata(output.metadata)}
    if whole:
        return _compacted_output(record)
    record["log_result"] = None
    record["metadata"]["headers"] = {}
    return record


def _error_record(error: AiolambdaError, *, whole: bool) -> dict[str, Any]:
    members = {name: getattr(error, name, None) for name in _ERROR_MEMBERS}
    metadata = _metadata(error.metadata) if isinstance(error, LambdaServiceException) else None
    if metadata is not None and not whole:
        metadata["headers"] = {}
    return {
        "kind": type(error).__name__,
        "text": str(error.args[0]) if error.args else "",
        "function_name": error.function_name,
        "metadata": metadata,
        **{name: value for name, value in members.items() if type(value) in _ERROR_MEMBERS[name] and _is_sound(value)},
    }


def compacted(content: object) -> dict[str, Any]:
    """A record of format 3 or 4 as one of this format. `UnreadableError` if the content is not a record."""
    whole = dict(_object(content, "result"))
    if "output" in whole:
        whole["output"] = _compacted_output({"kind": "invoke", **_object(whole["output"], "output")})
    return whole


def _compacted_output(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the log tail as text, which is shorter when it is compressed, and once: a header repeats it."""
    tail = record.get("log_result")
    if not isinstance(tail, str):
        return record
    metadata = record.get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(headers, dict):
        short = {name: None if value == tail else value for name, value in cast("dict[str, Any]", headers).items()}
        record = {**record, "metadata": {**cast("dict[str, Any]", metadata), "headers": short}}
    try:
        text = base64.b64decode(tail, validate=True).decode()
    except (binascii.Error, ValueError):
        return record
    return {**record, "log_result": None, "log_text": text} if _base64(text) == tail else record


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def state_of_record(content: Content) -> ItemState:
    """The state of an item that has this record. `UnreadableError` if the content is not a record."""
    output = _object(content.get("output", {}), "output")
    if "error" not in content and output.get("function_error") is None:
        return ItemState.OK
    verdict = _verdict(content)
    if verdict is Delivery.UNKNOWN:
        return ItemState.UNKNOWN
    return ItemState.RAN if verdict.may_have_run else ItemState.NOT_RUN


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
    verdict = _verdict(whole)
    output: InvokeCommandOutput | None = None
    error: AiolambdaError | None = None
    if "output" in whole:
        found = _object(whole["output"], "output")
        output = _load_output(found, payload, codec, work.function_name)
        error = _function_error(output, found, work.function_name)
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


def lacks_payload(result: MapResult[Any]) -> bool:
    """Whether the result was replayed without its payload, which the journal did not keep."""
    return isinstance(result.output, OutcomeOutput)


def _verdict(content: Content) -> Delivery:
    try:
        return Delivery(_member(content, "delivery", str))
    except ValueError:
        raise UnreadableError("delivery is not a verdict") from None


def cost_of(content: object) -> tuple[float, int]:
    """The billed milliseconds and the cold starts in a record."""
    whole = _object(content, "result")
    return _member(whole, "billed_ms", *_NUMBER), _member(whole, "cold_starts", int)


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


def _load_metadata(content: object, tail: str | None = None) -> Metadata:
    """The metadata. A header that is null stands for the log tail."""
    whole = _object(content, "metadata")
    headers = _object(whole.get("headers"), "headers")
    if tail is not None:
        headers = {name: tail if value is None else value for name, value in headers.items()}
    return Metadata(**_members(whole, _METADATA_MEMBERS), headers={name: _member(headers, name, str) for name in headers})


def _load_output(content: Content, payload: bytes | None, codec: Codec, function_name: str) -> InvokeCommandOutput:
    kind = _OUTPUT_KINDS.get(_member({"kind": "invoke", **content}, "kind", str))
    if kind is None:
        raise UnreadableError("its output is of a kind that this version does not know")
    members = _members(content, _OUTPUT_MEMBERS)
    if "log_text" in content:
        members["log_result"] = _base64(_writable(_member(content, "log_text", str)))
    metadata = _load_metadata(content.get("metadata"), members["log_result"])
    return kind(**members, payload=payload or b"", metadata=metadata, codec=codec, function_name=function_name)


def _writable(text: str) -> str:
    """The text, unless it cannot be written: `UnreadableError`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableError("log_text is not Unicode") from None
    return text


def _function_error(output: InvokeCommandOutput, content: Content, function_name: str) -> FunctionError | None:
    """The error of the function, made from the payload, or from its type alone if no payload was kept."""
    if isinstance(output, OutcomeOutput) and output.function_error is not None:
        return FunctionError(
            kind=output.function_error,
            error_type=_member(content, "error_type", *_TEXT),
            output=output,
            function_name=function_name,
            request_id=output.metadata.request_id,
        )
    try:
        output.raise_for_function_error()
    except FunctionError as failure:
        return failure.with_traceback(None)
    return None


_OUTPUT_KINDS: Mapping[str, type[InvokeCommandOutput]] = {"invoke": InvokeCommandOutput, "outcome": OutcomeOutput}
"""The classes of outputs, by the name of their kind. Records of the formats 3 and 4 name none: theirs are of `invoke`."""


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
