"""The stored form of a result: JSON and bytes, which run no code when they are loaded.

Law: loading checks each member, so a record with other content raises `UnreadableError` and has no other effect.

Owns the form of a record. Must not know where records are stored.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .. import errors
from ..errors import AiolambdaError, FunctionError, LambdaServiceException, UnknownOutcomeError, rebuilt
from ..errors.service import EXCEPTIONS
from ..operations.invoke_types import InvokeCommandOutput
from ..types.interfaces import Codec
from ..types.values import Delivery
from .cost import NO_COST, Cost, cost_of_report
from .item import WorkItem
from .journal_attempts import load_attempts, record_of_attempts
from .journal_members import (
    NUMBER,
    TEXT,
    Content,
    UnreadableError,
    is_sound,
    load_metadata,
    member_of,
    members_of,
    metadata_record,
    object_of,
)
from .journal_outputs import OutcomeOutput, bytes_of, compacted_output, function_error_of, load_output, output_record
from .journal_rows import ItemState
from .values import MapResult

if TYPE_CHECKING:
    from ..operations.fetch_types import HttpOutput

__all__ = ["UnreadableError", "compacted", "cost_of", "dump", "lacks_payload", "load", "state_of_record", "unknown_outcome"]

T = TypeVar("T")
Item = TypeVar("Item")

_COST_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "billed_ms": NUMBER,
    "cold_starts": (int,),
    "gb_seconds": NUMBER,
    "invocations": (int,),
}
_ERROR_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "code": (str,),
    "type": (str,),
    "retry_after": NUMBER,
    "limit": (int,),
    "exceeded": (str,),
    "stage": (str,),
    "elapsed": NUMBER,
    "total_retry_delay": NUMBER,
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
    errors.WorkerLostError,
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


def dump(result: MapResult[Any], *, cost: Cost = NO_COST, whole: bool = True) -> tuple[dict[str, Any], bytes | None]:
    """The record of a result without its item, with the cost of all invocations, and the bytes of the payload.

    Without `whole` it is the outcome only: no payload, no log tail, no headers, no message of the function.
    """
    output, error, response = result.output, result.error, result.response
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
        content["output"] = output_record(output, whole=whole)
        if not whole and isinstance(error, FunctionError):
            content["output"]["error_type"] = error.error_type
    if response is not None:
        from . import http_records  # noqa: PLC0415 - for commands that are fetches

        content["response"] = http_records.dump(response, whole=whole)
    if error is not None and not isinstance(error, FunctionError):
        content["error"] = _error_record(error, whole=whole)
    payload = response.content if response is not None else None if output is None else output.payload
    return content, bytes_of(payload, result.key) if payload is not None and whole else None


def _error_record(error: AiolambdaError, *, whole: bool) -> dict[str, Any]:
    members = {name: getattr(error, name, None) for name in _ERROR_MEMBERS}
    metadata = metadata_record(error.metadata) if isinstance(error, LambdaServiceException) else None
    if metadata is not None and not whole:
        metadata["headers"] = {}
    return {
        "kind": type(error).__name__,
        "text": str(error.args[0]) if error.args else "",
        "function_name": error.function_name,
        "metadata": metadata,
        **record_of_attempts(error),
        **{name: value for name, value in members.items() if type(value) in _ERROR_MEMBERS[name] and is_sound(value)},
    }


def compacted(content: object) -> dict[str, Any]:
    """A record of format 3 or 4 as one of this format. `UnreadableError` if the content is not a record."""
    whole = dict(object_of(content, "result"))
    if "output" in whole:
        whole["output"] = compacted_output({"kind": "invoke", **object_of(whole["output"], "output")})
    return whole


def state_of_record(content: Content) -> ItemState:
    """The state of an item that has this record. `UnreadableError` if the content is not a record."""
    output = object_of(content.get("output", {}), "output")
    if "error" not in content and output.get("function_error") is None:
        return ItemState.OK
    verdict = _verdict(content)
    if verdict is Delivery.UNKNOWN:
        return ItemState.UNKNOWN
    return ItemState.RAN if verdict.may_have_run else ItemState.NOT_RUN


def load(work: WorkItem[Item], content: object, payload: bytes | None, *, codec: Codec) -> MapResult[Item]:
    """The result that an earlier run stored. `UnreadableError` if the content is not a record."""
    whole = object_of(content, "result")
    verdict = _verdict(whole)
    output: InvokeCommandOutput | None = None
    error: AiolambdaError | None = None
    response = _load_response(whole, payload, codec, work.function_name)
    if "output" in whole:
        found = object_of(whole["output"], "output")
        output = load_output(found, payload, codec, work.function_name)
        error = function_error_of(output, found, work.function_name)
    if "error" in whole:
        error = _load_error(object_of(whole["error"], "error"), verdict)
    if output is None and error is None and response is None:
        raise UnreadableError("it has neither an output nor an error")
    return MapResult(
        index=work.index,
        key=work.key,
        item=work.item,
        output=output,
        error=error,
        delivery=verdict,
        attempts=member_of(whole, "attempts", int),
        duration=member_of(whole, "duration", *NUMBER),
        replayed=True,
        response=response,
    )


def lacks_payload(result: MapResult[Any]) -> bool:
    """Whether the result was replayed without its payload, which the journal did not keep."""
    if result.response is None:
        return isinstance(result.output, OutcomeOutput)
    from . import http_records  # noqa: PLC0415 - as above

    return isinstance(result.response, http_records.OutcomeResponse)


def _verdict(content: Content) -> Delivery:
    try:
        return Delivery(member_of(content, "delivery", str))
    except ValueError:
        raise UnreadableError("delivery is not a verdict") from None


def cost_of(content: object, output: InvokeCommandOutput | None) -> Cost:
    """The cost in a record.

    Records of the formats 3 and 4 lack the GB-seconds and the number of invocations. The REPORT line of their output has the
    memory, and it counts as one invocation.
    """
    whole = object_of(content, "result")
    cost = Cost(**members_of({"gb_seconds": 0.0, "invocations": 0, **whole}, _COST_MEMBERS))
    if "invocations" in whole or output is None:
        return cost
    last = cost_of_report(output.report)
    gigabytes = last.gb_seconds / last.billed_ms if last.billed_ms else 0.0
    return attrs.evolve(cost, invocations=last.invocations, gb_seconds=cost.billed_ms * gigabytes)


def unknown_outcome(work: WorkItem[Item]) -> MapResult[Item]:
    """The result of an item that was in flight when an earlier run ended."""
    said = (
        "an earlier run sent this item and ended before its result, so it may have run; if running twice does no harm, resume "
        "with idempotent=True (--idempotent on the command line), which sends such items again"
    )
    error = UnknownOutcomeError(said, function_name=work.function_name)
    return MapResult(index=work.index, key=work.key, item=work.item, error=error, delivery=Delivery.UNKNOWN, replayed=True)


def _load_response(whole: Content, body: bytes | None, codec: Codec, function_name: str) -> "HttpOutput | None":
    if "response" not in whole:
        return None
    from . import http_records  # noqa: PLC0415 - as above

    return http_records.load(object_of(whole["response"], "response"), body, codec=codec, function_name=function_name)


def _load_error(content: Content, verdict: Delivery) -> AiolambdaError:
    name, text = member_of(content, "kind", str), member_of(content, "text", str)
    kind = EXCEPTIONS.get(name) or next((kind for kind in _ERROR_CLASSES if kind.__name__ == name), AiolambdaError)
    state: dict[str, object] = {
        "_delivery": verdict,
        "_function_name": member_of(content, "function_name", *TEXT),
        "_located": True,
    }
    for base, defaults in _ERROR_DEFAULTS:
        if issubclass(kind, base):
            state |= defaults
    state |= {name: member_of(content, name, *kinds) for name, kinds in _ERROR_MEMBERS.items() if name in content}
    state |= load_attempts(content, kind)
    if issubclass(kind, LambdaServiceException):
        state |= {"metadata": load_metadata(content.get("metadata")), "message": text}
        state.pop("request_id", None)  # the metadata has it
    return rebuilt(kind, (text,), state)
