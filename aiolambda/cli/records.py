"""The JSON objects that stand for results: on the lines of a map, and in an export of its journal.

Must not know where they are written.
"""

import base64
import json
from typing import Any

from ..errors import AiolambdaError, FunctionError, LambdaServiceException, NotSentError
from ..fanout.journal_records import lacks_payload
from ..fanout.values import MapResult
from .inputs.values import Line
from .wording import in_options

__all__ = ["outcome_record", "record_of"]


def record_of(result: MapResult[Line], *, has_key: bool, has_item: bool) -> dict[str, Any]:
    """The JSON object of a result. Without a journal, an item has no key: it would repeat the index."""
    record: dict[str, Any] = {"index": result.index, "line": result.item.number}
    if has_key:
        record["key"] = result.key
    if has_item:
        record["item"] = _json_value(result.item.content)
    return record | outcome_record(result)


def outcome_record(result: MapResult[Any]) -> dict[str, Any]:
    """The part of the JSON object that does not depend on the input. A payload that the journal did not keep is left out."""
    record: dict[str, Any] = {"ok": result.ok, "delivery": str(result.delivery)}
    if result.response is not None:  # of a journal of fetches
        record["status_code"] = result.response.status_code
    if result.error is None and not lacks_payload(result):
        payload = None if result.output is None else result.output.payload
        record["payload"] = _json_value((payload if result.response is None else result.response.content) or b"")
    elif result.error is not None:
        record["error"] = _error_record(result.error)
    return record | {"attempts": result.attempts, "duration_ms": round(result.duration * 1000, 3)}


def _json_value(data: bytes) -> Any:
    """Convert JSON to its value, other text to a string, other bytes to base64."""
    if not data:
        return None
    try:
        value = json.loads(data)
        json.dumps(value, allow_nan=False)  # a line with NaN would not be JSON
    except (ValueError, RecursionError):
        pass
    else:
        return value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _error_record(error: AiolambdaError) -> dict[str, Any]:
    record: dict[str, Any] = {"class": type(error).__name__, "message": in_options(str(error))}
    if isinstance(error, FunctionError):
        record |= {"type": error.error_type, "function_message": error.error_message}
    refusal = error.last_error if isinstance(error, NotSentError) else error
    if isinstance(refusal, LambdaServiceException):
        record["code"] = refusal.code
    return record
