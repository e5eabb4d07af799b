"""The JSON forms of an execution, and what a request may have in its body and its query.

Must not know an operation, or which executions there are.
Source: the shapes of the Lambda service model.
"""

import datetime as dt
import json
import math
from collections.abc import Mapping
from typing import cast
from urllib.parse import parse_qs

from .. import api_errors
from ..control_plane.members import Members
from ..control_plane.routes import Asked
from .execution import ScriptedExecution
from .store import ENDED, STATUSES

__all__ = ["body_of", "described", "error_of", "flag_of", "moment_of", "statuses_of", "summarized", "text_of"]

_ERROR_LIMIT = 1024 * 1024
_MOST_STATUSES = 10


def summarized(execution: ScriptedExecution, status: str, *, epoch: float) -> Members:
    """An entry of ListDurableExecutionsByFunction."""
    start, outcome = execution.start, execution.outcome
    members: Members = {
        "DurableExecutionArn": start.arn,
        "DurableExecutionName": start.name,
        "FunctionArn": start.function_arn,
        "Status": status,
        "StartTimestamp": epoch + start.started,
    }
    return members if outcome is None or status not in ENDED else {**members, "EndTimestamp": epoch + outcome.time}


def described(execution: ScriptedExecution, status: str, *, epoch: float, include_data: bool) -> Members:
    """The answer of GetDurableExecution."""
    start, outcome = execution.start, execution.outcome
    members = summarized(execution, status, epoch=epoch) | {
        "Version": start.version,
        "ExecutionDataIncluded": include_data,
        "DurableConfig": {"ExecutionTimeout": max(1, math.ceil(start.execution_timeout))},
    }
    if start.trace_id is not None:
        members["TraceHeader"] = {"XAmznTraceId": start.trace_id}
    if status not in (*ENDED, "DELETING"):
        members["ExpectedExecutionTimeoutTimestamp"] = epoch + execution.deadline
    if status in ("PAUSING", "PAUSED"):
        members["PauseDetails"] = _pause(execution, epoch=epoch, include_data=include_data)
    if include_data:
        members["InputPayload"] = (start.payload or b"{}").decode(errors="replace")
        if outcome is not None and status == "SUCCEEDED":
            members["Result"] = outcome.result
        elif outcome is not None and status in ENDED:
            members["Error"] = outcome.error
    return members


def _pause(execution: ScriptedExecution, *, epoch: float, include_data: bool) -> Members:
    pause = execution.pause
    if pause is None:  # a test has set the status
        return {"PauseRequestTimestamp": epoch + execution.start.started, "ExecutionTimeoutPaused": True}
    members: Members = {
        "PauseRequestTimestamp": epoch + pause.requested,
        "ExecutionTimeoutPaused": pause.stops_timeout,
    }
    return {**members, "Reason": pause.reason} if include_data and pause.reason is not None else members


def body_of(body: bytes) -> Mapping[str, object]:
    """The members in a JSON body. Raises the `ApiError` of another."""
    try:
        content: object = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise api_errors.invalid_request("Could not parse request body into json.") from None
    if not isinstance(content, dict):
        raise api_errors.invalid_request("The request body must be a JSON object.")
    return cast("Mapping[str, object]", content)


def error_of(body: bytes) -> Members:
    """The `ErrorObject` that a body is."""
    given = body_of(body)
    members: Members = {name: given[name] for name in ("ErrorType", "ErrorMessage", "ErrorData") if given.get(name) is not None}
    trace = given.get("StackTrace")
    texts = list(members.values())
    if trace is not None:
        members["StackTrace"] = trace
        texts += cast("list[object]", trace) if isinstance(trace, list) else [trace]
    if not all(isinstance(text, str) for text in texts) or not (trace is None or isinstance(trace, list)):
        raise api_errors.invalid_request("The members of an error must be strings, and StackTrace a list of them.")
    if sum(len(str(text).encode(errors="replace")) for text in texts) > _ERROR_LIMIT:
        raise api_errors.invalid_parameter(f"The error exceeds the limit of {_ERROR_LIMIT} bytes.")
    return members


def text_of(members: Mapping[str, object], name: str, *, most: int, least: int = 0) -> str | None:
    """A text in a body; `None` without it."""
    text = members.get(name)
    if text is None:
        return None
    member = name[0].lower() + name[1:]
    if not isinstance(text, str):
        raise api_errors.invalid_request(f"{name} must be a string.")
    if len(text) > most:
        raise api_errors.invalid_value(member, f"Member must have length less than or equal to {most}")
    if len(text) < least:
        raise api_errors.invalid_value(member, f"Member must have length greater than or equal to {least}")
    return text


def flag_of(asked: Asked, name: str, *, default: bool) -> bool:
    """A flag in the query."""
    text = asked.query_member(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise api_errors.invalid_request(f"{name} must be true or false.")
    return text == "true"


def moment_of(asked: Asked, name: str) -> float | None:
    """A date in the query, as Unix time; `None` without it."""
    text = asked.query_member(name)
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise api_errors.invalid_request(f"{name} must be a date in the format of ISO 8601.") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)).timestamp()


def statuses_of(asked: Asked) -> frozenset[str]:
    """The statuses in the query; none if all are meant."""
    given = parse_qs(asked.query, keep_blank_values=True).get("Statuses", [])
    if len(given) > _MOST_STATUSES:
        raise api_errors.invalid_value("statuses", f"Member must have length less than or equal to {_MOST_STATUSES}")
    for status in given:
        if status not in STATUSES:
            choices = ", ".join(STATUSES)
            raise api_errors.invalid_value("statuses", f"Member must satisfy enum value set: [{choices}]", value=status)
    return frozenset(given)
