"""The record of an event that has ended, as Lambda sends it to a destination.

Must not know queues or destinations. The time is an argument.
Source: "Capturing records of Lambda asynchronous invocations" of the developer guide, and records that Lambda sent.
"""

import datetime as dt
import json
from enum import StrEnum

from ...emulation.api_errors import ApiError
from ...emulation.payloads import check_json
from ...protocol import names
from ..jobs import Job
from ..routing import LATEST
from ..runtime.invocations import InvocationResult

__all__ = ["Condition", "record_of"]

_LINE_BREAKS = str.maketrans("\r\n", "  ")
"""Valid JSON has line breaks between tokens only, so a space means the same."""


class Condition(StrEnum):
    """Why an event has ended."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"


def record_of(job: Job, condition: Condition, *, runs: int, result: InvocationResult | None, now: dt.datetime) -> bytes:
    """The record, as one line of JSON without its end. `result` is that of the last run; `None` if there was none.

    Payloads keep their bytes, so numbers keep their digits. A response that is not JSON becomes a string.
    """
    invocation = job.invocation
    arn = invocation.function_arn
    members = {
        "version": json.dumps("1.0"),
        "timestamp": json.dumps(now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z"),
        "requestContext": json.dumps(
            {
                "requestId": invocation.request_id,
                "functionArn": arn if names.qualifier_of(arn) is not None else f"{arn}:{LATEST}",
                "condition": condition,
                "approximateInvokeCount": runs,
            }
        ),
        "requestPayload": _json_of(invocation.payload),
    }
    if result is not None:
        context: dict[str, object] = {"statusCode": 200, "executedVersion": job.selection.version}
        if result.response.error_type is not None:
            context["functionError"] = result.kind
        members["responseContext"] = json.dumps(context)
        members["responsePayload"] = _json_of(result.response.payload)
    text = ", ".join(f'"{name}": {value}' for name, value in members.items())
    return f"{{{text}}}".encode()


def _json_of(payload: bytes) -> str:
    """A payload as JSON in one line."""
    try:
        check_json(payload)
    except ApiError:
        return json.dumps(payload.decode(errors="replace"))
    return payload.decode().translate(_LINE_BREAKS) or '""'
