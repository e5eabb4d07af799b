"""A result as flat columns, for tables of any kind: data frames, CSV, Parquet.

Laws: every result has the same columns in the same order. A payload that is not JSON is a value like any other. All columns
but the item and the value are plain: text, numbers, booleans or `None`.

Must not know where the columns go.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import FunctionError, NotSentError
from ..types.values import Delivery
from .causes import cause_of, request_id_of

if TYPE_CHECKING:
    from ..operations.fetch_types import HttpOutput
    from ..operations.invoke_types import InvokeCommandOutput
    from .values import MapResult

__all__ = ["columns_of", "outcome_of"]


def outcome_of(result: "MapResult[Any]") -> str:
    """What became of the item, in one word: `ok`, `function_error`, `not_sent`, `failed`, or the verdict on the failure."""
    if result.error is None:
        return "ok"
    if isinstance(result.error, FunctionError):
        return "function_error"
    if isinstance(result.error, NotSentError):
        return "not_sent"
    ran = result.delivery in (Delivery.EXECUTED, Delivery.ACCEPTED)  # such as an answer that a middleware could not use
    return "failed" if ran else result.delivery.value


def columns_of(result: "MapResult[Any]", *, payloads: bool = True) -> dict[str, Any]:
    """The columns of a result. Without `payloads`, those that hold an item, an answer or a function's text are left out."""
    output, response, error = result.output, result.response, result.error
    answer = response if output is None else output
    report = None if output is None else output.report
    columns: dict[str, Any] = {"index": result.index, "key": result.key}
    if payloads:
        columns["item"] = result.item
    columns["ok"] = result.ok
    if payloads:
        payload: Any = response.content if response is not None else None if output is None else output.payload
        columns["value"] = None if answer is None or not result.ok else _value(answer, payload)
    columns |= {
        "outcome": outcome_of(result),
        "delivery": result.delivery.value,
        "error_type": None if error is None else cause_of(error),
    }
    if payloads:
        columns["error_message"] = error.error_message if isinstance(error, FunctionError) else error and str(error)
    return columns | {
        "function_error": None if output is None else output.function_error,
        "status_code": None if answer is None else answer.status_code,
        "request_id": request_id_of(answer, error),
        "trace_id": None if answer is None else answer.metadata.trace_id,
        "executed_version": None if output is None else output.executed_version,
        "attempts": result.attempts,
        "duration": result.duration,
        "replayed": result.replayed,
        "cold_start": None if report is None else report.is_cold_start,
        "billed_ms": None if report is None else report.billed_duration_ms,
        "init_ms": None if report is None else report.init_duration_ms,
        "memory_size_mb": None if report is None else report.memory_size_mb,
        "max_memory_used_mb": None if report is None else report.max_memory_used_mb,
    }


def _value(answer: "InvokeCommandOutput | HttpOutput", payload: Any) -> Any:
    """The decoded payload or body; its text or its bytes if it is not JSON; `None` if it is empty."""
    if not payload or not isinstance(payload, bytes | bytearray):  # a middleware may have put another type in its place
        return payload or None
    with suppress(Exception):  # not JSON, too deep, or beyond a limit of the interpreter
        return answer.json()
    with suppress(UnicodeDecodeError):
        return bytes(payload).decode()
    return bytes(payload)
