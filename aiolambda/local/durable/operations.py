"""The operations of durable executions: what each asks of AWS's testing SDK, and its answers in the form of Lambda.

Must not know the process of the SDK, or the functions.
"""

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import attrs

from ...emulation import api_errors
from ...emulation.api_errors import ApiError
from ...emulation.control_plane.routes import Asked

__all__ = ["LIST", "OPERATIONS", "PeerRequest", "answer_of", "error_of", "not_supported", "page_of", "request_of"]

LIST = "ListDurableExecutionsByFunction"
_EXECUTION_PATHS = {
    "CheckpointDurableExecution": "/checkpoint",
    "GetDurableExecution": "",
    "GetDurableExecutionHistory": "/history",
    "GetDurableExecutionState": "/state",
    "StopDurableExecution": "/stop",
}
_CALLBACK_PATHS = {
    "SendDurableExecutionCallbackFailure": "/fail",
    "SendDurableExecutionCallbackHeartbeat": "/heartbeat",
    "SendDurableExecutionCallbackSuccess": "/succeed",
}
_NOT_SUPPORTED = frozenset({"DeleteDurableExecution", "PauseDurableExecution", "ResumeDurableExecution"})
OPERATIONS = frozenset({LIST, *_EXECUTION_PATHS, *_CALLBACK_PATHS, *_NOT_SUPPORTED})
"""The names of all operations that are answered here."""

_CLOSED = re.compile(r"^Failed to process callback \w+: Callback .* is not (?:active|in STARTED state)$", re.DOTALL)
"""What the SDK says of a callback that has ended. Its code is that of one which does not exist."""
_DATE = "/2025-12-01"
_OBJECTS = frozenset({"CheckpointDurableExecution", "SendDurableExecutionCallbackFailure", "StopDurableExecution"})
"""Those whose body is a JSON object."""
_EXECUTION_DATA = ("InputPayload", "Result", "Error")
_STATUSES = ("RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING")
_CODES = {"ExecutionConflictException": "ResourceConflictException"}
"""The codes of the SDK that Lambda does not have."""
_HTTP_STATUSES = {
    "CallbackTimeoutException": 400,
    "InvalidParameterValueException": 400,
    "ResourceConflictException": 409,
    "ResourceNotFoundException": 404,
    "TooManyRequestsException": 429,
}
_CAPITAL_MESSAGE = ("ResourceNotFoundException", "ServiceException", "CallbackTimeoutException")
"""Codes whose text the model calls `Message`; the others have `message`."""
_MOST_ITEMS = 1000
_ITEMS = 100


@attrs.frozen
class PeerRequest:
    """A request to the process of the SDK. `path` and `query` are encoded."""

    method: str
    path: str
    query: str = ""
    body: bytes = attrs.field(default=b"", repr=False)


def not_supported(operation: str) -> ApiError | None:
    """The error of an operation that the SDK does not have; `None` if it has it."""
    if operation not in _NOT_SUPPORTED:
        return None
    message = f"{operation} is not emulated here, because AWS's testing SDK for durable functions cannot do it"
    return ApiError(status=404, code="UnknownOperationException", members={"message": message})


def request_of(asked: Asked, body: bytes) -> PeerRequest:
    """What to ask the SDK. Raises an `ApiError` for a request that it would misunderstand."""
    operation = asked.operation
    if operation in _OBJECTS:
        body = _object_in(operation, body)
    if operation in _CALLBACK_PATHS:
        callback = quote(asked.labels["CallbackId"], safe="")
        return PeerRequest("POST", f"{_DATE}/durable-execution-callbacks/{callback}{_CALLBACK_PATHS[operation]}", body=body)
    path = f"{_DATE}/durable-executions/{quote(asked.labels['DurableExecutionArn'], safe='')}{_EXECUTION_PATHS[operation]}"
    if operation in _OBJECTS:
        return PeerRequest("POST", path, body=body)
    return PeerRequest("GET", path, _query_of(operation, parse_qs(asked.query)))


def list_request(function_name: str, marker: str) -> PeerRequest:
    """The request for a page of all executions of a function. The first one has no marker."""
    query = urlencode({"MaxItems": _MOST_ITEMS, "ReverseOrder": "true", **({"Marker": marker} if marker else {})})
    return PeerRequest("GET", f"{_DATE}/functions/{quote(function_name, safe='')}/durable-executions", query)


def _object_in(operation: str, body: bytes) -> bytes:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise api_errors.invalid_request("Could not parse request body into json: it must be a JSON object")
    if operation == "StopDurableExecution":  # whose body is the error itself
        return json.dumps({"Error": content} if content else {}).encode()
    return body or b"{}"


def _query_of(operation: str, query: Mapping[str, Sequence[str]]) -> str:
    """The query for the SDK, whose defaults are others than those of Lambda."""
    values = {name: items[0] for name, items in query.items()}
    if operation == "GetDurableExecutionHistory":
        values = {"IncludeExecutionData": "true", **values}
    if "MaxItems" in values:
        values["MaxItems"] = str(_item_count(values["MaxItems"]))
    return urlencode(values)


def _item_count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not 0 <= count <= _MOST_ITEMS:
        raise api_errors.invalid_value("maxItems", f"Member must be a whole number from 0 to {_MOST_ITEMS}", value=text)
    return count or _ITEMS


def answer_of(asked: Asked, status: int, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of the answer. Raises the `ApiError` of one that failed."""
    if status != 200:
        error = error_of(content)
        if asked.operation in _CALLBACK_PATHS and error.code == "ResourceNotFoundException":
            is_closed = _CLOSED.search(str(content.get("Message"))) is not None
            raise api_errors.callback_closed() if is_closed else api_errors.not_found("The callback does not exist.")
        raise error
    if asked.operation == "GetDurableExecution" and asked.query_member("IncludeExecutionData") == "false":
        return {name: value for name, value in content.items() if name not in _EXECUTION_DATA}
    return content


def error_of(content: Mapping[str, Any]) -> ApiError:
    """The error of an answer of the SDK, with the status that Lambda has for it."""
    named = str(content.get("Type", "ServiceException"))
    code = _CODES.get(named, named)
    status = _HTTP_STATUSES.get(code, 500)
    if status == 500:
        code = "ServiceException"
    member = "Message" if code in _CAPITAL_MESSAGE else "message"
    message = str(content.get("Message") or content.get("message") or "The durable execution failed.")
    return ApiError(status=status, code=code, members={"Type": "Service" if status == 500 else "User", member: message})


def page_of(asked: Asked, executions: Iterable[Mapping[str, Any]], version: str | None) -> Mapping[str, Any]:
    """The page of a list that a request asks for, out of all executions of a function, the newest first.

    `version` is the only one whose executions are wanted. Raises an `ApiError` if the query is wrong.
    """
    query = parse_qs(asked.query)
    statuses, name = query.get("Statuses", []), asked.query_member("DurableExecutionName")
    for status in statuses:
        if status not in _STATUSES:
            constraint = f"Member must satisfy enum value set: [{', '.join(_STATUSES)}]"
            raise api_errors.invalid_value("statuses", constraint, value=status)
    after, before = _time_in(query, "StartedAfter"), _time_in(query, "StartedBefore")
    wanted = [
        execution
        for execution in executions
        if (not statuses or execution["Status"] in statuses)
        and (version is None or str(execution["FunctionArn"]).rpartition(":")[2] == version)
        and (name is None or execution["DurableExecutionName"] == name)
        and (after is None or execution["StartTimestamp"] > after)
        and (before is None or execution["StartTimestamp"] < before)
    ]
    if asked.query_member("ReverseOrder") == "true":
        wanted.reverse()
    arns = [str(execution["DurableExecutionArn"]) for execution in wanted]
    first = _place_after(arns, asked.query_member("Marker"))
    last = first + _item_count(asked.query_member("MaxItems") or "0")
    page: dict[str, Any] = {"DurableExecutions": wanted[first:last]}
    if last < len(wanted):
        page["NextMarker"] = base64.urlsafe_b64encode(arns[last - 1].encode()).decode()
    return page


def _place_after(arns: Sequence[str], marker: str | None) -> int:
    """The place of the first execution of a page. The marker names the last one of the page before."""
    if marker is None:
        return 0
    try:
        return arns.index(base64.urlsafe_b64decode(marker).decode()) + 1
    except (binascii.Error, ValueError):
        raise api_errors.invalid_parameter("The marker is not one of this list.") from None


def _time_in(query: Mapping[str, Sequence[str]], name: str) -> float | None:
    text = query.get(name, [None])[0]
    if text is None:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise api_errors.invalid_parameter(f"{name} must be a timestamp in the form of ISO 8601.") from None
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp()
